// Every small model of tests/operator_models.h: training's module against the reference interpreter.

#include <gtest/gtest.h>
#include <operator_models.h>
#include <reference_interpreter.h>

#include "vitrail/train/module.h"

namespace vitrail::train {
namespace {

TEST(OperatorModelsTest, EqualTheReferenceInterpreter) {
  int64_t compared = 0;
  for (const OperatorModel& small : operator_models()) {
    const Tensor image = random_tensor(small.input, 3);
    Module module(small.model.graph, small.model.weights);
    module.train(false);
    try {
      const at::Tensor found = module.forward({to_torch(image)}).front().second;
      const reference::Array expected =
          reference::run(small.model.graph, small.model.weights, {image}).front();
      EXPECT_LE(reference::relative_difference(from_torch(found), expected), 1e-5) << small.name;
      ++compared;
    } catch (const std::exception& error) {
      ADD_FAILURE() << small.name << ": " << error.what();
    }
  }
  EXPECT_GT(compared, 60);
}

}  // namespace
}  // namespace vitrail::train
