// Every registered network computes the same in the engine as in training's module, over odd sizes.

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "lively_weights.h"
#include "vitrail/base/text.h"
#include "vitrail/engine/engine.h"
#include "vitrail/nets/registry.h"
#include "vitrail/train/module.h"

namespace vitrail::train {
namespace {

TEST(EngineAgreementTest, EveryNetOverOddSizes) {
  ASSERT_FALSE(nets().empty());
  Random random(7);
  for (const NetEntry& entry : nets()) {
    const Model model = build_quick(entry, 7);
    const Weights weights = lively_weights(model.graph, random);
    Module module(model.graph, weights);
    module.train(false);
    const Engine engine(model.graph, weights);
    for (int round = 0; round < 3; ++round) {
      const int64_t height = 2 * random.integer(20, 60) + 1, width = 2 * random.integer(20, 60) + 1;
      const int64_t least = entry.smallest_side;
      Tensor image = Tensor::zeros(DataType::f32, {1 + round % 2, image_channels(model.graph),
                                                   std::max(height, least), std::max(width, least)});
      for (float& value : image.data<float>())
        value = static_cast<float>(random.uniform(-1, 1));
      const Tensor expected = from_torch(module.forward({to_torch(image)})[0].second);
      const Tensor found = engine.run({image}).at(0);
      ASSERT_EQ(found.shape(), expected.shape()) << entry.name;
      double largest = 0, apart = 0;
      for (size_t i = 0; i < expected.data<float>().size(); ++i) {
        const double value = expected.data<float>()[i];
        ASSERT_TRUE(std::isfinite(value)) << entry.name;
        largest = std::max(largest, std::abs(value));
        apart = std::max(apart, std::abs(value - found.data<float>()[i]));
      }
      EXPECT_GT(largest, 0) << entry.name;
      EXPECT_LT(apart, 1e-4 * largest) << entry.name << " at " << height << "x" << width;
    }
  }
}

}  // namespace
}  // namespace vitrail::train
