#include "bench/opencv_file.h"

#include <cstring>
#include <map>

#include <onnx/onnx_pb.h>

#include "vitrail/base/error.h"

namespace vitrail::bench {
namespace {

float scalar(const onnx::TensorProto& tensor) {
  if (tensor.float_data_size() == 1) return tensor.float_data(0);
  float value = 0;
  if (tensor.raw_data().size() != sizeof value)
    throw Error(ErrorKind::unsupported, {.where = tensor.name(), .found = "a bound that is no scalar f32"});
  std::memcpy(&value, tensor.raw_data().data(), sizeof value);
  return value;
}

}  // namespace

std::string for_opencv(const std::string& onnx_bytes) {
  onnx::ModelProto model;
  if (!model.ParseFromString(onnx_bytes)) throw Error(ErrorKind::format, {.where = "for_opencv"});
  std::map<std::string, const onnx::TensorProto*> constants;
  for (const onnx::TensorProto& tensor : model.graph().initializer())
    constants[tensor.name()] = &tensor;
  for (const onnx::NodeProto& node : model.graph().node())
    if (node.op_type() == "Constant") constants[node.output(0)] = &node.attribute(0).t();
  for (onnx::NodeProto& node : *model.mutable_graph()->mutable_node()) {
    if (node.op_type() != "Clip" || node.input_size() != 3) continue;
    for (const int i : {1, 2}) {
      onnx::AttributeProto* attribute = node.add_attribute();
      attribute->set_name(i == 1 ? "min" : "max");
      attribute->set_type(onnx::AttributeProto::FLOAT);
      attribute->set_f(scalar(*constants.at(node.input(i))));
    }
    node.mutable_input()->DeleteSubrange(1, 2);
  }
  return model.SerializeAsString();
}

}  // namespace vitrail::bench
