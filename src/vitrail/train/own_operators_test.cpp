#include "vitrail/train/own_operators.h"

#include <gtest/gtest.h>

#include "vitrail/base/random.h"
#include "vitrail/base/text.h"

namespace vitrail::train {
namespace {

using Form = op::DynamicDeconvolution::Form;

at::Tensor random_tensor(const std::vector<int64_t>& sizes, at::MemoryFormat format) {
  return torch::randn(sizes).contiguous(format);
}

/// |a - b| relative to the largest value.
double apart(const at::Tensor& a, const at::Tensor& b) {
  return ((a - b).abs().max() / b.abs().max().clamp_min(1e-30)).item<double>();
}

/// Straight from graph/own_ops.h, in double precision.
at::Tensor by_definition(const op::DynamicDeconvolution& op, const at::Tensor& m32, const at::Tensor& v32,
                         int64_t height, int64_t width) {
  const at::Tensor m = m32.to(at::kDouble).contiguous(), v = v32.to(at::kDouble).contiguous();
  at::Tensor d = at::zeros({m.size(0), m.size(1), height, width}, at::kDouble);
  const auto me = m.accessor<double, 4>(), ve = v.accessor<double, 4>();
  auto de = d.accessor<double, 4>();
  const int64_t s = op.stride;
  for (int64_t n = 0; n < m.size(0); ++n)
    for (int64_t c = 0; c < m.size(1); ++c)
      for (int64_t y = 0; y < height; ++y)
        for (int64_t x = 0; x < width; ++x)
          for (int64_t t = 0; t < 9; ++t) {
            const int64_t ry = y - (t / 3 - 1), rx = x - (t % 3 - 1), i = ry / s, j = rx / s;
            if (ry < 0 || rx < 0 || ry % s != 0 || rx % s != 0 || i >= m.size(2) || j >= m.size(3)) continue;
            de[n][c][y][x] +=
                (op.form == Form::exact ? me[n][c][i][j] : me[n][c][y / s][x / s]) * ve[n][t][i][j];
          }
  return d;
}

struct Deconvolution {
  op::DynamicDeconvolution op;
  at::Tensor m, v, reference;
  std::string text;
};

template <class Body>
void for_each_deconvolution(const Body& body) {
  Random random(3);
  torch::manual_seed(5);
  for (const auto form : {Form::exact, Form::matrix})
    for (const int64_t stride : {1, 2})
      for (const auto format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast})
        for (int round = 0; round < 8; ++round) {
          const int64_t h = random.integer(1, 9), w = random.integer(1, 37), n = random.integer(1, 2),
                        c = random.integer(1, 20);
          const int64_t height = stride * h - (stride == 2 && random.chance(0.5)),
                        width = stride * w - (stride == 2 && random.chance(0.5));
          body(Deconvolution{
              {stride, form},
              random_tensor({n, c, h, w}, format),
              random_tensor({n, 9, h, w}, format),
              at::empty({1, 1, height, width}),
              cat("form ", static_cast<int>(form), " stride ", stride, " format ", static_cast<int>(format),
                  " ", n, "x", c, "x", h, "x", w, " to ", height, "x", width)});
        }
}

TEST(OwnOperatorsTest, DynamicDeconvolutionEqualsItsDefinition) {
  for_each_deconvolution([](const Deconvolution& t) {
    const at::Tensor expected = by_definition(t.op, t.m, t.v, t.reference.size(2), t.reference.size(3));
    const at::Tensor found = dynamic_deconvolution(t.op, t.m, t.v, t.reference);
    ASSERT_EQ(found.sizes(), expected.sizes()) << t.text;
    EXPECT_LT(apart(found, expected), 2e-6) << t.text;
    const at::Tensor composed =
        dynamic_deconvolution_composed(t.op, t.m.to(at::kDouble), t.v.to(at::kDouble), t.reference);
    EXPECT_LT(apart(composed, expected), 1e-12) << t.text;
  });
}

TEST(OwnOperatorsTest, DynamicDeconvolutionsGradientsEqualTheComposition) {
  for_each_deconvolution([](const Deconvolution& t) {
    const at::Tensor g = torch::randn({t.m.size(0), t.m.size(1), t.reference.size(2), t.reference.size(3)});
    std::vector<at::Tensor> gradients;
    for (const bool composed : {false, true}) {
      const at::ScalarType type = composed ? at::kDouble : at::kFloat;
      const at::Tensor m = t.m.detach().to(type).set_requires_grad(true),
                       v = t.v.detach().to(type).set_requires_grad(true);
      const at::Tensor d = composed ? dynamic_deconvolution_composed(t.op, m, v, t.reference)
                                    : dynamic_deconvolution(t.op, m, v, t.reference);
      d.backward(g.to(type));
      gradients.push_back(m.grad());
      gradients.push_back(v.grad());
    }
    EXPECT_LT(apart(gradients[0], gradients[2]), 5e-6) << t.text;
    EXPECT_LT(apart(gradients[1], gradients[3]), 5e-6) << t.text;
  });
}

TEST(OwnOperatorsTest, GradientsAreFoundOnlyWhereTheyAreWanted) {
  const at::Tensor m = torch::randn({1, 3, 4, 5}), v = torch::randn({1, 9, 4, 5}).set_requires_grad(true);
  dynamic_deconvolution({.stride = 2}, m, v, {}).sum().backward();
  EXPECT_FALSE(m.grad().defined());
  EXPECT_GT(v.grad().abs().max().item<double>(), 0);
}

TEST(OwnOperatorsTest, ConstantVotesAreATransposedConvolution) {
  torch::manual_seed(2);
  const at::Tensor m = torch::randn({2, 3, 5, 6}), kernel = torch::randn({1, 1, 3, 3});
  const at::Tensor v = kernel.view({1, 9, 1, 1}).expand({2, 9, 5, 6}).contiguous();
  for (const int64_t stride : {1, 2}) {
    const at::Tensor found = dynamic_deconvolution({.stride = stride}, m, v, {});
    const at::Tensor expected =
        at::conv_transpose2d(m, kernel.expand({3, 1, 3, 3}).contiguous(), {}, at::IntArrayRef{stride, stride},
                             at::IntArrayRef{1, 1}, at::IntArrayRef{stride - 1, stride - 1}, /*groups=*/3);
    ASSERT_EQ(found.sizes(), expected.sizes());
    EXPECT_LT(apart(found, expected), 2e-6) << stride;
  }
}

TEST(OwnOperatorsTest, EncodingAndItsGradientsEqualTheComposition) {
  torch::manual_seed(7);
  Random random(7);
  for (const auto format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast})
    for (int round = 0; round < 10; ++round) {
      const int64_t n = random.integer(1, 3), d = random.integer(1, 40), k = random.integer(1, 33),
                    h = random.integer(1, 9), w = random.integer(1, 9);
      const std::vector<at::Tensor> inputs{random_tensor({n, d, h, w}, format), torch::randn({k, d}),
                                           torch::randn({k}) * 0.02};
      const at::Tensor g = torch::randn({n, k, d});
      std::vector<at::Tensor> results[2];
      for (const bool composed : {false, true}) {
        const at::ScalarType type = composed ? at::kDouble : at::kFloat;
        std::vector<at::Tensor> x;
        for (const at::Tensor& input : inputs)
          x.push_back(input.detach().to(type).set_requires_grad(true));
        const at::Tensor y = composed ? encoding_composed(x[0], x[1], x[2]) : encoding(x[0], x[1], x[2]);
        y.backward(g.to(type));
        results[composed] = {y.detach(), x[0].grad(), x[1].grad(), x[2].grad()};
      }
      for (size_t i = 0; i < 4; ++i) {
        ASSERT_EQ(results[0][i].sizes(), results[1][i].sizes());
        if (results[1][i].abs().max().item<double>() < 1e-9)  // one codeword: its share is always 1
          EXPECT_LT(results[0][i].abs().max().item<double>(), 1e-4);
        else
          EXPECT_LT(apart(results[0][i], results[1][i]), 3e-5)
              << "result " << i << " of " << n << "x" << d << "x" << h << "x" << w << ", " << k
              << " codewords";
      }
    }
}

}  // namespace
}  // namespace vitrail::train
