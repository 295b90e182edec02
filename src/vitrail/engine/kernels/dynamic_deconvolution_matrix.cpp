// The matrix form (eq. 10 and 13): the votes are gathered alone, W[y,x], and gate M pixel by pixel. One plane
// of W, or of its gradient H, is made first; the rest are products.

#include <algorithm>

#include "vitrail/base/parallel.h"
#include "vitrail/base/tensor.h"
#include "vitrail/engine/kernels/dynamic_deconvolution_parts.h"
#include "vitrail/engine/steps/kernels.h"

namespace vitrail::kernels {
namespace {

struct Maps {
  MapView m, votes, d;
};
Maps maps_of(const DynamicDeconvolutionSize& size) {
  return {{size.layout, size.channels, size.height, size.width},
          {size.layout, 9, size.height, size.width},
          {size.layout, size.channels, size.out_height, size.out_width}};
}

// body(n, y) for every row of D.
template <class Body>
void for_each_out_row(const DynamicDeconvolutionSize& size, const Body& body) {
  parallel_for(size.images * size.out_height, rows_per_thread(size) * size.op.stride,
               [&](int64_t index) { body(index / size.out_height, index % size.out_height); });
}

// W[x] += V_t[(x - tx) / s] along a row, where that is a whole column.
void add_tap(const DynamicDeconvolutionSize& size, const float* v, int64_t step, int64_t tx, float* w) {
  const int64_t s = size.op.stride;
  for (int64_t j = tx < 0 ? 1 : 0; j < size.width && s * j + tx < size.out_width; ++j)
    w[s * j + tx] += v[j * step];
}

// images x out_height x out_width
Tensor gathered_votes(const DynamicDeconvolutionSize& size, const float* v) {
  const int64_t s = size.op.stride;
  const MapView votes = maps_of(size).votes;
  Tensor gathered = Tensor::zeros(DataType::f32, {size.images, size.out_height, size.out_width});
  float* w = gathered.data<float>().data();
  for_each_out_row(size, [&](int64_t n, int64_t y) {
    for (int64_t t = 0; t < 9; ++t) {
      const int64_t from = y - (t / 3 - 1), i = from / s;
      if (from < 0 || from % s != 0 || i >= size.height) continue;
      add_tap(size, v + votes.at(n, t, i, 0), votes.column_step(), t % 3 - 1,
              w + (n * size.out_height + y) * size.out_width);
    }
  });
  return gathered;
}

// d[x] = m[x / s] w[x]
VITRAIL_KERNEL void gate_row(const float* m, const float* w, float* d, int64_t count, int64_t s) {
  if (s == 1) {
#pragma GCC ivdep
    for (int64_t x = 0; x < count; ++x)
      d[x] = m[x] * w[x];
    return;
  }
  const int64_t pairs = count / 2;
#pragma GCC ivdep
  for (int64_t j = 0; j < pairs; ++j) {
    d[2 * j] = m[j] * w[2 * j];
    d[2 * j + 1] = m[j] * w[2 * j + 1];
  }
  if (count % 2 != 0) d[count - 1] = m[pairs] * w[count - 1];
}

// sum[x] += g[x] m[x / s]
VITRAIL_KERNEL void gate_gradient_row(const float* m, const float* g, float* sum, int64_t count, int64_t s) {
  if (s == 1) {
#pragma GCC ivdep
    for (int64_t x = 0; x < count; ++x)
      sum[x] += g[x] * m[x];
    return;
  }
  for (int64_t x = 0; x < count; ++x)
    sum[x] += g[x] * m[x / 2];
}

// dm[x / s] += g[x] w[x]
VITRAIL_KERNEL void add_gated(const float* g, const float* w, float* dm, int64_t count, int64_t s) {
  if (s == 1) {
#pragma GCC ivdep
    for (int64_t x = 0; x < count; ++x)
      dm[x] += g[x] * w[x];
    return;
  }
  const int64_t pairs = count / 2;
#pragma GCC ivdep
  for (int64_t j = 0; j < pairs; ++j)
    dm[j] += g[2 * j] * w[2 * j] + g[2 * j + 1] * w[2 * j + 1];
  if (count % 2 != 0) dm[pairs] += g[count - 1] * w[count - 1];
}

VITRAIL_KERNEL void scaled(const float* x, float factor, float* y, int64_t count) {
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i)
    y[i] = x[i] * factor;
}
VITRAIL_KERNEL void add_scaled(const float* x, float factor, float* y, int64_t count) {
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i)
    y[i] += x[i] * factor;
}
VITRAIL_KERNEL float dot(const float* a, const float* b, int64_t count) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < count; ++i)
    sum += a[i] * b[i];
  return sum;
}

