#include "vitrail/train/normalize.h"

#include <cmath>

#include <gtest/gtest.h>

namespace vitrail::train {
namespace {

/// The same tensors twice: f32 for the fused kernels, f64 for LibTorch as the oracle.
struct Case {
  at::Tensor x, scale, bias, mean, var, weight;
};

Case random_case(int64_t channels, int64_t height, int64_t width, double offset, at::ScalarType type) {
  torch::manual_seed(channels * 100 + height);
  Case c{torch::randn({3, channels, height, width}) * 2 + offset,
         torch::randn({channels}),
         torch::randn({channels}),
         torch::randn({channels}) + offset,
         torch::rand({channels}) + 0.5,
         torch::randn({3, channels, height, width})};
  for (at::Tensor* t : {&c.x, &c.scale, &c.bias, &c.mean, &c.var, &c.weight})
    *t = t->to(type);
  c.x = c.x.contiguous(at::MemoryFormat::ChannelsLast);
  for (at::Tensor* t : {&c.x, &c.scale, &c.bias})
    t->set_requires_grad(true);
  return c;
}

at::Tensor run(Case& c, const NormalizeOptions& options) {
  const at::Tensor y = normalize(c.x, {c.scale, c.bias, c.mean, c.var}, options);
  (y * c.weight).sum().backward();
  return y.detach();
}

void expect_close(const at::Tensor& ours, const at::Tensor& oracle, double tolerance, const char* what) {
  const double scale = oracle.abs().max().item<double>();
  EXPECT_LE((ours.to(at::kDouble) - oracle).abs().max().item<double>(), tolerance * std::max(scale, 1e-3))
      << what;
}

TEST(NormalizeTest, FusedKernelsEqualLibTorch) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  for (const bool batch_statistics : {true, false})
    for (const auto& [low, high] :
         {std::pair{-infinity, infinity}, {0.0, infinity}, {0.0, 6.0}, {-0.5, 0.75}})
      for (const auto& [channels, height, width] :
           {std::tuple{16, 9, 7}, {1, 5, 5}, {3, 40, 33}, {24, 1, 2}, {130, 6, 5}, {256, 12, 15}}) {
        const NormalizeOptions options{
            .batch_statistics = batch_statistics, .momentum = 0.1, .low = low, .high = high};
        Case ours = random_case(channels, height, width, 1, at::kFloat);
        Case oracle = random_case(channels, height, width, 1, at::kDouble);
        const at::Tensor y = run(ours, options), expected = run(oracle, options);
        SCOPED_TRACE(testing::Message()
                     << channels << "x" << height << "x" << width << " " << low << ".." << high);
        EXPECT_TRUE(y.is_contiguous(at::MemoryFormat::ChannelsLast));
        expect_close(y, expected, 1e-5, "output");
        expect_close(ours.x.grad(), oracle.x.grad(), 1e-4, "gradient of x");
        expect_close(ours.scale.grad(), oracle.scale.grad(), 1e-4, "gradient of scale");
        expect_close(ours.bias.grad(), oracle.bias.grad(), 1e-4, "gradient of bias");
        expect_close(ours.mean, oracle.mean, 1e-5, "running mean");
        expect_close(ours.var, oracle.var, 1e-5, "running variance");
      }
}

TEST(NormalizeTest, ALargeMeanDoesNotEatTheVariance) {
  Case ours = random_case(8, 20, 20, 3000, at::kFloat), oracle = random_case(8, 20, 20, 3000, at::kDouble);
  oracle.x = ours.x.detach().to(at::kDouble).set_requires_grad(true);
  const at::Tensor y = run(ours, {}), expected = run(oracle, {});
  expect_close(y, expected, 1e-3, "output");
}

TEST(NormalizeTest, KeepsWhatIsNotANumber) {
  Case c = random_case(16, 4, 4, 0, at::kFloat);
  {
    const at::NoGradGuard no_gradients;
    c.x[0][3][1][1] = std::nan("");
  }
  const at::Tensor y = run(c, {.low = 0, .high = 6});
  EXPECT_TRUE(y.select(1, 3).isnan().any().item<bool>()) << "a broken activation must reach the loss";
  EXPECT_FALSE(y.select(1, 2).isnan().any().item<bool>());
}

TEST(NormalizeTest, DoesNotDependOnThreads) {
  const int before = at::get_num_threads();
  std::vector<at::Tensor> outputs, gradients;
  for (const int threads : {1, 2, 3}) {
    at::set_num_threads(threads);
    Case c = random_case(32, 31, 29, 0, at::kFloat);
    outputs.push_back(run(c, {.low = 0, .high = 6}));
    gradients.push_back(c.scale.grad());
  }
  at::set_num_threads(before);
  for (size_t i = 1; i < outputs.size(); ++i) {
    EXPECT_TRUE(at::equal(outputs[0], outputs[i]));
    EXPECT_TRUE(at::equal(gradients[0], gradients[i]));
  }
}

}  // namespace
}  // namespace vitrail::train
