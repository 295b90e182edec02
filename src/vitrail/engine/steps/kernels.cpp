#include "vitrail/engine/steps/kernels.h"

#include <algorithm>

#include "vitrail/engine/steps/fast_math.h"

namespace vitrail::engine_detail::kernel {
namespace {

constexpr int64_t kSideBySide = 16;  // a register of the widest vectors

}  // namespace

VITRAIL_KERNEL void clamp(const float* x, float* y, int64_t count, float low, float high) {
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i)
    y[i] = clamped(x[i], low, high);
}

VITRAIL_KERNEL void scale_shift(const float* x, const float* scale, const float* shift, float* y,
                                int64_t count, float low, float high) {
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i)
    y[i] = clamped(x[i] * scale[i] + shift[i], low, high);
}

VITRAIL_KERNEL void add(const float* a, int64_t step_a, const float* b, int64_t step_b, float* y,
                        int64_t count, float low, float high) {
  if (step_a == 1 && step_b == 1) {
#pragma GCC ivdep
    for (int64_t i = 0; i < count; ++i)
      y[i] = clamped(a[i] + b[i], low, high);
  } else if (step_a == 1 && step_b == 0) {
    const float value = *b;
#pragma GCC ivdep
    for (int64_t i = 0; i < count; ++i)
      y[i] = clamped(a[i] + value, low, high);
  } else {
    for (int64_t i = 0; i < count; ++i)
      y[i] = clamped(a[i * step_a] + b[i * step_b], low, high);
  }
}

VITRAIL_KERNEL void multiply(const float* a, int64_t step_a, const float* b, int64_t step_b, float* y,
                             int64_t count, float low, float high) {
  if (step_a == 1 && step_b == 1) {
#pragma GCC ivdep
    for (int64_t i = 0; i < count; ++i)
      y[i] = clamped(a[i] * b[i], low, high);
  } else if (step_a == 1 && step_b == 0) {
    const float value = *b;
#pragma GCC ivdep
    for (int64_t i = 0; i < count; ++i)
      y[i] = clamped(a[i] * value, low, high);
  } else {
    for (int64_t i = 0; i < count; ++i)
      y[i] = clamped(a[i * step_a] * b[i * step_b], low, high);
  }
}

VITRAIL_KERNEL void sigmoid(const float* x, float* y, int64_t count) {
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i)
    y[i] = 1.0f / (1.0f + fast_exp(-x[i]));
}

VITRAIL_KERNEL float exp_and_sum(const float* x, float* y, int64_t count, float shift) {
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i)
    y[i] = fast_exp(x[i] - shift);
  // Sums side by side do not wait for each other.
  float sums[kSideBySide] = {};
  int64_t i = 0;
  for (; i + kSideBySide <= count; i += kSideBySide)
    for (int64_t j = 0; j < kSideBySide; ++j)
      sums[j] += y[i + j];
  float sum = 0;
  for (; i < count; ++i)
    sum += y[i];
  for (const float part : sums)
    sum += part;
  return sum;
}

VITRAIL_KERNEL float maximum(const float* x, int64_t count) {
  float most[kSideBySide];
  std::fill_n(most, kSideBySide, x[0]);
  int64_t i = 0;
  for (; i + kSideBySide <= count; i += kSideBySide)
    for (int64_t j = 0; j < kSideBySide; ++j)
      most[j] = x[i + j] > most[j] ? x[i + j] : most[j];
  float best = x[0];
  for (; i < count; ++i)
    best = x[i] > best ? x[i] : best;
  for (const float part : most)
    best = part > best ? part : best;
  return best;
}

VITRAIL_KERNEL void scale(float* y, int64_t count, float factor) {
  for (int64_t i = 0; i < count; ++i)
    y[i] *= factor;
}

VITRAIL_KERNEL void shift(const float* x, float* y, int64_t count, float amount) {
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i)
    y[i] = x[i] + amount;
}