// images x out_height x out_width: the gradient of W
Tensor gathered_gradient(const DynamicDeconvolutionSize& size, const float* m, const float* gradient) {
  const int64_t s = size.op.stride, width = size.out_width;
  const Maps maps = maps_of(size);
  Tensor result = Tensor::zeros(DataType::f32, {size.images, size.out_height, width});
  float* h = result.data<float>().data();
  for_each_out_row(size, [&](int64_t n, int64_t y) {
    float* row = h + (n * size.out_height + y) * width;
    if (size.layout == ImageLayout::planar)
      for (int64_t c = 0; c < size.channels; ++c)
        gate_gradient_row(m + maps.m.at(n, c, y / s, 0), gradient + maps.d.at(n, c, y, 0), row, width, s);
    else
      for (int64_t x = 0; x < width; ++x)
        row[x] = dot(m + maps.m.at(n, 0, y / s, x / s), gradient + maps.d.at(n, 0, y, x), size.channels);
  });
  return result;
}

void gradient_of_m(const DynamicDeconvolutionSize& size, const float* v, const float* gradient, float* dm) {
  const int64_t s = size.op.stride, width = size.out_width;
  const Maps maps = maps_of(size);
  const Tensor gathered = gathered_votes(size, v);
  const float* w = gathered.data<float>().data();
  parallel_for(size.images * size.height, rows_per_thread(size), [&](int64_t index) {
    const int64_t n = index / size.height, i = index % size.height;
    for (int64_t c = 0; c < (size.layout == ImageLayout::planar ? size.channels : 1); ++c)
      std::fill_n(dm + maps.m.at(n, c, i, 0),
                  size.width * (size.layout == ImageLayout::planar ? 1 : size.channels), 0.0f);
    for (int64_t y = s * i; y < std::min(s * (i + 1), size.out_height); ++y) {
      const float* row = w + (n * size.out_height + y) * width;
      if (size.layout == ImageLayout::planar)
        for (int64_t c = 0; c < size.channels; ++c)
          add_gated(gradient + maps.d.at(n, c, y, 0), row, dm + maps.m.at(n, c, i, 0), width, s);
      else
        for (int64_t x = 0; x < width; ++x)
          add_scaled(gradient + maps.d.at(n, 0, y, x), row[x], dm + maps.m.at(n, 0, i, x / s), size.channels);
    }
  });
}

// dV_t[i,j] = H[s i + ty, s j + tx]
void gradient_of_v(const DynamicDeconvolutionSize& size, const float* m, const float* gradient, float* dv) {
  const int64_t s = size.op.stride;
  const MapView votes = maps_of(size).votes;
  const Tensor gathered = gathered_gradient(size, m, gradient);
  const float* h = gathered.data<float>().data();
  parallel_for(size.images * size.height, rows_per_thread(size), [&](int64_t index) {
    const int64_t n = index / size.height, i = index % size.height;
    for (int64_t t = 0; t < 9; ++t) {
      const int64_t y = s * i + t / 3 - 1, tx = t % 3 - 1;
      const bool inside = y >= 0 && y < size.out_height;
      float* to = dv + votes.at(n, t, i, 0);
      for (int64_t j = 0; j < size.width; ++j) {
        const int64_t x = s * j + tx;
        to[j * votes.column_step()] =
            inside && x >= 0 && x < size.out_width ? h[(n * size.out_height + y) * size.out_width + x] : 0;
      }
    }
  });
}

}  // namespace

void gate(const DynamicDeconvolutionSize& size, const float* m, const float* v, float* d) {
  const int64_t s = size.op.stride, width = size.out_width;
  const Maps maps = maps_of(size);
  const Tensor gathered = gathered_votes(size, v);
  const float* w = gathered.data<float>().data();
  for_each_out_row(size, [&](int64_t n, int64_t y) {
    const float* row = w + (n * size.out_height + y) * width;
    if (size.layout == ImageLayout::planar)
      for (int64_t c = 0; c < size.channels; ++c)
        gate_row(m + maps.m.at(n, c, y / s, 0), row, d + maps.d.at(n, c, y, 0), width, s);
    else
      for (int64_t x = 0; x < width; ++x)
        scaled(m + maps.m.at(n, 0, y / s, x / s), row[x], d + maps.d.at(n, 0, y, x), size.channels);
  });
}

void gate_backward(const DynamicDeconvolutionSize& size, const float* m, const float* v,
                   const float* gradient, float* dm, float* dv) {
  if (dm != nullptr) gradient_of_m(size, v, gradient, dm);
  if (dv != nullptr) gradient_of_v(size, m, gradient, dv);
}

}  // namespace vitrail::kernels
