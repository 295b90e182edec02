#include "vitrail/onnx/export_ops.h"

#include <array>
#include <limits>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/onnx/enum_names.h"

namespace vitrail::onnx_files {
namespace {

// ONNX wants pads or auto_pad, never both.
void set_padding(onnx::NodeProto& node, AutoPad auto_pad, const Pads& pads) {
  if (auto_pad == AutoPad::explicit_pads)
    set_ints(node, "pads", pads);
  else
    set_text(node, "auto_pad", onnx_name(kAutoPads, auto_pad));
}

template <class Pool>
void set_pool_attributes(onnx::NodeProto& node, const Pool& pool) {
  set_ints(node, "kernel_shape", pool.kernel);
  set_ints(node, "strides", pool.strides);
  set_padding(node, pool.auto_pad, pool.pads);
  set_int(node, "ceil_mode", pool.ceil_mode ? 1 : 0);
}

}  // namespace

void NodeExporter::write(const Node& node) {
  std::visit([&](const auto& typed) { write(node, typed); }, node.op);
}

onnx::NodeProto& NodeExporter::emit(const Node& node, std::string_view type,
                                    std::vector<std::string> inputs) {
  std::string& output = names_[static_cast<size_t>(node.outputs.front().id)];
  if (output.empty()) output = writer_.unique_value_name(node.name);
  return writer_.node(type, std::move(inputs), node.name, output);
}

onnx::NodeProto& NodeExporter::emit(const Node& node, std::string_view type) {
  std::vector<std::string> inputs;
  for (const Value value : node.inputs)
    inputs.push_back(name(value));
  return emit(node, type, std::move(inputs));
}

Pair NodeExporter::kernel_of(const Node& node) const {
  const Shape& weight = graph_.shape(node.inputs[1]);
  return {weight[2], weight[3]};
}

void NodeExporter::write(const Node& node, const op::Conv& conv) {
  onnx::NodeProto& proto = emit(node, "Conv");
  set_ints(proto, "kernel_shape", kernel_of(node));
  set_ints(proto, "strides", conv.strides);
  set_ints(proto, "dilations", conv.dilations);
  set_int(proto, "group", conv.group);
  set_padding(proto, conv.auto_pad, conv.pads);
}

void NodeExporter::write(const Node& node, const op::ConvTranspose& conv) {
  onnx::NodeProto& proto = emit(node, "ConvTranspose");
  set_ints(proto, "kernel_shape", kernel_of(node));
  set_ints(proto, "strides", conv.strides);
  set_ints(proto, "dilations", conv.dilations);
  set_ints(proto, "pads", conv.pads);
  set_ints(proto, "output_padding", conv.output_padding);
  set_int(proto, "group", conv.group);
}

void NodeExporter::write(const Node& node, const op::BatchNormalization& norm) {
  onnx::NodeProto& proto = emit(node, "BatchNormalization");
  set_float(proto, "epsilon", norm.epsilon);
  set_float(proto, "momentum", norm.momentum);
}

void NodeExporter::write(const Node& node, const op::Clip& clip) {
  const auto bound = [&](double value, const char* what) {
    const auto limit = static_cast<float>(value);
    return std::abs(limit) == std::numeric_limits<float>::infinity()
               ? ""
               : writer_.scalar(cat(node.name, what), limit);
  };
  emit(node, "Clip", {name(node.inputs[0]), bound(clip.min, ".min"), bound(clip.max, ".max")});
}

void NodeExporter::write(const Node& node, const op::Concat& concat) {
  set_int(emit(node, "Concat"), "axis", concat.axis);
}

void NodeExporter::write(const Node& node, const op::MaxPool& pool) {
  onnx::NodeProto& proto = emit(node, "MaxPool");
  set_pool_attributes(proto, pool);
  if (pool.dilations != Pair{1, 1}) set_ints(proto, "dilations", pool.dilations);
}

// The second output of a pooling whose first nobody reads.
void NodeExporter::write(const Node& node, const op::MaxPoolIndices& pool) {
  onnx::NodeProto& proto = emit(node, "MaxPool");
  const std::string indices = proto.output(0);
  proto.set_output(0, writer_.unique_value_name(cat(node.name, ".values")));
  proto.add_output(indices);
  set_ints(proto, "kernel_shape", pool.kernel);
  set_ints(proto, "strides", pool.strides);
  set_ints(proto, "pads", pool.pads);
  set_int(proto, "ceil_mode", pool.ceil_mode ? 1 : 0);
}

void NodeExporter::write(const Node& node, const op::LRN& norm) {
  onnx::NodeProto& proto = emit(node, "LRN");
  set_int(proto, "size", norm.size);
  set_float(proto, "alpha", norm.alpha);
  set_float(proto, "beta", norm.beta);
  set_float(proto, "bias", norm.bias);
}

void NodeExporter::write(const Node& node, const op::DepthToSpace& shuffle) {
  onnx::NodeProto& proto = emit(node, "DepthToSpace");
  set_int(proto, "blocksize", shuffle.block);
  set_text(proto, "mode", shuffle.mode == op::DepthToSpace::Mode::dcr ? "DCR" : "CRD");
}

void NodeExporter::write(const Node& node, const op::SpaceToDepth& shuffle) {
  set_int(emit(node, "SpaceToDepth"), "blocksize", shuffle.block);
}

void NodeExporter::write(const Node& node, const op::RoiAlign& align) {
  onnx::NodeProto& proto = emit(node, "RoiAlign");
  set_text(proto, "mode", align.mode == op::RoiAlign::Mode::average ? "avg" : "max");
  set_int(proto, "output_height", align.height);
  set_int(proto, "output_width", align.width);
  set_int(proto, "sampling_ratio", align.sampling_ratio);
  set_float(proto, "spatial_scale", align.spatial_scale);
  set_text(proto, "coordinate_transformation_mode", align.aligned ? "half_pixel" : "output_half_pixel");
}

void NodeExporter::write(const Node& node, const op::GridSample& sample) {
  onnx::NodeProto& proto = emit(node, "GridSample");
  set_text(proto, "mode", onnx_name(kGridModes, sample.mode));
  set_text(proto, "padding_mode", onnx_name(kGridPaddings, sample.padding));
  set_int(proto, "align_corners", sample.align_corners ? 1 : 0);
}

void NodeExporter::write(const Node& node, const op::NonMaxSuppression& choice) {
  set_int(emit(node, "NonMaxSuppression"), "center_point_box", choice.center_point_box ? 1 : 0);
}

void NodeExporter::write(const Node& node, const op::AveragePool& pool) {
  onnx::NodeProto& proto = emit(node, "AveragePool");
  set_pool_attributes(proto, pool);
  set_int(proto, "count_include_pad", pool.count_include_pad ? 1 : 0);
}

// {scales, sizes} as Resize reads them, one of them empty.
std::array<std::string, 2> NodeExporter::resize_target(const Node& node, const op::Resize& resize) {
  const NamedValue x = named(node.inputs[0]);
  const auto input = [&](size_t i) { return i < node.inputs.size() ? node.inputs[i] : Value{}; };
  if (const Value reference = input(1); reference.exists())
    return {"", shape_nodes_.with_size_of(x, named(reference), node.name)};
  if (const Value target = input(2); target.exists()) {
    if (graph_.type(target) != DataType::f32)
      return {"", shape_nodes_.with_computed_size(x, name(target), node.name)};
    const std::array<float, 2> ones{1, 1};
    onnx::NodeProto& all =
        before(node, "Concat", {writer_.constant("resize.ones", ones), name(target)}, "scales");
    set_int(all, "axis", 0);
    return {all.output(0), ""};
  }
  if (resize.sizes) return {"", shape_nodes_.with_size(x, *resize.sizes, node.name)};
  const std::array<float, 4> factors{1, 1, static_cast<float>((*resize.scales)[0]),
                                     static_cast<float>((*resize.scales)[1])};
  return {writer_.constant(cat(node.name, ".scales"), factors), ""};
}

void NodeExporter::write(const Node& node, const op::Resize& resize) {
  const auto refuse = [&](const char* found, const char* instead) {
    throw Error(ErrorKind::unsupported, {.where = cat("ONNX export, node '", node.name, "' (Resize)"),
                                         .found = found,
                                         .allowed = cat("operator set 17 has no word for it", instead)});
  };
  if (resize.coordinates == op::CoordinateMode::half_pixel_symmetric)
    refuse("half_pixel_symmetric", "; half_pixel is near");
  if (resize.antialias) refuse("antialias", "");
  if (resize.scales && resize.sizes) refuse("both scales and sizes", "");
  const auto [scales, sizes] = resize_target(node, resize);
  std::string region;
  if (resize.roi) {
    const auto at = [&](size_t i) { return static_cast<float>((*resize.roi)[i]); };
    const std::array<float, 8> bounds{0, 0, at(0), at(1), 1, 1, at(2), at(3)};
    region = writer_.constant(cat(node.name, ".roi"), bounds);
  }
  onnx::NodeProto& proto = emit(node, "Resize", {name(node.inputs[0]), region, scales, sizes});
  set_text(proto, "mode", onnx_name(kResizeModes, resize.mode));
  set_text(proto, "coordinate_transformation_mode", onnx_name(kCoordinateModes, resize.coordinates));
  if (resize.mode == op::ResizeMode::nearest)
    set_text(proto, "nearest_mode", onnx_name(kNearestModes, resize.nearest));
  if (resize.mode == op::ResizeMode::cubic) set_float(proto, "cubic_coeff_a", resize.cubic_a);
  if (resize.exclude_outside) set_int(proto, "exclude_outside", 1);
}

void NodeExporter::write(const Node& node, const op::Crop& crop) {
  const std::array<int64_t, 2> corner{crop.top, crop.left}, axes{2, 3};
  const std::string start = writer_.constant(cat(node.name, ".start"), corner);
  const std::string end = shape_nodes_.window_end(named(node.inputs[1]), crop.top, crop.left, node.name);
  emit(node, "Slice", {name(node.inputs[0]), start, end, writer_.constant(cat(node.name, ".axes"), axes)});
}

void NodeExporter::write(const Node& node, const op::Pad& pad) {
  const std::array<int64_t, 8> pads{0, 0, pad.pads[0], pad.pads[1], 0, 0, pad.pads[2], pad.pads[3]};
  const std::string amounts = writer_.constant(cat(node.name, ".pads"), pads);
  const std::string value = pad.mode == op::PadMode::constant
                                ? writer_.scalar(cat(node.name, ".value"), static_cast<float>(pad.value))
                                : "";
  set_text(emit(node, "Pad", {name(node.inputs[0]), amounts, value}), "mode", onnx_name(kPadModes, pad.mode));
}

void NodeExporter::write(const Node& node, const op::Softmax& softmax) {
  set_int(emit(node, "Softmax"), "axis", softmax.axis);
}

void NodeExporter::write(const Node& node, const op::ArgMax& argmax) {
  onnx::NodeProto& proto = emit(node, "ArgMax");
  set_int(proto, "axis", argmax.axis);
  set_int(proto, "keepdims", argmax.keep_dims ? 1 : 0);
}

// A file is for inference, where dropout is the identity: its readers read its input.
void NodeExporter::write(const Node& node, const op::Dropout&) {
  set_name(node.outputs[0], name(node.inputs[0]));
}

}  // namespace vitrail::onnx_files
