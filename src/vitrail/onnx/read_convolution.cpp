// Convolutions and pooling. Those over one dimension of space become those over two, of which the upper is 1;
// those over three are read_volumes.h's.

#include <algorithm>

#include "vitrail/base/checked.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/shape_inference.h"
#include "vitrail/onnx/composing.h"
#include "vitrail/onnx/computed_convolution.h"
#include "vitrail/onnx/read_volumes.h"
#include "vitrail/onnx/shared_attributes.h"

namespace vitrail::onnx_files {
namespace {

bool is_same(AutoPad pad) {
  return pad == AutoPad::same_upper || pad == AutoPad::same_lower;
}

// Whether x is [N, C, W]; throws Unsupported for anything else that is not [N, C, H, W].
bool is_line(NodeImport& node, const Operand& x) {
  const int64_t rank = node.rank(x);
  if (rank != 3 && rank != 4) throw Unsupported{cat("a tensor of ", rank, " dimensions")};
  return rank == 3;
}

Operand widened(NodeImport& node, Operand x) {
  return node.add(op::Unsqueeze{.axes = {2}}, {std::move(x)});
}

// Emits `op` over [N, C, H, W], around which one dimension of space comes and goes.
void emit_over_space(NodeImport& node, bool line, Op op, std::vector<Operand> inputs, int output = 0) {
  if (!line) return node.emit(std::move(op), std::move(inputs), output);
  inputs[0] = widened(node, inputs[0]);
  node.emit(op::Squeeze{.axes = {2}}, {node.add(std::move(op), std::move(inputs))}, output);
}

// The kernel is the weight's; kernel_shape may only repeat it.
Operand kernel_of(NodeImport& node, bool line) {
  Operand weight = node.weight(1);
  if (node.rank(weight) != (line ? 3 : 4))
    throw Unsupported{cat("a weight of ", to_string(node.shape(weight)))};
  if (line) weight = widened(node, std::move(weight));
  const Shape shape = node.shape(weight);
  const Pair kernel = node.pair("kernel_shape", {shape[2], shape[3]}, 1);
  if (shape[2] >= 0 && shape[3] >= 0 && kernel != Pair{shape[2], shape[3]})
    node.refuse(cat("kernel_shape ", kernel[0], "x", kernel[1], " and a weight of ", to_string(shape)),
                "they must agree");
  return weight;
}

std::vector<Operand> convolution_inputs(NodeImport& node, bool line) {
  std::vector<Operand> inputs{node.operand(0), kernel_of(node, line)};
  if (node.has(2)) inputs.push_back(node.weight(2));
  return inputs;
}

void read_conv(NodeImport& node) {
  if (is_volume(node, node.operand(0))) return read_volume_conv(node);
  const bool line = is_line(node, node.operand(0));
  const op::Conv conv = conv_of(node);
  std::vector<Operand> inputs = convolution_inputs(node, line);
  if (!depends_on_inputs(node.graph(), inputs[1]))
    return emit_over_space(node, line, conv, std::move(inputs));
  if (line) inputs[0] = widened(node, inputs[0]);
  const Operand made = convolved_by_computed(node, conv, inputs);
  if (line) return node.emit(op::Squeeze{.axes = {2}}, {made});
  node.emit(op::Identity{}, {made});
}

// What a transposed convolution cuts off in all for the size that the file wants, SAME or output_shape.
Pair total_cut(const op::ConvTranspose& conv, const Shape& x, const Pair& kernel, const Pair& wanted) {
  Pair total{};
  for (size_t d = 0; d < 2; ++d) {
    const int64_t reach = (kernel[d] - 1) * conv.dilations[d] + 1 + conv.output_padding[d];
    if (wanted[d] == 0) {
      total[d] = reach - conv.strides[d];  // of SAME: out = in * stride, whatever in is
    } else {
      if (x[2 + d] < 0) throw Unsupported{"an output_shape for an input of open size"};
      total[d] = checked_add(checked_mul(x[2 + d] - 1, conv.strides[d], "ConvTranspose"), reach - wanted[d],
                             "ConvTranspose");
    }
  }
  return total;
}

void settle_pads(op::ConvTranspose& conv, const Pair& total, AutoPad auto_pad) {
  for (size_t d = 0; d < 2; ++d) {
    const int64_t cut = std::max<int64_t>(total[d], 0);
    conv.output_padding[d] += cut - total[d];
    const int64_t before = auto_pad == AutoPad::same_upper ? cut / 2 : cut - cut / 2;
    conv.pads[d] = before;
    conv.pads[d + 2] = cut - before;
  }
}

void read_conv_transpose(NodeImport& node) {
  if (is_volume(node, node.operand(0))) return read_volume_conv_transpose(node);
  const bool line = is_line(node, node.operand(0));
  op::ConvTranspose conv{.strides = node.pair("strides", {1, 1}, 1),
                         .pads = node.pads(),
                         .dilations = node.pair("dilations", {1, 1}, 1),
                         .output_padding = node.pair("output_padding", {0, 0}, 0),
                         .group = node.integer("group", 1, 1, kMostGroups)};
  const AutoPad auto_pad = node.choice(kAutoPads, "auto_pad", AutoPad::explicit_pads);
  std::vector<Operand> inputs = convolution_inputs(node, line);
  const Shape weight = node.shape(inputs[1]);
  const bool sized = node.attribute("output_shape") != nullptr;
  if (sized || is_same(auto_pad)) {
    if (weight[2] < 0 || weight[3] < 0) throw Unsupported{"padding for a kernel of open size"};
    std::vector<int64_t> shape = node.integers("output_shape");
    if (shape.size() > 2) shape.erase(shape.begin(),
                                      shape.end() - (line ? 1 : 2));  // it may hold N and C
    for (const int64_t size : shape)
      if (size < 1 || size > int64_t{1} << 31) node.refuse(cat("output_shape ", size), "sizes above 0");
    if (sized && shape.size() != (line ? 1 : 2))
      throw Unsupported{cat("an output_shape of ", shape.size(), " sizes")};
    const Pair wanted = !sized ? Pair{0, 0} : line ? Pair{1, shape[0]} : Pair{shape[0], shape[1]};
    Shape x = node.shape(inputs[0]);
    if (line) x.insert(x.begin() + 2, 1);
    settle_pads(conv, total_cut(conv, x, {weight[2], weight[3]}, wanted), auto_pad);
  }
  emit_over_space(node, line, conv, std::move(inputs));
}

op::MaxPoolIndices indices_of(NodeImport& node, const op::MaxPool& pool, const Operand& x, bool line) {
  if (pool.dilations != Pair{1, 1}) throw Unsupported{"the indices of a dilated pooling"};
  op::MaxPoolIndices indices{
      .kernel = pool.kernel, .strides = pool.strides, .pads = pool.pads, .ceil_mode = pool.ceil_mode};
  if (!is_same(pool.auto_pad)) return indices;
  const Shape shape = node.shape(x);
  const Pair size{line ? 1 : shape[2], shape.back()};
  if (size[0] < 0 || size[1] < 0) throw Unsupported{"the indices of SAME padding at an open size"};
  indices.pads = resolved_pads(pool.auto_pad, pool.pads, size, pool.kernel, pool.strides, pool.dilations);
  return indices;
}

// Quantised maps are pooled as floats.
void emit_pooled(NodeImport& node, bool line, const op::MaxPool& pool, Operand x) {
  const DataType type = node.type(x);
  if (type == DataType::f32) return emit_over_space(node, line, pool, {x});
  x = node.add(op::Cast{.to = DataType::f32}, {x});
  if (line) x = widened(node, x);
  Operand y = node.add(pool, {x});
  if (line) y = node.add(op::Squeeze{.axes = {2}}, {y});
  node.emit(op::Cast{.to = type}, {y});
}

// Positions in planes that are stored column after column, from those in x.
Operand by_columns(NodeImport& node, const Operand& positions, const Operand& x) {
  const Composing c{node};
  const Operand height = c.sizes(x, 2, 3), width = c.sizes(x, 3, 4), plane = c.times(height, width);
  const Operand within = c.binary(op::Binary::Function::modulo, positions, plane);
  const Operand column = c.binary(op::Binary::Function::modulo, within, width);
  return c.plus(c.minus(positions, within), c.plus(c.times(column, height), c.divide(within, width)));
}

void read_max_pool(NodeImport& node) {
  const Operand x = node.operand(0);
  if (is_volume(node, x)) return read_volume_max_pool(node);
  const bool line = is_line(node, x);
  op::MaxPool pool = pool_of<op::MaxPool>(node);
  pool.dilations = node.pair("dilations", {1, 1}, 1);
  if (node.wants(0)) emit_pooled(node, line, pool, x);
  if (!node.wants(1)) return;
  const op::MaxPoolIndices indices = indices_of(node, pool, x, line);
  if (!node.flag("storage_order", false) || line) return emit_over_space(node, line, indices, {x}, 1);
  node.define(by_columns(node, node.add(indices, {x}), x), 1);
}

// A tensor of the size that was pooled, for its shape alone.
Operand unpooled_reference(NodeImport& node, const Operand& x, const op::MaxPool& pool) {
  if (node.has(2)) {
    const std::optional<SizeList> sizes = node.size_list(2);
    const SizeTerm* height = sizes && sizes->terms.size() == 4 ? &sizes->terms[2] : nullptr;
    const SizeTerm* width = height == nullptr ? nullptr : &sizes->terms[3];
    if (height != nullptr && height->of.exists() && height->of == width->of && height->axis == 2 &&
        width->axis == 3 && height->number == 0 && width->number == 0)
      return height->of;
    const Value given = node.value_of(node.setting(2));  // in the graph, so that no zeros are made here
    return node.add(op::ConstantOfShape{.value = Tensor::zeros(DataType::f32, {1})}, {given});
  }
  Operand size = node.add(op::ShapeOf{.start = 2}, {x});
  size = node.add(op::Binary{}, {size, node.numbers({1, 1})});
  size = node.add(op::Mul{}, {size, node.numbers({pool.strides[0], pool.strides[1]})});
  const auto rest = [&](size_t d) { return pool.kernel[d] - pool.pads[d] - pool.pads[d + 2]; };
  size = node.add(op::Add{}, {size, node.numbers({rest(0), rest(1)})});
  const Operand all = node.add(op::Concat{.axis = 0}, {node.add(op::ShapeOf{.end = 2}, {x}), size});
  return node.add(op::ConstantOfShape{.value = Tensor::zeros(DataType::f32, {1})}, {all});
}

void read_max_unpool(NodeImport& node) {
  op::MaxPool pool = pool_of<op::MaxPool>(node);
  const Operand x = node.operand(0), indices = node.operand(1);
  if (node.rank(x) != 4) throw Unsupported{cat("a tensor of ", node.rank(x), " dimensions")};
  node.emit(op::MaxUnpool{}, {x, indices, unpooled_reference(node, x, pool)});
}

void read_average_pool(NodeImport& node) {
  const Operand x = node.operand(0);
  if (is_volume(node, x)) return read_volume_average_pool(node);
  const bool line = is_line(node, x);
  op::AveragePool pool = pool_of<op::AveragePool>(node);
  if (node.pair("dilations", {1, 1}, 1) != Pair{1, 1}) throw Unsupported{"dilated averages"};
  pool.count_include_pad = node.flag("count_include_pad", false);
  emit_over_space(node, line, pool, {x});
}

template <class Pool>
void read_global_pool(NodeImport& node, op::Reduce::Function function) {
  const Operand x = node.operand(0);
  if (node.rank(x) == 4) return node.emit(Pool{}, {x});
  op::Reduce reduce{.function = function};
  for (int64_t axis = 2; axis < node.rank(x); ++axis)
    reduce.axes.push_back(axis);
  if (reduce.axes.empty()) throw Unsupported{cat("a tensor of ", node.rank(x), " dimensions")};
  node.emit(reduce, {x});
}

void read_global_average_pool(NodeImport& node) {
  read_global_pool<op::GlobalAveragePool>(node, op::Reduce::Function::mean);
}
void read_global_max_pool(NodeImport& node) {
  read_global_pool<op::GlobalMaxPool>(node, op::Reduce::Function::max);
}

constexpr OperatorReader kReaders[] = {
    {"AveragePool", "kernel_shape strides pads auto_pad ceil_mode count_include_pad dilations", 1, 1,
     read_average_pool, "up to three dimensions of space; without dilations"},
    {"Conv", "kernel_shape strides pads auto_pad dilations group", 2, 3, read_conv,
     "up to three dimensions of space"},
    {"ConvTranspose",
     "kernel_shape strides pads auto_pad dilations group output_padding "
     "output_shape",
     2, 3, read_conv_transpose, "up to three dimensions of space"},
    {"GlobalAveragePool", "", 1, 1, read_global_average_pool},
    {"GlobalMaxPool", "", 1, 1, read_global_max_pool},
    {"MaxPool", "kernel_shape strides pads auto_pad ceil_mode dilations storage_order", 1, 1, read_max_pool,
     "up to three dimensions of space; its indices for up to two"},
    {"MaxUnpool", "kernel_shape strides pads", 2, 3, read_max_unpool},
};

}  // namespace

Readers convolution_readers() {
  return kReaders;
}

}  // namespace vitrail::onnx_files
