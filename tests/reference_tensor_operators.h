#pragma once
// Part of the reference interpreter: operators of graph/tensor_ops.h and graph/own_ops.h, and some of op.h,
// from their definitions alone.

#include <cmath>
#include <functional>
#include <limits>
#include <stdexcept>
#include <vector>

#include "reference_array.h"
#include "vitrail/graph/op.h"

namespace vitrail::reference::detail {

inline double value_of(const op::Unary& op, double x) {
  using F = op::Unary::Function;
  const double a = op.alpha, b = op.beta;
  switch (op.function) {
    case F::abs: return std::fabs(x);
    case F::neg: return -x;
    case F::exp: return std::exp(x);
    case F::log: return std::log(x);
    case F::sqrt: return std::sqrt(x);
    case F::reciprocal: return 1 / x;
    case F::floor: return std::floor(x);
    case F::ceil: return std::ceil(x);
    case F::round: return x - std::remainder(x, 1.0);
    case F::sign: return x > 0 ? 1 : x < 0 ? -1 : 0;
    case F::erf: return std::erf(x);
    case F::sin: return std::sin(x);
    case F::cos: return std::cos(x);
    case F::tanh: return std::tanh(x);
    case F::logical_not: return x == 0 ? 1 : 0;
    case F::leaky_relu: return x < 0 ? a * x : x;
    case F::elu: return x < 0 ? a * (std::exp(x) - 1) : x;
    case F::selu: return b * (x < 0 ? a * (std::exp(x) - 1) : x);
    case F::celu: return std::fmax(0, x) + std::fmin(0, a * (std::exp(x / a) - 1));
    case F::thresholded_relu: return x > a ? x : 0;
    case F::hard_sigmoid: return std::fmin(std::fmax(a * x + b, 0), 1);
    case F::hard_swish: return x * std::fmin(std::fmax(x / 6 + 0.5, 0), 1);
    case F::softplus: return x > 700 ? x : std::log(1 + std::exp(x));
    case F::softsign: return x / (1 + std::fabs(x));
    case F::swish: return x / (1 + std::exp(-x));
    case F::mish: return x * std::tanh(x > 700 ? x : std::log(1 + std::exp(x)));
    case F::gelu: return x * (1 + std::erf(x / std::sqrt(2.0))) / 2;
    case F::gelu_tanh:
      return x / 2 * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x)));
  }
  throw std::logic_error("unary function");
}
inline void compute(const op::Unary& op, const Arrays& in, Array& out) {
  for (size_t i = 0; i < out.values.size(); ++i)
    out.values[i] = value_of(op, in[0]->values[i]);
}

inline double value_of(const op::Binary& op, double a, double b, bool whole) {
  using F = op::Binary::Function;
  switch (op.function) {
    case F::subtract: return a - b;
    case F::divide: return whole ? std::trunc(a / b) : a / b;
    case F::power: return whole ? std::trunc(std::pow(a, b)) : std::pow(a, b);
    case F::minimum: return b < a ? b : a;
    case F::maximum: return b > a ? b : a;
    case F::modulo: return a - b * std::floor(a / b);
    case F::remainder: return a - b * std::trunc(a / b);
    case F::prelu: return a < 0 ? a * b : a;
    case F::equal: return a == b;
    case F::less: return a < b;
    case F::less_or_equal: return a <= b;
    case F::greater: return a > b;
    case F::greater_or_equal: return a >= b;
    case F::logical_and: return a != 0 && b != 0;
    case F::logical_or: return a != 0 || b != 0;
    case F::logical_xor: return (a != 0) != (b != 0);
  }
  throw std::logic_error("binary function");
}
inline void compute(const op::Binary& op, const Arrays& in, Array& out) {
  const bool whole = in[0]->type != DataType::f32 && in[0]->type != DataType::f64;
  for (size_t i = 0; i < out.values.size(); ++i)
    out.values[i] =
        value_of(op, broadcast_value(*in[0], out.shape, i), broadcast_value(*in[1], out.shape, i), whole);
}

inline void compute(const op::Reshape&, const Arrays& in, Array& out) {
  out.values = in[0]->values;
}

