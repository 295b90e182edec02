#include "vitrail/engine/steps/reduce_kernels.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "vitrail/engine/steps/kernels.h"

namespace vitrail::engine_detail::kernel {
namespace {

constexpr int64_t lanes = 16;     // partial results side by side, for vectors
constexpr int64_t stretch = 512;  // floats per lane that are summed before the sums become doubles

template <Fold fold>
[[gnu::always_inline]] inline float folded(float total, float x) {
  switch (fold) {
    case Fold::sum: return total + x;
    case Fold::sum_abs: return total + std::fabs(x);
    case Fold::sum_square: return total + x * x;
    case Fold::maximum: return x > total || x != x ? x : total;
    case Fold::minimum: return x < total || x != x ? x : total;
    case Fold::product: return total * x;
  }
  return total;
}

double joined(Fold fold, double a, double b) {
  switch (fold) {
    case Fold::maximum: return b > a || b != b ? b : a;
    case Fold::minimum: return b < a || b != b ? b : a;
    case Fold::product: return a * b;
    default: return a + b;
  }
}

#define VITRAIL_FOLD(name, fold)                                                                          \
  VITRAIL_KERNEL void name##_stretch(const float* x, int64_t count, float* total) {                       \
    for (int64_t i = 0; i < count; i += lanes)                                                            \
      for (int64_t j = 0; j < lanes; ++j)                                                                 \
        total[j] = folded<fold>(total[j], x[i + j]);                                                      \
  }                                                                                                       \
  VITRAIL_KERNEL void name##_columns(const float* x, int64_t stride, int64_t rows, int64_t count,         \
                                     float* total) {                                                      \
    for (int64_t r = 0; r < rows; ++r) {                                                                  \
      const float* row = x + r * stride;                                                                  \
      _Pragma("GCC ivdep") for (int64_t i = 0; i < count; ++i) total[i] = folded<fold>(total[i], row[i]); \
    }                                                                                                     \
  }
VITRAIL_FOLD(sum, Fold::sum)
VITRAIL_FOLD(sum_abs, Fold::sum_abs)
VITRAIL_FOLD(sum_square, Fold::sum_square)
VITRAIL_FOLD(maximum, Fold::maximum)
VITRAIL_FOLD(minimum, Fold::minimum)
VITRAIL_FOLD(product, Fold::product)
#undef VITRAIL_FOLD

using Stretch = void (*)(const float*, int64_t, float*);
using Columns = void (*)(const float*, int64_t, int64_t, int64_t, float*);

Stretch stretch_of(Fold fold) {
  constexpr Stretch table[] = {sum_stretch,     sum_abs_stretch, sum_square_stretch,
                               maximum_stretch, minimum_stretch, product_stretch};
  return table[static_cast<size_t>(fold)];
}
Columns columns_of(Fold fold) {
  constexpr Columns table[] = {sum_columns,     sum_abs_columns, sum_square_columns,
                               maximum_columns, minimum_columns, product_columns};
  return table[static_cast<size_t>(fold)];
}

// What one value adds to a total; sums of squares square it first.
double mapped(Fold fold, double x) {
  return fold == Fold::sum_abs ? std::fabs(x) : fold == Fold::sum_square ? x * x : x;
}

VITRAIL_KERNEL void normalized(const float* x, const float* scale, const float* bias, float* y, int64_t count,
                               float mean, float factor) {
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i)
    y[i] = (x[i] - mean) * factor * scale[i] + bias[i];
}
VITRAIL_KERNEL void normalized_without_bias(const float* x, const float* scale, float* y, int64_t count,
                                            float mean, float factor) {
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i)
    y[i] = (x[i] - mean) * factor * scale[i];
}
VITRAIL_KERNEL void squares_from(const float* x, int64_t count, float mean, float* total) {
  for (int64_t i = 0; i < count; i += lanes)
    for (int64_t j = 0; j < lanes; ++j)
      total[j] += (x[i + j] - mean) * (x[i + j] - mean);
}

VITRAIL_KERNEL void deviation_columns(const float* x, int64_t stride, int64_t rows, int64_t count,
                                      const float* mean, float* total) {
  for (int64_t r = 0; r < rows; ++r) {
    const float* row = x + r * stride;
#pragma GCC ivdep
    for (int64_t i = 0; i < count; ++i)
      total[i] += (row[i] - mean[i]) * (row[i] - mean[i]);
  }
}

}  // namespace

double fold_start(Fold fold) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  switch (fold) {
    case Fold::maximum: return -infinity;
    case Fold::minimum: return infinity;
    case Fold::product: return 1;
    default: return 0;
  }
}

double fold_row(Fold fold, const float* x, int64_t step, int64_t count, double start) {
  int64_t done = 0;
  if (step == 1 && fold != Fold::product)
    for (; count - done >= lanes;) {
      const int64_t part = std::min(count - done, lanes * stretch) / lanes * lanes;
      float totals[lanes];
      std::fill_n(totals, lanes, static_cast<float>(fold_start(fold)));
      stretch_of(fold)(x + done, part, totals);
      for (const float total : totals)
        start = joined(fold, start, total);
      done += part;
    }
  for (; done < count; ++done)
    start = joined(fold, start, mapped(fold, x[done * step]));
  return start;
}

void fold_rows(Fold fold, const float* x, int64_t stride, int64_t rows, int64_t count, double* totals) {
  const int64_t most = fold == Fold::product ? 1 : stretch;
  for (int64_t r = 0; r < rows; r += most) {
    float part[fold_columns];
    std::fill_n(part, count, static_cast<float>(fold_start(fold)));
    columns_of(fold)(x + r * stride, stride, std::min(most, rows - r), count, part);
    for (int64_t i = 0; i < count; ++i)
      totals[i] = joined(fold, totals[i], part[i]);
  }
}

void squared_deviations(const float* x, int64_t stride, int64_t rows, int64_t count, const float* mean,
                        double* totals) {
  for (int64_t r = 0; r < rows; r += stretch) {
    float part[fold_columns] = {};
    deviation_columns(x + r * stride, stride, std::min(stretch, rows - r), count, mean, part);
    for (int64_t i = 0; i < count; ++i)
      totals[i] += part[i];
  }
}

Moments moments(const float* x, int64_t count) {
  Moments result;
  const double n = static_cast<double>(count);
  result.mean = fold_row(Fold::sum, x, 1, count, 0.0) / n;
  const auto mean = static_cast<float>(result.mean);
  double squares = 0;
  int64_t done = 0;
  for (; count - done >= lanes;) {
    const int64_t part = std::min(count - done, lanes * stretch) / lanes * lanes;
    float totals[lanes] = {};
    squares_from(x + done, part, mean, totals);
    for (const float total : totals)
      squares += total;
    done += part;
  }
  for (; done < count; ++done)
    squares += (x[done] - result.mean) * (x[done] - result.mean);
  result.variance = squares / n;
  return result;
}

void normalize_row(const float* x, const float* scale, const float* bias, float* y, int64_t count,
                   float epsilon) {
  const Moments m = moments(x, count);
  const auto mean = static_cast<float>(m.mean),
             factor = static_cast<float>(1 / std::sqrt(m.variance + epsilon));
  if (bias != nullptr)
    normalized(x, scale, bias, y, count, mean, factor);
  else
    normalized_without_bias(x, scale, y, count, mean, factor);
}

VITRAIL_KERNEL void affine(const float* x, float* y, int64_t count, float scale, float shift) {
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i)
    y[i] = x[i] * scale + shift;
}

}  // namespace vitrail::engine_detail::kernel
