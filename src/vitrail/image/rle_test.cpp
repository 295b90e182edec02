#include "vitrail/image/rle.h"

#include <cmath>

#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/base/random.h"

namespace vitrail {
namespace {

Mask random_mask(int64_t height, int64_t width, double density, Random& random) {
  Mask mask(height, width);
  for (uint8_t& pixel : mask.pixels)
    pixel = random.chance(density) ? 1 : 0;
  return mask;
}

std::vector<Mask> random_masks(int count) {
  Random random(1);
  std::vector<Mask> masks = {Mask(1, 1), Mask(1, 1, 1), Mask(5, 7), Mask(5, 7, 1)};
  while (static_cast<int>(masks.size()) < count)
    masks.push_back(
        random_mask(random.integer(1, 20), random.integer(1, 20), random.uniform(0.0, 1.0), random));
  return masks;
}

TEST(Rle, MasksComeBack) {
  for (const Mask& mask : random_masks(200)) {
    const Rle rle = encode_rle(mask);
    EXPECT_EQ(decode_rle(rle).pixels, mask.pixels);
    for (size_t i = 1; i < rle.counts.size(); ++i)
      EXPECT_GT(rle.counts[i], 0u) << "only the first run may be empty";
  }
}

TEST(Rle, AreaAndBoundsAreThoseOfThePixels) {
  for (const Mask& mask : random_masks(200)) {
    int64_t pixels = 0, top = mask.height, bottom = 0, left = mask.width, right = 0;
    for (int64_t y = 0; y < mask.height; ++y)
      for (int64_t x = 0; x < mask.width; ++x)
        if (mask.at(y, x) != 0) {
          ++pixels;
          top = std::min(top, y), bottom = y + 1, left = std::min(left, x), right = std::max(right, x + 1);
        }
    const Rle rle = encode_rle(mask);
    EXPECT_EQ(area(rle), pixels);
    std::array<double, 4> expected{};
    if (pixels > 0)
      expected = {static_cast<double>(left), static_cast<double>(top), static_cast<double>(right - left),
                  static_cast<double>(bottom - top)};
    EXPECT_EQ(bounds(rle), expected);
  }
}

TEST(Rle, TextAndNumbersComeBack) {
  Random random(2);
  std::vector<Mask> masks = random_masks(100);
  for (int i = 0; i < 20; ++i)  // long runs, whose text needs several characters
    masks.push_back(random_mask(random.integer(100, 700), random.integer(100, 700), 0.0002, random));
  for (const Mask& mask : masks) {
    const Rle rle = encode_rle(mask);
    EXPECT_EQ(rle_from_text(rle_to_text(rle), rle.height, rle.width, "test"), rle);
    EXPECT_EQ(rle_from_counts({rle.counts.begin(), rle.counts.end()}, rle.height, rle.width, "test"), rle);
  }
}

// Lines of COCO's example results file.
TEST(Rle, TextIsCocos) {
  const struct {
    std::string text;
    int64_t height, width;
  } published[] = {
      {"Yek3>h<;G6CROUDR1f;SOUDS1g;;M3M3M10N106[Oa0G8M3M4M7J7HkRW4", 426, 640},
      {"`UQ62V=2@9[CJc<?00O1000000O10O01OJ6N22N1J7M2N2N2O10000000000001O1O1O`0@;Eihk1", 426, 640}};
  for (const auto& line : published) {
    const Rle rle = rle_from_text(line.text, line.height, line.width, "test");
    EXPECT_EQ(rle_to_text(rle), line.text);
    EXPECT_GT(area(rle), 100);
  }
}

TEST(Rle, EmptyRunsVanish) {
  EXPECT_EQ(rle_from_counts({2, 0, 3, 1, 0, 2, 1, 0}, 3, 3, "test").counts, (std::vector<uint32_t>{5, 3, 1}));
  EXPECT_EQ(rle_from_counts({0, 0, 9}, 3, 3, "test").counts, (std::vector<uint32_t>{9}));
  EXPECT_EQ(rle_from_counts({0, 9}, 3, 3, "test").counts, (std::vector<uint32_t>{0, 9}));
}

TEST(Rle, WrongRunsAreRefusedByName) {
  const auto refused = [](auto read) {
    try {
      read();
      ADD_FAILURE() << "not refused";
    } catch (const Error& e) {
      EXPECT_EQ(std::string(e.what()).find("annotation 7"), 0u) << e.what();
    }
  };
  refused([] { rle_from_counts({4, 4}, 3, 3, "annotation 7"); });
  refused([] { rle_from_counts({4, 6}, 3, 3, "annotation 7"); });
  refused([] { rle_from_counts({10, -1}, 3, 3, "annotation 7"); });
  refused([] { rle_from_counts({INT64_MAX, INT64_MAX}, 3, 3, "annotation 7"); });
  refused([] { rle_from_counts({9}, 0, 9, "annotation 7"); });
  refused([] { rle_from_counts({9}, int64_t{1} << 40, int64_t{1} << 40, "annotation 7"); });
  refused([] { rle_from_text("9 ", 3, 3, "annotation 7"); });
  refused([] { rle_from_text("9o", 3, 3, "annotation 7"); });
  refused([] { rle_from_text("oooooooooooooooo", 3, 3, "annotation 7"); });
  refused([] { rle_from_text("", 3, 3, "annotation 7"); });
}

TEST(Rle, UnionAndIntersectionAreThoseOfThePixels) {
  Random random(3);
  for (int trial = 0; trial < 200; ++trial) {
    const int64_t height = random.integer(1, 12), width = random.integer(1, 12);
    std::vector<Mask> masks;
    std::vector<Rle> rles;
    Mask whole(height, width);
    for (int64_t i = random.integer(1, 4); i > 0; --i) {
      masks.push_back(random_mask(height, width, random.uniform(0.0, 1.0), random));
      rles.push_back(encode_rle(masks.back()));
      for (size_t p = 0; p < whole.pixels.size(); ++p)
        whole.pixels[p] |= masks.back().pixels[p];
    }
    EXPECT_EQ(united(rles), encode_rle(whole));
    int64_t common = 0;
    for (size_t p = 0; p < whole.pixels.size(); ++p)
      common += masks.front().pixels[p] & masks.back().pixels[p];
    const Rle &a = rles.front(), &b = rles.back();
    EXPECT_EQ(common_area(a, b), common);
    if (common == 0) continue;
    EXPECT_DOUBLE_EQ(iou(a, b),
                     static_cast<double>(common) / static_cast<double>(area(a) + area(b) - common));
    EXPECT_DOUBLE_EQ(iou(a, b, true), static_cast<double>(common) / static_cast<double>(area(a)));
  }
}

TEST(Rle, LabelsAreTakenApart) {
  Random random(6);
  for (int trial = 0; trial < 50; ++trial) {
    LabelMap labels(random.integer(1, 12), random.integer(1, 12));
    for (uint16_t& label : labels.labels)
      label = static_cast<uint16_t>(random.integer(0, 3) * 300);
    int64_t pixels = 0;
    for (const auto& [number, rle] : masks_of_labels(labels)) {
      Mask expected(labels.height, labels.width);
      for (size_t i = 0; i < expected.pixels.size(); ++i)
        expected.pixels[i] = labels.labels[i] == number ? 1 : 0;
      EXPECT_EQ(rle, encode_rle(expected));
      pixels += area(rle);
    }
    EXPECT_EQ(pixels, labels.height * labels.width);
  }
}

// SPEC 15.10 word for word: every step of the walk around the polygon.
Rle walked(const std::vector<double>& polygon, int64_t height, int64_t width) {
  const size_t corners = polygon.size() / 2;
  std::vector<std::pair<int, int>> walk;
  for (size_t i = 0; i < corners; ++i) {
    const size_t next = (i + 1) % corners;
    int x0 = static_cast<int>(5 * polygon[2 * i] + 0.5), y0 = static_cast<int>(5 * polygon[2 * i + 1] + 0.5);
    int x1 = static_cast<int>(5 * polygon[2 * next] + 0.5);
    int y1 = static_cast<int>(5 * polygon[2 * next + 1] + 0.5);
    const int dx = std::abs(x1 - x0), dy = std::abs(y1 - y0), steps = std::max(dx, dy);
    if (steps == 0) continue;
    const bool reversed = dx >= dy ? x0 > x1 : y0 > y1;
    if (reversed) std::swap(x0, x1), std::swap(y0, y1);
    const double slope = dx >= dy ? static_cast<double>(y1 - y0) / dx : static_cast<double>(x1 - x0) / dy;
    for (int d = 0; d <= steps; ++d) {
      const int t = reversed ? steps - d : d;
      if (dx >= dy)
        walk.emplace_back(x0 + t, static_cast<int>(y0 + slope * t + 0.5));
      else
        walk.emplace_back(static_cast<int>(x0 + slope * t + 0.5), y0 + t);
    }
  }
  std::vector<int64_t> places;
  for (size_t i = 1; i < walk.size(); ++i) {
    if (walk[i].first == walk[i - 1].first) continue;
    const double column = (std::min(walk[i].first, walk[i - 1].first) + 0.5) / 5 - 0.5;
    if (column != std::floor(column) || column < 0 || column > static_cast<double>(width) - 1) continue;
    const double row = (std::min(walk[i].second, walk[i - 1].second) + 0.5) / 5 - 0.5;
    places.push_back(static_cast<int64_t>(column) * height +
                     static_cast<int64_t>(std::ceil(std::clamp(row, 0.0, static_cast<double>(height)))));
  }
  std::sort(places.begin(), places.end());
  std::vector<uint8_t> columns(static_cast<size_t>(height * width));
  for (const int64_t place : places)
    for (auto p = static_cast<size_t>(place); p < columns.size(); ++p)
      columns[p] ^= 1;
  Mask mask(height, width);
  for (int64_t p = 0; p < height * width; ++p)
    mask.at(p % height, p / height) = columns[static_cast<size_t>(p)];
  return encode_rle(mask);
}

TEST(Polygons, AreThePixelsOfTheWalk) {
  Random random(4);
  int64_t set = 0;
  for (int trial = 0; trial < 1500; ++trial) {
    const int64_t height = random.integer(1, 25), width = random.integer(1, 25);
    const double size = random.chance(0.2) ? 60 : 20;  // some reach far out of the picture
    std::vector<double> polygon;
    for (int64_t i = 2 * random.integer(3, 9); i > 0; --i) {
      const double at = random.uniform(-0.3, 1.0) * size;
      // Whole, half and hundredth coordinates, which is where rounding decides.
      polygon.push_back(trial % 3 == 0
                            ? std::round(at)
                            : std::round(at * (trial % 3 == 1 ? 2 : 100)) / (trial % 3 == 1 ? 2 : 100));
    }
    const Rle rle = rle_from_polygons({polygon}, height, width);
    ASSERT_EQ(rle, walked(polygon, height, width)) << "trial " << trial;
    set += area(rle);
  }
  EXPECT_GT(set, 50000) << "most trials must have pixels";
}

TEST(Polygons, WholeRectanglesAreExact) {
  Mask expected(20, 30);
  for (int64_t y = 3; y < 9; ++y)
    for (int64_t x = 4; x < 24; ++x)
      expected.at(y, x) = 1;
  EXPECT_EQ(rle_from_polygons({{4, 3, 24, 3, 24, 9, 4, 9}}, 20, 30), encode_rle(expected));
  EXPECT_EQ(rle_from_polygons({{4, 3, 14, 3, 14, 9, 4, 9}, {14, 3, 24, 3, 24, 9, 14, 9}}, 20, 30),
            encode_rle(expected));
  EXPECT_EQ(area(rle_from_polygons({}, 20, 30)), 0);
  EXPECT_EQ(area(rle_from_polygons({{-1e6, -1e6, 1e6, -1e6, 1e6, 1e6, -1e6, 1e6}}, 20, 30)), 600);
}

}  // namespace
}  // namespace vitrail
