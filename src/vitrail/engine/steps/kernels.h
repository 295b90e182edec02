#pragma once
// Inner loops over contiguous floats, compiled for several instruction sets and chosen when the program
// loads. They know nothing of shapes or threads; the steps around them do.

#include <cstdint>

#include "vitrail/base/kernel.h"

namespace vitrail::engine_detail::kernel {

/// y = min(max(x, low), high); y may be x.
void clamp(const float* x, float* y, int64_t count, float low, float high);
/// y = clamp(x * scale + shift), channel by channel.
void scale_shift(const float* x, const float* scale, const float* shift, float* y, int64_t count, float low,
                 float high);
/// y = clamp(a + b) or clamp(a * b); step_a and step_b are the distances of neighbours (0 repeats one value).
void add(const float* a, int64_t step_a, const float* b, int64_t step_b, float* y, int64_t count, float low,
         float high);
void multiply(const float* a, int64_t step_a, const float* b, int64_t step_b, float* y, int64_t count,
              float low, float high);
/// y = 1 / (1 + exp(-x))
void sigmoid(const float* x, float* y, int64_t count);
/// y = exp(x - shift), y may be x; returns the sum.
float exp_and_sum(const float* x, float* y, int64_t count, float shift);
float maximum(const float* x, int64_t count);
void scale(float* y, int64_t count, float factor);
/// y = x + amount
void shift(const float* x, float* y, int64_t count, float amount);

/// to[i * channels + c] = planes[c * plane_step + i] for i < count
void interleave(const float* planes, int64_t plane_step, int64_t channels, int64_t count, float* to);

/// accumulator = max(accumulator, x), or += x
void max_into(const float* x, float* accumulator, int64_t count);
void add_into(const float* x, float* accumulator, int64_t count);

/// y = sum of weights[t] * rows[t] over `taps` rows
void blend(const float* const* rows, const float* weights, int64_t taps, float* y, int64_t count);

/// y[x] = sum over t of weights[t * count + x] * plane[from[t * count + x]]
void gather_blend(const float* plane, const int32_t* from, const float* weights, int64_t taps, int64_t count,
                  float* y);

constexpr int64_t argmax_rows = 4;    ///< rows that blended_argmax does at once, and
constexpr int64_t argmax_block = 16;  ///< the positions of each that it keeps in registers

/// For each of argmax_rows rows r: labels[r * stride + x] = the c whose top_weight[r] * top[c * stride + x] +
/// bottom_weight[r] * bottom[c * stride + x] is largest; the first wins a tie. `stride` is a multiple of
/// argmax_block.
void blended_argmax(const float* top, const float* bottom, const float* top_weight,
                    const float* bottom_weight, int64_t channels, int64_t stride, int32_t* labels);
void widen(const int32_t* x, int64_t* y, int64_t count);

}  // namespace vitrail::engine_detail::kernel
