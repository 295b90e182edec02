#include "vitrail/data/object_crops.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "temporary_folder.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/data/check.h"
#include "vitrail/image/image_file.h"

namespace vitrail {
namespace {

using testing::HasSubstr;

// One picture of 40x60 whose pixel (y, x) is (y, x, 9), a person of 20x10 in it, one at its left edge, a
// crowd and a dog.
class ObjectCropsTest : public testing::Test {
 protected:
  ObjectCropsTest() {
    Image image(40, 60);
    for (int64_t y = 0; y < 40; ++y)
      for (int64_t x = 0; x < 60; ++x) {
        image.at(y, x)[0] = static_cast<uint8_t>(y);
        image.at(y, x)[1] = static_cast<uint8_t>(x);
        image.at(y, x)[2] = 9;
      }
    write_png(folder_ / "a.png", image);
    std::ofstream(folder_ / "instances_all.json") << R"({
      "images": [{"id": 1, "file_name": "a.png", "height": 40, "width": 60}],
      "categories": [{"id": 1, "name": "person"}, {"id": 18, "name": "dog"}],
      "annotations": [
        {"id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "area": 200, "bbox": [30, 10, 10, 20],
         "segmentation": [[30, 10, 40, 10, 40, 30, 30, 30]]},
        {"id": 2, "image_id": 1, "category_id": 1, "iscrowd": 0, "area": 80, "bbox": [0, 4, 4, 20],
         "segmentation": [[0, 4, 4, 4, 4, 24, 0, 24]]},
        {"id": 3, "image_id": 1, "category_id": 1, "iscrowd": 1, "area": 2400, "bbox": [0, 0, 60, 40],
         "segmentation": {"size": [40, 60], "counts": [0, 2400]}},
        {"id": 4, "image_id": 1, "category_id": 18, "iscrowd": 0, "area": 16, "bbox": [50, 30, 4, 4],
         "segmentation": [[50, 30, 54, 30, 54, 34, 50, 34]]}]})";
  }

  std::string spec(const std::string& options) const {
    return cat("crops:", options, ":coco:", (folder_ / "instances_all.json").string());
  }

  TemporaryFolder folder_;
};

TEST_F(ObjectCropsTest, AnObjectIsInTheMiddleAndAloneWithItsLabel) {
  const auto data = open_dataset(spec("person,20x12,0"), "all");
  ASSERT_EQ(data->size(), 2) << "neither the crowd nor the dog";
  EXPECT_EQ(data->classes().at(1).name, "person");
  const Sample sample = data->load(0);  // columns 29..40 of the picture, rows 10..29, at their own size
  ASSERT_EQ(sample.image.height, 20);
  ASSERT_EQ(sample.image.width, 12);
  for (int64_t y = 0; y < 20; ++y)
    for (int64_t x = 0; x < 12; ++x) {
      ASSERT_EQ(sample.image.at(y, x)[0], y + 10);
      ASSERT_EQ(sample.image.at(y, x)[1], x + 29);
      ASSERT_EQ(sample.labels.at(y, x), x >= 1 && x <= 10 ? 1 : 0);
    }
}

TEST_F(ObjectCropsTest, WhatLiesOutsideOfThePictureIsIgnored) {
  const auto data = open_dataset(spec("person,20x12,0"), "all");
  const Sample sample = data->load(1);  // columns -4..7
  for (int64_t x = 0; x < 12; ++x) {
    EXPECT_EQ(sample.labels.at(5, x), x < 4 ? LabelMap::ignore_label : x < 8 ? 1 : 0) << x;
    EXPECT_EQ(sample.image.at(5, x)[2], x < 4 ? 127 : 9) << x;
  }
}

TEST_F(ObjectCropsTest, AMarginIsOfTheBoxAndProportionsAreTheSizes) {
  const Box tall{30, 10, 40, 30};
  const Box grown = object_crop_box(tall, {.height = 320, .width = 192, .margin = 0.05});
  EXPECT_FLOAT_EQ(grown.height(), 22);
  EXPECT_FLOAT_EQ(grown.width(), 22 * 0.6f);
  EXPECT_FLOAT_EQ(grown.x1 + grown.x2, 70);
  EXPECT_FLOAT_EQ(grown.y1 + grown.y2, 40);
  const Box wide = object_crop_box({0, 0, 30, 10}, {.height = 50, .width = 30, .margin = 0.1});
  EXPECT_FLOAT_EQ(wide.width(), 36);
  EXPECT_FLOAT_EQ(wide.height(), 60);
}

TEST_F(ObjectCropsTest, AnyClassAndOtherSizes) {
  const auto data = open_dataset(spec("any,64x32,0.1"), "all");
  EXPECT_EQ(data->size(), 3);
  EXPECT_EQ(data->load(2).labels.height, 64);
  EXPECT_EQ(data->load(2).labels.labels.size(), 64u * 32u);
}

TEST_F(ObjectCropsTest, WrongSpecsAreRefused) {
  for (const auto& [options, named] : std::vector<std::pair<std::string, std::string>>{
           {"person", "CLASS,HEIGHTxWIDTH,MARGIN"},
           {"person,20x12", "CLASS,HEIGHTxWIDTH,MARGIN"},
           {"person,20,0", "CLASS,HEIGHTxWIDTH,MARGIN"},
           {",20x12,0", "CLASS,HEIGHTxWIDTH,MARGIN"},
           {"person,20x12,much", "CLASS,HEIGHTxWIDTH,MARGIN"},
           {"person,20x12,-1", "margin"},
           {"person,20x12,nan", "margin"},
           {"person,0x12,0", "side"},
           {"person,99999x12,0", "side"},
           {"persn,20x12,0", "Did you mean 'person'?"},
       }) {
    try {
      open_dataset(spec(options), "all");
      ADD_FAILURE() << options;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage) << options;
      EXPECT_THAT(error.what(), HasSubstr(named)) << options;
    }
  }
  EXPECT_THROW(open_dataset("crops:person,20x12,0", "all"), Error);
  EXPECT_THROW(open_dataset("crops:person,20x12,0:voc:/nowhere", "all"), Error);
  EXPECT_THROW(check_dataset(spec("person,20x12,0")), Error);
}

}  // namespace
}  // namespace vitrail