// The indices, one per dimension, of a row-major position.
inline std::vector<int64_t> indices_of(const Shape& shape, size_t position) {
  std::vector<int64_t> indices(shape.size());
  auto rest = static_cast<int64_t>(position);
  for (size_t d = shape.size(); d-- > 0; rest /= shape[d])
    indices[d] = rest % shape[d];
  return indices;
}
inline size_t position_of(const Shape& shape, const std::vector<int64_t>& indices) {
  int64_t position = 0;
  for (size_t d = 0; d < shape.size(); ++d)
    position = position * shape[d] + indices[d];
  return static_cast<size_t>(position);
}

inline void compute(const op::Transpose& op, const Arrays& in, Array& out) {
  const size_t rank = out.shape.size();
  for (size_t i = 0; i < out.values.size(); ++i) {
    const std::vector<int64_t> to = indices_of(out.shape, i);
    std::vector<int64_t> from(rank);
    for (size_t d = 0; d < rank; ++d)
      from[op.permutation.empty() ? rank - 1 - d : static_cast<size_t>(op.permutation[d])] = to[d];
    out.values[i] = in[0]->values[position_of(in[0]->shape, from)];
  }
}

inline double value_of(const op::Reduce& op, const std::vector<double>& values, bool whole) {
  using F = op::Reduce::Function;
  const auto total = [&](const std::function<double(double)>& f) {
    double sum = 0;
    for (const double v : values)
      sum += f(v);
    return sum;
  };
  const double most = values.empty() ? 0 : *std::max_element(values.begin(), values.end());
  const double sum = total([](double v) { return v; });
  const double mean = sum / static_cast<double>(values.size());
  double product = 1;
  for (const double v : values)
    product *= v;
  switch (op.function) {
    case F::sum: return sum;
    case F::mean: return whole ? std::trunc(mean) : mean;
    case F::max: return most;
    case F::min: return *std::min_element(values.begin(), values.end());
    case F::prod: return product;
    case F::l1: return total([](double v) { return std::fabs(v); });
    case F::l2: return std::sqrt(total([](double v) { return v * v; }));
    case F::sum_square: return total([](double v) { return v * v; });
    case F::log_sum: return std::log(sum);
    case F::log_sum_exp: return most + std::log(total([&](double v) { return std::exp(v - most); }));
  }
  throw std::logic_error("reduction");
}
inline void compute(const op::Reduce& op, const Arrays& in, Array& out) {
  const Shape& x = in[0]->shape;
  std::vector<bool> goes(x.size(), op.axes.empty());
  for (const int64_t axis : op.axes)
    goes[static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(x.size()) : axis)] = true;
  std::vector<std::vector<double>> groups(out.values.size());
  for (size_t i = 0; i < in[0]->values.size(); ++i) {
    const std::vector<int64_t> at = indices_of(x, i);
    int64_t group = 0;
    for (size_t d = 0; d < x.size(); ++d)
      if (!goes[d]) group = group * x[d] + at[d];
    groups[static_cast<size_t>(group)].push_back(in[0]->values[i]);
  }
  const bool whole = in[0]->type != DataType::f32 && in[0]->type != DataType::f64;
  for (size_t i = 0; i < groups.size(); ++i)
    out.values[i] = value_of(op, groups[i], whole);
}

inline void compute(const op::MatMul&, const Arrays& in, Array& out) {
  Array a = *in[0], b = *in[1];
  Shape shape = out.shape;
  if (b.shape.size() == 1) {
    b.shape.push_back(1);
    shape.push_back(1);
  }
  if (a.shape.size() == 1) {
    a.shape.insert(a.shape.begin(), 1);
    shape.insert(shape.end() - 1, 1);
  }
  // Where an operand has `at`, a position of the whole result: missing dimensions and those of 1 repeat.
  const auto element = [&](const Array& operand, std::vector<int64_t> at, int64_t row, int64_t column) {
    at[at.size() - 2] = row;
    at.back() = column;
    at.erase(at.begin(), at.end() - static_cast<std::ptrdiff_t>(operand.shape.size()));
    for (size_t d = 0; d + 2 < at.size(); ++d)
      if (operand.shape[d] == 1) at[d] = 0;
    return operand.values[position_of(operand.shape, at)];
  };
  for (size_t i = 0; i < out.values.size(); ++i) {
    const std::vector<int64_t> at = indices_of(shape, i);
    double sum = 0;
    for (int64_t k = 0; k < a.shape.back(); ++k)
      sum += element(a, at, at[at.size() - 2], k) * element(b, at, k, at.back());
    out.values[i] = sum;
  }
}

