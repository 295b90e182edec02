#include "vitrail/onnx/read_volumes.h"

#include <array>

#include "vitrail/base/text.h"
#include "vitrail/onnx/composing.h"
#include "vitrail/onnx/computed_convolution.h"
#include "vitrail/onnx/depth_windows.h"
#include "vitrail/onnx/shared_attributes.h"

namespace vitrail::onnx_files {
namespace {

using Triple = std::array<int64_t, 3>;  // {depth, vertical, horizontal}

constexpr int64_t kMostWindow = 1 << 20;

std::vector<int64_t> bounded(NodeImport& node, std::string_view name, size_t count, int64_t least) {
  const std::vector<int64_t> values = node.integers(name);
  if (values.size() != count) throw Unsupported{cat(values.size(), " ", name, " for three dimensions")};
  for (const int64_t value : values)
    if (value < least || value > kMostWindow)
      node.refuse(cat(name, " ", value), cat("they must lie in ", least, "..", kMostWindow));
  return values;
}

Triple triple(NodeImport& node, std::string_view name, int64_t otherwise, int64_t least) {
  if (node.attribute(name) == nullptr) return {otherwise, otherwise, otherwise};
  const std::vector<int64_t> values = bounded(node, name, 3, least);
  return {values[0], values[1], values[2]};
}

Pair in_slice(const Triple& sizes) {
  return {sizes[1], sizes[2]};
}

// What windows over three dimensions have in common.
struct Windows {
  Triple kernel, strides, dilations, before{0, 0, 0}, after{0, 0, 0};
  AutoPad auto_pad = AutoPad::explicit_pads;
  bool ceil_mode = false;

  DepthWindow along_depth() const {
    return {kernel[0], strides[0], dilations[0], before[0], after[0], auto_pad};
  }
  Pads pads() const { return {before[1], before[2], after[1], after[2]}; }
  /// Of one slice each.
  bool is_flat() const { return kernel[0] == 1 && strides[0] == 1 && before[0] + after[0] == 0; }
  /// Of one pixel each.
  bool is_line() const {
    return in_slice(kernel) == Pair{1, 1} && in_slice(strides) == Pair{1, 1} && pads() == Pads{0, 0, 0, 0};
  }
};

Windows windows_of(NodeImport& node, const Triple& kernel) {
  Windows windows{.kernel = kernel,
                  .strides = triple(node, "strides", 1, 1),
                  .dilations = triple(node, "dilations", 1, 1),
                  .auto_pad = node.choice(kAutoPads, "auto_pad", AutoPad::explicit_pads)};
  if (node.attribute("pads") == nullptr || windows.auto_pad != AutoPad::explicit_pads) return windows;
  const std::vector<int64_t> pads = bounded(node, "pads", 6, 0);
  windows.before = {pads[0], pads[1], pads[2]};
  windows.after = {pads[3], pads[4], pads[5]};
  return windows;
}

Windows pool_windows(NodeImport& node) {
  if (node.attribute("kernel_shape") == nullptr) node.refuse("no kernel_shape", "it is needed");
  Windows windows = windows_of(node, triple(node, "kernel_shape", 1, 1));
  windows.ceil_mode = node.flag("ceil_mode", false);
  return windows;
}

// The kernel is the weight's; kernel_shape may only repeat it.
Triple kernel_of(NodeImport& node, const Operand& weight) {
  const Shape shape = node.shape(weight);
  if (shape.size() != 5) throw Unsupported{cat("a volume and a weight of ", to_string(shape))};
  const Triple kernel{shape[2], shape[3], shape[4]};
  for (const int64_t size : shape)
    if (size < 1) throw Unsupported{"volumes and a weight of open size"};
  const Triple named =
      node.attribute("kernel_shape") == nullptr ? kernel : triple(node, "kernel_shape", 1, 1);
  if (named != kernel)
    node.refuse(cat("kernel_shape ", join(named, "x"), " and a weight of ", to_string(shape)),
                "they must agree");
  return kernel;
}

// A part of a weight keeps its name.
Operand named_after(const Operand& weight, Operand part, const std::string& suffix = "") {
  const auto* whole = std::get_if<FileConstant>(&weight);
  if (auto* constant = std::get_if<FileConstant>(&part); constant != nullptr && whole != nullptr)
    constant->name = cat(whole->name, suffix);
  return part;
}

// These taps along depth of a weight [.., .., D, H, W] as further entries of `axis`, tap by tap.
Operand taps_beside(NodeImport& node, const Operand& weight, const std::vector<int64_t>& taps, int64_t axis) {
  const Composing c{node};
  const Shape shape = node.shape(weight);
  Operand chosen = weight;
  if (static_cast<int64_t>(taps.size()) != shape[2])
    chosen = node.add(op::Gather{.axis = 2}, {weight, node.numbers(taps)});
  if (taps.size() == 1) return node.add(op::Squeeze{.axes = {2}}, {chosen});
  const std::vector<int64_t> order =
      axis == 0 ? std::vector<int64_t>{2, 0, 1, 3, 4} : std::vector<int64_t>{0, 2, 1, 3, 4};
  const Operand turned = node.add(op::Transpose{.permutation = order}, {chosen});
  const auto count = static_cast<int64_t>(taps.size());
  Shape sizes{shape[0], shape[1], shape[3], shape[4]};
  sizes[static_cast<size_t>(axis)] *= count;
  return c.reshape(turned, sizes);
}

// Convolutions of slices, each with its taps of the weight, summed up.
struct SliceConvolution {
  Op op;
  int64_t group;
  int64_t input_axis;  ///< of the weight
  Operand weight;
  std::optional<Operand> bias;

