#include <cstring>

#include <gmock/gmock.h>

#include "narrow_ssd.h"
#include "noise_image.h"
#include "temporary_folder.h"
#include "vitrail/base/file.h"
#include "vitrail/capi/vitrail.h"
#include "vitrail/image/image_file.h"
#include "vitrail/image/instance_overlay.h"
#include "vitrail/onnx/onnx.h"
#include "vitrail/predict/instance.h"

namespace vitrail {
namespace {

using ::testing::HasSubstr;

class CObjects : public ::testing::Test {
 protected:
  static Model model() { return narrow_ssd("ssd-mobilenet-multi-shape", {}); }

  void SetUp() override {
    bytes_ = onnx_bytes(model());
    model_ = opened(nullptr);
  }
  void TearDown() override { vitrail_close(model_); }

  vitrail_model* opened(const vitrail_options* options) {
    vitrail_model* opened = nullptr;
    EXPECT_EQ(vitrail_open_bytes(bytes_.data(), bytes_.size(), options, &opened, &error_), VITRAIL_OK)
        << error_.text;
    return opened;
  }

  static vitrail_image view(const Image& image) {
    vitrail_image given = VITRAIL_IMAGE_INIT;
    given.pixels = image.pixels.data();
    given.height = image.height;
    given.width = image.width;
    return given;
  }

  std::string bytes_;
  vitrail_model* model_ = nullptr;
  vitrail_error error_ = VITRAIL_ERROR_INIT;
};

TEST_F(CObjects, AreThePredictors) {
  const Image image = noise_image(70, 90, 3, 1);
  const std::vector<FoundInstance> expected = InstancePredictor(model()).predict(image);
  EXPECT_EQ(vitrail_model_task(model_), VITRAIL_INSTANCE);
  const vitrail_image given = view(image);
  vitrail_objects* objects = nullptr;
  ASSERT_EQ(vitrail_find_objects(model_, &given, &objects, &error_), VITRAIL_OK) << error_.text;
  ASSERT_EQ(vitrail_object_count(objects), static_cast<int64_t>(expected.size()));
  std::vector<uint8_t> mask(70 * 100, 9);
  for (int64_t i = 0; i < vitrail_object_count(objects); ++i) {
    const FoundInstance& found = expected[static_cast<size_t>(i)];
    vitrail_object object = VITRAIL_OBJECT_INIT;
    ASSERT_EQ(vitrail_get_object(objects, i, &object, &error_), VITRAIL_OK);
    EXPECT_EQ(object.class_index, found.class_index);
    EXPECT_EQ(object.score, found.score);
    EXPECT_EQ((Box{object.x1, object.y1, object.x2, object.y2}), found.box);
    const bool masked = !found.mask.counts.empty();
    EXPECT_EQ(object.pixels, masked ? area(found.mask) : -1);
    ASSERT_EQ(vitrail_object_mask(objects, i, mask.data(), 100, &error_), VITRAIL_OK);
    const Mask pixels = masked ? decode_rle(found.mask) : Mask(70, 90);
    for (size_t y = 0; y < 70; ++y) {
      ASSERT_EQ(std::memcmp(mask.data() + 100 * y, pixels.pixels.data() + 90 * y, 90), 0);
      ASSERT_EQ(mask[100 * y + 90], 9);  // beside the picture nothing is written
    }
  }
  std::vector<Rle> masks;
  for (const FoundInstance& found : expected)
    masks.push_back(found.mask);
  std::vector<uint16_t> numbers(70 * 90);
  ASSERT_EQ(vitrail_object_numbers(objects, numbers.data(), 0, &error_), VITRAIL_OK);
  EXPECT_EQ(numbers, instance_numbers(masks, 70, 90).labels);
  vitrail_free_objects(objects);
}

TEST_F(CObjects, OfAFileAreThoseOfItsPixelsAndAChoiceIsKept) {
  const TemporaryFolder folder;
  const Image image = noise_image(60, 60, 3, 2);
  write_file_atomically(folder / "a.png", encode_png(image));
  vitrail_options options = VITRAIL_OPTIONS_INIT;
  options.most_objects = 3;
  options.boxes_alone = 1;
  vitrail_model* few = opened(&options);
  vitrail_objects* objects = nullptr;
  ASSERT_EQ(vitrail_find_objects_in_file(few, (folder / "a.png").c_str(), &objects, &error_), VITRAIL_OK);
  vitrail_close(few);  // the objects stay
  const std::vector<FoundInstance> expected = InstancePredictor(model()).predict(image);
  ASSERT_EQ(vitrail_object_count(objects), 3);
  vitrail_object object = VITRAIL_OBJECT_INIT;
  ASSERT_EQ(vitrail_get_object(objects, 2, &object, &error_), VITRAIL_OK);
  EXPECT_EQ(object.score, expected[2].score);
  EXPECT_EQ(object.pixels, -1);
  vitrail_free_objects(objects);
}

TEST_F(CObjects, FaultsAreToldAndNothingIsGiven) {
  const Image image(8, 8);
  const vitrail_image given = view(image);
  auto* objects = reinterpret_cast<vitrail_objects*>(this);
  EXPECT_EQ(vitrail_find_objects(nullptr, &given, &objects, &error_), VITRAIL_USAGE);
  EXPECT_EQ(objects, nullptr);
  EXPECT_EQ(vitrail_find_objects(model_, &given, nullptr, &error_), VITRAIL_USAGE);
  EXPECT_EQ(vitrail_find_objects_in_file(model_, "/none.jpg", &objects, &error_), VITRAIL_FILE);
  std::vector<uint8_t> labels(64);
  EXPECT_EQ(vitrail_segment(model_, &given, labels.data(), 0, nullptr, &error_), VITRAIL_USAGE);
  EXPECT_THAT(error_.text, HasSubstr("vitrail_find_objects"));

  ASSERT_EQ(vitrail_find_objects(model_, &given, &objects, &error_), VITRAIL_OK);
  vitrail_object object = VITRAIL_OBJECT_INIT;
  EXPECT_EQ(vitrail_get_object(objects, vitrail_object_count(objects), &object, &error_), VITRAIL_USAGE);
  EXPECT_EQ(vitrail_object_mask(objects, 0, labels.data(), 7, &error_), VITRAIL_USAGE);
  vitrail_free_objects(objects);
  vitrail_free_objects(nullptr);
  EXPECT_EQ(vitrail_object_count(nullptr), 0);

  vitrail_options options = VITRAIL_OPTIONS_INIT;
  options.least_score = 2;
  vitrail_model* other = nullptr;
  EXPECT_EQ(vitrail_open_bytes(bytes_.data(), bytes_.size(), &options, &other, &error_), VITRAIL_USAGE);
  EXPECT_EQ(other, nullptr);
}

}  // namespace
}  // namespace vitrail
