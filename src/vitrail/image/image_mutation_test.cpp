// Damaged image files: whatever happens to the bytes, reading them ends in a picture or in an Error that
// names the file, soon, and without taking more memory than the picture they claim. Run under sanitizers in
// CI.

#include <chrono>
#include <functional>

#include <gtest/gtest.h>
#include <opencv2/imgcodecs.hpp>

#include "image_samples.h"
#include "mutate.h"
#include "vitrail/base/error.h"
#include "vitrail/image/image_file.h"
#include "vitrail/image/label_png.h"

namespace vitrail {
namespace {

std::string opencv_file(const char* extension, const std::vector<int>& options = {}) {
  const Image image = smooth_image(23, 37);
  const cv::Mat mat(23, 37, CV_8UC3, const_cast<uint8_t*>(image.pixels.data()));
  std::vector<uint8_t> bytes;
  EXPECT_TRUE(cv::imencode(extension, mat, bytes, options));
  return {bytes.begin(), bytes.end()};
}

std::vector<std::string> picture_files() {
  Random random(1);
  const Image image = smooth_image(23, 37);
  const LabelMap labels = random_labels(23, 37, 15, random);
  Image grey(23, 37, 1, 99);
  return {encode_png(image),
          encode_label_map(labels, {}),
          png_file({4, PNG_COLOR_TYPE_GRAY, true}, 23, 37, labels.labels),
          png_file({16, PNG_COLOR_TYPE_GRAY}, 23, 37, labels.labels),
          encode_jpeg(image),
          encode_jpeg(grey),
          with_exif(encode_jpeg(image), 6, true),
          opencv_file(".jpg", {cv::IMWRITE_JPEG_PROGRESSIVE, 1, cv::IMWRITE_JPEG_RST_INTERVAL, 2})};
}

struct Outcome {
  int read = 0;
  int refused = 0;
};

void try_one(const std::function<void(const std::string&)>& read, const std::string& bytes,
             Outcome& outcome) {
  try {
    read(bytes);
    ++outcome.read;
  } catch (const Error& error) {
    ++outcome.refused;
    EXPECT_TRUE(std::string(error.what()).starts_with("damaged.file: ")) << error.what();
  }
}

Outcome outcomes(const std::vector<std::string>& files, int per_file,
                 const std::function<void(const std::string&)>& read) {
  Random random(2);
  Outcome outcome;
  for (const std::string& file : files) {
    read(file);
    for (int i = 0; i < per_file; ++i)
      try_one(read, mutated(file, random), outcome);
    for (int i = 0; i < per_file; ++i) {
      std::string flipped = file;
      const auto at = static_cast<size_t>(random.integer(0, static_cast<int64_t>(file.size()) - 1));
      flipped[at] = static_cast<char>(flipped[at] ^ 1 << random.integer(0, 7));
      try_one(read, flipped, outcome);
      try_one(read, file.substr(0, at), outcome);
    }
  }
  return outcome;
}

TEST(ImageMutation, DamagedPngAndJpegAreReadOrRefused) {
  const Outcome outcome = outcomes(picture_files(), 100, [](const std::string& bytes) {
    const Image image = image_from_bytes(bytes, "damaged.file", 1 << 20);
    EXPECT_EQ(static_cast<int64_t>(image.pixels.size()), 3 * image.height * image.width);
    EXPECT_EQ(image_info_from_bytes(bytes, "x").size, (ImageSize{image.height, image.width}));
  });
  EXPECT_EQ(outcome.read + outcome.refused, 2400);
  EXPECT_GT(outcome.refused, 1200);
  EXPECT_GT(outcome.read, 50) << "JPEG cannot notice every flipped bit";
  RecordProperty("read", outcome.read);
  RecordProperty("refused", outcome.refused);
}

TEST(ImageMutation, DamagedLabelMapsAreReadOrRefused) {
  Random random(3);
  const LabelMap labels = random_labels(30, 20, 3, random);
  const std::vector<std::string> files{encode_label_map(labels),
                                       png_file({2, PNG_COLOR_TYPE_GRAY, true}, 30, 20, labels.labels),
                                       encode_label_map(random_labels(30, 20, 999, random))};
  const Outcome outcome = outcomes(files, 100, [](const std::string& bytes) {
    const LabelFile file = label_file_from_bytes(bytes, "damaged.file", 1 << 20);
    EXPECT_EQ(static_cast<int64_t>(file.labels.labels.size()), file.labels.height * file.labels.width);
  });
  EXPECT_EQ(outcome.read + outcome.refused, 900);
  EXPECT_GT(outcome.refused, 600) << "PNG has checksums";
}

TEST(ImageMutation, DamagedOtherFormatsAreReadOrRefused) {
  const std::vector<std::string> files{opencv_file(".bmp"), opencv_file(".ppm"), opencv_file(".tiff"),
                                       opencv_file(".webp")};
  const Outcome outcome =
      outcomes(files, 40, [](const std::string& bytes) { image_from_bytes(bytes, "damaged.file", 1 << 20); });
  EXPECT_EQ(outcome.read + outcome.refused, 480);
  EXPECT_GT(outcome.refused, 150);
}

}  // namespace
}  // namespace vitrail
