// Along axes: reductions, arg max, softmax, sorting, running sums.

#include <algorithm>
#include <limits>

#include "vitrail/base/text.h"
#include "vitrail/onnx/composing.h"

namespace vitrail::onnx_files {
namespace {

using Function = op::Reduce::Function;

// ReduceSum took its axes as an input from operator set 13 on, the others
// from 18.
template <Function function>
void read_reduce(NodeImport& node) {
  const op::Reduce reduce{.function = function,
                          .axes = node.axes(function == Function::sum ? 13 : 18),
                          .keep_dims = node.flag("keepdims", true)};
  const Operand x = node.operand(0);
  if (reduce.axes.empty() && node.flag("noop_with_empty_axes", false)) return node.define(x);
  node.emit(reduce, {x});
}

// The last of equals is the first one from the back.
void emit_arg_max(NodeImport& node, const Operand& x) {
  const Composing c{node};
  const bool keep_dims = node.flag("keepdims", true);
  int64_t axis = node.axis("axis", 0);
  if (!node.flag("select_last_index", false))
    return node.emit(op::ArgMax{.axis = axis, .keep_dims = keep_dims}, {x});
  const int64_t rank = node.rank(x);
  if (axis < -rank || axis >= rank) node.refuse(cat("axis ", axis), cat(-rank, "..", rank - 1));
  if (axis < 0) axis += rank;
  const Operand back = node.numbers({-1}), before_all = node.numbers({std::numeric_limits<int64_t>::min()});
  const Operand turned = node.add(op::Slice{}, {x, back, before_all, node.numbers({axis}), back});
  const Operand found = node.add(op::ArgMax{.axis = axis, .keep_dims = true}, {turned});
  const Operand index = c.minus(c.plus(c.sizes(x, axis, axis + 1), back), found);
  if (keep_dims) return node.define(index);
  node.emit(op::Squeeze{.axes = {axis}}, {index});
}

void read_arg_max(NodeImport& node) {
  emit_arg_max(node, node.operand(0));
}

void read_arg_min(NodeImport& node) {
  const Composing c{node};
  const Operand x = node.operand(0);  // bytes have no room for the negative of each
  const bool is_byte = node.type(x) == DataType::u8 || node.type(x) == DataType::i8;
  emit_arg_max(node, c.unary(op::Unary::Function::neg, is_byte ? c.cast(x, DataType::i32) : x));
}

// Before operator set 13 softmax ran over all axes from `axis` on as if they were one.
template <class Softmax>
void read_softmax(NodeImport& node) {
  const bool old = node.opset() < 13;
  const Operand x = node.operand(0);
  const Shape shape = node.shape(x);
  const auto rank = static_cast<int64_t>(shape.size());
  int64_t axis = node.axis("axis", old ? 1 : -1);
  if (axis < 0) axis += rank;
  if (axis < 0 || axis > rank || (!old && axis == rank)) node.refuse(cat("axis ", axis), cat("of ", rank));
  const bool is_one_axis =
      axis < rank && std::all_of(shape.begin() + axis + 1, shape.end(), [](int64_t s) { return s == 1; });
  if (!old || is_one_axis) return node.emit(Softmax{.axis = axis}, {x});
  const Operand flat = node.add(op::Flatten{.axis = axis}, {x});
  node.emit(op::Reshape{}, {node.add(Softmax{.axis = 1}, {flat}), node.add(op::ShapeOf{}, {x})});
}

void read_top_k(NodeImport& node) {
  op::TopK top{.axis = node.axis("axis", -1), .largest = node.flag("largest", true)};
  Operand k;
  if (node.opset() < 10) {
    k = node.numbers({node.integer("k", 1, 1, int64_t{1} << 31)});
  } else {
    if (node.count() < 2) node.refuse("no k", "it is needed");
    k = node.operand(1);
  }
  const Operand x = node.operand(0);
  if (node.wants(0)) node.emit(top, {x, k});
  if (!node.wants(1)) return;
  top.part = op::TopK::Part::indices;
  node.emit(top, {x, k}, 1);
}

void read_cum_sum(NodeImport& node) {
  const std::vector<int64_t> axis = node.known_sizes(1);
  if (axis.size() != 1) node.refuse(cat(axis.size(), " axes"), "one");
  node.emit(op::CumSum{.axis = axis[0],
                       .exclusive = node.flag("exclusive", false),
                       .reverse = node.flag("reverse", false)},
            {node.operand(0)});
}

constexpr OperatorReader kReaders[] = {
    {"ArgMax", "axis keepdims select_last_index", 1, 1, read_arg_max},
    {"ArgMin", "axis keepdims select_last_index", 1, 1, read_arg_min},
    {"CumSum", "exclusive reverse", 2, 2, read_cum_sum, "along a known axis"},
    {"LogSoftmax", "axis", 1, 1, read_softmax<op::LogSoftmax>},
    {"ReduceL1", "axes keepdims noop_with_empty_axes", 1, 2, read_reduce<Function::l1>},
    {"ReduceL2", "axes keepdims noop_with_empty_axes", 1, 2, read_reduce<Function::l2>},
    {"ReduceLogSum", "axes keepdims noop_with_empty_axes", 1, 2, read_reduce<Function::log_sum>},
    {"ReduceLogSumExp", "axes keepdims noop_with_empty_axes", 1, 2, read_reduce<Function::log_sum_exp>},
    {"ReduceMax", "axes keepdims noop_with_empty_axes", 1, 2, read_reduce<Function::max>},
    {"ReduceMean", "axes keepdims noop_with_empty_axes", 1, 2, read_reduce<Function::mean>},
    {"ReduceMin", "axes keepdims noop_with_empty_axes", 1, 2, read_reduce<Function::min>},
    {"ReduceProd", "axes keepdims noop_with_empty_axes", 1, 2, read_reduce<Function::prod>},
    {"ReduceSum", "axes keepdims noop_with_empty_axes", 1, 2, read_reduce<Function::sum>},
    {"ReduceSumSquare", "axes keepdims noop_with_empty_axes", 1, 2, read_reduce<Function::sum_square>},
    {"Softmax", "axis", 1, 1, read_softmax<op::Softmax>},
    {"TopK", "axis largest sorted k", 1, 2, read_top_k},
};

}  // namespace

Readers reduction_readers() {
  return kReaders;
}

}  // namespace vitrail::onnx_files
