// The operators that compute, from ONNX's words to the graph's. What each reader knows is in the table at the
// end.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/onnx/node_import.h"

namespace vitrail::onnx_files {
namespace {

constexpr int64_t kMostGroups = 1 << 20;
constexpr int64_t kMostPad = 1 << 20;
constexpr int64_t kMostAxis = 16;
constexpr int64_t kMostSize = int64_t{1} << 31;
constexpr double kMostScale = 1 << 16;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

[[noreturn]] void refuse(const NodeImport& node, const std::string& found, const std::string& allowed) {
  throw Error(ErrorKind::format, {.where = node.where(), .found = found, .allowed = allowed});
}

template <class Plain>
void read_unary(NodeImport& node) {
  node.emit(Plain{}, {node.tensor(0)});
}

// The kernel is the weight's; kernel_shape may only repeat it.
void expect_kernel(const NodeImport& node, Value weight) {
  if (node.attribute("kernel_shape") == nullptr) return;
  const Pair kernel = node.pair("kernel_shape", {1, 1}, 1);
  const Shape& shape = node.graph().shape(weight);
  if (shape.size() == 4 && Pair{shape[2], shape[3]} != kernel)
    refuse(node, cat("kernel_shape ", kernel[0], "x", kernel[1], " and a weight of ", to_string(shape)),
           "they must agree");
}

void read_conv(NodeImport& node) {
  const op::Conv conv{.strides = node.pair("strides", {1, 1}, 1),
                      .pads = node.pads(),
                      .dilations = node.pair("dilations", {1, 1}, 1),
                      .group = node.integer("group", 1, 1, kMostGroups),
                      .auto_pad = node.choice(kAutoPads, "auto_pad", AutoPad::explicit_pads)};
  std::vector<Value> inputs{node.tensor(0), node.weight(1)};
  if (node.has(2)) inputs.push_back(node.weight(2));
  expect_kernel(node, inputs[1]);
  node.emit(conv, std::move(inputs));
}

void read_conv_transpose(NodeImport& node) {
  const op::ConvTranspose conv{.strides = node.pair("strides", {1, 1}, 1),
                               .pads = node.pads(),
                               .dilations = node.pair("dilations", {1, 1}, 1),
                               .output_padding = node.pair("output_padding", {0, 0}, 0),
                               .group = node.integer("group", 1, 1, kMostGroups)};
  const AutoPad auto_pad = node.choice(kAutoPads, "auto_pad", AutoPad::explicit_pads);
  if (auto_pad == AutoPad::same_upper || auto_pad == AutoPad::same_lower)
    throw Unsupported{"auto_pad SAME of a transposed convolution"};
  std::vector<Value> inputs{node.tensor(0), node.weight(1)};
  if (node.has(2)) inputs.push_back(node.weight(2));
  expect_kernel(node, inputs[1]);
  node.emit(conv, std::move(inputs));
}

void read_batch_normalization(NodeImport& node) {
  node.expect_integer("training_mode", 0);
  node.expect_integer("spatial", 1);
  const op::BatchNormalization norm{.epsilon = node.real("epsilon", 1e-5),
                                    .momentum = node.real("momentum", 0.9)};
  const Value x = node.tensor(0), scale = node.weight(1), bias = node.weight(2);
  const Value mean = node.weight(3, Role::running_statistic), var = node.weight(4, Role::running_statistic);
  node.emit(norm, {x, scale, bias, mean, var});
}

void read_clip(NodeImport& node) {
  op::Clip clip;
  if (node.opset() < 11) {
    clip = {.min = node.real("min", -kInfinity), .max = node.real("max", kInfinity)};
  } else {
    if (node.proto().attribute_size() > 0) throw Unsupported{"min and max are attributes"};
    clip = {.min = node.number(1, -kInfinity), .max = node.number(2, kInfinity)};
  }
  if (clip.min > clip.max) refuse(node, cat("min ", clip.min, " and max ", clip.max), "min is not above max");
  node.emit(clip, {node.tensor(0)});
}

void read_add(NodeImport& node) {
  if (node.is_size_list(0) && node.is_size_list(1)) return read_size_sum(node, 1);
  node.emit(op::Add{}, {node.tensor(0), node.tensor(1)});
}

void read_sub(NodeImport& node) {
  if (!node.is_size_list(0) || !node.is_size_list(1)) throw Unsupported{"a difference of tensors"};
  read_size_sum(node, -1);
}

void read_mul(NodeImport& node) {
  node.emit(op::Mul{}, {node.tensor(0), node.tensor(1)});
}

void read_concat(NodeImport& node) {
  bool all_sizes = true;
  for (int i = 0; i < node.count(); ++i)
    all_sizes = node.is_size_list(i) && all_sizes;
  if (all_sizes) return read_size_concat(node);
  if (node.attribute("axis") == nullptr) refuse(node, "no axis", "it is needed");
  std::vector<Value> inputs;
  for (int i = 0; i < node.count(); ++i)
    inputs.push_back(node.tensor(i));
  node.emit(op::Concat{.axis = node.integer("axis", 1, -kMostAxis, kMostAxis)}, std::move(inputs));
}

template <class Pool>
Pool pool_of(const NodeImport& node) {
  if (node.attribute("kernel_shape") == nullptr) refuse(node, "no kernel_shape", "it is needed");
  if (node.pair("dilations", {1, 1}, 1) != Pair{1, 1}) throw Unsupported{"dilated pooling"};
  Pool pool;
  pool.kernel = node.pair("kernel_shape", {1, 1}, 1);
  pool.strides = node.pair("strides", {1, 1}, 1);
  pool.pads = node.pads();
  pool.ceil_mode = node.flag("ceil_mode", false);
  pool.auto_pad = node.choice(kAutoPads, "auto_pad", AutoPad::explicit_pads);
  return pool;
}

void read_max_pool(NodeImport& node) {
  node.expect_integer("storage_order", 0);
  node.emit(pool_of<op::MaxPool>(node), {node.tensor(0)});
}

void read_average_pool(NodeImport& node) {
  op::AveragePool pool = pool_of<op::AveragePool>(node);
  pool.count_include_pad = node.flag("count_include_pad", false);
  node.emit(pool, {node.tensor(0)});
}

// H and W of four factors over N, C, H, W (or of two, where axes says so).
std::array<double, 2> spatial_scales(const NodeImport& node, const std::vector<double>& scales,
                                     bool only_space) {
  if (scales.size() != (only_space ? 2u : 4u))
    throw Unsupported{cat("scales for ", scales.size(), " dimensions")};
  if (!only_space && (scales[0] != 1 || scales[1] != 1))
    throw Unsupported{"it scales the batch or the channels"};
  const std::array<double, 2> space{scales[scales.size() - 2], scales[scales.size() - 1]};
  for (const double scale : space)
    if (!(scale > 0) || scale > kMostScale)
      refuse(node, cat("scale ", scale), cat("above 0, up to ", kMostScale));
  return space;
}

std::vector<double> constant_floats(const NodeImport& node, int i) {
  const Tensor& tensor = node.constant(i);
  if (!tensor.defined() || tensor.type() != DataType::f32 || tensor.elements() > 4)
    throw Unsupported{"its scales are not up to four 32-bit floats"};
  return {tensor.data<float>().begin(), tensor.data<float>().end()};
}

// Whether `term` leaves the batch (axis 0) or the channels (axis 1) as they are.
bool keeps(const NodeImport& node, Value x, const SizeTerm& term, size_t axis) {
  if (term.of.exists() && term.axis == axis && term.number == 0 && (axis == 0 || term.of == x)) return true;
  const int64_t size = node.graph().shape(x).at(axis);
  return size >= 0 && node.known(term) == size;
}

// Fills in where the size comes from: a reference (returned) or numbers.
Value resize_target(const NodeImport& node, Value x, int sizes_input, bool only_space, op::Resize& resize) {
  const SizeTerms sizes = node.sizes(sizes_input);
  if (sizes.size() != (only_space ? 2u : 4u) || node.graph().shape(x).size() != 4)
    throw Unsupported{cat("sizes for ", sizes.size(), " dimensions")};
  if (!only_space && (!keeps(node, x, sizes[0], 0) || !keeps(node, x, sizes[1], 1)))
    throw Unsupported{"it resizes the batch or the channels"};
  const SizeTerm &height = sizes[sizes.size() - 2], &width = sizes[sizes.size() - 1];
  if (height.of.exists() && height.of == width.of && height.axis == 2 && width.axis == 3 &&
      height.number == 0 && width.number == 0)
    return height.of;
  const std::optional<int64_t> rows = node.known(height), columns = node.known(width);
  if (!rows || !columns) throw Unsupported{"its sizes are neither numbers nor those of another tensor"};
  if (*rows < 1 || *columns < 1 || *rows > kMostSize || *columns > kMostSize)
    refuse(node, cat("sizes ", *rows, "x", *columns), cat("1..", kMostSize));
  resize.sizes = Pair{*rows, *columns};
  return {};
}

bool resizes_only_space(const NodeImport& node) {
  const std::vector<int64_t> axes = node.integers("axes");
  if (axes.empty() || axes == std::vector<int64_t>{0, 1, 2, 3}) return false;
  if (axes != std::vector<int64_t>{2, 3} && axes != std::vector<int64_t>{-2, -1})
    throw Unsupported{cat("axes ", join(axes))};
  return true;
}

// Before operator set 11: scales only, output pixel = input pixel / scale, nearest rounds down when
// enlarging.
void read_old_resize(NodeImport& node) {
  op::Resize resize{.mode = node.choice(kResizeModes, "mode", op::ResizeMode::nearest),
                    .coordinates = op::CoordinateMode::asymmetric,
                    .nearest = op::NearestMode::floor};
  std::vector<double> scales;
  if (const onnx::AttributeProto* given = node.attribute("scales"))
    scales.assign(given->floats().begin(), given->floats().end());
  else
    scales = constant_floats(node, 1);
  resize.scales = spatial_scales(node, scales, false);
  if (resize.mode == op::ResizeMode::cubic) throw Unsupported{"cubic before operator set 11"};
  if (resize.mode == op::ResizeMode::nearest && std::min((*resize.scales)[0], (*resize.scales)[1]) < 1)
    throw Unsupported{
        "shrinking to the nearest pixel before operator set 11, where its rounding is not defined"};
  node.emit(resize, {node.tensor(0)});
}

void read_resize(NodeImport& node) {
  if (node.opset() < 11) return read_old_resize(node);
  op::Resize resize{
      .mode = node.choice(kResizeModes, "mode", op::ResizeMode::nearest),
      .coordinates =
          node.choice(kCoordinateModes, "coordinate_transformation_mode", op::CoordinateMode::half_pixel),
      .nearest = node.choice(kNearestModes, "nearest_mode", op::NearestMode::round_prefer_floor),
      .cubic_a = node.real("cubic_coeff_a", -0.75)};
  node.expect_integer("antialias", 0);
  if (resize.mode == op::ResizeMode::cubic) node.expect_integer("exclude_outside", 0);
  static constexpr EnumNames<bool, 1> kPolicies{{{true, "stretch"}}};
  node.choice(kPolicies, "keep_aspect_ratio_policy", true);
  const bool only_space = resizes_only_space(node);
  const Value x = node.tensor(0);
  if (node.has(2) == node.has(3)) refuse(node, "scales and sizes", "exactly one of them is needed");
  std::vector<Value> inputs{x};
  if (node.has(2)) {
    resize.scales = spatial_scales(node, constant_floats(node, 2), only_space);
  } else if (const Value reference = resize_target(node, x, 3, only_space, resize); reference.exists()) {
    inputs.push_back(reference);
  }
  node.emit(resize, std::move(inputs));
}

void read_upsample(NodeImport& node) {
  if (node.opset() > 9)
    throw Unsupported{cat("Upsample, which operator set ", node.opset(), " does not have")};
  read_old_resize(node);
}

std::vector<int64_t> pad_amounts(const NodeImport& node) {
  if (node.opset() < 11) return node.integers("pads");
  std::vector<int64_t> amounts = node.known_sizes(1);
  if (!node.has(3)) return amounts;
  const std::vector<int64_t> axes = node.known_sizes(3);
  if (amounts.size() != 2 * axes.size()) refuse(node, cat(amounts.size(), " pads"), "two for each axis");
  std::vector<int64_t> all(8, 0);
  for (size_t i = 0; i < axes.size(); ++i) {
    const int64_t axis = axes[i] < 0 ? axes[i] + 4 : axes[i];
    if (axis < 0 || axis > 3) refuse(node, cat("axis ", axes[i]), "-4..3");
    all[static_cast<size_t>(axis)] = amounts[i];
    all[static_cast<size_t>(axis) + 4] = amounts[i + axes.size()];
  }
  return all;
}

void read_pad(NodeImport& node) {
  op::Pad pad{.mode = node.choice(kPadModes, "mode", op::PadMode::constant)};
  pad.value = node.opset() < 11 ? node.real("value", 0) : node.number(2, 0);
  const std::vector<int64_t> amounts = pad_amounts(node);
  if (amounts.size() != 8) throw Unsupported{cat("pads for ", amounts.size() / 2, " dimensions")};
  for (const int64_t amount : amounts)
    if (amount < -kMostPad || amount > kMostPad)
      refuse(node, cat("pads ", amount), cat("within -", kMostPad, "..", kMostPad));
  for (const size_t axis : {0, 1, 4, 5})
    if (amounts[axis] != 0) throw Unsupported{"it pads the batch or the channels"};
  pad.pads = {amounts[2], amounts[3], amounts[6], amounts[7]};
  node.emit(pad, {node.tensor(0)});
}

// Before operator set 13 Softmax ran over all axes from `axis` on; that is the same only where the later ones
// are 1.
void read_softmax(NodeImport& node) {
  const bool old = node.opset() < 13;
  const Value x = node.tensor(0);
  const Shape& shape = node.graph().shape(x);
  const int64_t axis = node.integer("axis", old ? 1 : -1, -kMostAxis, kMostAxis);
  const auto rank = static_cast<int64_t>(shape.size());
  if (old)
    for (int64_t later = (axis < 0 ? axis + rank : axis) + 1; later < rank; ++later)
      if (later < 0 || shape[static_cast<size_t>(later)] != 1)
        throw Unsupported{
            cat("over all axes from ", axis, " on, as operator set ", node.opset(), " means it")};
  node.emit(op::Softmax{.axis = axis}, {x});
}

void read_arg_max(NodeImport& node) {
  node.expect_integer("select_last_index", 0);
  const op::ArgMax argmax{.axis = node.integer("axis", 0, -kMostAxis, kMostAxis),
                          .keep_dims = node.flag("keepdims", true)};
  node.emit(argmax, {node.tensor(0)});
}

// Whether the third input says that the file is to drop elements when it runs.
bool drops_when_run(const NodeImport& node) {
  if (!node.has(2)) return false;
  const Tensor& mode = node.constant(2);
  if (!mode.defined() || mode.type() != DataType::boolean || mode.elements() != 1) return true;
  return mode.raw()[0] != std::byte{0};
}

void read_dropout(NodeImport& node) {
  if (drops_when_run(node)) throw Unsupported{"training_mode"};
  op::Dropout dropout{.ratio = node.opset() < 12 ? node.real("ratio", 0.5) : node.number(1, 0.5)};
  if (!(dropout.ratio >= 0) || dropout.ratio >= 1)
    refuse(node, cat("ratio ", dropout.ratio), "0 up to, not with, 1");
  node.emit(dropout, {node.tensor(0)});
}

void read_identity(NodeImport& node) {
  if (std::holds_alternative<Value>(node.input(0))) return read_unary<op::Identity>(node);
  node.define(node.input(0));
}

constexpr int kMany = 1 << 20;
constexpr OperatorReader kReaders[] = {
    {"Add", "", 2, 2, read_add},
    {"ArgMax", "axis keepdims select_last_index", 1, 1, read_arg_max},
    {"AveragePool", "kernel_shape strides pads auto_pad ceil_mode count_include_pad dilations", 1, 1,
     read_average_pool},
    {"BatchNormalization", "epsilon momentum training_mode spatial", 5, 5, read_batch_normalization},
    {"Cast", "to", 1, 1, read_cast},
    {"Clip", "min max", 1, 3, read_clip},
    {"Concat", "axis", 1, kMany, read_concat},
    {"Constant", "value value_int value_ints value_float value_floats", 0, 0, read_constant},
    {"Conv", "kernel_shape strides pads auto_pad dilations group", 2, 3, read_conv},
    {"ConvTranspose", "kernel_shape strides pads auto_pad dilations group output_padding", 2, 3,
     read_conv_transpose},
    {"Dropout", "ratio seed", 1, 3, read_dropout},
    {"Gather", "axis", 2, 2, read_gather},
    {"GlobalAveragePool", "", 1, 1, read_unary<op::GlobalAveragePool>},
    {"Identity", "", 1, 1, read_identity},
    {"MaxPool", "kernel_shape strides pads auto_pad ceil_mode dilations storage_order", 1, 1, read_max_pool},
    {"Mul", "", 2, 2, read_mul},
    {"Pad", "pads value mode", 1, 4, read_pad},
    {"Relu", "", 1, 1, read_unary<op::Relu>},
    {"Resize",
     "mode coordinate_transformation_mode nearest_mode cubic_coeff_a exclude_outside extrapolation_value "
     "antialias "
     "axes keep_aspect_ratio_policy",
     1, 4, read_resize},
    {"Shape", "start end", 1, 1, read_shape},
    {"Sigmoid", "", 1, 1, read_unary<op::Sigmoid>},
    {"Slice", "starts ends axes", 1, 5, read_slice},
    {"Softmax", "axis", 1, 1, read_softmax},
    {"Squeeze", "axes", 1, 2, read_squeeze},
    {"Sub", "", 2, 2, read_sub},
    {"Unsqueeze", "axes", 1, 2, read_squeeze},
    {"Upsample", "mode scales", 1, 2, read_upsample},
};

}  // namespace

const OperatorReader* find_reader(std::string_view type) {
  const auto* found = std::find_if(std::begin(kReaders), std::end(kReaders),
                                   [&](const OperatorReader& reader) { return reader.type == type; });
  return found == std::end(kReaders) ? nullptr : found;
}

}  // namespace vitrail::onnx_files