// (x - mean) / sqrt(variance + epsilon) over `count` neighbours from `first` on.
inline void normalise(const Array& x, Array& out, size_t first, size_t count, double epsilon) {
  double mean = 0, variance = 0;
  for (size_t i = 0; i < count; ++i)
    mean += x.values[first + i] / static_cast<double>(count);
  for (size_t i = 0; i < count; ++i)
    variance += std::pow(x.values[first + i] - mean, 2) / static_cast<double>(count);
  for (size_t i = 0; i < count; ++i)
    out.values[first + i] = (x.values[first + i] - mean) / std::sqrt(variance + epsilon);
}
inline void compute(const op::LayerNormalization& op, const Arrays& in, Array& out) {
  const size_t count = in[1]->values.size();
  for (size_t first = 0; first < out.values.size(); first += count) {
    normalise(*in[0], out, first, count, op.epsilon);
    for (size_t i = 0; i < count; ++i)
      out.values[first + i] =
          out.values[first + i] * in[1]->values[i] + (in.size() > 2 && in[2] ? in[2]->values[i] : 0);
  }
}
inline void compute(const op::InstanceNormalization& op, const Arrays& in, Array& out) {
  const auto channels = static_cast<size_t>(out.shape[1]);
  const size_t planes = static_cast<size_t>(out.shape[0]) * channels, count = out.values.size() / planes;
  for (size_t p = 0; p < planes; ++p) {
    normalise(*in[0], out, p * count, count, op.epsilon);
    for (size_t i = p * count; i < (p + 1) * count; ++i)
      out.values[i] = out.values[i] * in[1]->values[p % channels] + in[2]->values[p % channels];
  }
}

inline void compute(const op::LRN& op, const Arrays& in, Array& out) {
  const int64_t before = (op.size - 1) / 2;
  for_each(out.shape, [&](int64_t n, int64_t c, int64_t y, int64_t x) {
    double squares = 0;
    for (int64_t k = c - before; k < c - before + op.size; ++k)
      if (k >= 0 && k < out.shape[1]) squares += std::pow(in[0]->at(n, k, y, x), 2);
    out.at(n, c, y, x) = in[0]->at(n, c, y, x) /
                         std::pow(op.bias + op.alpha * squares / static_cast<double>(op.size), op.beta);
  });
}

inline void compute(const op::GlobalMaxPool&, const Arrays& in, Array& out) {
  std::fill(out.values.begin(), out.values.end(), -std::numeric_limits<double>::infinity());
  for_each(in[0]->shape, [&](int64_t n, int64_t c, int64_t y, int64_t x) {
    out.at(n, c, 0, 0) = std::max(out.at(n, c, 0, 0), in[0]->at(n, c, y, x));
  });
}

inline void compute(const op::AdaptivePool& op, const Arrays& in, Array& out) {
  const int64_t height = in[0]->shape[2], width = in[0]->shape[3];
  // Does bin b of n over a size cover position p: floor(b size / n) <= p < ceil((b + 1) size / n)?
  const auto covers = [](int64_t b, int64_t n, int64_t size, int64_t p) {
    return b * size < (p + 1) * n && p * n < (b + 1) * size;
  };
  for_each(out.shape, [&](int64_t n, int64_t c, int64_t by, int64_t bx) {
    double sum = 0, count = 0, most = -std::numeric_limits<double>::infinity();
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < width; ++x) {
        if (!covers(by, op.bins[0], height, y) || !covers(bx, op.bins[1], width, x)) continue;
        sum += in[0]->at(n, c, y, x);
        most = std::max(most, in[0]->at(n, c, y, x));
        ++count;
      }
    out.at(n, c, by, bx) = op.maximum ? most : sum / count;
  });
}

