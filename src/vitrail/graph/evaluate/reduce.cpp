// Reductions, products, normalisations, quantisation.

#include <algorithm>
#include <cstring>

#include "vitrail/graph/evaluate/kernels.h"
#include "vitrail/graph/shape_rules/rules.h"

namespace vitrail::evaluate_detail {
namespace {

// The result's stride along each dimension of x: 0 along those that go.
std::vector<int64_t> result_strides(const Shape& x, std::span<const int64_t> axes) {
  std::vector<bool> goes(x.size(), axes.empty());
  for (const size_t axis : shape_rules::resolved_axes(axes, x.size()))
    goes[axis] = true;
  std::vector<int64_t> strides(x.size(), 0);
  int64_t stride = 1;
  for (size_t d = x.size(); d-- > 0;)
    if (!goes[d]) {
      strides[d] = stride;
      stride *= x[d];
    }
  return strides;
}

// results[where it belongs] = add(results[..], x) for every x.
template <class T, class Sum, class Add>
void fold(const Tensor& in, const std::vector<int64_t>& strides, std::vector<Sum>& results, const Add& add) {
  const T* x = read<T>(in);
  Walk<2> walk{in.shape(), {strides, strides_of(in.shape())}};
  walk.rows({0, 0}, [&](int64_t, const auto& at, int64_t count, const auto& step) {
    for (int64_t i = 0; i < count; ++i) {
      Sum& result = results[static_cast<size_t>(at[0] + i * step[0])];
      result = add(result, x[at[1] + i * step[1]], static_cast<size_t>(at[0] + i * step[0]));
    }
  });
}

template <class T>
void reduce(const op::Reduce& op, const Tensor& in, Tensor& out) {
  using F = op::Reduce::Function;
  using Sum = Wide<T>;
  const std::vector<int64_t> strides = result_strides(in.shape(), op.axes);
  const bool extreme = op.function == F::max || op.function == F::min || op.function == F::log_sum_exp;
  // As a start for maxima; for integers of 64 bits infinity would not do.
  const Sum lowest = std::is_floating_point_v<Sum> ? -std::numeric_limits<Sum>::infinity()
                                                   : std::numeric_limits<Sum>::lowest();
  const Sum highest =
      std::is_floating_point_v<Sum> ? std::numeric_limits<Sum>::infinity() : std::numeric_limits<Sum>::max();
  const Sum start = extreme                  ? (op.function == F::min ? highest : lowest)
                    : op.function == F::prod ? Sum{1}
                                             : Sum{0};
  std::vector<Sum> results(static_cast<size_t>(out.elements()), start);
  const auto each = [&](const auto& f) {
    fold<T>(in, strides, results, [&](Sum so_far, T x, size_t) { return f(so_far, static_cast<Sum>(x)); });
  };
  switch (op.function) {
    case F::sum:
    case F::mean:
    case F::log_sum: each([](Sum a, Sum x) { return sum(a, x); }); break;
    case F::prod: each([](Sum a, Sum x) { return product(a, x); }); break;
    case F::l1: each([](Sum a, Sum x) { return x < 0 ? difference(a, x) : sum(a, x); }); break;
    case F::l2:
    case F::sum_square: each([](Sum a, Sum x) { return sum(a, product(x, x)); }); break;
    case F::min: each([](Sum a, Sum x) { return x < a || x != x ? x : a; }); break;
    case F::max:
    case F::log_sum_exp: each([](Sum a, Sum x) { return x > a || x != x ? x : a; }); break;
  }
  T* y = write<T>(out);
  const auto finish = [&](const auto& f) {
    for (size_t i = 0; i < results.size(); ++i)
      y[i] = static_cast<T>(f(results[i]));
  };
  if (op.function == F::mean) {
    const Sum count = static_cast<Sum>(results.empty() ? 1 : in.elements() / out.elements());
    finish([count](Sum a) { return a / count; });
  } else if (op.function == F::l2) {
    finish([](Sum a) { return std::sqrt(static_cast<double>(a)); });
  } else if (op.function == F::log_sum) {
    finish([](Sum a) { return std::log(static_cast<double>(a)); });
  } else if (op.function == F::log_sum_exp) {
    if constexpr (std::is_floating_point_v<T>) {
      const std::vector<double> most = results;
      std::fill(results.begin(), results.end(), 0.0);
      fold<T>(in, strides, results, [&](double so_far, T x, size_t i) {
        return so_far +
               std::exp(std::isinf(most[i]) ? static_cast<double>(x) : static_cast<double>(x) - most[i]);
      });
      for (size_t i = 0; i < results.size(); ++i)
        y[i] = static_cast<T>(std::log(results[i]) + (std::isinf(most[i]) ? 0.0 : most[i]));
    }
  } else {
    finish([](Sum a) { return a; });
  }
}

}  // namespace

void run(const op::Reduce& op, Inputs in, Tensor& out) {
  for_number(in[0].type(), [&](auto zero) { reduce<decltype(zero)>(op, in[0], out); });
}

namespace {

// y[m][n] = sum over k of a[m][k] b[k][n]
template <class T>
void multiply(const T* a, const T* b, T* y, int64_t rows, int64_t depth, int64_t columns,
              std::vector<Wide<T>>& sums) {
  for (int64_t m = 0; m < rows; ++m, a += depth, y += columns) {
    std::fill(sums.begin(), sums.end(), Wide<T>{0});
    for (int64_t k = 0; k < depth; ++k) {
      const auto factor = static_cast<Wide<T>>(a[k]);
      const T* row = b + k * columns;
      for (int64_t n = 0; n < columns; ++n) {
        Wide<T>& total = sums[static_cast<size_t>(n)];
        total = sum(total, product(factor, static_cast<Wide<T>>(row[n])));
      }
    }
    for (int64_t n = 0; n < columns; ++n)
      y[n] = static_cast<T>(sums[static_cast<size_t>(n)]);
  }
}

}  // namespace

void run(const op::MatMul&, Inputs in, Tensor& out) {
  Shape a = in[0].shape(), b = in[1].shape(), batch = out.shape();
  if (a.size() == 1)
    a.insert(a.begin(), 1);
  else
    batch.pop_back();
  if (b.size() == 1)
    b.push_back(1);
  else
    batch.pop_back();
  const int64_t rows = a[a.size() - 2], depth = a.back(), columns = b.back();
  a.resize(a.size() - 2);
  b.resize(b.size() - 2);
  Walk<2> walk{batch, {broadcast_strides(a, batch), broadcast_strides(b, batch)}};
  for_number(in[0].type(), [&](auto zero) {
    using T = decltype(zero);
    std::vector<Wide<T>> sums(static_cast<size_t>(columns));
    walk.rows({0, 0}, [&](int64_t position, const auto& at, int64_t count, const auto& step) {
      for (int64_t i = 0; i < count; ++i)
        multiply(read<T>(in[0]) + (at[0] + i * step[0]) * rows * depth,
                 read<T>(in[1]) + (at[1] + i * step[1]) * depth * columns,
                 write<T>(out) + (position + i) * rows * columns, rows, depth, columns, sums);
    });
  });
}

namespace {

// y = (x - mean) / sqrt(variance + epsilon) over `count` neighbours, then affine(value, index) for each.
template <class T, class Affine>
void normalise(const T* x, T* y, int64_t count, double epsilon, const Affine& affine) {
  double mean = 0, variance = 0;
  for (int64_t i = 0; i < count; ++i)
    mean += static_cast<double>(x[i]);
  mean /= static_cast<double>(count);
  for (int64_t i = 0; i < count; ++i)
    variance += (static_cast<double>(x[i]) - mean) * (static_cast<double>(x[i]) - mean);
  const double factor = 1 / std::sqrt(variance / static_cast<double>(count) + epsilon);
  for (int64_t i = 0; i < count; ++i)
    y[i] = static_cast<T>(affine((static_cast<double>(x[i]) - mean) * factor, i));
}

}  // namespace

void run(const op::LayerNormalization& op, Inputs in, Tensor& out) {
  const int64_t count = in[1].elements();
  for_float(in[0].type(), [&](auto zero) {
    using T = decltype(zero);
    const T* scale = read<T>(in[1]);
    const T* bias = given(in, 2) ? read<T>(in[2]) : nullptr;
    for (int64_t at = 0; at < out.elements(); at += count)
      normalise(read<T>(in[0]) + at, write<T>(out) + at, count, op.epsilon, [&](double v, int64_t i) {
        return v * static_cast<double>(scale[i]) + (bias ? static_cast<double>(bias[i]) : 0.0);
      });
  });
}

void run(const op::InstanceNormalization& op, Inputs in, Tensor& out) {
  const int64_t channels = in[0].size(1), planes = in[0].size(0) * channels;
  if (out.elements() == 0) return;
  const int64_t count = out.elements() / planes;
  for_float(in[0].type(), [&](auto zero) {
    using T = decltype(zero);
    for (int64_t plane = 0; plane < planes; ++plane) {
      const auto scale = static_cast<double>(read<T>(in[1])[plane % channels]);
      const auto bias = static_cast<double>(read<T>(in[2])[plane % channels]);
      normalise(read<T>(in[0]) + plane * count, write<T>(out) + plane * count, count, op.epsilon,
                [&](double v, int64_t) { return v * scale + bias; });
    }
  });
}

namespace {

// body(first element, how many, scale, zero point) for each run of elements that share them.
template <class Body>
void for_quantised(int64_t axis, Inputs in, const Body& body) {
  const bool one = in[1].elements() == 1;
  const Shape& x = in[0].shape();
  const Lanes lanes = one ? Lanes({1, 1, in[0].elements()}, 1) : Lanes(x, axis);
  for (int64_t o = 0; o < lanes.outer; ++o)
    for (int64_t i = 0; i < lanes.size; ++i) {
      int64_t zero_point = 0;
      if (given(in, 2))
        for_number(in[2].type(), [&](auto zero) {
          zero_point = static_cast<int64_t>(read<decltype(zero)>(in[2])[in[2].elements() == 1 ? 0 : i]);
        });
      body((o * lanes.size + i) * lanes.inner, lanes.inner, read<float>(in[1])[one ? 0 : i], zero_point);
    }
}

}  // namespace

void run(const op::QuantizeLinear& op, Inputs in, Tensor& out) {
  const float* x = read<float>(in[0]);
  for_number(out.type(), [&](auto zero) {
    using T = decltype(zero);
    T* y = write<T>(out);
    for_quantised(op.axis, in, [&](int64_t first, int64_t count, float scale, int64_t zero_point) {
      for (int64_t i = first; i < first + count; ++i)
        y[i] =
            saturated<T>(static_cast<double>(std::nearbyint(x[i] / scale)) + static_cast<double>(zero_point));
    });
  });
}

void run(const op::DequantizeLinear& op, Inputs in, Tensor& out) {
  auto* y = write<float>(out);
  for_number(in[0].type(), [&](auto zero) {
    const auto* x = read<decltype(zero)>(in[0]);
    for_quantised(op.axis, in, [&](int64_t first, int64_t count, float scale, int64_t zero_point) {
      for (int64_t i = first; i < first + count; ++i)
        y[i] = static_cast<float>(static_cast<int64_t>(x[i]) - zero_point) * scale;
    });
  });
}

}  // namespace vitrail::evaluate_detail
