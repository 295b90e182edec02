// Functions of single elements that are written by others.

#include <limits>

#include "vitrail/base/text.h"
#include "vitrail/onnx/composing.h"
#include "vitrail/onnx/shared_attributes.h"

namespace vitrail::onnx_files {
namespace {

using Function = op::Unary::Function;
using Pairwise = op::Binary::Function;
constexpr double kHalfPi = 1.57079632679489661923;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// sqrt(1 + sign x^2)
Operand leg(const Composing& c, const Operand& x, double sign) {
  const Operand square = c.times(c.number(sign, x), c.times(x, x));
  return c.unary(Function::sqrt, c.plus(c.number(1, x), square));
}

// Halving the angle three times, atan(x) = 2 atan(x / (1 + sqrt(1 + x^2))), leaves |t| < 0.2, where five
// terms of the series are exact to the last bit of a float.
Operand arc_tangent(const Composing& c, Operand t) {
  for (int i = 0; i < 3; ++i)
    t = c.divide(t, c.plus(c.number(1, t), leg(c, t, 1)));
  const Operand square = c.times(t, t);
  Operand sum = c.number(1.0 / 9, t);
  for (const double term : {-1.0 / 7, 1.0 / 5, -1.0 / 3, 1.0})
    sum = c.plus(c.times(sum, square), c.number(term, t));
  return c.times(c.number(8, t), c.times(t, sum));
}

// atan(x / sqrt(1 - x^2)); the root is kept from 0.
Operand arc_sine(const Composing& c, const Operand& x) {
  const Operand root = c.binary(Pairwise::maximum, leg(c, x, -1), c.number(1e-9, x));
  return arc_tangent(c, c.divide(x, root));
}

// (exp(x) + sign exp(-x)) / 2
Operand hyperbolic(const Composing& c, const Operand& x, double sign) {
  const Operand shrunk = c.unary(Function::exp, c.unary(Function::neg, x));
  const Operand both = c.plus(c.unary(Function::exp, x), c.times(c.number(sign, x), shrunk));
  return c.times(c.number(0.5, x), both);
}

void read_tan(NodeImport& node) {
  const Composing c{node};
  const Operand x = node.operand(0);
  node.define(c.divide(c.unary(Function::sin, x), c.unary(Function::cos, x)));
}
void read_atan(NodeImport& node) {
  node.define(arc_tangent(Composing{node}, node.operand(0)));
}
void read_asin(NodeImport& node) {
  node.define(arc_sine(Composing{node}, node.operand(0)));
}
void read_acos(NodeImport& node) {
  const Composing c{node};
  const Operand x = node.operand(0);
  node.define(c.minus(c.number(kHalfPi, x), arc_sine(c, x)));
}
void read_sinh(NodeImport& node) {
  node.define(hyperbolic(Composing{node}, node.operand(0), -1));
}
void read_cosh(NodeImport& node) {
  node.define(hyperbolic(Composing{node}, node.operand(0), 1));
}
// sign(x) log(|x| + sqrt(x^2 + 1)), which does not cancel.
void read_asinh(NodeImport& node) {
  const Composing c{node};
  const Operand x = node.operand(0), size = c.unary(Function::abs, x);
  node.define(c.times(c.unary(Function::sign, x), c.unary(Function::log, c.plus(size, leg(c, x, 1)))));
}
void read_acosh(NodeImport& node) {
  const Composing c{node};
  const Operand x = node.operand(0);
  const Operand root = c.unary(Function::sqrt, c.minus(c.times(x, x), c.number(1, x)));
  node.define(c.unary(Function::log, c.plus(x, root)));
}
void read_atanh(NodeImport& node) {
  const Composing c{node};
  const Operand x = node.operand(0), one = c.number(1, x);
  const Operand ratio = c.divide(c.plus(one, x), c.minus(one, x));
  node.define(c.times(c.number(0.5, x), c.unary(Function::log, ratio)));
}

// x beyond lambda, moved towards 0 by bias; 0 between.
void read_shrink(NodeImport& node) {
  const Composing c{node};
  const Operand x = node.operand(0);
  const double lambda = node.real("lambd", 0.5), bias = node.real("bias", 0);
  const Operand upper = c.binary(Pairwise::greater, x, c.number(lambda, x));
  const Operand lower = c.binary(Pairwise::less, x, c.number(-lambda, x));
  const Operand rest = c.where(lower, c.plus(x, c.number(bias, x)), c.number(0, x));
  node.emit(op::Where{}, {upper, c.minus(x, c.number(bias, x)), rest});
}

void read_is_nan(NodeImport& node) {
  const Operand x = node.operand(0);
  const Operand same = Composing{node}.binary(Pairwise::equal, x, x);
  node.emit(op::Unary{.function = Function::logical_not}, {same});
}

void read_is_inf(NodeImport& node) {
  const Composing c{node};
  const Operand x = node.operand(0);
  const bool below = node.flag("detect_negative", true), above = node.flag("detect_positive", true);
  if (below && above)
    return node.emit(op::Binary{.function = Pairwise::equal},
                     {c.unary(Function::abs, x), c.number(kInfinity, x)});
  if (!below && !above) throw Unsupported{"it looks for nothing"};
  node.emit(op::Binary{.function = Pairwise::equal}, {x, c.number(below ? -kInfinity : kInfinity, x)});
}

// The p-norm of windows: p-th powers, their mean, times the window's size.
void read_lp_pool(NodeImport& node) {
  const Composing c{node};
  const Operand x = node.operand(0);
  if (node.rank(x) != 4) throw Unsupported{cat("a tensor of ", node.rank(x), " dimensions")};
  if (node.pair("dilations", {1, 1}, 1) != Pair{1, 1}) throw Unsupported{"dilated windows"};
  const double p = static_cast<double>(node.integer("p", 2, 1, 64));
  auto pool = pool_of<op::AveragePool>(node);
  pool.count_include_pad = true;
  if (pool.ceil_mode) throw Unsupported{"ceil_mode"};
  const Operand power = c.binary(Pairwise::power, c.unary(Function::abs, x), c.number(p, x));
  const double window = static_cast<double>(pool.kernel[0] * pool.kernel[1]);
  const Operand sum = c.times(node.add(pool, {power}), c.number(window, x));
  node.define(c.binary(Pairwise::power, sum, c.number(1 / p, x)));
}

constexpr OperatorReader kReaders[] = {
    {"Acos", "", 1, 1, read_acos},
    {"Acosh", "", 1, 1, read_acosh},
    {"Asin", "", 1, 1, read_asin},
    {"Asinh", "", 1, 1, read_asinh},
    {"Atan", "", 1, 1, read_atan},
    {"Atanh", "", 1, 1, read_atanh},
    {"Cosh", "", 1, 1, read_cosh},
    {"IsInf", "detect_negative detect_positive", 1, 1, read_is_inf},
    {"IsNaN", "", 1, 1, read_is_nan},
    {"LpPool", "kernel_shape strides pads auto_pad p ceil_mode dilations", 1, 1, read_lp_pool,
     "two dimensions of space; without dilations and ceil_mode"},
    {"Shrink", "lambd bias", 1, 1, read_shrink},
    {"Sinh", "", 1, 1, read_sinh},
    {"Tan", "", 1, 1, read_tan},
};

}  // namespace

Readers composed_readers() {
  return kReaders;
}

}  // namespace vitrail::onnx_files
