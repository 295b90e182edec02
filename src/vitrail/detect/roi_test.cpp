#include "vitrail/detect/roi.h"

#include <chrono>
#include <cmath>

#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/base/parallel.h"
#include "vitrail/detect/test_boxes.h"

namespace vitrail {
namespace {

double pixel(const Tensor& maps, int64_t n, int64_t c, int64_t y, int64_t x) {
  return static_cast<double>(maps.data<float>()[static_cast<size_t>(
      ((n * maps.size(1) + c) * maps.size(2) + y) * maps.size(3) + x)]);
}

// SPEC 10.2: outside [-1, size] is 0, else clamped to [0, size - 1].
double sample(const Tensor& maps, int64_t n, int64_t c, double y, double x) {
  const int64_t height = maps.size(2), width = maps.size(3);
  if (y < -1 || y > static_cast<double>(height) || x < -1 || x > static_cast<double>(width)) return 0;
  y = std::clamp(y, 0.0, static_cast<double>(height - 1));
  x = std::clamp(x, 0.0, static_cast<double>(width - 1));
  const int64_t y0 = static_cast<int64_t>(y), x0 = static_cast<int64_t>(x);
  const int64_t y1 = std::min(y0 + 1, height - 1), x1 = std::min(x0 + 1, width - 1);
  const double v = y - static_cast<double>(y0), u = x - static_cast<double>(x0);
  return (1 - v) * ((1 - u) * pixel(maps, n, c, y0, x0) + u * pixel(maps, n, c, y0, x1)) +
         v * ((1 - u) * pixel(maps, n, c, y1, x0) + u * pixel(maps, n, c, y1, x1));
}

// RoIAlign as its definition says, value by value.
double naive_align(const Tensor& maps, const Box& box, int64_t n, int64_t c, const op::RoiAlign& op,
                   int64_t by, int64_t bx) {
  const double scale = op.spatial_scale, offset = op.aligned ? 0.5 : 0;
  const double y1 = static_cast<double>(box.y1) * scale - offset,
               x1 = static_cast<double>(box.x1) * scale - offset;
  double height = static_cast<double>(box.y2) * scale - offset - y1;
  double width = static_cast<double>(box.x2) * scale - offset - x1;
  if (!op.aligned) {
    height = std::max(height, 1.0);
    width = std::max(width, 1.0);
  }
  const double bin_h = height / static_cast<double>(op.height), bin_w = width / static_cast<double>(op.width);
  const int64_t rows = op.sampling_ratio > 0 ? op.sampling_ratio : static_cast<int64_t>(std::ceil(bin_h));
  const int64_t columns = op.sampling_ratio > 0 ? op.sampling_ratio : static_cast<int64_t>(std::ceil(bin_w));
  double sum = 0;
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      sum += sample(
          maps, n, c,
          y1 + bin_h * (static_cast<double>(by) + (static_cast<double>(i) + 0.5) / static_cast<double>(rows)),
          x1 + bin_w *
                   (static_cast<double>(bx) + (static_cast<double>(j) + 0.5) / static_cast<double>(columns)));
  return rows * columns > 0 ? sum / static_cast<double>(rows * columns) : 0;
}

template <class Value>
void expect_values(const Tensor& found, const Shape& shape, float tolerance, const Value& value) {
  ASSERT_EQ(found.shape(), shape);
  size_t i = 0;
  for (int64_t r = 0; r < shape[0]; ++r)
    for (int64_t c = 0; c < shape[1]; ++c)
      for (int64_t y = 0; y < shape[2]; ++y)
        for (int64_t x = 0; x < shape[3]; ++x, ++i)
          ASSERT_NEAR(found.data<float>()[i], value(r, c, y, x), tolerance)
              << r << " " << c << " " << y << " " << x;
}

struct Case {
  Tensor maps;
  std::vector<Box> boxes;
  std::vector<int64_t> images;
};

// Boxes of every kind: inside, over the border, far outside, empty, turned inside out.
Case random_case(Random& random) {
  Case c{random_map(random, {2, 3, random.integer(1, 14), random.integer(1, 14)}),
         random_boxes(random, 6, 120),
         {}};
  c.boxes.push_back({-50, -30, 200, 170});
  c.boxes.push_back({500, 500, 560, 600});
  c.boxes.push_back({40, 40, 40, 40});
  c.boxes.push_back({60, 50, 30, 20});
  for (size_t i = 0; i < c.boxes.size(); ++i)
    c.images.push_back(random.integer(0, 1));
  return c;
}

TEST(Roi, AlignEqualsItsDefinition) {
  Random random(9);
  for (int i = 0; i < 60; ++i) {
    const Case c = random_case(random);
    const op::RoiAlign op{.height = random.integer(1, 5),
                          .width = random.integer(1, 5),
                          .sampling_ratio = random.integer(0, 3),
                          .spatial_scale = i % 3 == 0 ? 1.0 : 1.0 / 8,
                          .aligned = i % 2 == 0};
    const Tensor found = roi_align(c.maps, c.boxes, c.images, op);
    expect_values(found, {std::ssize(c.boxes), 3, op.height, op.width}, 1e-5f,
                  [&](int64_t r, int64_t channel, int64_t y, int64_t x) {
                    const auto box = static_cast<size_t>(r);
                    return naive_align(c.maps, c.boxes[box], c.images[box], channel, op, y, x);
                  });
  }
}

TEST(Roi, PoolEqualsItsDefinition) {
  Random random(10);
  for (int i = 0; i < 40; ++i) {
    const Case c = random_case(random);
    const Extent crop{random.integer(1, 5), random.integer(1, 5)};
    const double scale = i % 2 == 0 ? 1.0 / 8 : 0.5;
    const Tensor found = roi_pool(c.maps, c.boxes, c.images, crop, scale);
    const auto bin_range = [&](float from, float to, int64_t bin, int64_t bins, int64_t size) {
      const double start = std::round(static_cast<double>(from) * scale),
                   end = std::round(static_cast<double>(to) * scale);
      const double extent = std::max(end - start + 1, 1.0);
      const double low = start + std::floor(static_cast<double>(bin) * extent / static_cast<double>(bins));
      const double high =
          start + std::ceil(static_cast<double>(bin + 1) * extent / static_cast<double>(bins));
      return std::pair{std::clamp<int64_t>(static_cast<int64_t>(low), 0, size),
                       std::clamp<int64_t>(static_cast<int64_t>(high), 0, size)};
    };
    expect_values(found, {std::ssize(c.boxes), 3, crop.height, crop.width}, 0,
                  [&](int64_t r, int64_t channel, int64_t y, int64_t x) {
                    const Box& box = c.boxes[static_cast<size_t>(r)];
                    const auto [top, bottom] = bin_range(box.y1, box.y2, y, crop.height, c.maps.size(2));
                    const auto [left, right] = bin_range(box.x1, box.x2, x, crop.width, c.maps.size(3));
                    double most = -1e9;
                    for (int64_t row = top; row < bottom; ++row)
                      for (int64_t column = left; column < right; ++column)
                        most = std::max(
                            most, pixel(c.maps, c.images[static_cast<size_t>(r)], channel, row, column));
                    return most == -1e9 ? 0 : most;
                  });
  }
}

// SPEC 15.12, for a box in parts of the map.
double naive_crop(const Tensor& maps, const Box& part, int64_t n, int64_t c, Extent crop, int64_t i,
                  int64_t j) {
  const auto at = [](double from, double to, int64_t size, int64_t outputs, int64_t k) {
    const double last = static_cast<double>(size - 1);
    const double x = outputs > 1 ? from * last + static_cast<double>(k) * (to - from) * last /
                                                     static_cast<double>(outputs - 1)
                                 : 0.5 * (from + to) * last;
    return x < -1e-6 || x > last + 1e-6 ? -5 : std::clamp(x, 0.0, last);
  };
  const double y =
      at(static_cast<double>(part.y1), static_cast<double>(part.y2), maps.size(2), crop.height, i);
  const double x =
      at(static_cast<double>(part.x1), static_cast<double>(part.x2), maps.size(3), crop.width, j);
  return y < 0 || x < 0 ? 0 : sample(maps, n, c, y, x);
}

TEST(Roi, CropAndResizeEqualsItsDefinition) {
  Random random(11);
  constexpr float side = 128;  // a power of two, so that parts of it are exact
  for (int i = 0; i < 40; ++i) {
    Case c = random_case(random);
    c.boxes.push_back({0, 0, side, side});
    c.boxes.push_back({32, 64, side, side});
    c.images.resize(c.boxes.size(), 1);
    const Extent crop{random.integer(1, 6), random.integer(1, 6)};
    const auto value = [&](Extent grid, int64_t r, int64_t channel, int64_t y, int64_t x) {
      const auto box = static_cast<size_t>(r);
      return naive_crop(c.maps, scaled(c.boxes[box], 1 / 128.0, 1 / 128.0), c.images[box], channel, grid, y,
                        x);
    };
    expect_values(
        crop_and_resize(c.maps, c.boxes, c.images, crop, {128, 128}),
        {std::ssize(c.boxes), 3, crop.height, crop.width}, 1e-5f,
        [&](int64_t r, int64_t channel, int64_t y, int64_t x) { return value(crop, r, channel, y, x); });
    const Extent twice{2 * crop.height, 2 * crop.width};
    expect_values(crop_and_pool(c.maps, c.boxes, c.images, crop, {128, 128}),
                  {std::ssize(c.boxes), 3, crop.height, crop.width}, 1e-5f,
                  [&](int64_t r, int64_t channel, int64_t y, int64_t x) {
                    double most = -1e9;
                    for (int64_t k = 0; k < 4; ++k)
                      most = std::max(most, value(twice, r, channel, 2 * y + k / 2, 2 * x + k % 2));
                    return most;
                  });
  }
}

TEST(Roi, AWholeMapIsItsOwnCrop) {
  Random random(12);
  const Tensor map = random_map(random, {1, 4, 19, 7});
  const std::vector<Box> all{{0, 0, 300, 300}};
  expect_values(crop_and_resize(map, all, {}, {19, 7}, {300, 300}), map.shape(), 1e-6f,
                [&](int64_t n, int64_t c, int64_t y, int64_t x) { return pixel(map, n, c, y, x); });
  const std::vector<Box> cells{{0, 0, 7, 19}};
  expect_values(roi_align(map, cells, {}, {.height = 19, .width = 7}), map.shape(), 1e-6f,
                [&](int64_t n, int64_t c, int64_t y, int64_t x) { return pixel(map, n, c, y, x); });
}

// The last sample of a box that ends at the border lies on the last cell, whatever its position is rounded
// to.
TEST(Roi, NoSampleFallsOffTheBorderByRounding) {
  const Tensor ones = Tensor::from<float>({1, 1, 20, 19}, std::vector<float>(380, 1.0f));
  Random random(13);
  for (int i = 0; i < 300; ++i) {
    const auto from = static_cast<float>(random.uniform(0, 600));
    const std::vector<Box> box{{from, from, 640, 640}};
    const Tensor crop =
        crop_and_resize(ones, box, {}, {random.integer(1, 40), random.integer(1, 40)}, {640, 640});
    for (const float value : crop.data<float>())
      ASSERT_NEAR(value, 1, 1e-6) << from;
  }
}

TEST(Roi, LevelsFollowTheSize) {
  const RcnnSystem system{.strides = {4, 8, 16, 32}};
  const auto level = [&](float side) { return level_of({0, 0, side, side}, system); };
  EXPECT_EQ(level(0), 0);
  EXPECT_EQ(level(55), 0);
  EXPECT_EQ(level(111), 0);
  EXPECT_EQ(level(112), 1);
  EXPECT_EQ(level(223), 1);
  EXPECT_EQ(level(224), 2);
  EXPECT_EQ(level(447), 2);
  EXPECT_EQ(level(448), 3);
  EXPECT_EQ(level(9000), 3);
  EXPECT_EQ(level_of({0, 0, 56, 896}, system), 2) << "the area counts";
}

TEST(Roi, CropsOfLevelsAreThoseOfTheirMaps) {
  Random random(14);
  const std::vector<Tensor> maps{random_map(random, {2, 5, 32, 32}), random_map(random, {2, 5, 16, 16}),
                                 random_map(random, {2, 5, 8, 8})};
  const std::vector<Box> boxes = random_boxes(random, 40, 512);
  std::vector<int64_t> images;
  for (size_t i = 0; i < boxes.size(); ++i)
    images.push_back(random.integer(0, 1));
  RcnnSystem system{.strides = {16, 32, 64}, .sampling_ratio = 2, .canonical_level = 5};
  for (const auto crop : {RcnnSystem::Crop::roi_align, RcnnSystem::Crop::roi_align_legacy,
                          RcnnSystem::Crop::crop_and_resize_pooled}) {
    system.crop = crop;
    const Tensor all = roi_crops(maps, boxes, images, system, 7, {512, 512});
    ASSERT_EQ(all.shape(), (Shape{40, 5, 7, 7}));
    for (size_t i = 0; i < boxes.size(); ++i) {
      const auto level = static_cast<size_t>(level_of(boxes[i], system));
      const std::span<const Box> box(&boxes[i], 1);
      const std::span<const int64_t> image(&images[i], 1);
      const op::RoiAlign op{.height = 7,
                            .width = 7,
                            .sampling_ratio = 2,
                            .spatial_scale = 1 / static_cast<double>(system.strides[level]),
                            .aligned = crop == RcnnSystem::Crop::roi_align};
      const Tensor one = crop == RcnnSystem::Crop::crop_and_resize_pooled
                             ? crop_and_pool(maps[level], box, image, {7, 7}, {512, 512})
                             : roi_align(maps[level], box, image, op);
      ASSERT_TRUE(std::equal(one.data<float>().begin(), one.data<float>().end(),
                             all.data<float>().begin() + static_cast<int64_t>(i) * 5 * 49));
    }
  }
}

TEST(Roi, TheSameBitsForAnyNumberOfThreads) {
  Random random(15);
  const Tensor map = random_map(random, {1, 64, 40, 40});
  const std::vector<Box> boxes = random_boxes(random, 30, 640);
  const op::RoiAlign op{.height = 7, .width = 7, .spatial_scale = 1.0 / 16};
  const auto crops = [&](int threads) {
    const ThreadScope scope(threads);
    const Tensor result = roi_align(map, boxes, {}, op);
    return std::vector<float>(result.data<float>().begin(), result.data<float>().end());
  };
  EXPECT_EQ(crops(1), crops(2));
  EXPECT_EQ(crops(1), crops(5));
}

TEST(Roi, FaultsAreNamed) {
  Random random(16);
  const Tensor map = random_map(random, {2, 1, 4, 4});
  const std::vector<Box> box{{0, 0, 4, 4}}, bad{{0, NAN, 4, 4}};
  const std::vector<int64_t> third{2}, none_of_two{0, 0};
  const op::RoiAlign op{.height = 2, .width = 2};
  EXPECT_THROW(roi_align(map, bad, {}, op), Error);
  EXPECT_THROW(roi_pool(map, bad, {}, {2, 2}, 1), Error);
  EXPECT_THROW(crop_and_resize(map, bad, {}, {2, 2}, {8, 8}), Error);
  EXPECT_THROW(roi_align(map, box, third, op), Error);
  EXPECT_THROW(roi_pool(map, box, third, {2, 2}, 1), Error);
  EXPECT_THROW(roi_align(map, std::vector<Box>{{0, 0, 1, 1}, {0, 0, 1, 1}}, std::vector<int64_t>{0}, op),
               Error);
  EXPECT_THROW(roi_align(map, box, {}, {.height = 0, .width = 2}), Error);
  EXPECT_THROW(roi_pool(map, box, {}, {0, 2}, 1), Error);
  EXPECT_THROW(roi_align(map.reshaped({2, 16}), box, {}, op), Error);
  EXPECT_THROW(roi_align(Tensor(), box, {}, op), Error);
  EXPECT_THROW(roi_align(map, std::vector<Box>{{0, 0, 1e30f, 1}}, {}, op), Error);
  EXPECT_THROW(roi_align(map, box, {}, {.mode = op::RoiAlign::Mode::maximum}), Error);
  EXPECT_THROW(crop_and_resize(map, box, {}, {2, 2}, {0, 8}), Error);
  EXPECT_THROW(roi_crops({map}, box, {}, {.strides = {4, 8}}, 2, {16, 16}), Error);
  EXPECT_EQ(roi_align(map, {}, {}, op).shape(), (Shape{0, 1, 2, 2}));
}

// Ratios of two loops in one run; the limit leaves room for a busy machine.
TEST(Roi, AlignIsMuchFasterThanItsDefinition) {
  Random random(17);
  const Tensor map = random_map(random, {1, 64, 50, 50});
  const std::vector<Box> boxes = random_boxes(random, 20, 800);
  const op::RoiAlign op{.height = 7, .width = 7, .spatial_scale = 1.0 / 16};
  const auto seconds = [](const auto& body) {
    double best = 1e9;
    for (int i = 0; i < 5; ++i) {
      const auto start = std::chrono::steady_clock::now();
      body();
      best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    return best;
  };
  const ThreadScope one(1);
  double sum = 0;
  const double fast =
      seconds([&] { sum += static_cast<double>(roi_align(map, boxes, {}, op).data<float>()[0]); });
  const double slow = seconds([&] {
    for (const Box& box : boxes)
      for (int64_t c = 0; c < 64; ++c)
        for (int64_t bin = 0; bin < 49; ++bin)
          sum += naive_align(map, box, 0, c, op, bin / 7, bin % 7);
  });
  EXPECT_TRUE(std::isfinite(sum));
  RecordProperty("times_faster", std::to_string(slow / fast));
  std::cout << "roi_align: " << slow / fast << " times the definition's speed, one thread\n";
  EXPECT_GT(slow / fast, 3);
}

}  // namespace
}  // namespace vitrail
