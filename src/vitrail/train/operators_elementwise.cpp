// Activations, arithmetic, quantisation: operators.h's element-by-element part.

#include <array>
#include <limits>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/evaluate.h"
#include "vitrail/train/convert.h"
#include "vitrail/train/operators.h"

namespace vitrail::train {
namespace {

/// [C] as [1, ..., C, ..., 1] with C at `axis` of `rank` dimensions; one number as a scalar.
at::Tensor along_axis(const at::Tensor& x, int64_t axis, int64_t rank) {
  if (x.numel() == 1) return x.reshape({});
  std::vector<int64_t> sizes(static_cast<size_t>(rank), 1);
  sizes.at(static_cast<size_t>(axis < 0 ? axis + rank : axis)) = x.numel();
  return x.reshape(sizes);
}

/// Integer arithmetic that a processor may trap on is left to the hub's own.
at::Tensor evaluated(const Op& op, const std::vector<at::Tensor>& inputs) {
  std::vector<Tensor> host;
  for (const at::Tensor& input : inputs)
    host.push_back(input.defined() ? from_torch(input) : Tensor());
  return to_torch(evaluate(op, host));
}

at::Tensor power(const at::Tensor& a, const at::Tensor& b) {
  // One number as an exponent is by far the cheaper case: x^2 is a product.
  const bool number = b.numel() == 1 && b.dim() <= a.dim() && !b.requires_grad();
  return number ? at::pow(a, b.item()) : at::pow(a, b).to(a.scalar_type());
}

at::Tensor arithmetic(const op::Binary& op, const at::Tensor& a, const at::Tensor& b) {
  using F = op::Binary::Function;
  switch (op.function) {
    case F::subtract: return at::sub(a, b);
    case F::divide: return at::div(a, b);
    case F::power: return power(a, b);
    case F::minimum: return at::minimum(a, b);
    case F::maximum: return at::maximum(a, b);
    case F::modulo: return at::remainder(a, b);
    case F::remainder: return at::fmod(a, b);
    default: return at::where(a < 0, a * b, a);  // prelu
  }
}

}  // namespace

at::Tensor relu(const at::Tensor& x, bool overwrite) {
  return overwrite ? at::Tensor(x).relu_() : at::relu(x);
}

at::Tensor clip(const op::Clip& op, const at::Tensor& x, bool overwrite) {
  if (!x.is_floating_point()) return at::clamp(x.to(at::kDouble), op.min, op.max).to(x.scalar_type());
  // Unlike clamp, hardtanh needs only its result for the gradient and so may overwrite its input.
  at::Tensor same = x;
  return overwrite ? at::hardtanh_(same, op.min, op.max) : at::hardtanh(x, op.min, op.max);
}

at::Tensor unary(const op::Unary& op, const at::Tensor& x) {
  constexpr double softplus_is_linear_from = 40;  // exp(-40) is below double's rounding
  using F = op::Unary::Function;
  switch (op.function) {
    case F::abs: return at::abs(x);
    case F::neg: return at::neg(x);
    case F::exp: return at::exp(x);
    case F::log: return at::log(x);
    case F::sqrt: return at::sqrt(x);
    case F::reciprocal: return at::reciprocal(x);
    case F::floor: return at::floor(x);
    case F::ceil: return at::ceil(x);
    case F::round: return at::round(x);
    case F::sign: return at::sign(x);
    case F::erf: return at::erf(x);
    case F::sin: return at::sin(x);
    case F::cos: return at::cos(x);
    case F::tanh: return at::tanh(x);
    case F::logical_not: return at::logical_not(x);
    case F::leaky_relu: return at::leaky_relu(x, op.alpha);
    case F::elu: return at::elu(x, op.alpha);
    case F::selu: return at::elu(x, op.alpha, op.beta);
    case F::celu: return at::celu(x, op.alpha);
    case F::thresholded_relu: return at::threshold(x, op.alpha, 0);
    case F::hard_sigmoid: return at::clamp(x * op.alpha + op.beta, 0, 1);
    case F::hard_swish: return at::hardswish(x);
    case F::softplus: return at::softplus(x, 1, softplus_is_linear_from);
    case F::softsign: return x / (1 + at::abs(x));
    case F::swish: return at::silu(x);
    case F::mish: return at::mish(x);
    case F::gelu: return at::gelu(x);
    case F::gelu_tanh: return at::gelu(x, "tanh");
  }
  return x;
}

at::Tensor binary(const op::Binary& op, const at::Tensor& a, const at::Tensor& b) {
  using F = op::Binary::Function;
  switch (op.function) {
    case F::equal: return at::eq(a, b);
    case F::less: return at::lt(a, b);
    case F::less_or_equal: return at::le(a, b);
    case F::greater: return at::gt(a, b);
    case F::greater_or_equal: return at::ge(a, b);
    case F::logical_and: return at::logical_and(a, b);
    case F::logical_or: return at::logical_or(a, b);
    case F::logical_xor: return at::logical_xor(a, b);
    default: return a.is_floating_point() ? arithmetic(op, a, b) : evaluated(op, {a, b});
  }
}

at::Tensor quantize(const op::QuantizeLinear& op, const OperatorCall& call) {
  const at::Tensor& x = call.inputs[0];
  const at::Tensor zero = call.has(2) ? call.inputs[2] : at::zeros({}, at::kByte);
  if (zero.scalar_type() != at::kByte && zero.scalar_type() != at::kChar)
    throw Error(ErrorKind::unsupported,
                {.where = "QuantizeLinear",
                 .found = cat("a zero point of type ", c10::toString(zero.scalar_type())),
                 .allowed = "u8 or i8"});
  const std::array<double, 2> limits =
      zero.scalar_type() == at::kByte ? std::array<double, 2>{0, 255} : std::array<double, 2>{-128, 127};
  const at::Tensor scaled = at::round(x / along_axis(call.inputs[1], op.axis, x.dim()));
  const at::Tensor shifted = scaled + along_axis(zero, op.axis, x.dim()).to(x.scalar_type());
  return at::clamp(shifted.detach(), limits[0], limits[1]).to(zero.scalar_type());
}

at::Tensor dequantize(const op::DequantizeLinear& op, const OperatorCall& call) {
  const at::Tensor& scale = call.inputs[1];
  at::Tensor x = call.inputs[0].to(scale.scalar_type());
  if (call.has(2)) x = x - along_axis(call.inputs[2], op.axis, x.dim()).to(scale.scalar_type());
  return x * along_axis(scale, op.axis, x.dim());
}

}  // namespace vitrail::train
