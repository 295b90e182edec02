// Element by element, one input.

#include <algorithm>
#include <cstring>

#include "vitrail/graph/evaluate/kernels.h"

namespace vitrail::evaluate_detail {
namespace {

template <class From, class To, class F>
void map(const Tensor& in, Tensor& out, const F& f) {
  const From* x = read<From>(in);
  To* y = write<To>(out);
  for (int64_t i = 0, n = in.elements(); i < n; ++i)
    y[i] = f(x[i]);
}

// f in double precision.
template <class F>
void map_float(const Tensor& in, Tensor& out, const F& f) {
  for_float(in.type(), [&](auto zero) {
    using T = decltype(zero);
    map<T, T>(in, out, [&](T x) { return static_cast<T>(f(static_cast<double>(x))); });
  });
}

template <class F>
void map_number(const Tensor& in, Tensor& out, const F& f) {
  for_number(in.type(), [&](auto zero) {
    using T = decltype(zero);
    map<T, T>(in, out, f);
  });
}

void copy(const Tensor& in, Tensor& out) {
  if (in.bytes() > 0) std::memcpy(out.raw(), in.raw(), static_cast<size_t>(in.bytes()));
}

template <class T>
T negated(T x) {
  if constexpr (std::is_floating_point_v<T>)
    return -x;
  else
    return difference(T{0}, x);
}
template <class T>
T magnitude(T x) {
  if constexpr (std::is_floating_point_v<T>)
    return std::abs(x);
  else
    return x < 0 ? negated(x) : x;
}
double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}
double softplus(double x) {
  return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
}
double gelu_tanh(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}

}  // namespace

void run(const op::Identity&, Inputs in, Tensor& out) {
  copy(in[0], out);
}
void run(const op::Dropout&, Inputs in, Tensor& out) {
  copy(in[0], out);
}
void run(const op::Relu&, Inputs in, Tensor& out) {
  map_number(in[0], out, [](auto x) { return x < 0 ? decltype(x){0} : x; });
}
void run(const op::Clip& op, Inputs in, Tensor& out) {
  for_number(in[0].type(), [&](auto zero) {
    using T = decltype(zero);
    constexpr bool whole = std::is_integral_v<T>;
    const T low = saturated<T>(whole ? std::ceil(op.min) : op.min);
    const T high = saturated<T>(whole ? std::floor(op.max) : op.max);
    map<T, T>(in[0], out, [&](T x) {
      const T raised = x < low ? low : x;
      return high < raised ? high : raised;
    });
  });
}
void run(const op::Sigmoid&, Inputs in, Tensor& out) {
  map_float(in[0], out, sigmoid);
}

void run(const op::Unary& op, Inputs in, Tensor& out) {
  using F = op::Unary::Function;
  const double a = op.alpha, b = op.beta;
  const Tensor& x = in[0];
  switch (op.function) {
    case F::abs: return map_number(x, out, [](auto v) { return magnitude(v); });
    case F::neg: return map_number(x, out, [](auto v) { return negated(v); });
    case F::sign:
      return map_number(x, out, [](auto v) {
        using T = decltype(v);
        return v > 0 ? T{1} : v < 0 ? static_cast<T>(-1) : v;
      });
    case F::logical_not: return map<uint8_t, uint8_t>(x, out, [](uint8_t v) { return uint8_t{v == 0}; });
    case F::exp: return map_float(x, out, [](double v) { return std::exp(v); });
    case F::log: return map_float(x, out, [](double v) { return std::log(v); });
    case F::sqrt: return map_float(x, out, [](double v) { return std::sqrt(v); });
    case F::reciprocal: return map_float(x, out, [](double v) { return 1 / v; });
    case F::floor: return map_float(x, out, [](double v) { return std::floor(v); });
    case F::ceil: return map_float(x, out, [](double v) { return std::ceil(v); });
    case F::round: return map_float(x, out, [](double v) { return std::nearbyint(v); });
    case F::erf: return map_float(x, out, [](double v) { return std::erf(v); });
    case F::sin: return map_float(x, out, [](double v) { return std::sin(v); });
    case F::cos: return map_float(x, out, [](double v) { return std::cos(v); });
    case F::tanh: return map_float(x, out, [](double v) { return std::tanh(v); });
    case F::leaky_relu: return map_float(x, out, [a](double v) { return v < 0 ? a * v : v; });
    case F::elu: return map_float(x, out, [a](double v) { return v < 0 ? a * std::expm1(v) : v; });
    case F::selu: return map_float(x, out, [a, b](double v) { return b * (v < 0 ? a * std::expm1(v) : v); });
    case F::celu:
      return map_float(x, out,
                       [a](double v) { return std::max(v, 0.0) + std::min(a * std::expm1(v / a), 0.0); });
    case F::thresholded_relu: return map_float(x, out, [a](double v) { return v > a ? v : 0.0; });
    case F::hard_sigmoid:
      return map_float(x, out, [a, b](double v) { return std::clamp(a * v + b, 0.0, 1.0); });
    case F::hard_swish:
      return map_float(x, out, [](double v) { return v * std::clamp(v / 6 + 0.5, 0.0, 1.0); });
    case F::softplus: return map_float(x, out, softplus);
    case F::softsign: return map_float(x, out, [](double v) { return v / (1 + std::abs(v)); });
    case F::swish: return map_float(x, out, [](double v) { return v * sigmoid(v); });
    case F::mish: return map_float(x, out, [](double v) { return v * std::tanh(softplus(v)); });
    case F::gelu: return map_float(x, out, [](double v) { return 0.5 * v * (1 + std::erf(v * M_SQRT1_2)); });
    case F::gelu_tanh: return map_float(x, out, gelu_tanh);
  }
}

namespace {

// body(T{}) for what Cast converts from and to directly; f16 and bf16 go through f32.
template <class Body>
void for_castable(DataType type, const Body& body) {
  if (type == DataType::boolean) return body(uint8_t{});
  if (type == DataType::i16) return body(int16_t{});
  if (type == DataType::u16) return body(uint16_t{});
  for_number(type, body);
}

template <class From>
void cast_from(const Tensor& in, Tensor& out) {
  switch (out.type()) {
    case DataType::boolean: return map<From, uint8_t>(in, out, [](From x) { return uint8_t{x != From{0}}; });
    case DataType::f16:
      return map<From, uint16_t>(in, out, [](From x) { return f16_from_f32(static_cast<float>(x)); });
    case DataType::bf16:
      return map<From, uint16_t>(in, out, [](From x) { return bf16_from_f32(static_cast<float>(x)); });
    default: break;
  }
  for_castable(out.type(), [&](auto zero) {
    using To = decltype(zero);
    map<From, To>(in, out, [](From x) {
      if constexpr (std::is_floating_point_v<From>)
        return saturated<To>(static_cast<double>(x));
      else
        return static_cast<To>(x);
    });
  });
}

}  // namespace

void run(const op::Cast&, Inputs in, Tensor& out) {
  const bool half = in[0].type() == DataType::f16 || in[0].type() == DataType::bf16;
  const Tensor x = half ? in[0].to_f32() : in[0];
  for_castable(x.type(), [&](auto zero) { cast_from<decltype(zero)>(x, out); });
}

}  // namespace vitrail::evaluate_detail
