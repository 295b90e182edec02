// The exact form over channels-last maps: pixel after pixel, its channels a few vectors at a time. Where the
// channels are no multiple of the vector, the last vector overlaps the one before it.

#include <algorithm>

#include "vitrail/base/parallel.h"
#include "vitrail/engine/kernels/dynamic_deconvolution_parts.h"
#include "vitrail/engine/kernels/lanes.h"

namespace vitrail::kernels {
namespace {

// What one pixel of D is the weighted sum of, or what the gradient of one pixel of M is.
struct Terms {
  const float* from[9];
  float weight[9];
  int tap[9];
  int count = 0;
  void add(const float* pixel, float vote, int t) {
    from[count] = pixel;
    tap[count] = t;
    weight[count++] = vote;
  }
};

// `count` known when compiling (or 0) makes the loop over the terms straight.
template <int lanes, int count>
VITRAIL_INLINE Floats<lanes> weighted_sum(const Terms& terms, int64_t c) {
  Floats<lanes> sum = load<lanes>(terms.from[0] + c) * terms.weight[0];
  for (int i = 1; i < (count > 0 ? count : terms.count); ++i)
    sum += load<lanes>(terms.from[i] + c) * terms.weight[i];
  return sum;
}

template <int lanes, int count>
VITRAIL_INLINE void write_sum(const Terms& terms, float* to, int64_t channels) {
  for (int64_t c = 0; c + lanes <= channels; c += lanes)
    store<lanes>(to + c, weighted_sum<lanes, count>(terms, c));
  if (channels % lanes != 0)
    store<lanes>(to + channels - lanes, weighted_sum<lanes, count>(terms, channels - lanes));
}

template <int lanes>
VITRAIL_INLINE void write_sum_of_any(const Terms& terms, float* to, int64_t channels) {
  switch (terms.count) {
    case 1: return write_sum<lanes, 1>(terms, to, channels);
    case 2: return write_sum<lanes, 2>(terms, to, channels);
    case 4: return write_sum<lanes, 4>(terms, to, channels);
    case 9: return write_sum<lanes, 9>(terms, to, channels);
    default: return write_sum<lanes, 0>(terms, to, channels);
  }
}

// One row of D, or of the gradients of M and V.
struct Row {
  DynamicDeconvolutionSize size;
  const float *m, *v;     // of this image
  const float* gradient;  // of this image; backward only
  float *d, *dm, *dv;     // of this row; those that are not wanted are null
  int64_t y;
};

template <int lanes>
VITRAIL_INLINE void gather_row(const Row& row) {
  const DynamicDeconvolutionSize& size = row.size;
  const int64_t s = size.op.stride, channels = size.channels;
  for (int64_t x = 0; x < size.out_width; ++x) {
    Terms terms;
    for (int ty = 1; ty >= -1; --ty) {
      const int64_t i = (row.y - ty) / s;
      if (i * s != row.y - ty || i < 0 || i >= size.height) continue;
      for (int tx = 1; tx >= -1; --tx) {
        const int64_t j = (x - tx) / s;
        if (j * s != x - tx || j < 0 || j >= size.width) continue;
        const int64_t at = i * size.width + j;
        const int t = 3 * (ty + 1) + tx + 1;
        terms.add(row.m + at * channels, row.v[at * 9 + t], t);
      }
    }
    write_sum_of_any<lanes>(terms, row.d + x * channels, channels);
  }
}

// The products of M with what each tap reads of the gradient, summed over the channels.
template <int lanes>
VITRAIL_INLINE void vote_gradients(const Terms& terms, const float* m, int64_t channels, float* dv) {
  const int64_t tail = channels % lanes;
  for (int i = 0; i < terms.count; ++i) {
    Floats<lanes> sum{};
    for (int64_t c = 0; c + lanes <= channels; c += lanes)
      sum += load<lanes>(m + c) * load<lanes>(terms.from[i] + c);
    if (tail > 0)
      sum += load_upto<lanes, false>(m + channels - tail, tail) *
             load_upto<lanes, false>(terms.from[i] + channels - tail, tail);
    dv[terms.tap[i]] = total<lanes>(sum);
  }
}

// Both gradients of a pixel whose nine taps all lie inside of D: the gradient is read once.
template <int lanes>
VITRAIL_INLINE void spread_block(const Terms& terms, const float* m, int64_t c, int64_t counted,
                                 Floats<lanes>* sums, float* dm) {
  const Floats<lanes> value = without_first<lanes>(load<lanes>(m + c), counted);
  Floats<lanes> gradient{};
  for (int t = 0; t < 9; ++t) {
    const Floats<lanes> g = load<lanes>(terms.from[t] + c);
    gradient += g * terms.weight[t];
    sums[t] += g * value;
  }
  if (dm != nullptr) store<lanes>(dm + c, gradient);
}
template <int lanes>
VITRAIL_INLINE void spread_pixel(const Terms& terms, const float* m, int64_t channels, float* dm, float* dv) {
  Floats<lanes> sums[9] = {};
  int64_t c = 0;
  for (; c + lanes <= channels; c += lanes)
    spread_block<lanes>(terms, m, c, 0, sums, dm);
  if (c < channels) spread_block<lanes>(terms, m, channels - lanes, c + lanes - channels, sums, dm);
  for (int t = 0; t < 9; ++t)
    dv[t] = total<lanes>(sums[t]);
}

template <int lanes>
VITRAIL_INLINE void spread_row(const Row& row) {
  const DynamicDeconvolutionSize& size = row.size;
  const int64_t s = size.op.stride, channels = size.channels;
  for (int64_t x = 0; x < size.width; ++x) {
    const int64_t at = row.y * size.width + x;
    Terms terms;
    for (int t = 0; t < 9; ++t) {
      const int64_t gy = s * row.y + t / 3 - 1, gx = s * x + t % 3 - 1;
      if (gy < 0 || gy >= size.out_height || gx < 0 || gx >= size.out_width) continue;
      terms.add(row.gradient + (gy * size.out_width + gx) * channels, row.v[at * 9 + t], t);
    }
    if (terms.count == 9) {
      float unwanted[9];
      spread_pixel<lanes>(terms, row.m + at * channels, channels,
                          row.dm == nullptr ? nullptr : row.dm + x * channels,
                          row.dv == nullptr ? unwanted : row.dv + x * 9);
      continue;
    }
    if (row.dm != nullptr) write_sum_of_any<lanes>(terms, row.dm + x * channels, channels);
    if (row.dv == nullptr) continue;
    std::fill_n(row.dv + x * 9, 9, 0.0f);
    vote_gradients<lanes>(terms, row.m + at * channels, channels, row.dv + x * 9);
  }
}

// For every width: the widest that the channels fill, among those that the machine has.
template <int lanes>
VITRAIL_INLINE void gather_row_upto(const Row& row) {
  if constexpr (lanes > 1) {
    if (row.size.channels < lanes) return gather_row_upto < lanes == 4 ? 1 : lanes / 2 > (row);
  }
  gather_row<lanes>(row);
}
template <int lanes>
VITRAIL_INLINE void spread_row_upto(const Row& row) {
  if constexpr (lanes > 1) {
    if (row.size.channels < lanes) return spread_row_upto < lanes == 4 ? 1 : lanes / 2 > (row);
  }
  spread_row<lanes>(row);
}
VITRAIL_WIDE_16 void gather_row_16(const Row& row) {
  gather_row_upto<16>(row);
}
VITRAIL_WIDE_8 void gather_row_8(const Row& row) {
  gather_row_upto<8>(row);
}
void gather_row_4(const Row& row) {
  gather_row_upto<4>(row);
}
VITRAIL_WIDE_16 void spread_row_16(const Row& row) {
  spread_row_upto<16>(row);
}
VITRAIL_WIDE_8 void spread_row_8(const Row& row) {
  spread_row_upto<8>(row);
}
void spread_row_4(const Row& row) {
  spread_row_upto<4>(row);
}

}  // namespace

void gather_pixels(const DynamicDeconvolutionSize& size, const float* m, const float* v, float* d) {
  const auto gather = best_of(gather_row_16, gather_row_8, gather_row_4);
  const int64_t area = size.height * size.width, grain = rows_per_thread(size) * size.op.stride;
  parallel_for(size.images * size.out_height, grain, [&](int64_t index) {
    const int64_t n = index / size.out_height, y = index % size.out_height;
    gather({size, m + n * area * size.channels, v + n * area * 9, nullptr,
            d + index * size.out_width * size.channels, nullptr, nullptr, y});
  });
}

void spread_pixels(const DynamicDeconvolutionSize& size, const float* m, const float* v,
                   const float* gradient, float* dm, float* dv) {
  const auto spread = best_of(spread_row_16, spread_row_8, spread_row_4);
  const int64_t area = size.height * size.width, out_area = size.out_height * size.out_width;
  parallel_for(size.images * size.height, rows_per_thread(size), [&](int64_t index) {
    const int64_t n = index / size.height, y = index % size.height, at = index * size.width;
    spread({size, m + n * area * size.channels, v + n * area * 9, gradient + n * out_area * size.channels,
            nullptr, dm == nullptr ? nullptr : dm + at * size.channels, dv == nullptr ? nullptr : dv + at * 9,
            y});
  });
}

}  // namespace vitrail::kernels
