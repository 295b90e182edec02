#pragma once
// Inner loops of reductions and normalisations over floats.

#include <cstdint>

namespace vitrail::engine_detail::kernel {

enum class Fold { sum, sum_abs, sum_square, maximum, minimum, product };

/// What folding nothing gives: 0, -infinity, infinity or 1.
double fold_start(Fold fold);
/// `start` folded with `count` values that are `step` apart.
double fold_row(Fold fold, const float* x, int64_t step, int64_t count, double start);
/// totals[i] folded with x[i + r * stride] for every r < rows, i < count. `count` is at most fold_columns.
constexpr int64_t fold_columns = 64;
void fold_rows(Fold fold, const float* x, int64_t stride, int64_t rows, int64_t count, double* totals);

/// totals[i] += (x[i + r * stride] - mean[i])^2 for every r < rows, i < count <= fold_columns.
void squared_deviations(const float* x, int64_t stride, int64_t rows, int64_t count, const float* mean,
                        double* totals);

/// y = (x - mean) / sqrt(variance + epsilon) * scale[i] + bias[i] over one row; bias may be nullptr; y may be
/// x.
void normalize_row(const float* x, const float* scale, const float* bias, float* y, int64_t count,
                   float epsilon);
/// y = x * scale + shift
void affine(const float* x, float* y, int64_t count, float scale, float shift);
/// Mean and variance of one row.
struct Moments {
  double mean = 0, variance = 0;
};
Moments moments(const float* x, int64_t count);

}  // namespace vitrail::engine_detail::kernel
