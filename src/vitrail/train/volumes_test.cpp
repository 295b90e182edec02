// A 3D U-Net from elsewhere, in training: the module computes what the engine does, and every weight learns.

#include <filesystem>

#include <gtest/gtest.h>
#include <operator_models.h>

#include "vitrail/engine/engine.h"
#include "vitrail/onnx/onnx.h"
#include "vitrail/train/module.h"

namespace vitrail::train {
namespace {

Model volume_net() {
  return read_onnx(std::filesystem::path(VITRAIL_SOURCE_DIR) / "tests/fixtures/volumes/unet.onnx");
}

TEST(Volumes, ModuleEqualsEngine) {
  const Model model = volume_net();
  Module module(model.graph, model.weights);
  module.train(false);
  for (const int64_t samples : {1, 3}) {
    const Tensor volume = random_tensor({samples, 1, 8, 8, 8}, 5);
    const at::Tensor found = module.forward({to_torch(volume)}).front().second;
    const at::Tensor expected = to_torch(Engine(model.graph, model.weights).run({volume}).at(0));
    ASSERT_EQ(found.sizes(), expected.sizes());
    EXPECT_LE((found - expected).abs().max().item<double>(), 1e-5 * expected.abs().max().item<double>());
  }
}

TEST(Volumes, EveryWeightLearns) {
  const Model model = volume_net();
  Module module(model.graph, model.weights);
  const at::Tensor volume = to_torch(random_tensor({2, 1, 8, 8, 8}, 6));
  const auto loss = [&] { return (module.forward({volume}).front().second - 1).square().mean(); };
  const at::Tensor before = loss();
  before.backward();
  ASSERT_EQ(module.learnable().size(), 48u);  // both transposed kernels are two phases each
  at::NoGradGuard no_gradients;
  for (const auto& [name, tensor] : module.learnable()) {
    ASSERT_TRUE(tensor.grad().defined()) << name;
    EXPECT_GT(tensor.grad().abs().sum().item<double>(), 0) << name;
    tensor.sub_(tensor.grad(), 0.01);
  }
  EXPECT_LT(loss().item<double>(), before.item<double>());
}

}  // namespace
}  // namespace vitrail::train