inline void compute(const op::MaxPoolIndices& op, const Arrays& in, Array& out) {
  const Array& x = *in[0];
  for_each(out.shape, [&](int64_t n, int64_t c, int64_t oy, int64_t ox) {
    double most = -std::numeric_limits<double>::infinity();
    int64_t where = -1;
    for (int64_t ky = 0; ky < op.kernel[0]; ++ky)
      for (int64_t kx = 0; kx < op.kernel[1]; ++kx) {
        const int64_t iy = oy * op.strides[0] - op.pads[0] + ky, ix = ox * op.strides[1] - op.pads[1] + kx;
        if (!inside(x.shape, iy, ix) || (where >= 0 && !(x.at(n, c, iy, ix) > most))) continue;
        most = x.at(n, c, iy, ix);
        where = ((n * x.shape[1] + c) * x.shape[2] + iy) * x.shape[3] + ix;
      }
    out.at(n, c, oy, ox) = static_cast<double>(where);
  });
}
inline void compute(const op::MaxUnpool&, const Arrays& in, Array& out) {
  for (size_t i = 0; i < in[0]->values.size(); ++i)
    out.values.at(static_cast<size_t>(in[1]->values[i])) = in[0]->values[i];
}

inline void compute(const op::DepthToSpace& op, const Arrays& in, Array& out) {
  const int64_t b = op.block, depth = out.shape[1];
  for_each(out.shape, [&](int64_t n, int64_t c, int64_t y, int64_t x) {
    const int64_t block = y % b * b + x % b;
    const int64_t from = op.mode == op::DepthToSpace::Mode::dcr ? block * depth + c : c * b * b + block;
    out.at(n, c, y, x) = in[0]->at(n, from, y / b, x / b);
  });
}

// By its definition as a scatter: every pixel of M puts M V[t] where its window's tap t falls. The matrix
// form scatters the votes alone, and multiplies each pixel of the result by the evidence it lies on.
inline void compute(const op::DynamicDeconvolution& op, const Arrays& in, Array& out) {
  const Array &m = *in[0], &v = *in[1];
  const bool exact = op.form == op::DynamicDeconvolution::Form::exact;
  for_each(m.shape, [&](int64_t n, int64_t c, int64_t i, int64_t j) {
    for (int64_t t = 0; t < 9; ++t) {
      const int64_t y = op.stride * i + t / 3 - 1, x = op.stride * j + t % 3 - 1;
      if (inside(out.shape, y, x)) out.at(n, c, y, x) += (exact ? m.at(n, c, i, j) : 1.0) * v.at(n, t, i, j);
    }
  });
  if (exact) return;
  for_each(out.shape, [&](int64_t n, int64_t c, int64_t y, int64_t x) {
    out.at(n, c, y, x) *= m.at(n, c, y / op.stride, x / op.stride);
  });
}

inline void compute(const op::Encoding&, const Arrays& in, Array& out) {
  const Array &x = *in[0], &words = *in[1], &smoothing = *in[2];
  const int64_t count = words.shape[0], depth = words.shape[1];
  const auto residual = [&](int64_t n, int64_t row, int64_t column, int64_t k, int64_t d) {
    return x.at(n, d, row, column) - words.values[static_cast<size_t>(k * depth + d)];
  };
  for (int64_t n = 0; n < x.shape[0]; ++n)
    for (int64_t row = 0; row < x.shape[2]; ++row)
      for (int64_t column = 0; column < x.shape[3]; ++column) {
        std::vector<double> weight(static_cast<size_t>(count), 0.0);
        for (int64_t k = 0; k < count; ++k)
          for (int64_t d = 0; d < depth; ++d)
            weight[static_cast<size_t>(k)] +=
                smoothing.values[static_cast<size_t>(k)] * std::pow(residual(n, row, column, k, d), 2);
        const double most = *std::max_element(weight.begin(), weight.end());
        double sum = 0;
        for (double& w : weight)
          sum += w = std::exp(w - most);
        for (int64_t k = 0; k < count; ++k)
          for (int64_t d = 0; d < depth; ++d)
            out.values[static_cast<size_t>((n * count + k) * depth + d)] +=
                weight[static_cast<size_t>(k)] / sum * residual(n, row, column, k, d);
      }
}

}  // namespace vitrail::reference::detail
