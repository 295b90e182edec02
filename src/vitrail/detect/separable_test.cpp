#include "vitrail/detect/separable.h"

#include <cmath>

#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/base/parallel.h"
#include "vitrail/detect/branches.h"
#include "vitrail/detect/test_boxes.h"

namespace vitrail::detect_detail {
namespace {

double inner(const Tensor& a, const Tensor& b) {
  double sum = 0;
  for (size_t i = 0; i < a.data<float>().size(); ++i)
    sum += static_cast<double>(a.data<float>()[i]) * static_cast<double>(b.data<float>()[i]);
  return sum;
}

Tensor moved(const Tensor& map, const Tensor& direction, float step) {
  Tensor result = map.clone();
  for (size_t i = 0; i < result.data<float>().size(); ++i)
    result.data<float>()[i] += step * direction.data<float>()[i];
  return result;
}

std::vector<Source> sources_of(const Tensor& map, const std::vector<Box>& boxes,
                               const std::vector<int64_t>& images, int kind) {
  switch (kind) {
    case 0: return aligned_sources(map, boxes, images, {.height = 3, .width = 4, .spatial_scale = 1.0 / 8});
    case 1:
      return aligned_sources(
          map, boxes, images,
          {.height = 3, .width = 4, .sampling_ratio = 2, .spatial_scale = 1.0 / 8, .aligned = false});
    case 2: return resized_sources(map, boxes, images, {3, 4}, {96, 128}, false);
    case 3: return resized_sources(map, boxes, images, {3, 4}, {96, 128}, true);
    default: return branch_sources(map, 8, boxes, images, {.height = 1, .width = 1}, {96, 128});
  }
}

// Crops are linear, or linear in pieces: what the map gains along any direction is what the gradient says.
TEST(Separable, GradientsAreThoseOfTheCrops) {
  Random random(25);
  for (int i = 0; i < 50; ++i) {
    const int kind = i % 5;
    const Extent crop = kind == 4 ? Extent{4, 4} : Extent{3, 4};
    const Tensor map = random_map(random, {2, 3, 12, 16}), direction = random_map(random, {2, 3, 12, 16});
    std::vector<Box> boxes = random_boxes(random, 5, 96);
    boxes.push_back(outline({1, 2, 1, 1}));  // a copy for the branch
    boxes.push_back({-40, -40, 200, 200});
    boxes.push_back({500, 500, 600, 600});
    std::vector<int64_t> images;
    for (size_t b = 0; b < boxes.size(); ++b)
      images.push_back(random.integer(0, 1));
    const std::vector<Source> sources = sources_of(map, boxes, images, kind);
    const Tensor gradient = random_map(random, {std::ssize(boxes), 3, crop.height, crop.width});
    Tensor back = Tensor::zeros(DataType::f32, map.shape());
    add_crop_gradients(sources, gradient, back);
    const float step = 1e-3f;
    const Tensor ahead = moved(map, direction, step), behind = moved(map, direction, -step);
    const double slope = (inner(crop_all(sources_of(ahead, boxes, images, kind), 3, crop), gradient) -
                          inner(crop_all(sources_of(behind, boxes, images, kind), 3, crop), gradient)) /
                         (2 * static_cast<double>(step));
    EXPECT_NEAR(inner(back, direction), slope, 0.02 * (1 + std::abs(slope))) << kind;
    EXPECT_GT(std::abs(slope), 1e-6);
  }
}

TEST(Separable, AMaximumPassesItsGradientToTheFirstOfEquals) {
  const Tensor map = Tensor::from<float>({1, 1, 2, 2}, std::vector<float>(4, 1.0f));
  const std::vector<Source> sources =
      resized_sources(map, std::vector<Box>{{0, 0, 8, 8}}, {}, {1, 1}, {8, 8}, true);
  Tensor back = Tensor::zeros(DataType::f32, map.shape());
  add_crop_gradients(sources, Tensor::from<float>({1, 1, 1, 1}, std::vector<float>{3}), back);
  EXPECT_EQ(std::vector<float>(back.data<float>().begin(), back.data<float>().end()),
            (std::vector<float>{3, 0, 0, 0}));
}

TEST(Separable, GradientsAreAddedAndTheSameForAnyNumberOfThreads) {
  Random random(26);
  const Tensor map = random_map(random, {1, 33, 20, 20}), gradient = random_map(random, {8, 33, 3, 4});
  const std::vector<Box> boxes = random_boxes(random, 8, 96);
  const std::vector<Source> sources = sources_of(map, boxes, {}, 3);
  const auto back = [&](int threads, float start) {
    const ThreadScope scope(threads);
    Tensor sum =
        Tensor::from<float>(map.shape(), std::vector<float>(static_cast<size_t>(map.elements()), start));
    add_crop_gradients(sources, gradient, sum);
    return std::vector<float>(sum.data<float>().begin(), sum.data<float>().end());
  };
  EXPECT_EQ(back(1, 0), back(3, 0));
  const auto from_zero = back(1, 0), from_one = back(1, 1);
  for (size_t i = 0; i < from_zero.size(); ++i)
    EXPECT_NEAR(from_one[i], from_zero[i] + 1, 1e-4);
}

TEST(Separable, ShapesThatDoNotFitAreRefused) {
  Random random(27);
  const Tensor map = random_map(random, {1, 3, 12, 16});
  const std::vector<Source> sources = sources_of(map, random_boxes(random, 2, 96), {}, 0);
  Tensor same = Tensor::zeros(DataType::f32, map.shape()),
         other = Tensor::zeros(DataType::f32, {1, 3, 16, 12});
  EXPECT_THROW(add_crop_gradients(sources, random_map(random, {2, 3, 3, 4}), other), Error);
  EXPECT_THROW(add_crop_gradients(sources, random_map(random, {1, 3, 3, 4}), same), Error);
  EXPECT_THROW(add_crop_gradients(sources, random_map(random, {2, 2, 3, 4}), same), Error);
  EXPECT_NO_THROW(add_crop_gradients(sources, random_map(random, {2, 3, 3, 4}), same));
}

}  // namespace
}  // namespace vitrail::detect_detail
