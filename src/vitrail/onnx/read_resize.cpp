// Operators over space: resizing, padding, and between depth and space.

#include <algorithm>
#include <array>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/onnx/composing.h"

namespace vitrail::onnx_files {
namespace {

constexpr int64_t kMostPad = 1 << 20;
constexpr int64_t kMostSize = int64_t{1} << 31;
constexpr double kMostScale = 1 << 16;

// How a tensor is seen as [N, C, H, W] while it is resized.
enum class View { nchw, nhwc, line };

const std::vector<int64_t> kToChannelsFirst{0, 3, 1, 2}, kToChannelsLast{0, 2, 3, 1};

Operand viewed(NodeImport& node, View view, const Operand& x) {
  if (view == View::nhwc) return node.add(op::Transpose{.permutation = kToChannelsFirst}, {x});
  if (view == View::line) return node.add(op::Unsqueeze{.axes = {2}}, {x});
  return x;
}

// Maps of integers (labels, quantised maps) are resized as floats.
void emit_resized(NodeImport& node, const op::Resize& resize, std::vector<Operand> inputs) {
  const DataType type = node.type(inputs[0]);
  if (type == DataType::f32) return node.emit(resize, std::move(inputs));
  inputs[0] = node.add(op::Cast{.to = DataType::f32}, {inputs[0]});
  Operand made = node.add(resize, std::move(inputs));
  if (resize.mode != op::ResizeMode::nearest) throw Unsupported{cat("a smooth resize of ", name_of(type))};
  node.emit(op::Cast{.to = type}, {made});
}

void emit_viewed(NodeImport& node, View view, const op::Resize& resize, std::vector<Operand> inputs) {
  if (view == View::nchw) return emit_resized(node, resize, std::move(inputs));
  const Operand made = node.add(resize, std::move(inputs));
  if (view == View::nhwc) return node.emit(op::Transpose{.permutation = kToChannelsLast}, {made});
  node.emit(op::Squeeze{.axes = {2}}, {made});
}

double checked_scale(const NodeImport& node, double scale) {
  if (!(scale > 0) || scale > kMostScale)
    node.refuse(cat("scale ", scale), cat("above 0, up to ", kMostScale));
  return scale;
}

// Emits a Resize by constant factors over all dimensions of x (or those that `axes` names).
void emit_scaled(NodeImport& node, op::Resize resize, const std::vector<double>& given) {
  const Operand x = node.operand(0);
  const int64_t rank = node.rank(x);
  std::vector<double> scales = given;
  if (const std::vector<int64_t> axes = node.integers("axes"); !axes.empty()) {
    if (axes.size() != given.size()) node.refuse(cat(given.size(), " scales"), "one for each axis");
    scales.assign(static_cast<size_t>(rank), 1);
    for (size_t i = 0; i < axes.size(); ++i) {
      if (axes[i] < -rank || axes[i] >= rank) node.refuse(cat("axis ", axes[i]), cat("of ", rank));
      scales[static_cast<size_t>(axes[i] < 0 ? axes[i] + rank : axes[i])] = given[i];
    }
  }
  if (static_cast<int64_t>(scales.size()) != rank || (rank != 3 && rank != 4))
    throw Unsupported{cat("scales for ", scales.size(), " dimensions")};
  for (const double scale : scales)
    checked_scale(node, scale);
  const bool last_axis_stays = rank == 4 && scales[3] == 1 && scales[1] != 1;
  const View view = rank == 3 ? View::line : last_axis_stays ? View::nhwc : View::nchw;
  const size_t first = view == View::nhwc ? 1 : 2;
  if (scales[0] != 1 || scales[view == View::nhwc ? 3 : 1] != 1)
    throw Unsupported{"it scales the batch or the channels"};
  resize.scales = view == View::line ? std::array<double, 2>{1, scales[2]}
                                     : std::array<double, 2>{scales[first], scales[first + 1]};
  emit_viewed(node, view, resize, {viewed(node, view, x)});
}

// Whether `term` leaves the batch (axis 0) or the channels as they are.
bool keeps(const NodeImport& node, Value x, const SizeTerm& term, size_t axis) {
  if (term.of.exists() && term.axis == axis && term.number == 0 && (axis == 0 || term.of == x)) return true;
  const int64_t size = node.graph().shape(x).at(axis);
  return size >= 0 && node.known(term) == size;
}

// A resize to another tensor's H and W, or to numbers; false where the sizes are neither.
bool emit_sized(NodeImport& node, op::Resize resize, const Operand& x, const SizeTerm& height,
                const SizeTerm& width, View view) {
  if (view == View::nchw && height.of.exists() && height.of == width.of && height.axis == 2 &&
      width.axis == 3 && height.number == 0 && width.number == 0 &&
      node.graph().shape(height.of).size() == 4) {
    emit_resized(node, resize, {x, height.of});
    return true;
  }
  const std::optional<int64_t> rows = node.known(height), columns = node.known(width);
  if (!rows || !columns) return false;
  if (*rows < 1 || *columns < 1 || *rows > kMostSize || *columns > kMostSize)
    node.refuse(cat("sizes ", *rows, "x", *columns), cat("1..", kMostSize));
  resize.sizes = Pair{*rows, *columns};
  emit_viewed(node, view, resize, {viewed(node, view, x)});
  return true;
}

// The sizes by dimension of x, where the list names them; axes that are left out keep theirs.
std::vector<SizeTerm> sizes_by_axis(NodeImport& node, const SizeList& list, Value x) {
  const std::vector<int64_t> axes = node.integers("axes");
  if (axes.empty()) return list.terms;
  const auto rank = static_cast<int64_t>(node.graph().shape(x).size());
  if (axes.size() != list.terms.size()) node.refuse(cat(list.terms.size(), " sizes"), "one for each axis");
  std::vector<SizeTerm> all;
  for (int64_t axis = 0; axis < rank; ++axis)
    all.push_back({.of = x, .axis = static_cast<size_t>(axis)});
  for (size_t i = 0; i < axes.size(); ++i) {
    if (axes[i] < -rank || axes[i] >= rank) node.refuse(cat("axis ", axes[i]), cat("of ", rank));
    all[static_cast<size_t>(axes[i] < 0 ? axes[i] + rank : axes[i])] = list.terms[i];
  }
  return all;
}

bool resize_by_list(NodeImport& node, const op::Resize& resize) {
  const std::optional<SizeList> list = node.size_list(3);
  if (!list) return false;
  const Operand operand = node.operand(0);
  const Value x = node.value_of(operand);
  const Shape& shape = node.graph().shape(x);
  const std::vector<SizeTerm> sizes = sizes_by_axis(node, *list, x);
  if (sizes.size() != shape.size() || (sizes.size() != 3 && sizes.size() != 4))
    throw Unsupported{cat("sizes for ", sizes.size(), " dimensions")};
  if (sizes.size() == 3) {
    if (!keeps(node, x, sizes[0], 0) || !keeps(node, x, sizes[1], 1))
      throw Unsupported{"it resizes the batch or the channels"};
    return emit_sized(node, resize, x, SizeTerm{.number = 1}, sizes[2], View::line);
  }
  const bool nchw = keeps(node, x, sizes[0], 0) && keeps(node, x, sizes[1], 1);
  const bool nhwc = keeps(node, x, sizes[0], 0) && keeps(node, x, sizes[3], 3);
  if (!nchw && nhwc) return emit_sized(node, resize, x, sizes[1], sizes[2], View::nhwc);
  if (nchw) return emit_sized(node, resize, x, sizes[2], sizes[3], View::nchw);
  return false;
}

// Sizes or scales that are computed: those of H and W are the third input of our Resize.
void emit_computed(NodeImport& node, const op::Resize& resize, int input) {
  const Operand x = node.operand(0), target = node.operand(input);
  if (node.rank(x) != 4) throw Unsupported{cat("a tensor of ", node.rank(x), " dimensions")};
  const std::vector<int64_t> axes = node.integers("axes");
  Operand space = target;
  if (axes.empty() || axes.size() == 4)
    space = node.add(op::Gather{.axis = 0}, {target, node.numbers({2, 3})});
  else if (axes != std::vector<int64_t>{2, 3} && axes != std::vector<int64_t>{-2, -1})
    throw Unsupported{cat("axes ", join(axes))};
  if (auto* constant = std::get_if<FileConstant>(&space)) constant->is_number = true;
  emit_resized(node, resize, {x, Value{}, space});
}

std::vector<double> floats_of(const Tensor& tensor) {
  if (tensor.elements() > 8) throw Unsupported{cat("scales of ", to_string(tensor.shape()))};
  const Tensor floats = tensor.to_f32();
  return {floats.data<float>().begin(), floats.data<float>().end()};
}

// Before operator set 11: scales only, output pixel = input pixel / scale, nearest rounds down.
void read_old_resize(NodeImport& node) {
  static constexpr EnumNames<op::ResizeMode, 4> kModes{{{op::ResizeMode::nearest, "nearest"},
                                                        {op::ResizeMode::linear, "linear"},
                                                        {op::ResizeMode::linear, "bilinear"},
                                                        {op::ResizeMode::cubic, "cubic"}}};
  const op::Resize resize{.mode = node.choice(kModes, "mode", op::ResizeMode::nearest),
                          .coordinates = op::CoordinateMode::asymmetric,
                          .nearest = op::NearestMode::floor};
  if (resize.mode == op::ResizeMode::cubic) throw Unsupported{"cubic before operator set 11"};
  if (node.attribute("scales") != nullptr) return emit_scaled(node, resize, node.reals("scales"));
  if (const Tensor* scales = node.known_tensor(1)) return emit_scaled(node, resize, floats_of(*scales));
  emit_computed(node, resize, 1);
}

// {top, left, bottom, right} of an input that names the beginnings of all dimensions, then their ends.
std::array<double, 4> region_of(NodeImport& node) {
  if (node.real("extrapolation_value", 0) != 0) throw Unsupported{"an extrapolation_value other than 0"};
  const std::vector<double> region = node.has(1) ? floats_of(node.constant(1)) : std::vector<double>{};
  if (region.size() == 4 && !node.integers("axes").empty())
    return {region[0], region[1], region[2], region[3]};
  if (region.size() != 8) throw Unsupported{cat("a region of ", region.size(), " numbers")};
  return {region[2], region[3], region[6], region[7]};
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
  if (resize.coordinates == op::CoordinateMode::tf_crop_and_resize) resize.roi = region_of(node);
  if (node.has(2) == node.has(3)) node.refuse("scales and sizes", "exactly one of them is needed");
  if (node.has(3)) {
    if (!resize_by_list(node, resize)) emit_computed(node, resize, 3);
  } else if (const Tensor* scales = node.known_tensor(2)) {
    emit_scaled(node, resize, floats_of(*scales));
  } else {
    emit_computed(node, resize, 2);
  }
}

void read_upsample(NodeImport& node) {
  if (node.opset() > 9)
    throw Unsupported{cat("Upsample, which operator set ", node.opset(), " does not have")};
  read_old_resize(node);
}

// Two amounts for each dimension of x: {before..., after...}.
std::vector<int64_t> pad_amounts(NodeImport& node, int64_t rank) {
  std::vector<int64_t> amounts = node.opset() < 11 ? node.integers("pads") : node.known_sizes(1);
  if (node.has(3)) {
    const std::vector<int64_t> axes = node.known_sizes(3);
    if (amounts.size() != 2 * axes.size()) node.refuse(cat(amounts.size(), " pads"), "two for each axis");
    std::vector<int64_t> all(static_cast<size_t>(2 * rank), 0);
    for (size_t i = 0; i < axes.size(); ++i) {
      const int64_t axis = axes[i] < 0 ? axes[i] + rank : axes[i];
      if (axis < 0 || axis >= rank) node.refuse(cat("axis ", axes[i]), cat("of ", rank));
      all[static_cast<size_t>(axis)] = amounts[i];
      all[static_cast<size_t>(axis + rank)] = amounts[i + axes.size()];
    }
    amounts = std::move(all);
  }
  if (static_cast<int64_t>(amounts.size()) != 2 * rank)
    node.refuse(cat(amounts.size(), " pads for ", rank, " dimensions"), "two for each");
  for (const int64_t amount : amounts)
    if (amount < -kMostPad || amount > kMostPad)
      node.refuse(cat("pads ", amount), cat("within -", kMostPad, "..", kMostPad));
  return amounts;
}

std::vector<int64_t> swapped(int64_t a, int64_t b) {
  std::vector<int64_t> permutation{0, 1, 2, 3};
  std::swap(permutation[static_cast<size_t>(a)], permutation[static_cast<size_t>(b)]);
  return permutation;
}

// Our Pad works along H and W; N and C are swapped with them while they are padded.
void emit_pads(NodeImport& node, op::Pad pad, Operand x, std::vector<int64_t> amounts, int64_t missing) {
  amounts.insert(amounts.begin() + static_cast<int64_t>(amounts.size() / 2), static_cast<size_t>(missing), 0);
  amounts.insert(amounts.begin(), static_cast<size_t>(missing), 0);
  const auto amount = [&](int64_t axis) {
    return Pair{amounts[static_cast<size_t>(axis)], amounts[static_cast<size_t>(axis + 4)]};
  };
  const Pair none{0, 0};
  for (int64_t axis = 0; axis < 2; ++axis) {
    if (amount(axis) == none) continue;
    op::Pad along = pad;
    along.pads = {amount(axis)[0], 0, amount(axis)[1], 0};
    const op::Transpose swap{.permutation = swapped(axis, 2)};
    x = node.add(swap, {node.add(along, {node.add(swap, {x})})});
  }
  pad.pads = {amount(2)[0], amount(3)[0], amount(2)[1], amount(3)[1]};
  if (missing == 0) return node.emit(pad, {x});
  std::vector<int64_t> axes;
  for (int64_t axis = 0; axis < missing; ++axis)
    axes.push_back(axis);
  node.emit(op::Squeeze{.axes = axes}, {node.add(pad, {x})});
}

// For each position along the padded dimension, which of x's it shows; i64 [n]. Beyond x's last reflection
// there is nothing to show, as ONNX has it.
Operand shown_position(const Composing& c, const Operand& position, const Operand& size, op::PadMode mode) {
  using Pairwise = op::Binary::Function;
  const Operand zero = c.node.numbers({0}), last = c.minus(size, c.node.numbers({1}));
  Operand shown = position;
  if (mode == op::PadMode::reflect) {
    const auto distance = [&](const Operand& from) { return c.unary(op::Unary::Function::abs, from); };
    shown = c.minus(last, distance(c.minus(last, distance(position))));
  }
  return c.binary(Pairwise::maximum, c.binary(Pairwise::minimum, shown, last), zero);
}

// Pads by amounts that are computed: each dimension is gathered by positions.
Operand padded_along(const Composing& c, const op::Pad& pad, const Operand& x, int64_t axis,
                     const Operand& before, const Operand& after) {
  using Pairwise = op::Binary::Function;
  const Operand size = c.sizes(x, axis, axis + 1);
  const Operand count = c.plus(size, c.plus(before, after));
  const Operand position = c.minus(c.counting(count), before);
  const Operand shown = shown_position(c, position, size, pad.mode);
  const Operand found = c.node.add(op::Gather{.axis = axis}, {x, shown});
  if (pad.mode != op::PadMode::constant) return found;
  std::vector<int64_t> along(static_cast<size_t>(c.node.rank(x)), 1);
  along[static_cast<size_t>(axis)] = -1;
  const Operand inside = c.reshape(c.binary(Pairwise::equal, shown, position), along);
  return c.where(inside, found, c.number(pad.value, x));
}

void emit_computed_pads(NodeImport& node, const op::Pad& pad) {
  const Composing c{node};
  Operand x = node.operand(0);
  const Operand amounts = node.operand(1);
  const int64_t rank = node.rank(x);
  std::vector<int64_t> axes;
  if (node.has(3))
    axes = node.known_sizes(3);
  else
    for (int64_t axis = 0; axis < rank; ++axis)
      axes.push_back(axis);
  const auto count = static_cast<int64_t>(axes.size());
  for (int64_t i = 0; i < count; ++i) {
    const int64_t axis = axes[static_cast<size_t>(i)] + (axes[static_cast<size_t>(i)] < 0 ? rank : 0);
    if (axis < 0 || axis >= rank) node.refuse(cat("axis ", axis), cat("of ", rank));
    const auto amount = [&](int64_t at) {
      return node.add(op::Gather{.axis = 0}, {amounts, node.numbers({at})});
    };
    x = padded_along(c, pad, x, axis, amount(i), amount(i + count));
  }
  node.emit(op::Identity{}, {x});
}

bool are_known(NodeImport& node, int input) {
  if (const auto list = node.size_list(input))
    return std::all_of(list->terms.begin(), list->terms.end(),
                       [&](const SizeTerm& term) { return node.known(term).has_value(); });
  const auto* value = std::get_if<Value>(&node.input(input));
  return value == nullptr || node.graph().content(*value).defined();
}

void read_pad(NodeImport& node) {
  op::Pad pad{.mode = node.choice(kPadModes, "mode", op::PadMode::constant)};
  pad.value = node.opset() < 11 ? node.real("value", 0) : node.number(2, 0);
  Operand x = node.operand(0);
  const int64_t rank = node.rank(x);
  if (node.opset() >= 11 && !are_known(node, 1)) return emit_computed_pads(node, pad);
  const std::vector<int64_t> amounts = pad_amounts(node, rank);
  if (rank < 1 || rank > 4) {
    if (node.opset() < 11) throw Unsupported{cat("a tensor of ", rank, " dimensions")};
    return emit_computed_pads(node, pad);
  }
  if (rank < 4) {
    std::vector<int64_t> axes;
    for (int64_t axis = 0; axis < 4 - rank; ++axis)
      axes.push_back(axis);
    x = node.add(op::Unsqueeze{.axes = axes}, {x});
  }
  emit_pads(node, pad, std::move(x), amounts, 4 - rank);
}

void read_depth_to_space(NodeImport& node) {
  using Mode = op::DepthToSpace::Mode;
  static constexpr EnumNames<Mode, 2> kModes{{{Mode::dcr, "DCR"}, {Mode::crd, "CRD"}}};
  node.emit(op::DepthToSpace{.block = node.integer("blocksize", 1, 1, 1 << 16),
                             .mode = node.choice(kModes, "mode", Mode::dcr)},
            {node.operand(0)});
}

void read_space_to_depth(NodeImport& node) {
  node.emit(op::SpaceToDepth{.block = node.integer("blocksize", 1, 1, 1 << 16)}, {node.operand(0)});
}

constexpr OperatorReader kReaders[] = {
    {"DepthToSpace", "blocksize mode", 1, 1, read_depth_to_space},
    {"Pad", "pads value mode", 1, 4, read_pad,
     "by known amounts before operator set 11 in up to four dimensions"},
    {"Resize",
     "mode coordinate_transformation_mode nearest_mode cubic_coeff_a "
     "exclude_outside extrapolation_value "
     "antialias axes keep_aspect_ratio_policy scales",
     1, 4, read_resize,
     "along one or two dimensions of space; without antialias and "
     "exclude_outside"},
    {"SpaceToDepth", "blocksize", 1, 1, read_space_to_depth},
    {"Upsample", "mode scales", 1, 2, read_upsample, "as Resize; until operator set 9"},
};

}  // namespace

Readers resize_readers() {
  return kReaders;
}

}  // namespace vitrail::onnx_files
