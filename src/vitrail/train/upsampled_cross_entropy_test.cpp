#include "vitrail/train/upsampled_cross_entropy.h"

#include <cmath>

#include <gtest/gtest.h>

namespace vitrail::train {
namespace {

struct Sizes {
  int64_t images, classes, height, width, out_height, out_width;
};

const std::vector<Sizes> sizes = {{2, 11, 6, 7, 48, 56}, {1, 2, 1, 1, 5, 3},    {3, 19, 12, 15, 90, 113},
                                  {2, 16, 9, 8, 9, 8},   {2, 33, 5, 4, 17, 30}, {1, 5, 13, 11, 7, 6},
                                  {1, 1, 3, 3, 6, 6}};

at::Tensor random_labels(const Sizes& s, at::ScalarType type) {
  at::Tensor labels = torch::randint(0, s.classes, {s.images, s.out_height, s.out_width}, at::kLong);
  labels.masked_fill_(torch::rand({s.images, s.out_height, s.out_width}) < 0.2, 255);
  return labels.to(type);
}

TEST(UpsampledCrossEntropyTest, EqualsResizingThenLibTorchInDouble) {
  torch::manual_seed(1);
  for (const Sizes& s : sizes)
    for (const at::ScalarType type : {at::kByte, at::kLong})
      for (const double spread : {1.0, 30.0}) {
        const at::Tensor labels = random_labels(s, type);
        at::Tensor logits = torch::randn({s.images, s.classes, s.height, s.width}) * spread;
        at::Tensor oracle = logits.to(at::kDouble);
        if (spread > 1) logits = logits.contiguous(at::MemoryFormat::ChannelsLast);
        logits.set_requires_grad(true);
        oracle.set_requires_grad(true);
        std::vector<double> weights;
        for (int64_t c = 0; c < s.classes; ++c)
          weights.push_back(0.25 + static_cast<double>(c % 3));

        const CrossEntropySum result = upsampled_cross_entropy(logits, labels, weights, 255);
        (result.sum * 0.5).backward();
        const at::Tensor weight = at::tensor(weights, at::kDouble);
        const at::Tensor large = at::upsample_bilinear2d(oracle, {s.out_height, s.out_width}, false);
        const at::Tensor expected =
            at::cross_entropy_loss(large, labels.to(at::kLong), weight, at::Reduction::Sum, 255);
        (expected * 0.5).backward();

        SCOPED_TRACE(testing::Message()
                     << s.classes << " classes, " << s.height << "x" << s.width << ", " << spread);
        EXPECT_NEAR(result.sum.item<double>(), expected.item<double>(),
                    2e-6 * std::abs(expected.item<double>()) + 1e-4);
        const at::Tensor y = labels.to(at::kLong).masked_select(labels.ne(255));
        EXPECT_NEAR(result.weights.item<double>(), weight.index_select(0, y).sum().item<double>(), 1e-6);
        const double scale = std::max(oracle.grad().abs().max().item<double>(), 1e-3);
        EXPECT_LE((logits.grad().to(at::kDouble) - oracle.grad()).abs().max().item<double>(), 2e-5 * scale);
      }
}

TEST(UpsampledCrossEntropyTest, IgnoredPixelsCostNothing) {
  at::Tensor logits = torch::randn({1, 4, 3, 3}).set_requires_grad(true);
  const CrossEntropySum result =
      upsampled_cross_entropy(logits, at::full({1, 12, 12}, 255, at::kByte), {1, 1, 1, 1}, 255);
  result.sum.backward();
  EXPECT_EQ(result.sum.item<double>(), 0);
  EXPECT_EQ(result.weights.item<double>(), 0);
  EXPECT_TRUE(at::equal(logits.grad(), at::zeros_like(logits)));
}

TEST(UpsampledCrossEntropyTest, ABrokenLogitShows) {
  torch::manual_seed(2);
  for (const double broken : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    at::Tensor logits = torch::randn({1, 4, 3, 3});
    logits[0][2][1][1] = broken;
    const at::Tensor labels = torch::randint(0, 4, {1, 12, 12}, at::kByte);
    EXPECT_FALSE(
        std::isfinite(upsampled_cross_entropy(logits, labels, {1, 1, 1, 1}, 255).sum.item<double>()));
  }
}

TEST(UpsampledCrossEntropyTest, DoesNotDependOnThreads) {
  torch::manual_seed(3);
  const at::Tensor start = torch::randn({5, 11, 9, 8}),
                   labels = torch::randint(0, 11, {5, 70, 61}, at::kByte);
  const int before = at::get_num_threads();
  std::vector<at::Tensor> gradients;
  for (const int threads : {1, 2, 3}) {
    at::set_num_threads(threads);
    at::Tensor logits = start.clone().set_requires_grad(true);
    upsampled_cross_entropy(logits, labels, std::vector<double>(11, 1), 255).sum.backward();
    gradients.push_back(logits.grad());
  }
  at::set_num_threads(before);
  EXPECT_TRUE(at::equal(gradients[0], gradients[1]));
  EXPECT_TRUE(at::equal(gradients[0], gradients[2]));
}

}  // namespace
}  // namespace vitrail::train
