#include "vitrail/onnx/export_ops.h"

#include <array>
#include <limits>

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
  set_pool_attributes(emit(node, "MaxPool"), pool);
}

void NodeExporter::write(const Node& node, const op::AveragePool& pool) {
  onnx::NodeProto& proto = emit(node, "AveragePool");
  set_pool_attributes(proto, pool);
  set_int(proto, "count_include_pad", pool.count_include_pad ? 1 : 0);
}

void NodeExporter::write(const Node& node, const op::Resize& resize) {
  const NamedValue x = named(node.inputs[0]);
  std::string scales, sizes;
  if (node.inputs.size() > 1 && node.inputs[1].exists()) {
    sizes = shape_nodes_.with_size_of(x, named(node.inputs[1]), node.name);
  } else if (resize.sizes) {
    sizes = shape_nodes_.with_size(x, *resize.sizes, node.name);
  } else {
    const std::array<float, 4> factors{1, 1, static_cast<float>((*resize.scales)[0]),
                                       static_cast<float>((*resize.scales)[1])};
    scales = writer_.constant(cat(node.name, ".scales"), factors);
  }
  onnx::NodeProto& proto = emit(node, "Resize", {x.name, "", scales, sizes});
  set_text(proto, "mode", onnx_name(kResizeModes, resize.mode));
  set_text(proto, "coordinate_transformation_mode", onnx_name(kCoordinateModes, resize.coordinates));
  if (resize.mode == op::ResizeMode::nearest)
    set_text(proto, "nearest_mode", onnx_name(kNearestModes, resize.nearest));
  if (resize.mode == op::ResizeMode::cubic) set_float(proto, "cubic_coeff_a", resize.cubic_a);
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