namespace {

VITRAIL_KERNEL void interleave_three(const float* a, const float* b, const float* c, int64_t count,
                                     float* __restrict to) {
  for (int64_t i = 0; i < count; ++i) {
    to[3 * i] = a[i];
    to[3 * i + 1] = b[i];
    to[3 * i + 2] = c[i];
  }
}

}  // namespace

void interleave(const float* planes, int64_t plane_step, int64_t channels, int64_t count, float* to) {
  if (channels == 3) return interleave_three(planes, planes + plane_step, planes + 2 * plane_step, count, to);
  for (int64_t i = 0; i < count; ++i)
    for (int64_t c = 0; c < channels; ++c)
      to[i * channels + c] = planes[c * plane_step + i];
}

VITRAIL_KERNEL void max_into(const float* x, float* accumulator, int64_t count) {
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i)
    accumulator[i] = x[i] > accumulator[i] ? x[i] : accumulator[i];
}

VITRAIL_KERNEL void add_into(const float* x, float* accumulator, int64_t count) {
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i)
    accumulator[i] += x[i];
}

VITRAIL_KERNEL void blend(const float* const* rows, const float* weights, int64_t taps, float* y,
                          int64_t count) {
  if (taps == 2) {
    const float *a = rows[0], *b = rows[1];
    const float wa = weights[0], wb = weights[1];
#pragma GCC ivdep
    for (int64_t i = 0; i < count; ++i)
      y[i] = a[i] * wa + b[i] * wb;
    return;
  }
  const float *a = rows[0], *b = rows[1], *c = rows[2], *d = rows[3];
  const float wa = weights[0], wb = weights[1], wc = weights[2], wd = weights[3];
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i)
    y[i] = a[i] * wa + b[i] * wb + c[i] * wc + d[i] * wd;
}

VITRAIL_KERNEL void gather_blend(const float* plane, const int32_t* from, const float* weights, int64_t taps,
                                 int64_t count, float* y) {
#pragma GCC ivdep
  for (int64_t x = 0; x < count; ++x)
    y[x] = plane[from[x]] * weights[x];
  for (int64_t t = 1; t < taps; ++t) {
    const int32_t* at = from + t * count;
    const float* weight = weights + t * count;
#pragma GCC ivdep
    for (int64_t x = 0; x < count; ++x)
      y[x] += plane[at[x]] * weight[x];
  }
}

// Vectors of 16 keep the best values and their channels in registers; plain loops spill them.
VITRAIL_KERNEL void blended_argmax(const float* top, const float* bottom, const float* top_weight,
                                   const float* bottom_weight, int64_t channels, int64_t stride,
                                   int32_t* labels) {
  typedef float Floats __attribute__((vector_size(64), aligned(4), may_alias));
  typedef int32_t Ints __attribute__((vector_size(64), aligned(4), may_alias));
  for (int64_t x = 0; x < stride; x += argmax_block) {
    Floats best[argmax_rows];
    Ints label[argmax_rows] = {};
    for (int64_t r = 0; r < argmax_rows; ++r)
      best[r] = *reinterpret_cast<const Floats*>(top + x) * top_weight[r] +
                *reinterpret_cast<const Floats*>(bottom + x) * bottom_weight[r];
    Ints channel = {};
    for (int64_t c = 1; c < channels; ++c) {
      channel += 1;
      const Floats above = *reinterpret_cast<const Floats*>(top + c * stride + x),
                   below = *reinterpret_cast<const Floats*>(bottom + c * stride + x);
      for (int64_t r = 0; r < argmax_rows; ++r) {
        const Floats value = above * top_weight[r] + below * bottom_weight[r];
        label[r] = value > best[r] ? channel : label[r];
        best[r] = value > best[r] ? value : best[r];
      }
    }
    for (int64_t r = 0; r < argmax_rows; ++r)
      *reinterpret_cast<Ints*>(labels + r * stride + x) = label[r];
  }
}

VITRAIL_KERNEL void widen(const int32_t* x, int64_t* y, int64_t count) {
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i)
    y[i] = x[i];
}

}  // namespace vitrail::engine_detail::kernel
