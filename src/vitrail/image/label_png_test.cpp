#include "vitrail/image/label_png.h"

#include <gtest/gtest.h>
#include <opencv2/imgcodecs.hpp>

#include "image_samples.h"
#include "temporary_folder.h"
#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/image/image_file.h"
#include "vitrail/image/palette.h"

namespace vitrail {
namespace {

class LabelPng : public testing::Test {
 protected:
  std::filesystem::path written(const std::string& bytes) {
    write_file_atomically(folder_ / "labels.png", bytes);
    return folder_ / "labels.png";
  }

 private:
  TemporaryFolder folder_;
};

TEST_F(LabelPng, ReadsTheStoredNumbersOfEveryKind) {
  Random random(1);
  for (const int color_type : {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_PALETTE}) {
    for (const int depth : {1, 2, 4, 8, 16}) {
      if (color_type == PNG_COLOR_TYPE_PALETTE && depth == 16) continue;
      for (const bool interlaced : {false, true}) {
        const int64_t height = random.integer(1, 50), width = random.integer(1, 50);
        const LabelMap truth = random_labels(height, width, (1 << depth) - 1, random);
        const bool palette = color_type == PNG_COLOR_TYPE_PALETTE;
        const std::vector<Rgb> colors = palette ? distinct_palette(int64_t{1} << depth) : std::vector<Rgb>();
        const auto path =
            written(png_file({depth, color_type, interlaced, palette}, height, width, truth.labels, colors));
        EXPECT_EQ(read_label_map(path).labels, truth.labels) << color_type << " depth " << depth;
        const LabelFile file = read_label_file(path);
        EXPECT_EQ(file.labels.width, width);
        EXPECT_EQ(file.bit_depth, depth);
        EXPECT_EQ(file.channels, 1);
        EXPECT_EQ(file.palette, palette);
        EXPECT_EQ(file.colors, colors);
      }
    }
  }
}

TEST_F(LabelPng, DropsTheAlphaOfGrey) {
  const auto path = written(png_file({8, PNG_COLOR_TYPE_GRAY_ALPHA}, 1, 2, {7, 255, 9, 0}));
  EXPECT_EQ(read_label_map(path).labels, (std::vector<uint16_t>{7, 9}));
  EXPECT_EQ(read_label_file(path).channels, 2);
}

TEST_F(LabelPng, WrittenMapsComeBackAndShowTheirColours) {
  Random random(2);
  const std::vector<Rgb> palette = cityscapes_palette();
  LabelMap truth = random_labels(31, 17, 18, random);
  truth.at(3, 4) = LabelMap::ignore_label;
  const auto path = written(encode_label_map(truth, palette));
  EXPECT_EQ(read_label_map(path).labels, truth.labels);
  const Image shown = read_image(path);
  for (int64_t y = 0; y < 31; ++y)
    for (int64_t x = 0; x < 17; ++x) {
      const uint16_t label = truth.at(y, x);
      const Rgb color = label < palette.size() ? palette[label] : voc_palette()[label];
      EXPECT_TRUE(std::equal(color.begin(), color.end(), shown.at(y, x)));
    }
}

TEST_F(LabelPng, LabelsAbove255AreSixteenBitGrey) {
  Random random(3);
  LabelMap truth = random_labels(9, 14, 65535, random);
  truth.at(0, 0) = 65535;
  const auto path = written(encode_label_map(truth));
  EXPECT_EQ(read_label_map(path).labels, truth.labels);
  EXPECT_EQ(read_label_file(path).bit_depth, 16);
  const cv::Mat mat = cv::imread(path.string(), cv::IMREAD_UNCHANGED);
  ASSERT_EQ(mat.type(), CV_16U);
  EXPECT_EQ(mat.at<uint16_t>(5, 6), truth.at(5, 6)) << "byte order";
}

TEST_F(LabelPng, ColourMasksAreRefusedWithTheWayOut) {
  const auto path = written(encode_png(Image(4, 4, 3, 9)));
  try {
    read_label_map(path);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("class table"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("labels.png"), std::string::npos);
  }
  const LabelFile file = read_label_file(path);
  EXPECT_EQ(file.channels, 3);
  EXPECT_TRUE(file.labels.labels.empty());
}

TEST_F(LabelPng, OnlyPngIsBelieved) {
  EXPECT_THROW(read_label_map(written(encode_jpeg(Image(8, 8, 1)))), Error);
  EXPECT_THROW(read_label_map(written("")), Error);
  EXPECT_THROW(read_label_map(written(encode_label_map(LabelMap(8, 8))), 63), Error);
  EXPECT_THROW(encode_label_map(LabelMap()), Error);
}

TEST_F(LabelPng, ColoursBecomeLabels) {
  Random random(4);
  const std::vector<Rgb> palette = camvid_palette();
  const Rgb black{0, 0, 0};
  const LabelMap truth = random_labels(20, 30, 11, random);
  Image mask(20, 30);
  LabelMap expected = truth;
  for (size_t i = 0; i < truth.labels.size(); ++i) {
    const uint16_t label = truth.labels[i];
    const Rgb color = label < 11 ? palette[label] : black;
    std::copy(color.begin(), color.end(), mask.pixels.begin() + static_cast<int64_t>(3 * i));
    if (label == 11) expected.labels[i] = LabelMap::ignore_label;
  }
  EXPECT_EQ(labels_from_colors(mask, palette, black).labels, expected.labels);
}

TEST_F(LabelPng, AnUnknownColourIsNamedWithItsPixel) {
  Image mask(4, 5);
  mask.at(2, 3)[1] = 77;
  const std::vector<Rgb> colors{{0, 0, 0}};
  try {
    labels_from_colors(mask, colors, std::nullopt, "mask_7.png");
    FAIL();
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("mask_7.png"), std::string::npos);
    EXPECT_NE(text.find("(0,77,0) at (3,2)"), std::string::npos) << text;
  }
  const std::vector<Rgb> twice{{1, 2, 3}, {1, 2, 3}};
  EXPECT_THROW(labels_from_colors(mask, twice), Error);
  EXPECT_THROW(labels_from_colors(Image(2, 2, 1), colors), Error);
}

}  // namespace
}  // namespace vitrail
