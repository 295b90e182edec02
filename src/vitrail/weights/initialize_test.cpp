#include "vitrail/weights/initialize.h"

#include <cmath>
#include <cstring>

#include <gtest/gtest.h>

#include "vitrail/base/error.h"

namespace vitrail {
namespace {

Tensor only(Parameter parameter, uint64_t seed = 1) {
  Graph graph;
  const std::string name = "w";
  parameter.name = name;
  graph.parameter(std::move(parameter));
  return initial_weights(graph, seed).at(name);
}

struct Moments {
  double mean = 0, std = 0, largest = 0;
};
Moments moments(const Tensor& tensor) {
  Moments m;
  double squares = 0;
  for (const float x : tensor.data<float>()) {
    m.mean += x;
    squares += static_cast<double>(x) * x;
    m.largest = std::max(m.largest, std::abs(static_cast<double>(x)));
  }
  const auto n = static_cast<double>(tensor.elements());
  m.mean /= n;
  m.std = std::sqrt(squares / n - m.mean * m.mean);
  return m;
}

bool same_bytes(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && std::memcmp(a.raw(), b.raw(), static_cast<size_t>(a.bytes())) == 0;
}

TEST(Initialize, ConstantsAreConstant) {
  const Tensor ones = only({.shape = {7}, .init = init::Constant{1}}), zeros = only({.shape = {7}});
  for (size_t i = 0; i < 7; ++i) {
    EXPECT_EQ(ones.data<float>()[i], 1.0f);
    EXPECT_EQ(zeros.data<float>()[i], 0.0f);
  }
}

TEST(Initialize, DistributionsHaveTheStatedMoments) {
  const Shape shape{64, 32, 3, 3};  // fan in 288, fan out 576
  struct Case {
    Init init;
    double std, largest;
  };
  using Fan = init::KaimingNormal::Fan;
  const double truncated = 0.87962566;  // of a unit normal cut at two standard deviations
  const std::vector<Case> cases{{init::Normal{0.01}, 0.01, 0.06},
                                {init::TruncatedNormal{0.09}, 0.09 * truncated, 0.18},
                                {init::Uniform{0.3}, 0.3 / std::sqrt(3.0), 0.3},
                                {init::KaimingNormal{Fan::out}, std::sqrt(2.0 / 576), 1},
                                {init::KaimingNormal{Fan::in}, std::sqrt(2.0 / 288), 1},
                                {init::XavierUniform{}, std::sqrt(2.0 / 864), std::sqrt(6.0 / 864)}};
  for (size_t i = 0; i < cases.size(); ++i) {
    const Moments m = moments(only({.shape = shape, .init = cases[i].init}));
    EXPECT_NEAR(m.std, cases[i].std, 0.02 * cases[i].std) << i;
    EXPECT_NEAR(m.mean, 0, 0.03 * cases[i].std) << i;
    EXPECT_LE(m.largest, cases[i].largest * (1 + 1e-6)) << i;
  }
}

TEST(Initialize, EachParameterHasAStreamOfItsOwn) {
  const auto parameter = [](const char* name) {
    return Parameter{.name = name, .shape = {8, 8}, .init = init::Normal{1}};
  };
  Graph small, large;
  small.parameter(parameter("a"));
  large.parameter(parameter("z"));
  large.parameter(parameter("a"));
  const Weights one = initial_weights(small, 7), two = initial_weights(large, 7);
  EXPECT_TRUE(same_bytes(one.at("a"), two.at("a"))) << "another layer changes nothing for this one";
  EXPECT_FALSE(same_bytes(two.at("a"), two.at("z")));
  EXPECT_TRUE(same_bytes(one.at("a"), initial_weights(small, 7).at("a")));
  EXPECT_FALSE(same_bytes(one.at("a"), initial_weights(small, 8).at("a")));
}

float at(const Tensor& t, int64_t i, int64_t j, int64_t y, int64_t x) {
  const Shape& s = t.shape();
  return t.data<float>()[static_cast<size_t>(((i * s[1] + j) * s[2] + y) * s[3] + x)];
}

TEST(Initialize, BilinearKernelsAreTheSpecsOnTheDiagonal) {
  const Tensor k4 = only({.shape = {3, 3, 4, 4}, .init = init::Bilinear{}});
  const double taps[] = {0.25, 0.75, 0.75, 0.25};
  for (int64_t i = 0; i < 3; ++i)
    for (int64_t j = 0; j < 3; ++j)
      for (int64_t y = 0; y < 4; ++y)
        for (int64_t x = 0; x < 4; ++x)
          ASSERT_FLOAT_EQ(at(k4, i, j, y, x), i == j ? static_cast<float>(taps[y] * taps[x]) : 0.0f);
  const Tensor grouped = only({.shape = {3, 1, 4, 4}, .init = init::Bilinear{}});
  for (int64_t i = 0; i < 3; ++i)
    ASSERT_FLOAT_EQ(at(grouped, i, 0, 1, 0), 0.75f * 0.25f) << "each channel of a grouped kernel has its own";
  const Tensor odd =
      only({.shape = {1, 1, 3, 5}, .init = init::Bilinear{}});  // 1/2 1 1/2 by 1/3 2/3 1 2/3 1/3
  ASSERT_FLOAT_EQ(at(odd, 0, 0, 1, 2), 1.0f);
  ASSERT_FLOAT_EQ(at(odd, 0, 0, 0, 0), 0.5f / 3);
  ASSERT_FLOAT_EQ(at(odd, 0, 0, 2, 3), 0.5f * 2 / 3);
}

// Upsampling a constant by a transposed convolution must give that constant away from the border: every
// output is covered by taps that sum to one.
TEST(Initialize, BilinearKernelsKeepAConstant) {
  struct Case {
    int64_t kernel, stride;
  };
  for (const auto& [kernel, stride] : {Case{4, 2}, Case{16, 8}, Case{32, 16}, Case{64, 32}, Case{63, 32}}) {
    const Tensor weight = only({.shape = {1, 1, kernel, kernel}, .init = init::Bilinear{}});
    for (int64_t phase = 0; phase < stride; ++phase) {
      double sum = 0;
      for (int64_t y = phase; y < kernel; y += stride)
        for (int64_t x = stride - 1 - phase; x < kernel; x += stride)
          sum += at(weight, 0, 0, y, x);
      ASSERT_NEAR(sum, 1, 1e-5) << "kernel " << kernel << " phase " << phase;
    }
  }
}

TEST(Initialize, RefusesAnInitThatDoesNotFitItsShape) {
  EXPECT_THROW(only({.shape = {4}, .init = init::KaimingNormal{}}), Error);
  EXPECT_THROW(only({.shape = {4, 3, 4, 4}, .init = init::Bilinear{}}), Error);
  EXPECT_THROW(only({.shape = {4, 4}, .init = init::Bilinear{}}), Error);
  EXPECT_THROW(only({.shape = {2}, .type = DataType::i64, .init = init::Constant{3}}), Error);
  EXPECT_EQ(only({.shape = {2}, .type = DataType::i64}).data<int64_t>()[1], 0);
}

}  // namespace
}  // namespace vitrail
