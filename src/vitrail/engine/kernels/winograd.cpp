#include "vitrail/engine/kernels/winograd.h"

#include "vitrail/engine/kernels/isa.h"
#include "vitrail/engine/kernels/lanes.h"

namespace vitrail::engine_detail::kernel {
namespace {

// B' x for six vectors.
template <class V>
VITRAIL_INLINE void input_line(const V (&d)[6], V (&y)[6]) {
  const V even = d[4] - 4.0f * d[2], odd = d[3] - 4.0f * d[1];
  const V even2 = d[4] - d[2], odd2 = 2.0f * (d[3] - d[1]);
  y[0] = 4.0f * d[0] - 5.0f * d[2] + d[4];
  y[1] = even + odd;
  y[2] = even - odd;
  y[3] = even2 + odd2;
  y[4] = even2 - odd2;
  y[5] = 4.0f * d[1] - 5.0f * d[3] + d[5];
}

// A' m for six vectors.
template <class V>
VITRAIL_INLINE void output_line(const V (&m)[6], V (&y)[4]) {
  const V sum = m[1] + m[2], difference = m[1] - m[2];
  const V sum2 = m[3] + m[4], difference2 = m[3] - m[4];
  y[0] = m[0] + sum + sum2;
  y[1] = difference + 2.0f * difference2;
  y[2] = sum + 4.0f * sum2;
  y[3] = difference + 8.0f * difference2 + m[5];
}

template <int lanes>
VITRAIL_INLINE void input_body(const float* const* pixels, int64_t channels, float* transformed,
                               int64_t step) {
  using V = kernels::Floats<lanes>;
  for (int64_t at = 0; at < channels; at += lanes) {
    V half[6][6];  // [column][row of the transform]
#pragma GCC unroll 6
    for (int column = 0; column < 6; ++column) {
      V line[6];
#pragma GCC unroll 6
      for (int row = 0; row < 6; ++row)
        line[row] = kernels::load<lanes>(pixels[row * 6 + column] + at);
      input_line(line, half[column]);
    }
#pragma GCC unroll 6
    for (int row = 0; row < 6; ++row) {
      V line[6], result[6];
#pragma GCC unroll 6
      for (int column = 0; column < 6; ++column)
        line[column] = half[column][row];
      input_line(line, result);
#pragma GCC unroll 6
      for (int column = 0; column < 6; ++column)
        kernels::store<lanes>(transformed + (row * 6 + column) * step + at, result[column]);
    }
  }
}

template <int lanes>
VITRAIL_INLINE void output_body(const float* products, int64_t step, int64_t channels, float* const* pixels,
                                const MatrixEnd& end) {
  using V = kernels::Floats<lanes>;
  for (int64_t at = 0; at < channels; at += lanes) {
    V half[6][4];  // [column][row of the result]
#pragma GCC unroll 6
    for (int column = 0; column < 6; ++column) {
      V line[6];
#pragma GCC unroll 6
      for (int row = 0; row < 6; ++row)
        line[row] = kernels::load<lanes>(products + (row * 6 + column) * step + at);
      output_line(line, half[column]);
    }
    const V bias = end.bias != nullptr ? kernels::load<lanes>(end.bias + at) : V{};
#pragma GCC unroll 4
    for (int row = 0; row < 4; ++row) {
      V line[6], result[4];
#pragma GCC unroll 6
      for (int column = 0; column < 6; ++column)
        line[column] = half[column][row];
      output_line(line, result);
#pragma GCC unroll 4
      for (int column = 0; column < 4; ++column) {
        float* pixel = pixels[row * 4 + column];
        if (pixel == nullptr) continue;
        V y = result[column] + bias;
        if (end.accumulate) y += kernels::load<lanes>(pixel + at);
        y = y < end.low ? V{} + end.low : y;
        kernels::store<lanes>(pixel + at, y > end.high ? V{} + end.high : y);
      }
    }
  }
}

VITRAIL_WIDE_16 void input_avx512(const float* const* pixels, int64_t channels, float* transformed,
                                  int64_t step) {
  input_body<16>(pixels, channels, transformed, step);
}
VITRAIL_WIDE_8 void input_avx2(const float* const* pixels, int64_t channels, float* transformed,
                               int64_t step) {
  input_body<8>(pixels, channels, transformed, step);
}
VITRAIL_WIDE_16 void output_avx512(const float* products, int64_t step, int64_t channels,
                                   float* const* pixels, const MatrixEnd& end) {
  output_body<16>(products, step, channels, pixels, end);
}
VITRAIL_WIDE_8 void output_avx2(const float* products, int64_t step, int64_t channels, float* const* pixels,
                                const MatrixEnd& end) {
  output_body<8>(products, step, channels, pixels, end);
}

}  // namespace

void winograd_weight(const float* kernel, float* transformed) {
  constexpr double g[6][3] = {{1.0 / 4, 0, 0},
                              {-1.0 / 6, -1.0 / 6, -1.0 / 6},
                              {-1.0 / 6, 1.0 / 6, -1.0 / 6},
                              {1.0 / 24, 1.0 / 12, 1.0 / 6},
                              {1.0 / 24, -1.0 / 12, 1.0 / 6},
                              {0, 0, 1}};
  double half[6][3] = {};
  for (int i = 0; i < 6; ++i)
    for (int j = 0; j < 3; ++j)
      for (int k = 0; k < 3; ++k)
        half[i][j] += g[i][k] * kernel[k * 3 + j];
  for (int i = 0; i < 6; ++i)
    for (int j = 0; j < 6; ++j) {
      double sum = 0;
      for (int k = 0; k < 3; ++k)
        sum += half[i][k] * g[j][k];
      transformed[i * 6 + j] = static_cast<float>(sum);
    }
}

void winograd_input(const float* const* pixels, int64_t channels, float* transformed, int64_t step) {
  switch (isa()) {
    case Isa::avx512: return input_avx512(pixels, channels, transformed, step);
    case Isa::avx2: return input_avx2(pixels, channels, transformed, step);
    case Isa::baseline: return input_body<4>(pixels, channels, transformed, step);
  }
}

void winograd_output(const float* products, int64_t step, int64_t channels, float* const* pixels,
                     const MatrixEnd& end) {
  switch (isa()) {
    case Isa::avx512: return output_avx512(products, step, channels, pixels, end);
    case Isa::avx2: return output_avx2(products, step, channels, pixels, end);
    case Isa::baseline: return output_body<4>(products, step, channels, pixels, end);
  }
}

}  // namespace vitrail::engine_detail::kernel