  Operand one(NodeImport& node, std::vector<Operand> inputs, bool biased, const std::string& name) const {
    if (biased && bias) inputs.push_back(*bias);
    const auto* conv = std::get_if<op::Conv>(&op);
    if (conv != nullptr && depends_on_inputs(node.graph(), inputs[1]))
      return convolved_by_computed(node, *conv, inputs);
    return node.add_named(op, std::move(inputs), name);
  }

  // `suffix` tells parts of the weight from each other.
  Operand of(NodeImport& node, const std::vector<Operand>& maps, const std::vector<int64_t>& taps,
             const std::string& suffix) const {
    if (group == 1 || maps.size() == 1) {
      const Operand stacked = maps.size() == 1 ? maps[0] : node.add(op::Concat{.axis = 1}, maps);
      const Operand part = named_after(weight, taps_beside(node, weight, taps, input_axis), suffix);
      return one(node, {stacked, part}, true, cat(node.name(), suffix));
    }
    std::optional<Operand> sum;
    for (size_t i = 0; i < maps.size(); ++i) {
      const std::string tap = cat(suffix, ".", taps[i]);
      const Operand part = named_after(weight, taps_beside(node, weight, {taps[i]}, input_axis), tap);
      const Operand term = one(node, {maps[i], part}, i == 0, cat(node.name(), tap));
      sum = sum ? node.add(op::Add{}, {*sum, term}) : term;
    }
    return *sum;
  }
};

SliceConvolution convolution_of(NodeImport& node, Op op, int64_t input_axis) {
  SliceConvolution made{.op = std::move(op),
                        .group = node.integer("group", 1, 1, kMostGroups),
                        .input_axis = input_axis,
                        .weight = node.weight(1),
                        .bias = std::nullopt};
  if (node.has(2)) made.bias = node.weight(2);
  return made;
}

std::vector<int64_t> all_taps(int64_t count) {
  std::vector<int64_t> taps;
  for (int64_t k = 0; k < count; ++k)
    taps.push_back(k);
  return taps;
}

// Takes off in all, along one dimension, what the file's size wants: SAME or, above 0, output_shape.
struct CutOff {
  int64_t before, after, output_padding;
};
CutOff cut_off(int64_t total, int64_t output_padding, AutoPad auto_pad) {
  const int64_t cut = std::max<int64_t>(total, 0);
  const int64_t before = auto_pad == AutoPad::same_upper ? cut / 2 : cut - cut / 2;
  return {before, cut - before, output_padding + cut - total};
}

void settle_padding(NodeImport& node, Windows& windows, Triple& output_padding) {
  const bool same = windows.auto_pad == AutoPad::same_upper || windows.auto_pad == AutoPad::same_lower;
  std::vector<int64_t> wanted;
  if (node.attribute("output_shape") != nullptr) {
    wanted = node.integers("output_shape");
    if (wanted.size() == 5) wanted.erase(wanted.begin(), wanted.begin() + 2);  // it may hold N and C
    if (wanted.size() != 3) throw Unsupported{cat("an output_shape of ", wanted.size(), " sizes")};
  } else if (!same) {
    return;
  }
  const Shape x = node.shape(node.operand(0));
  for (size_t d = 0; d < 3; ++d) {
    int64_t total = (windows.kernel[d] - 1) * windows.dilations[d] + 1 + output_padding[d];
    if (wanted.empty()) {
      total -= windows.strides[d];
    } else {
      if (wanted[d] < 1 || wanted[d] > int64_t{1} << 31)
        node.refuse(cat("output_shape ", wanted[d]), "sizes above 0");
      if (x[2 + d] < 0) throw Unsupported{"an output_shape for an input of open size"};
      total += (x[2 + d] - 1) * windows.strides[d] - wanted[d];
    }
    const CutOff cut = cut_off(total, output_padding[d], windows.auto_pad);
    windows.before[d] = cut.before;
    windows.after[d] = cut.after;
    output_padding[d] = cut.output_padding;
  }
}

// A pool over the windows of each slice, then over those along depth: the largest of all, or the mean of
// means of as many.
template <class Pool>
Operand pooled(NodeImport& node, const Windows& windows, const Operand& volume, Pool pool) {
  const auto over = [&](const Pair& kernel, const Pair& strides, const Pads& pads, const Pair& dilations) {
    Pool made = pool;
    made.kernel = kernel;
    made.strides = strides;
    made.pads = pads;
    if constexpr (requires { made.dilations; }) made.dilations = dilations;
    return made;
  };
  pool.ceil_mode = windows.ceil_mode;
  pool.auto_pad = windows.auto_pad;
  Slices x = slices_of(node, volume);
  if (!windows.is_line() || windows.is_flat())
    x.maps = node.add_named(over(in_slice(windows.kernel), in_slice(windows.strides), windows.pads(),
                                 in_slice(windows.dilations)),
                            {x.maps}, node.name());
  if (windows.is_flat()) return volume_of(node, x);
  const Pads pads{windows.before[0], 0, windows.after[0], 0};
  const Pool along = over({windows.kernel[0], 1}, {windows.strides[0], 1}, pads, {windows.dilations[0], 1});
  const Operand lines = node.add_named(along, {lines_of(node, x)}, cat(node.name(), ".depth"));
  return volume_of(node, slices_of_lines(node, lines, x));
}

// By two scales, or to the two sizes that those along which something changes are set to.
Operand resized(NodeImport& node, op::Resize resize, const Operand& maps, const std::array<double, 2>& scales,
                const std::array<std::optional<Operand>, 2>& sizes) {
  if (!sizes[0] && !sizes[1]) {
    if (scales == std::array<double, 2>{1, 1}) return maps;
    resize.scales = scales;
    return node.add(resize, {maps});
  }
  const Composing c{node};
  const auto size = [&](size_t d) {
    return sizes[d] ? *sizes[d] : size_along(node, maps, static_cast<int64_t>(2 + d));
  };
  Operand target = c.joined({size(0), size(1)});
  if (auto* constant = std::get_if<FileConstant>(&target)) constant->is_number = true;
  return node.add(resize, {maps, Value{}, target});
}

}  // namespace

Operand resized_volume(NodeImport& node, const op::Resize& resize, const Operand& x,
                       const std::vector<double>& scales, const std::vector<std::optional<Operand>>& sizes) {
  Slices slices = slices_of(node, x);
  slices.maps = resized(node, resize, slices.maps, {scales[3], scales[4]}, {sizes[3], sizes[4]});
  if (scales[2] == 1 && !sizes[2]) return volume_of(node, slices);
  const Operand lines =
      resized(node, resize, lines_of(node, slices), {scales[2], 1}, {sizes[2], std::nullopt});
  return volume_of(node, slices_of_lines(node, lines, slices));
}

Operand padded_volume(NodeImport& node, op::Pad pad, const Operand& x, const std::vector<int64_t>& amounts) {
  Slices slices = slices_of(node, x);
  pad.pads = {amounts[3], amounts[4], amounts[8], amounts[9]};
  if (pad.pads != Pads{0, 0, 0, 0}) slices.maps = node.add(pad, {slices.maps});
  pad.pads = {amounts[2], 0, amounts[7], 0};
  if (pad.pads == Pads{0, 0, 0, 0}) return volume_of(node, slices);
  return volume_of(node, slices_of_lines(node, node.add(pad, {lines_of(node, slices)}), slices));
}

void read_volume_conv(NodeImport& node) {
  const Windows windows = windows_of(node, kernel_of(node, node.weight(1)));
  const op::Conv conv{.strides = in_slice(windows.strides),
                      .pads = windows.pads(),
                      .dilations = in_slice(windows.dilations),
                      .group = node.integer("group", 1, 1, kMostGroups),
                      .auto_pad = windows.auto_pad};
  const SliceConvolution by_slices = convolution_of(node, conv, 1);
  const Slices x = slices_of(node, node.operand(0));
  const DepthTaps seen = seen_along_depth(node, x, windows.along_depth());
  const Operand made = by_slices.of(node, seen.maps, all_taps(windows.kernel[0]), "");
  node.define(volume_of(node, {made, x.samples, seen.depth}));
}

void read_volume_conv_transpose(NodeImport& node) {
  Windows windows = windows_of(node, kernel_of(node, node.weight(1)));
  Triple output_padding = triple(node, "output_padding", 0, 0);
  settle_padding(node, windows, output_padding);
  const op::ConvTranspose conv{.strides = in_slice(windows.strides),
                               .pads = windows.pads(),
                               .dilations = in_slice(windows.dilations),
                               .output_padding = in_slice(output_padding),
                               .group = node.integer("group", 1, 1, kMostGroups)};
  const SliceConvolution by_slices = convolution_of(node, conv, 0);
  const Slices x = slices_of(node, node.operand(0));
  const DepthPhases reached =
      reached_along_depth(node, x,
                          {windows.kernel[0], windows.strides[0], windows.dilations[0], windows.before[0],
                           windows.after[0], output_padding[0]});
  std::vector<Operand> parts;
  for (const DepthPhase& phase : reached.phases)
    parts.push_back(by_slices.of(node, phase.maps, phase.taps,
                                 reached.phases.size() == 1 ? "" : cat(".phase_", parts.size())));
  Operand made = parts.size() == 1 ? parts[0] : node.add(op::Concat{.axis = 0}, parts);
  if (reached.order) made = node.add(op::Gather{.axis = 0}, {made, *reached.order});
  node.define(volume_of(node, {made, x.samples, reached.depth}));
}

void read_volume_max_pool(NodeImport& node) {
  if (node.wants(1)) throw Unsupported{"the indices of a pooling of volumes"};
  const Windows windows = pool_windows(node);
  const Composing c{node};
  const Operand x = node.operand(0);
  const DataType type = node.type(x);  // quantised maps are pooled as floats
  node.define(c.cast(pooled(node, windows, c.cast(x, DataType::f32), op::MaxPool{}), type));
}

void read_volume_average_pool(NodeImport& node) {
  const Windows windows = pool_windows(node);
  if (windows.dilations != Triple{1, 1, 1}) throw Unsupported{"dilated averages"};
  const op::AveragePool pool{.count_include_pad = node.flag("count_include_pad", false)};
  node.define(pooled(node, windows, node.operand(0), pool));
}

}  // namespace vitrail::onnx_files
