// Every instance segmentation network, part by part: training's module computes what the engine computes, and
// gradients reach every parameter.

#include <algorithm>
#include <cmath>
#include <map>

#include <gtest/gtest.h>

#include "lively_weights.h"
#include "vitrail/engine/engine.h"
#include "vitrail/graph/part.h"
#include "vitrail/nets/instance/input_shapes.h"
#include "vitrail/nets/registry.h"
#include "vitrail/nets/registry_testing.h"
#include "vitrail/train/module.h"
#include "vitrail/weights/initialize.h"

namespace vitrail::train {
namespace {

class EveryInstanceNet : public testing::TestWithParam<NetEntry> {
 protected:
  Model model() const { return build_quick(GetParam(), 5); }

  // Random values for a part's inputs, in its order; of each image and each box `count`, where that is open.
  static std::vector<Tensor> inputs_of(const Graph& part, const std::map<std::string, Shape>& shapes,
                                       int64_t count, Random& random) {
    std::vector<Tensor> values;
    for (const Input& input : part.inputs()) {
      Shape shape = shapes.at(input.name);
      if (part.shape(input.value)[0] < 0) shape[0] = count;
      values.push_back(Tensor::empty(DataType::f32, shape));
      for (float& value : values.back().data<float>())
        value = static_cast<float>(random.uniform(-1, 1));
    }
    return values;
  }

  std::map<std::string, Shape> shapes_at(const Model& model, int64_t height, int64_t width) const {
    const int64_t least = GetParam().smallest_side;
    return instance_input_shapes(model, std::max(height, least), std::max(width, least), 2);
  }
};

std::vector<at::Tensor> to_torch_all(const std::vector<Tensor>& tensors) {
  std::vector<at::Tensor> all;
  for (const Tensor& tensor : tensors)
    all.push_back(to_torch(tensor));
  return all;
}

TEST_P(EveryInstanceNet, PartsComputeTheSameInTheEngine) {
  Random random(7);
  const Model net = model();
  const Weights weights = lively_weights(net.graph, random);
  const std::map<std::string, Shape> shapes = shapes_at(net, 97, 135);
  for (const Graph& part : parts_of(net.graph)) {
    SCOPED_TRACE(part.outputs()[0].name);
    Module module(part, weights_of(part, weights));
    module.train(false);
    const Engine engine(part, weights);
    const std::vector<Tensor> inputs = inputs_of(part, shapes, 2, random);
    const NamedTensors expected = module.forward(to_torch_all(inputs));
    const std::vector<Tensor> found = engine.run(inputs);
    ASSERT_EQ(found.size(), expected.size());
    for (size_t o = 0; o < found.size(); ++o) {
      const Tensor wanted = from_torch(expected[o].second);
      ASSERT_EQ(found[o].shape(), wanted.shape()) << expected[o].first;
      double largest = 0, apart = 0;
      for (size_t i = 0; i < wanted.data<float>().size(); ++i) {
        const double value = wanted.data<float>()[i];
        ASSERT_TRUE(std::isfinite(value)) << expected[o].first;
        largest = std::max(largest, std::abs(value));
        apart = std::max(apart, std::abs(value - found[o].data<float>()[i]));
      }
      EXPECT_GT(largest, 0) << expected[o].first;
      EXPECT_LT(apart, 1e-4 * largest) << expected[o].first;
    }
  }
}

TEST_P(EveryInstanceNet, GradientsReachEveryParameter) {
  Random random(3);
  const Model net = model();
  const Weights weights = initial_weights(net.graph, 1);
  const std::map<std::string, Shape> shapes = shapes_at(net, 257, 257);
  torch::manual_seed(1);
  size_t learnable = 0;
  for (const Graph& part : parts_of(net.graph)) {
    SCOPED_TRACE(part.outputs()[0].name);
    Module module(part, weights_of(part, weights));
    at::Tensor sum = at::zeros({});
    for (const auto& [name, output] : module.forward(to_torch_all(inputs_of(part, shapes, 3, random))))
      sum = sum + (output * torch::randn_like(output)).sum();
    if (module.learnable().empty()) continue;
    sum.backward();
    for (const auto& [name, tensor] : module.learnable()) {
      ++learnable;
      ASSERT_TRUE(tensor.grad().defined()) << name;
      EXPECT_TRUE(tensor.grad().isfinite().all().item<bool>()) << name;
      EXPECT_GT(tensor.grad().abs().max().item<double>(), 0) << name;
    }
  }
  const auto& all = net.graph.parameters();
  const auto expected =
      std::count_if(all.begin(), all.end(), [](const Parameter& p) { return p.role == Role::learnable; });
  EXPECT_GE(learnable, static_cast<size_t>(expected));
}

INSTANTIATE_TEST_SUITE_P(Registry, EveryInstanceNet, testing::ValuesIn(instance_nets()), test_name);

}  // namespace
}  // namespace vitrail::train
