#include "vitrail/data/instance_augment.h"

#include <cmath>

#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/data/held_out.h"
#include "vitrail/data/instance_loader.h"

namespace vitrail {
namespace {

Instance rectangle(int64_t height, int64_t width, int64_t x, int64_t y, int64_t w, int64_t h) {
  Mask mask(height, width);
  for (int64_t row = y; row < y + h; ++row)
    for (int64_t column = x; column < x + w; ++column)
      mask.at(row, column) = 1;
  return {.box = {static_cast<float>(x), static_cast<float>(y), static_cast<float>(x + w),
                  static_cast<float>(y + h)},
          .mask = encode_rle(mask),
          .area = static_cast<double>(w * h),
          .id = 7};
}

/// A white rectangle, and a smaller one, on black: what is white must be what the masks say.
InstanceSample two_rectangles(int64_t height = 120, int64_t width = 160) {
  InstanceSample sample;
  sample.image = Image(height, width, 3, 0);
  sample.name = "two";
  sample.instances = {rectangle(height, width, 20, 30, 60, 40), rectangle(height, width, 110, 70, 24, 36)};
  for (const Instance& each : sample.instances) {
    const Mask mask = decode_rle(each.mask);
    for (int64_t i = 0; i < height * width; ++i)
      if (mask.pixels[static_cast<size_t>(i)] != 0)
        std::fill_n(sample.image.pixels.begin() + 3 * i, 3, uint8_t{255});
  }
  return sample;
}

/// Share of the pixels where white and masks disagree.
double disagreement(const InstanceSample& sample) {
  Mask all(sample.image.height, sample.image.width);
  for (const Instance& each : sample.instances) {
    const Mask mask = decode_rle(each.mask);
    for (size_t i = 0; i < all.pixels.size(); ++i)
      all.pixels[i] |= mask.pixels[i];
  }
  int64_t wrong = 0;
  for (size_t i = 0; i < all.pixels.size(); ++i)
    wrong += (sample.image.pixels[3 * i] > 127) != (all.pixels[i] != 0) ? 1 : 0;
  return static_cast<double>(wrong) / static_cast<double>(all.pixels.size());
}

/// Boxes are those of the masks, to a pixel and a half.
void expect_boxes_fit(const InstanceSample& sample) {
  for (const Instance& each : sample.instances) {
    const auto [x, y, width, height] = bounds(each.mask);
    EXPECT_NEAR(each.box.x1, x, 1.5);
    EXPECT_NEAR(each.box.y1, y, 1.5);
    EXPECT_NEAR(each.box.x2, x + width, 1.5);
    EXPECT_NEAR(each.box.y2, y + height, 1.5);
    EXPECT_EQ(each.area, static_cast<double>(area(each.mask)));
    EXPECT_EQ(each.id, 7);
  }
}

TEST(InstanceAugment, WithoutOptionsItResizes) {
  Random random(1);
  const InstanceSample seen = augment(two_rectangles(), {}, {}, {240, 480}, random);
  ASSERT_EQ(seen.instances.size(), 2u);
  EXPECT_EQ(seen.image.height, 240);
  EXPECT_EQ(seen.instances[0].box, (Box{60, 60, 240, 140}));
  EXPECT_EQ(seen.instances[0].area, 180 * 80);
  EXPECT_LT(disagreement(seen), 1e-3);
  const InstanceSample same = resized(two_rectangles(), {240, 480});
  EXPECT_EQ(same.instances[1].mask, seen.instances[1].mask);
  EXPECT_EQ(same.image.pixels, seen.image.pixels);
}

TEST(InstanceAugment, AFlipMirrorsPictureBoxesAndMasks) {
  Random random(1);
  const InstanceSample seen = augment(two_rectangles(), {.flip = 1}, {}, {120, 160}, random);
  EXPECT_EQ(seen.instances.at(0).box, (Box{80, 30, 140, 70}));
  EXPECT_EQ(disagreement(seen), 0);
  expect_boxes_fit(seen);
}

TEST(InstanceAugment, PictureBoxesAndMasksStayTogetherWhateverIsDrawn) {
  int objects = 0, gone = 0;
  for (uint64_t seed = 0; seed < 150; ++seed) {
    Random random(seed);
    const InstanceSample seen =
        augment(two_rectangles(), {.scale_min = 0.6, .scale_max = 1.7, .flip = 0.5},
                {.expand = 0.5, .expand_max = 3, .crop = 0.85, .least_visible = 0.2}, {96, 128}, random);
    if (seen.instances.size() == 2) {
      EXPECT_LT(disagreement(seen), 0.02) << seed;
    }
    expect_boxes_fit(seen);
    objects += static_cast<int>(seen.instances.size());
    gone += 2 - static_cast<int>(seen.instances.size());
  }
  EXPECT_GT(objects, 150);
  EXPECT_GT(gone, 10);
}

TEST(InstanceAugment, ObjectsOfWhichTooLittleIsLeftGo) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    Random random(seed);
    const InstanceSample all =
        augment(two_rectangles(), {.scale_min = 2, .scale_max = 2}, {}, {120, 160}, random);
    Random again(seed);
    const InstanceSample some = augment(two_rectangles(), {.scale_min = 2, .scale_max = 2},
                                        {.least_visible = 0.5}, {120, 160}, again);
    EXPECT_LE(some.instances.size(), all.instances.size());
    for (const Instance& each : some.instances)
      EXPECT_GE(each.area, 0.45 * 4 * 24 * 36);  // half of the smaller one, enlarged twice
  }
}

