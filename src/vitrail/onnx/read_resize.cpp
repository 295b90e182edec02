// Operators over space: resizing, and between depth and space.

#include <algorithm>
#include <array>
#include <cmath>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/onnx/composing.h"
#include "vitrail/onnx/read_volumes.h"

namespace vitrail::onnx_files {
namespace {

constexpr int64_t kMostSize = int64_t{1} << 31;
constexpr double kMostScale = 1 << 16;

// How a tensor is seen as [N, C, H, W] while it is resized.
enum class View { nchw, nhwc, line };

const std::vector<int64_t> kToChannelsFirst{0, 3, 1, 2}, kToChannelsLast{0, 2, 3, 1};

std::vector<double> floats_of(const Tensor& tensor) {
  if (tensor.elements() > 8) throw Unsupported{cat("scales of ", to_string(tensor.shape()))};
  const Tensor floats = tensor.to_f32();
  return {floats.data<float>().begin(), floats.data<float>().end()};
}

Operand viewed(NodeImport& node, View view, const Operand& x) {
  if (view == View::nhwc) return node.add(op::Transpose{.permutation = kToChannelsFirst}, {x});
  if (view == View::line) return node.add(op::Unsqueeze{.axes = {2}}, {x});
  return x;
}

// The dimensions of x that `count` sizes or scales are for: those that `axes` names, or all.
std::vector<size_t> named_axes(NodeImport& node, size_t count) {
  const int64_t rank = node.rank(node.operand(0));
  std::vector<int64_t> given = node.integers("axes");
  for (int64_t axis = 0; axis < rank && node.attribute("axes") == nullptr; ++axis)
    given.push_back(axis);
  if (given.size() != count)
    node.refuse(cat(count, " sizes, scales or bounds"), cat("one for each of ", given.size(), " dimensions"));
  std::vector<size_t> axes;
  for (const int64_t axis : given) {
    if (axis < -rank || axis >= rank) node.refuse(cat("axis ", axis), cat("of ", rank, " dimensions"));
    axes.push_back(static_cast<size_t>(axis < 0 ? axis + rank : axis));
  }
  return axes;
}

// {top, left, bottom, right} of an input that names the beginnings of the dimensions, then their ends;
// `first` is the dimension of H.
std::array<double, 4> region_of(NodeImport& node, size_t first) {
  const std::vector<double> region = node.has(1) ? floats_of(node.constant(1)) : std::vector<double>{};
  const size_t count = region.size() / 2;
  const std::vector<size_t> axes = named_axes(node, count);
  if (region.size() % 2 != 0) throw Unsupported{cat("a region of ", region.size(), " numbers")};
  std::array<double, 4> bounds{0, 0, 1, 1};
  for (size_t i = 0; i < count; ++i)
    if (axes[i] == first || axes[i] == first + 1) {
      bounds[axes[i] - first] = region[i];
      bounds[axes[i] - first + 2] = region[i + count];
    }
  return bounds;
}

// What a crop finds outside of the map is the zero of a map that is shifted by it.
Operand resampled(NodeImport& node, const op::Resize& resize, std::vector<Operand> inputs) {
  const double beyond = resize.roi ? node.real("extrapolation_value", 0) : 0;
  if (beyond == 0) return node.add(resize, std::move(inputs));
  inputs[0] = node.add(op::Add{}, {inputs[0], node.scalar(-beyond)});
  return node.add(op::Add{}, {node.add(resize, std::move(inputs)), node.scalar(beyond)});
}

// Maps of integers (labels, quantised maps) are resized as floats.
void emit_resized(NodeImport& node, const op::Resize& resize, std::vector<Operand> inputs) {
  const DataType type = node.type(inputs[0]);
  if (type == DataType::f32 && !resize.roi) return node.emit(resize, std::move(inputs));
  if (type == DataType::f32) return node.emit(op::Identity{}, {resampled(node, resize, std::move(inputs))});
  if (resize.mode != op::ResizeMode::nearest) throw Unsupported{cat("a smooth resize of ", name_of(type))};
  inputs[0] = node.add(op::Cast{.to = DataType::f32}, {inputs[0]});
  node.emit(op::Cast{.to = type}, {resampled(node, resize, std::move(inputs))});
}

void emit_viewed(NodeImport& node, View view, op::Resize resize, std::vector<Operand> inputs) {
  if (view == View::nchw) return emit_resized(node, resize, std::move(inputs));
  if (resize.roi && view == View::line) throw Unsupported{"tf_crop_and_resize of one dimension of space"};
  if (resize.roi) resize.roi = region_of(node, 1);
  const Operand made = resampled(node, resize, std::move(inputs));
  if (view == View::nhwc) return node.emit(op::Transpose{.permutation = kToChannelsLast}, {made});
  node.emit(op::Squeeze{.axes = {2}}, {made});
}

double checked_scale(const NodeImport& node, double scale) {
  if (!(scale > 0) || scale > kMostScale)
    node.refuse(cat("scale ", scale), cat("above 0, up to ", kMostScale));
  return scale;
}

// A Resize along one axis of a tensor of any rank: what lies before and behind it is one dimension each. By
// `scale`, or to `size`, i64 [1].
Operand resized_along(NodeImport& node, op::Resize resize, const Operand& x, int64_t axis, double scale,
                      const std::optional<Operand>& size = std::nullopt) {
  const Composing c{node};
  const int64_t rank = node.rank(x);
  const Operand behind = c.extent(x, axis + 1, rank);
  const Operand plane =
      c.reshape(x, c.joined({node.numbers({1}), c.extent(x, 0, axis), c.sizes(x, axis, axis + 1), behind}));
  std::vector<Operand> inputs{plane};
  if (size)
    inputs.insert(inputs.end(), {Value{}, c.joined({*size, behind})});
  else
    resize.scales = {{scale, 1}};
  const Operand made = node.add(resize, std::move(inputs));
  return c.reshape(made, c.joined({c.sizes(x, 0, axis), c.sizes(made, 2, 3), c.sizes(x, axis + 1, rank)}));
}

// Axis by axis, for what does not look like images.
void emit_along_each(NodeImport& node, const op::Resize& resize, const std::vector<double>& scales,
                     const std::vector<std::optional<Operand>>& sizes) {
  if (resize.coordinates == op::CoordinateMode::tf_crop_and_resize)
    throw Unsupported{cat("tf_crop_and_resize along ", scales.size(), " dimensions")};
  Operand x = node.operand(0);
  if (node.type(x) != DataType::f32)
    throw Unsupported{cat("a resize of ", scales.size(), " dimensions of ", name_of(node.type(x)))};
  const auto changes = [&](size_t axis) { return scales[axis] != 1 || sizes[axis]; };
  if (is_volume(node, x) && !changes(0) && !changes(1))
    return node.define(resized_volume(node, resize, x, scales, sizes));
  for (size_t axis = 0; axis < scales.size(); ++axis)
    if (changes(axis))
      x = resized_along(node, resize, x, static_cast<int64_t>(axis), scales[axis], sizes[axis]);
  node.emit(op::Identity{}, {x});
}

// Emits a Resize by constant factors over all dimensions of x (or those that `axes` names).
void emit_scaled(NodeImport& node, op::Resize resize, const std::vector<double>& given) {
  const Operand x = node.operand(0);
  const int64_t rank = node.rank(x);
  const std::vector<size_t> axes = named_axes(node, given.size());
  std::vector<double> scales(static_cast<size_t>(rank), 1);
  for (size_t i = 0; i < axes.size(); ++i)
    scales[axes[i]] = checked_scale(node, given[i]);
  const bool last_axis_stays = rank == 4 && scales[3] == 1 && scales[1] != 1;
  const View view = rank == 3 ? View::line : last_axis_stays ? View::nhwc : View::nchw;
  const size_t first = view == View::nhwc ? 1 : 2;
  if ((rank != 3 && rank != 4) || scales[0] != 1 || scales[view == View::nhwc ? 3 : 1] != 1)
    return emit_along_each(node, resize, scales, std::vector<std::optional<Operand>>(scales.size()));
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
  if (resize.scales && view == View::line) (*resize.scales)[0] = 1;
  emit_viewed(node, view, resize, {viewed(node, view, x)});
  return true;
}

// The sizes by dimension of x; those that the list leaves out stay.
std::vector<SizeTerm> sizes_by_axis(const SizeList& list, const std::vector<size_t>& axes, const Shape& shape,
                                    Value x) {
  std::vector<SizeTerm> all;
  for (size_t axis = 0; axis < shape.size(); ++axis)
    all.push_back({.of = x, .axis = axis});
  for (size_t i = 0; i < axes.size(); ++i)
    all[axes[i]] = list.terms[i];
  return all;
}

// How sizes are understood: all of them as they are, or as bounds of one scale for all axes.
enum class Policy { stretch, not_larger, not_smaller };
constexpr EnumNames<Policy, 3> kPolicies{
    {{Policy::stretch, "stretch"}, {Policy::not_larger, "not_larger"}, {Policy::not_smaller, "not_smaller"}}};

// The one scale that keeps the proportions, and the sizes that it makes in place of `sizes`.
double keep_proportions(NodeImport& node, Policy policy, const std::vector<size_t>& axes, const Shape& shape,
                        std::vector<SizeTerm>& sizes) {
  std::optional<double> scale;
  for (const size_t at : axes) {
    const std::optional<int64_t> size = node.known(sizes[at]);
    if (shape[at] < 1 || !size) throw Unsupported{"proportions that are kept of sizes that are not known"};
    const double wanted = checked_scale(node, static_cast<double>(*size) / static_cast<double>(shape[at]));
    if (!scale || (policy == Policy::not_larger ? wanted < *scale : wanted > *scale)) scale = wanted;
  }
  for (const size_t at : axes)
    sizes[at] = {.number = static_cast<int64_t>(std::floor(*scale * static_cast<double>(shape[at]) + 0.5))};
  return scale.value_or(1);
}

void emit_sized_along_each(NodeImport& node, const op::Resize& resize, Value x,
                           const std::vector<SizeTerm>& sizes) {
  if (resize.scales) throw Unsupported{cat("proportions that are kept of ", sizes.size(), " dimensions")};
  std::vector<std::optional<Operand>> targets(sizes.size());
  for (size_t axis = 0; axis < sizes.size(); ++axis)
    if (!keeps(node, x, sizes[axis], axis)) targets[axis] = node.sizes_operand({.terms = {sizes[axis]}});
  emit_along_each(node, resize, std::vector<double>(sizes.size(), 1), targets);
}

bool resize_by_list(NodeImport& node, op::Resize resize) {
  const std::optional<SizeList> list = node.size_list(3);
  const Policy policy = node.choice(kPolicies, "keep_aspect_ratio_policy", Policy::stretch);
  if (!list) {
    if (policy != Policy::stretch) throw Unsupported{"proportions that are kept of computed sizes"};
    return false;
  }
  const Operand operand = node.operand(0);
  const Value x = node.value_of(operand);
  const Shape& shape = node.graph().shape(x);
  const std::vector<size_t> axes = named_axes(node, list->terms.size());
  std::vector<SizeTerm> sizes = sizes_by_axis(*list, axes, shape, x);
  if (policy != Policy::stretch) {
    const double scale = keep_proportions(node, policy, axes, shape, sizes);
    resize.scales = {{scale, scale}};
  }
  if (sizes.size() == 3 && keeps(node, x, sizes[0], 0) && keeps(node, x, sizes[1], 1) && node.known(sizes[2]))
    return emit_sized(node, resize, x, SizeTerm{.number = 1}, sizes[2], View::line);
  if (sizes.size() != 4) {
    emit_sized_along_each(node, resize, x, sizes);
    return true;
  }
  const bool nchw = keeps(node, x, sizes[0], 0) && keeps(node, x, sizes[1], 1);
  const bool nhwc = keeps(node, x, sizes[0], 0) && keeps(node, x, sizes[3], 3);
  if (!nchw && nhwc) return emit_sized(node, resize, x, sizes[1], sizes[2], View::nhwc);
  if (nchw) return emit_sized(node, resize, x, sizes[2], sizes[3], View::nchw);
  const bool all_known = std::all_of(sizes.begin(), sizes.end(),
                                     [&](const SizeTerm& size) { return node.known(size).has_value(); });
  if (all_known) emit_sized_along_each(node, resize, x, sizes);
  return all_known;
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

void read_resize(NodeImport& node) {
  if (node.opset() < 11) return read_old_resize(node);
  op::Resize resize{
      .mode = node.choice(kResizeModes, "mode", op::ResizeMode::nearest),
      .coordinates =
          node.choice(kCoordinateModes, "coordinate_transformation_mode", op::CoordinateMode::half_pixel),
      .nearest = node.choice(kNearestModes, "nearest_mode", op::NearestMode::round_prefer_floor),
      .cubic_a = node.real("cubic_coeff_a", -0.75)};
  resize.antialias = node.flag("antialias", false);
  if (resize.antialias && resize.mode == op::ResizeMode::nearest) throw Unsupported{"antialias of nearest"};
  // Otherwise what lies outside has no weight anyhow.
  if (resize.antialias || resize.mode == op::ResizeMode::cubic)
    resize.exclude_outside = node.flag("exclude_outside", false);
  if (resize.coordinates == op::CoordinateMode::tf_crop_and_resize) resize.roi = region_of(node, 2);
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
    {"Resize",
     "mode coordinate_transformation_mode nearest_mode cubic_coeff_a "
     "exclude_outside extrapolation_value "
     "antialias axes keep_aspect_ratio_policy scales",
     1, 4, read_resize, "of integers nearest only; the region of a crop must be known"},
    {"SpaceToDepth", "blocksize", 1, 1, read_space_to_depth},
    {"Upsample", "mode scales", 1, 2, read_upsample, "as Resize; until operator set 9"},
};

}  // namespace

Readers resize_readers() {
  return kReaders;
}

}  // namespace vitrail::onnx_files
