// Networks with recurrent layers in training: the module computes what the engine does, and its gradients are
// the engine's slopes.

#include <cmath>

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>
#include <operator_models.h>

#include "onnx/onnx_pb.h"
#include "vitrail/engine/engine.h"
#include "vitrail/onnx/onnx.h"
#include "vitrail/train/module.h"

namespace vitrail::train {
namespace {

std::string integers(const char* name, const std::vector<int64_t>& values) {
  return cat("initializer { name: '", name, "' data_type: 7 dims: ", values.size(), " int64_data: [",
             join(values), "] } ");
}

std::string weights(const char* name, const std::vector<int64_t>& dims) {
  std::string sizes, values;
  for (const int64_t size : dims)
    sizes += cat("dims: ", size, " ");
  const Tensor numbers = random_tensor(dims, static_cast<uint64_t>(name[0]), -0.6, 0.6);
  for (const float value : numbers.data<float>())
    values += cat(values.empty() ? "" : ", ", value);
  return cat("initializer { name: '", name, "' data_type: 1 ", sizes, "float_data: [", values, "] } ");
}

// x [1,4,6,8] as six steps of four samples.
Model recurrent_net(const std::string& type, int64_t gates) {
  const std::string text =
      cat("ir_version: 8 opset_import { version: 16 } graph { name: 'g' ", integers("sequence", {6, 4, 8}),
          weights("W", {2, gates * 5, 8}), weights("R", {2, gates * 5, 5}), weights("B", {2, gates * 10}),
          "node { op_type: 'Reshape' input: 'x' input: 'sequence' output: 's' } node { op_type: '", type,
          "' input: 's' input: 'W' input: 'R' input: 'B' output: 'y' "
          "attribute { name: 'hidden_size' type: INT i: 5 } "
          "attribute { name: 'direction' type: STRING s: 'bidirectional' } } "
          "input { name: 'x' type { tensor_type { elem_type: 1 shape { dim { dim_value: 1 } dim { dim_value: "
          "4 } dim { dim_value: 6 } dim { dim_value: 8 } } } } } "
          "output { name: 'y' type { tensor_type { elem_type: 1 } } } }");
  onnx::ModelProto proto;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &proto)) << text;
  return onnx_from_bytes(proto.SerializeAsString(), type);
}

double sum_of_squares(const Tensor& tensor) {
  double sum = 0;
  for (const float value : tensor.data<float>())
    sum += double{value} * double{value};
  return sum;
}

// Along the gradient the engine's results change as much as it says.
void expect_slopes(const Model& model) {
  const Tensor x = random_tensor({1, 4, 6, 8}, 7, -1, 1);
  Module module(model.graph, model.weights);
  const at::Tensor made = module.forward({to_torch(x)}).front().second;
  const Tensor expected = Engine(model.graph, model.weights).run({x}).at(0);
  ASSERT_LE((made - to_torch(expected)).abs().max().item<double>(), 1e-6);
  made.square().sum().backward();
  for (const auto& [name, tensor] : module.learnable()) {
    ASSERT_TRUE(tensor.grad().defined()) << name;
    const double slope = tensor.grad().norm().item<double>(), step = 1e-2;
    ASSERT_GT(slope, 0) << name;
    const auto moved = [&](double by) {
      Weights changed = model.weights;
      changed[name] = from_torch((tensor.detach() + tensor.grad() * (by / slope)).contiguous());
      return sum_of_squares(Engine(model.graph, changed).run({x}).at(0));
    };
    EXPECT_NEAR((moved(step) - moved(-step)) / (2 * step), slope, 1e-2 * slope + 1e-4) << name;
  }
}

TEST(Recurrent, EveryWeightLearns) {
  expect_slopes(recurrent_net("RNN", 1));
  expect_slopes(recurrent_net("GRU", 3));
  expect_slopes(recurrent_net("LSTM", 4));
}

}  // namespace
}  // namespace vitrail::train