TEST(InstanceAugment, ACropHoldsTheDrawnShareOfSomeBox) {
  int cropped = 0;
  for (uint64_t seed = 0; seed < 80; ++seed) {
    Random random(seed);
    const InstanceSample seen =
        augment(two_rectangles(), {}, {.crop = 1, .crop_overlaps = {0.9}}, {120, 160}, random);
    ASSERT_FALSE(seen.instances.empty()) << seed;
    cropped += disagreement(seen) > 0 || seen.instances[0].area != 60 * 40 ? 1 : 0;
  }
  EXPECT_GT(cropped, 60);
}

TEST(InstanceAugment, CrowdsStayCrowdsAndDoNotDrawCrops) {
  InstanceSample sample = two_rectangles();
  for (Instance& each : sample.instances)
    each.crowd = true;
  Random random(3);
  const InstanceSample seen = augment(sample, {}, {.crop = 1, .crop_overlaps = {1}}, {120, 160}, random);
  ASSERT_EQ(seen.instances.size(), 2u);  // no crop holds an object, so the picture stays whole
  EXPECT_TRUE(seen.instances[0].crowd);
  EXPECT_EQ(seen.instances[0].area, 60 * 40);
}

TEST(InstanceAugment, OptionsOutOfRangeAreAllNamed) {
  try {
    check(BoxAugmentOptions{.expand = 2, .expand_max = 0.5, .crop_overlaps = {}});
    FAIL();
  } catch (const Error& error) {
    const std::string text = error.what();
    for (const char* part : {"expand is 2", "expand_max is 0.5", "crop_overlaps is empty"})
      EXPECT_NE(text.find(part), std::string::npos) << text;
  }
}

/// Six pictures, numbered from 10.
class SixPictures : public InstanceDataset {
 public:
  int64_t size() const override { return 6; }
  InstanceSample load(int64_t index) const override {
    InstanceSample sample = two_rectangles();
    sample.name = name(index);
    sample.id = 10 + index;
    return sample;
  }
  InstanceSample annotations(int64_t index) const override { return load(index); }
  std::string name(int64_t index) const override { return std::to_string(10 + index); }
  std::filesystem::path image_path(int64_t) const override { return {}; }
  const std::vector<ClassInfo>& classes() const override { return classes_; }
  int64_t category_of(int64_t) const override { return 1; }

 private:
  std::vector<ClassInfo> classes_{{"thing", {1, 2, 3}}};
};

TEST(InstanceLoader, BatchesFollowFromSeedAndStepAlone) {
  const SixPictures data;
  const InstanceAugment augmentation{
      .common = {.scale_min = 0.7, .scale_max = 1.4, .flip = 0.5}, .boxes = {.crop = 0.5}, .size = {64, 64}};
  InstanceLoader one(data, augmentation, {}, {.batch = 4, .seed = 3, .threads = 1}),
      several(data, augmentation, {}, {.batch = 4, .seed = 3, .threads = 3});
  std::vector<InstanceBatch> batches;
  for (int step = 0; step < 4; ++step) {
    batches.push_back(one.next());
    const InstanceBatch other = several.next();
    EXPECT_EQ(batches.back().names, other.names);
    const std::span<const float> a = batches.back().images.data<float>(), b = other.images.data<float>();
    EXPECT_TRUE(std::equal(a.begin(), a.end(), b.begin(), b.end()));
    ASSERT_EQ(other.instances.size(), 4u);
  }
  InstanceLoader resumed(data, augmentation, {}, {.batch = 4, .seed = 3, .threads = 2}, 3);
  const InstanceBatch again = resumed.next();
  EXPECT_EQ(again.names, batches[3].names);
  ASSERT_EQ(again.instances[0].size(), batches[3].instances[0].size());
  for (size_t i = 0; i < again.instances[0].size(); ++i)
    EXPECT_EQ(again.instances[0][i].mask, batches[3].instances[0][i].mask);
}

TEST(InstanceLoader, RefusesOptionsOutOfRange) {
  const SixPictures data;
  const InstanceAugment augmentation{.common = {}, .boxes = {}, .size = {64, 64}};
  try {
    InstanceLoader(data, augmentation, {}, {.batch = 0, .threads = 0});
    FAIL();
  } catch (const Error& error) {
    const std::string text = error.what();
    for (const char* part : {"batch is 0", "threads is 0"})
      EXPECT_NE(text.find(part), std::string::npos) << text;
  }
  EXPECT_THROW(InstanceLoader(data, augmentation, {}, {}, -1), Error);
}

TEST(HoldOut, EveryPictureIsOnOneSide) {
  const HeldOut parts = hold_out(std::make_unique<SixPictures>(), 4);
  ASSERT_EQ(parts.held_out->size(), 1);
  EXPECT_EQ(parts.held_out->name(0), "12");
  EXPECT_EQ(parts.held_out->load(0).id, 12);
  EXPECT_EQ(parts.rest->size(), 5);
  for (int64_t i = 0; i < 5; ++i)
    EXPECT_NE(parts.rest->annotations(i).id % 4, 0);
  EXPECT_THROW(hold_out(std::make_unique<SixPictures>(), 100), Error);
}

}  // namespace
}  // namespace vitrail
