#pragma once
// For tests of training instance segmentation: a tiny data set in COCO's format.

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "vitrail/base/random.h"
#include "vitrail/base/text.h"
#include "vitrail/image/image_file.h"
#include "vitrail/train/runtime.h"
#include "vitrail/train/trainer.h"

namespace vitrail::train {

/// Four pictures of 128 x 128 with one or two bright rectangles on a dark, noisy ground, as COCO has them.
inline void draw_rectangles(const std::filesystem::path& root) {
  std::filesystem::create_directories(root / "images");
  Random random(11);
  std::string images, annotations;
  int objects = 0;
  for (int n = 1; n <= 4; ++n) {
    Image image(128, 128);
    for (uint8_t& value : image.pixels)
      value = static_cast<uint8_t>(random.integer(20, 60));
    images +=
        cat(n > 1 ? "," : "", R"({"id":)", n, R"(,"file_name":"p)", n, R"(.png","height":128,"width":128})");
    for (int k = 0; k < 1 + n % 2; ++k) {
      const int64_t w = random.integer(36, 50), h = random.integer(60, 90),
                    x = 4 + 64 * k + random.integer(0, 8), y = random.integer(4, 30);
      for (int64_t row = y; row < y + h; ++row)
        for (int64_t column = x; column < x + w; ++column)
          for (int c = 0; c < 3; ++c)
            image.at(row, column)[c] =
                static_cast<uint8_t>((c == n % 3 ? 220 : 120) + random.integer(-20, 20));
      annotations += cat(objects++ > 0 ? "," : "", R"({"id":)", objects, R"(,"image_id":)", n,
                         R"(,"category_id":5,"iscrowd":0,"area":)", w * h, R"(,"bbox":[)", x, ",", y, ",", w,
                         ",", h, R"(],"segmentation":[[)", x, ",", y, ",", x + w, ",", y, ",", x + w, ",",
                         y + h, ",", x, ",", y + h, "]]}");
    }
    write_png(root / "images" / cat("p", n, ".png"), image);
  }
  std::ofstream(root / "objects.json") << R"({"images":[)" << images << R"(],"annotations":[)" << annotations
                                       << R"(],"categories":[{"id":5,"name":"plate","supercategory":"x"}]})";
}

/// Runs of recipes on those pictures, in a folder that goes with the suite.
class RectangleTraining : public testing::Test {
 protected:
  static std::filesystem::path root() {
    return std::filesystem::path(testing::TempDir()) / cat("vitrail_rectangles_", ::getpid());
  }
  static std::string dataset() { return cat("coco:", (root() / "data" / "objects.json").string()); }
  static TrainOptions into(const std::string& name) {
    return {.out_dir = root() / name, .dataset = dataset()};
  }

  static void SetUpTestSuite() { draw_rectangles(root() / "data"); }
  static void TearDownTestSuite() { std::filesystem::remove_all(root()); }
  void SetUp() override { configure_runtime({.threads = 2}); }
};

}  // namespace vitrail::train
