#include "vitrail/train/operators.h"

#include <cmath>
#include <functional>
#include <limits>

#include <gtest/gtest.h>

#include "vitrail/base/random.h"
#include "vitrail/graph/shape_inference.h"

namespace vitrail::train {
namespace {

constexpr double tolerance = 1e-10;

at::Tensor random_tensor(Random& random, std::vector<int64_t> sizes) {
  at::Tensor x = at::empty(sizes, at::kDouble);
  double* values = x.data_ptr<double>();
  for (int64_t i = 0; i < x.numel(); ++i)
    values[i] = random.normal();
  return x;
}

Shape output_of(const Op& op, const std::vector<Shape>& inputs) {
  return op_results(op, inputs, std::vector<DataType>(inputs.size(), DataType::f32))[0].shape;
}

/// x[n][c][i][j], or `outside` beyond the border.
double at_or(const at::Tensor& x, int64_t n, int64_t c, int64_t i, int64_t j, double outside) {
  if (i < 0 || j < 0 || i >= x.size(2) || j >= x.size(3)) return outside;
  return x.accessor<double, 4>()[n][c][i][j];
}

void for_each_position(const Shape& shape,
                       const std::function<void(int64_t, int64_t, int64_t, int64_t)>& body) {
  for (int64_t n = 0; n < shape[0]; ++n)
    for (int64_t c = 0; c < shape[1]; ++c)
      for (int64_t i = 0; i < shape[2]; ++i)
        for (int64_t j = 0; j < shape[3]; ++j)
          body(n, c, i, j);
}

at::Tensor naive_convolution(const op::Conv& op, const at::Tensor& x, const at::Tensor& weight,
                             const at::Tensor& bias, const Shape& shape) {
  const Pads pads = resolved_pads(op.auto_pad, op.pads, {x.size(2), x.size(3)},
                                  {weight.size(2), weight.size(3)}, op.strides, op.dilations);
  at::Tensor y = at::zeros(shape, at::kDouble);
  auto out = y.accessor<double, 4>();
  const auto w = weight.accessor<double, 4>();
  const int64_t per_group = weight.size(0) / op.group;
  for_each_position(shape, [&](int64_t n, int64_t m, int64_t i, int64_t j) {
    double sum = bias.defined() ? bias.accessor<double, 1>()[m] : 0;
    for (int64_t c = 0; c < weight.size(1); ++c)
      for (int64_t k = 0; k < weight.size(2); ++k)
        for (int64_t l = 0; l < weight.size(3); ++l)
          sum += w[m][c][k][l] * at_or(x, n, m / per_group * weight.size(1) + c,
                                       i * op.strides[0] - pads[0] + k * op.dilations[0],
                                       j * op.strides[1] - pads[1] + l * op.dilations[1], 0);
    out[n][m][i][j] = sum;
  });
  return y;
}

TEST(OperatorsTest, ConvolutionEqualsPlainLoops) {
  Random random(1);
  for (int round = 0; round < 60; ++round) {
    op::Conv op{.strides = {random.integer(1, 3), random.integer(1, 3)},
                .dilations = {random.integer(1, 2), random.integer(1, 2)},
                .group = random.chance(0.5) ? 2 : 1,
                .auto_pad = static_cast<AutoPad>(random.integer(0, 3))};
    if (op.auto_pad == AutoPad::explicit_pads)
      for (int64_t& pad : op.pads)
        pad = random.integer(0, 2);
    const at::Tensor x = random_tensor(random, {2, 4, random.integer(7, 11), random.integer(7, 11)});
    const at::Tensor weight =
        random_tensor(random, {6, 4 / op.group, random.integer(1, 3), random.integer(1, 3)});
    const at::Tensor bias = random.chance(0.5) ? random_tensor(random, {6}) : at::Tensor();
    const Shape shape = output_of(op, {x.sizes().vec(), weight.sizes().vec()});
    const at::Tensor y = convolution(op, x, weight, bias);
    ASSERT_EQ(y.sizes().vec(), shape) << round;
    EXPECT_TRUE(at::allclose(y, naive_convolution(op, x, weight, bias, shape), tolerance, tolerance))
        << round;
  }
}

TEST(OperatorsTest, TransposedConvolutionScattersEachInput) {
  Random random(2);
  for (int round = 0; round < 60; ++round) {
    op::ConvTranspose op{.strides = {random.integer(1, 3), random.integer(1, 3)},
                         .dilations = {random.integer(1, 2), random.integer(1, 2)},
                         .output_padding = {random.integer(0, 1), random.integer(0, 1)},
                         .group = random.chance(0.5) ? 2 : 1};
    for (int64_t& pad : op.pads)
      pad = random.integer(0, 1);
    const at::Tensor x = random_tensor(random, {2, 4, random.integer(3, 6), random.integer(3, 6)});
    const at::Tensor weight = random_tensor(random, {4, 3, random.integer(2, 4), random.integer(2, 4)});
    const at::Tensor bias = random.chance(0.5) ? random_tensor(random, {3 * op.group}) : at::Tensor();
    const Shape shape = output_of(op, {x.sizes().vec(), weight.sizes().vec()});
    at::Tensor expected = at::zeros(shape, at::kDouble);
    auto out = expected.accessor<double, 4>();
    const auto w = weight.accessor<double, 4>();
    for_each_position(x.sizes().vec(), [&](int64_t n, int64_t c, int64_t i, int64_t j) {
      for (int64_t m = 0; m < 3; ++m)
        for (int64_t k = 0; k < weight.size(2); ++k)
          for (int64_t l = 0; l < weight.size(3); ++l) {
            const int64_t row = i * op.strides[0] + k * op.dilations[0] - op.pads[0];
            const int64_t column = j * op.strides[1] + l * op.dilations[1] - op.pads[1];
            if (row < 0 || column < 0 || row >= shape[2] || column >= shape[3]) continue;
            out[n][c / (4 / op.group) * 3 + m][row][column] += at_or(x, n, c, i, j, 0) * w[c][m][k][l];
          }
    });
    if (bias.defined()) expected += bias.view({1, -1, 1, 1});
    const at::Tensor y = transposed_convolution(op, x, weight, bias);
    ASSERT_EQ(y.sizes().vec(), shape) << round;
    EXPECT_TRUE(at::allclose(y, expected, tolerance, tolerance)) << round;
  }
}

/// Random kernels, strides, paddings and roundings for either pooling.
template <class Pool>
Pool random_pool(Random& random) {
  Pool op{.kernel = {random.integer(2, 4), random.integer(2, 4)},
          .strides = {random.integer(1, 3), random.integer(1, 3)},
          .ceil_mode = random.chance(0.5),
          .auto_pad = static_cast<AutoPad>(random.integer(0, 3))};
  if (op.auto_pad == AutoPad::explicit_pads)
    for (int64_t& pad : op.pads)
      pad = random.integer(0, 1);
  return op;
}

TEST(OperatorsTest, MaxPoolNeverTakesPadding) {
  Random random(3);
  for (int round = 0; round < 100; ++round) {
    const auto op = random_pool<op::MaxPool>(random);
    const at::Tensor x = random_tensor(random, {2, 3, random.integer(5, 9), random.integer(5, 9)}) - 10;
    const Pads pads =
        resolved_pads(op.auto_pad, op.pads, {x.size(2), x.size(3)}, op.kernel, op.strides, {1, 1});
    const Shape shape = output_of(op, {x.sizes().vec()});
    at::Tensor expected = at::empty(shape, at::kDouble);
    for_each_position(shape, [&](int64_t n, int64_t c, int64_t i, int64_t j) {
      double most = -std::numeric_limits<double>::infinity();
      for (int64_t k = 0; k < op.kernel[0]; ++k)
        for (int64_t l = 0; l < op.kernel[1]; ++l)
          most = std::max(
              most, at_or(x, n, c, i * op.strides[0] - pads[0] + k, j * op.strides[1] - pads[1] + l, most));
      expected.accessor<double, 4>()[n][c][i][j] = most;
    });
    const at::Tensor y = max_pool(op, x, shape);
    ASSERT_EQ(y.sizes().vec(), shape) << round;
    EXPECT_TRUE(at::equal(y, expected)) << round;
  }
}

TEST(OperatorsTest, AveragePoolCountsWhatItShould) {
  Random random(4);
  for (int round = 0; round < 100; ++round) {
    auto op = random_pool<op::AveragePool>(random);
    op.count_include_pad = random.chance(0.5);
    const at::Tensor x = random_tensor(random, {2, 3, random.integer(5, 9), random.integer(5, 9)});
    const Pads pads =
        resolved_pads(op.auto_pad, op.pads, {x.size(2), x.size(3)}, op.kernel, op.strides, {1, 1});
    const Shape shape = output_of(op, {x.sizes().vec()});
    at::Tensor expected = at::empty(shape, at::kDouble);
    for_each_position(shape, [&](int64_t n, int64_t c, int64_t i, int64_t j) {
      double sum = 0, count = 0;
      for (int64_t k = 0; k < op.kernel[0]; ++k)
        for (int64_t l = 0; l < op.kernel[1]; ++l) {
          const int64_t row = i * op.strides[0] - pads[0] + k, column = j * op.strides[1] - pads[1] + l;
          const bool inside = row >= 0 && column >= 0 && row < x.size(2) && column < x.size(3);
          const bool padded = row < x.size(2) + pads[2] && column < x.size(3) + pads[3];
          sum += at_or(x, n, c, row, column, 0);
          count += op.count_include_pad ? padded : inside;
        }
      expected.accessor<double, 4>()[n][c][i][j] = sum / count;
    });
    const at::Tensor y = average_pool(op, x, shape);
    ASSERT_EQ(y.sizes().vec(), shape) << round;
    EXPECT_TRUE(at::allclose(y, expected, tolerance, tolerance)) << round;
  }
}

struct Tap {
  int64_t index;
  double weight;
};

/// The taps of one output position along one axis, straight from the ONNX documentation.
std::vector<Tap> taps(const op::Resize& op, int64_t in, int64_t out, double scale, int64_t position) {
  const double x = static_cast<double>(position);
  // Sizes give the scale out / in; multiplying first keeps whole positions whole.
  const auto unscaled = [&](double at) {
    return op.scales ? at / scale : at * static_cast<double>(in) / static_cast<double>(out);
  };
  double source = unscaled(x + 0.5) - 0.5;
  if (op.coordinates == op::CoordinateMode::align_corners)
    source = out > 1 ? x * static_cast<double>(in - 1) / static_cast<double>(out - 1) : 0;
  if (op.coordinates == op::CoordinateMode::asymmetric) source = unscaled(x);
  if (op.coordinates == op::CoordinateMode::pytorch_half_pixel && out == 1) source = 0;
  std::vector<Tap> result;
  const double base = std::floor(source), t = source - base;
  if (op.mode == op::ResizeMode::nearest) {
    double index = base;
    if (op.nearest == op::NearestMode::ceil) index = std::ceil(source);
    if (op.nearest == op::NearestMode::round_prefer_floor) index = t > 0.5 ? base + 1 : base;
    if (op.nearest == op::NearestMode::round_prefer_ceil) index = t >= 0.5 ? base + 1 : base;
    result = {{static_cast<int64_t>(index), 1}};
  } else if (op.mode == op::ResizeMode::linear) {
    result = {{static_cast<int64_t>(base), 1 - t}, {static_cast<int64_t>(base) + 1, t}};
  } else {
    for (int64_t k = -1; k <= 2; ++k) {
      const double d = std::abs(t - static_cast<double>(k)), a = op.cubic_a;
      const double weight = d <= 1 ? (a + 2) * d * d * d - (a + 3) * d * d + 1
                                   : a * d * d * d - 5 * a * d * d + 8 * a * d - 4 * a;
      result.push_back({static_cast<int64_t>(base) + k, weight});
    }
  }
  for (Tap& tap : result)
    tap.index = std::min(std::max<int64_t>(tap.index, 0), in - 1);
  return result;
}

TEST(OperatorsTest, ResizeFollowsEveryMode) {
  Random random(5);
  const std::vector<double> exact_scales = {0.5, 0.75, 1, 1.5, 2, 4};
  for (int round = 0; round < 300; ++round) {
    op::Resize op{.mode = static_cast<op::ResizeMode>(random.integer(0, 2)),
                  .coordinates = static_cast<op::CoordinateMode>(random.integer(0, 3)),
                  .nearest = static_cast<op::NearestMode>(random.integer(0, 3))};
    const at::Tensor x = random_tensor(random, {2, 3, random.integer(4, 7), random.integer(4, 7)});
    if (random.chance(0.5))
      op.scales = {exact_scales[static_cast<size_t>(random.integer(0, 5))],
                   exact_scales[static_cast<size_t>(random.integer(0, 5))]};
    else
      op.sizes = {random.integer(1, 15), random.integer(1, 15)};
    const Shape shape = output_of(op, {x.sizes().vec()});
    std::array<double, 2> scale{};
    for (size_t d = 0; d < 2; ++d)
      scale[d] = op.scales ? (*op.scales)[d]
                           : static_cast<double>(shape[d + 2]) /
                                 static_cast<double>(x.size(static_cast<int64_t>(d) + 2));
    at::Tensor expected = at::zeros(shape, at::kDouble);
    for_each_position(shape, [&](int64_t n, int64_t c, int64_t i, int64_t j) {
      for (const Tap& down : taps(op, x.size(2), shape[2], scale[0], i))
        for (const Tap& across : taps(op, x.size(3), shape[3], scale[1], j))
          expected.accessor<double, 4>()[n][c][i][j] +=
              down.weight * across.weight * at_or(x, n, c, down.index, across.index, 0);
    });
    const at::Tensor y = resize(op, x, shape);
    ASSERT_EQ(y.sizes().vec(), shape) << round;
    EXPECT_TRUE(at::allclose(y, expected, 1e-9, 1e-9))
        << "mode " << static_cast<int>(op.mode) << " coordinates " << static_cast<int>(op.coordinates)
        << " nearest " << static_cast<int>(op.nearest) << " " << to_string(x.sizes().vec()) << " to "
        << to_string(shape);
  }
}

TEST(OperatorsTest, PadGrowsAndCutsOnEachSide) {
  Random random(6);
  for (int round = 0; round < 60; ++round) {
    op::Pad op{.mode = static_cast<op::PadMode>(random.integer(0, 2)), .value = 2.5};
    for (int64_t& pad : op.pads)
      pad = random.integer(-2, 3);
    const at::Tensor x = random_tensor(random, {1, 2, 9, 8});
    const Pads& p = op.pads;
    const Shape shape = {1, 2, 9 + p[0] + p[2], 8 + p[1] + p[3]};
    const auto source = [&](int64_t i, int64_t before, int64_t after, int64_t size) {
      const int64_t first = std::max<int64_t>(-before, 0), last = size - 1 - std::max<int64_t>(-after, 0);
      i -= before;
      if (op.mode == op::PadMode::edge) return std::min(std::max(i, first), last);
      if (op.mode == op::PadMode::reflect) return i < first ? 2 * first - i : i > last ? 2 * last - i : i;
      return i < first || i > last ? int64_t{-1} : i;
    };
    at::Tensor expected = at::empty(shape, at::kDouble);
    for_each_position(shape, [&](int64_t n, int64_t c, int64_t i, int64_t j) {
      expected.accessor<double, 4>()[n][c][i][j] =
          at_or(x, n, c, source(i, p[0], p[2], 9), source(j, p[1], p[3], 8), op.value);
    });
    EXPECT_TRUE(at::equal(pad(op, x), expected)) << round;
  }
}

TEST(OperatorsTest, CropTakesTheWindow) {
  const at::Tensor x = at::arange(2 * 3 * 4 * 5, at::kDouble).view({2, 3, 4, 5});
  const at::Tensor y = crop({.top = 1, .left = 2}, x, at::empty({2, 3, 3, 2}));
  EXPECT_TRUE(at::equal(y, x.slice(2, 1, 4).slice(3, 2, 4)));
}

}  // namespace
}  // namespace vitrail::train
