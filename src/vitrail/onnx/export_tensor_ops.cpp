// Operators over tensors of any rank, as ONNX nodes of operator set 17.

#include <array>
#include <cmath>

#include "vitrail/base/text.h"
#include "vitrail/onnx/enum_names.h"
#include "vitrail/onnx/export_ops.h"
#include "vitrail/onnx/own_functions.h"

namespace vitrail::onnx_files {

using UnaryFunction = op::Unary::Function;
using BinaryFunction = op::Binary::Function;

onnx::NodeProto& NodeExporter::before(const Node& node, std::string_view type,
                                      std::vector<std::string> inputs, std::string_view what) {
  return writer_.node(type, std::move(inputs), cat(node.name, ".", what));
}

std::string NodeExporter::number(const Node& node, double value, std::string_view what) {
  return writer_.scalar(cat(node.name, ".", what), static_cast<float>(value));
}

// Numbers that nodes read are initialisers.
void NodeExporter::write(const Node& node, const op::Constant& constant) {
  const std::string name = writer_.unique_value_name(node.name);
  writer_.initializer(name, constant.value).set_doc_string("constant");
  set_name(node.outputs[0], name);
}

void NodeExporter::write(const Node& node, const op::Unary& unary) {
  const std::string x = name(node.inputs[0]);
  switch (unary.function) {
    case UnaryFunction::swish:
      emit(node, "Mul", {x, before(node, "Sigmoid", {x}, "sigmoid").output(0)});
      return;
    case UnaryFunction::mish: {
      const std::string softplus = before(node, "Softplus", {x}, "softplus").output(0);
      emit(node, "Mul", {x, before(node, "Tanh", {softplus}, "tanh").output(0)});
      return;
    }
    case UnaryFunction::gelu:
    case UnaryFunction::gelu_tanh: return write_gelu(node, unary.function == UnaryFunction::gelu_tanh);
    default: break;
  }
  onnx::NodeProto& proto = emit(node, type_name(node.op));
  switch (unary.function) {
    case UnaryFunction::leaky_relu:
    case UnaryFunction::elu:
    case UnaryFunction::celu:
    case UnaryFunction::thresholded_relu: set_float(proto, "alpha", unary.alpha); break;
    case UnaryFunction::selu:
      set_float(proto, "alpha", unary.alpha);
      set_float(proto, "gamma", unary.beta);
      break;
    case UnaryFunction::hard_sigmoid:
      set_float(proto, "alpha", unary.alpha);
      set_float(proto, "beta", unary.beta);
      break;
    default: break;
  }
}

// x (1 + t) / 2 with t = erf(x / sqrt(2)), or its approximation tanh(sqrt(2 / pi) (x + 0.044715 x^3)).
void NodeExporter::write_gelu(const Node& node, bool approximate) {
  const std::string x = name(node.inputs[0]);
  std::string t;
  if (approximate) {
    const std::string square = before(node, "Mul", {x, x}, "square").output(0);
    const std::string cubic =
        before(node, "Mul", {square, number(node, 0.044715, "cubic_factor")}, "cubic").output(0);
    const std::string inner = before(node, "Add", {cubic, number(node, 1, "one")}, "inner").output(0);
    const std::string curved = before(node, "Mul", {x, inner}, "curved").output(0);
    const std::string scaled =
        before(node, "Mul", {curved, number(node, std::sqrt(2 / M_PI), "factor")}, "scaled").output(0);
    t = before(node, "Tanh", {scaled}, "tanh").output(0);
  } else {
    const std::string scaled =
        before(node, "Mul", {x, number(node, M_SQRT1_2, "factor")}, "scaled").output(0);
    t = before(node, "Erf", {scaled}, "erf").output(0);
  }
  const std::string shifted = before(node, "Add", {t, number(node, 1, "one")}, "shifted").output(0);
  const std::string half = before(node, "Mul", {x, number(node, 0.5, "half")}, "halved").output(0);
  emit(node, "Mul", {half, shifted});
}

void NodeExporter::write(const Node& node, const op::Binary& binary) {
  const bool of_floats = graph_.type(node.inputs[0]) == DataType::f32;
  if (binary.function == BinaryFunction::modulo && of_floats) {  // Mod of floats is C's fmod only
    const std::string a = name(node.inputs[0]), b = name(node.inputs[1]);
    const std::string quotient = before(node, "Div", {a, b}, "quotient").output(0);
    const std::string whole = before(node, "Floor", {quotient}, "whole").output(0);
    emit(node, "Sub", {a, before(node, "Mul", {whole, b}, "multiple").output(0)});
    return;
  }
  onnx::NodeProto& proto = emit(node, type_name(node.op));
  if (binary.function == BinaryFunction::remainder) set_int(proto, "fmod", 1);
}

void NodeExporter::write(const Node& node, const op::Cast& cast) {
  set_int(emit(node, "Cast"), "to", onnx_type(cast.to));
}

void NodeExporter::write(const Node& node, const op::ShapeOf& shape) {
  onnx::NodeProto& proto = emit(node, "Shape");
  if (shape.start != 0) set_int(proto, "start", shape.start);
  if (shape.end) set_int(proto, "end", *shape.end);
}

void NodeExporter::write(const Node& node, const op::Reshape& reshape) {
  onnx::NodeProto& proto = emit(node, "Reshape");
  if (reshape.allow_zero) set_int(proto, "allowzero", 1);
}

void NodeExporter::write(const Node& node, const op::Flatten& flatten) {
  set_int(emit(node, "Flatten"), "axis", flatten.axis);
}

void NodeExporter::write(const Node& node, const op::Squeeze& squeeze) {
  std::vector<std::string> inputs{name(node.inputs[0])};
  if (!squeeze.axes.empty()) inputs.push_back(writer_.constant(cat(node.name, ".axes"), squeeze.axes));
  emit(node, "Squeeze", std::move(inputs));
}

void NodeExporter::write(const Node& node, const op::Unsqueeze& unsqueeze) {
  emit(node, "Unsqueeze", {name(node.inputs[0]), writer_.constant(cat(node.name, ".axes"), unsqueeze.axes)});
}

void NodeExporter::write(const Node& node, const op::Transpose& transpose) {
  onnx::NodeProto& proto = emit(node, "Transpose");
  if (!transpose.permutation.empty()) set_ints(proto, "perm", transpose.permutation);
}

void NodeExporter::write(const Node& node, const op::Gather& gather) {
  set_int(emit(node, "Gather"), "axis", gather.axis);
}

void NodeExporter::write(const Node& node, const op::GatherElements& gather) {
  set_int(emit(node, "GatherElements"), "axis", gather.axis);
}

void NodeExporter::write(const Node& node, const op::ConstantOfShape& fill) {
  set_tensor(emit(node, "ConstantOfShape"), "value", fill.value.reshaped({1}));
}

// Until operator set 18 only ReduceSum takes its axes as an input.
void NodeExporter::write(const Node& node, const op::Reduce& reduce) {
  const bool as_input = reduce.function == op::Reduce::Function::sum && !reduce.axes.empty();
  std::vector<std::string> inputs{name(node.inputs[0])};
  if (as_input) inputs.push_back(writer_.constant(cat(node.name, ".axes"), reduce.axes));
  onnx::NodeProto& proto = emit(node, type_name(node.op), std::move(inputs));
  if (!as_input && !reduce.axes.empty()) set_ints(proto, "axes", reduce.axes);
  set_int(proto, "keepdims", reduce.keep_dims ? 1 : 0);
}

void NodeExporter::write(const Node& node, const op::CumSum& sum) {
  onnx::NodeProto& proto =
      emit(node, "CumSum", {name(node.inputs[0]), writer_.scalar(cat(node.name, ".axis"), sum.axis)});
  set_int(proto, "exclusive", sum.exclusive ? 1 : 0);
  set_int(proto, "reverse", sum.reverse ? 1 : 0);
}

void NodeExporter::write(const Node& node, const op::LogSoftmax& softmax) {
  set_int(emit(node, "LogSoftmax"), "axis", softmax.axis);
}

// One of two outputs; the other is there because ONNX wants both.
void NodeExporter::write(const Node& node, const op::TopK& top) {
  std::string k = name(node.inputs[1]);
  if (graph_.shape(node.inputs[1]).empty()) {
    const std::array<int64_t, 1> list{1};
    k = before(node, "Reshape", {k, writer_.constant(cat(node.name, ".list"), list)}, "k").output(0);
  }
  onnx::NodeProto& proto = emit(node, "TopK", {name(node.inputs[0]), k});
  const std::string other = writer_.unique_value_name(cat(node.name, ".other"));
  if (top.part == op::TopK::Part::values) {
    proto.add_output(other);
  } else {
    proto.add_output(proto.output(0));
    proto.set_output(0, other);
  }
  set_int(proto, "axis", top.axis);
  set_int(proto, "largest", top.largest ? 1 : 0);
}

void NodeExporter::write(const Node& node, const op::LayerNormalization& norm) {
  onnx::NodeProto& proto = emit(node, "LayerNormalization");
  set_int(proto, "axis", norm.axis);
  set_float(proto, "epsilon", norm.epsilon);
}

void NodeExporter::write(const Node& node, const op::InstanceNormalization& norm) {
  set_float(emit(node, "InstanceNormalization"), "epsilon", norm.epsilon);
}

void NodeExporter::write(const Node& node, const op::QuantizeLinear& quantize) {
  set_int(emit(node, "QuantizeLinear"), "axis", quantize.axis);
}

void NodeExporter::write(const Node& node, const op::DequantizeLinear& dequantize) {
  set_int(emit(node, "DequantizeLinear"), "axis", dequantize.axis);
}

onnx::NodeProto& NodeExporter::call(const Node& node, onnx::FunctionProto function) {
  const std::string type = function.name();
  functions_.try_emplace(type, std::move(function));
  onnx::NodeProto& proto = emit(node, type);
  proto.set_domain(std::string(kOwnDomain));
  return proto;
}

void NodeExporter::write(const Node& node, const op::DynamicDeconvolution& deconvolution) {
  const bool has_reference = node.inputs.size() > 2 && node.inputs[2].exists();
  onnx::NodeProto& proto = call(node, deconvolution_function(deconvolution, has_reference));
  set_int(proto, "stride", deconvolution.stride);
  set_text(proto, "form", onnx_name(kDeconvolutionForms, deconvolution.form));
}

void NodeExporter::write(const Node& node, const op::Encoding&) {
  call(node, encoding_function());
}

void NodeExporter::write(const Node& node, const op::AdaptivePool& pool) {
  onnx::NodeProto& proto = call(node, adaptive_pool_function(pool));
  set_ints(proto, "bins", pool.bins);
  set_int(proto, "maximum", pool.maximum ? 1 : 0);
}

void NodeExporter::write(const Node& node, const op::MaxUnpool&) {
  call(node, max_unpool_function());
}

}  // namespace vitrail::onnx_files
