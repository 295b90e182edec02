#include "vitrail/predict/evaluate_cityscapes.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "temporary_folder.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/data/cityscapes_results.h"
#include "vitrail/image/image_file.h"
#include "vitrail/image/label_png.h"

namespace vitrail {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

constexpr int64_t height = 60, width = 80;

/// Four frames: a person of 20x20, a car of 40x30 and a group of cars below it.
class EvaluateCityscapes : public testing::Test {
 protected:
  EvaluateCityscapes() {
    for (int i = 0; i < 4; ++i) {
      const std::string frame = cat("aachen_00000", i, "_000019");
      frames_.push_back(frame);
      LabelMap numbers(height, width, 7);
      paint(numbers, 0, 0, 20, 20, 24000);
      paint(numbers, 40, 0, 40, 30, 26003);
      paint(numbers, 40, 40, 40, 20, 26);
      write("gtFine/val/aachen/" + frame + "_gtFine_instanceIds.png", numbers);
      write("gtFine/val/aachen/" + frame + "_gtFine_labelIds.png", numbers);
      fs::create_directories(folder_ / "leftImg8bit/val/aachen");
      write_png(folder_ / ("leftImg8bit/val/aachen/" + frame + "_leftImg8bit.png"), Image(height, width));
      // The person and the car are found in frames 0 and 1, a car in the group everywhere.
      std::vector<CityscapesResult> results = {{26, box(45, 45, 10, 10), 0.95}};
      if (i < 2) results.push_back({24, box(0, 0, 20, 20), 0.8});
      if (i < 2) results.push_back({26, box(40, 0, 40, 30), 0.7});
      results.push_back({7, box(0, 30, 20, 20), 0.9});
      write_cityscapes_results(results_(), frame, results);
    }
  }

  static void paint(LabelMap& map, int64_t x, int64_t y, int64_t w, int64_t h, uint16_t label) {
    for (int64_t v = y; v < y + h; ++v)
      for (int64_t u = x; u < x + w; ++u)
        map.at(v, u) = label;
  }
  static Rle box(int64_t x, int64_t y, int64_t w, int64_t h) {
    LabelMap map(height, width);
    paint(map, x, y, w, h, 1);
    return masks_of_labels(map).at(1);
  }
  void write(const std::string& name, const LabelMap& map) const { write_label_map(folder_ / name, map); }
  fs::path results_() const { return folder_.path() / "results"; }
  CityscapesApScores evaluate() const {
    return evaluate_cityscapes_results(results_(), folder_.path(), "val");
  }
  std::string refusal() const {
    try {
      evaluate();
    } catch (const Error& e) {
      return e.what();
    }
    return "not refused";
  }

  TemporaryFolder folder_;
  std::vector<std::string> frames_;
};

TEST_F(EvaluateCityscapes, MeasuresAFolderOfResults) {
  const CityscapesApScores s = evaluate();
  // Of four objects two are found, and nothing is wrong: precision 1 at recall 1/2.
  EXPECT_NEAR(*s.average_precision(), 0.5, 1e-12);
  EXPECT_NEAR(*s.average_precision(CityscapesRange::all, 0, 2), 0.5, 1e-12);
  EXPECT_FALSE(s.average_precision(CityscapesRange::all, 0, 1).has_value()) << "no riders";
  EXPECT_FALSE(s.has_distances());
  EXPECT_THAT(cityscapes_ap_table(s), HasSubstr("50.00"));
  EXPECT_THAT(cityscapes_ap_table(s), testing::Not(HasSubstr("AP50m")));
  const auto json = nlohmann::json::parse(cityscapes_ap_json(s));
  EXPECT_NEAR(json.at("ap50").get<double>(), 0.5, 1e-12);
  EXPECT_TRUE(json.at("ap50m").is_null());
  EXPECT_EQ(json.at("per_class")[2].at("name"), "car");
}

TEST_F(EvaluateCityscapes, DistancesComeFromDisparities) {
  for (size_t i = 0; i < frames_.size(); ++i) {
    // 0.2 m * 2000 px / d: 5 px are 80 m, 20 px are 20 m.
    LabelMap disparity(height, width, static_cast<uint16_t>((i < 2 ? 20 : 5) * 256 + 1));
    fs::create_directories(folder_ / "disparity/val/aachen");
    fs::create_directories(folder_ / "camera/val/aachen");
    write("disparity/val/aachen/" + frames_[i] + "_disparity.png", disparity);
    std::ofstream(folder_ / ("camera/val/aachen/" + frames_[i] + "_camera.json"))
        << R"({"extrinsic": {"baseline": 0.2}, "intrinsic": {"fx": 2000}})";
  }
  const auto truth = read_cityscapes_truth(cityscapes_frames(folder_.path(), "val")[0]);
  ASSERT_EQ(truth.objects.size(), 3u);
  EXPECT_NEAR(*truth.objects[1].distance, 20, 1e-9);
  EXPECT_EQ(truth.objects[1].stereo_density, 1);
  const CityscapesApScores s = evaluate();
  // Persons have fewer than 1000 pixels; of the cars, the two near ones are found.
  EXPECT_NEAR(*s.average_precision(CityscapesRange::within_50m), 1, 1e-12);
  EXPECT_NEAR(*s.average_precision(CityscapesRange::within_100m), 0.5, 1e-12);
  EXPECT_THAT(cityscapes_ap_table(s), HasSubstr("AP50m"));
}

TEST_F(EvaluateCityscapes, ResultsComeBackAndFaultsAreNamed) {
  const std::vector<CityscapesResult> read = CityscapesResults(results_()).read(frames_[0]);
  ASSERT_EQ(read.size(), 4u);
  EXPECT_EQ(read[2].label_id, 26);
  EXPECT_EQ(read[2].score, 0.7);
  EXPECT_EQ(read[2].mask, box(40, 0, 40, 30));
  const fs::path text = results_() / (frames_[1] + ".txt");
  for (const char* line : {"mask.png 26\n", "mask.png 26 x\n", "mask.png 26 0.5 1\n",
                           "/etc/mask.png 26 0.5\n", "../mask.png 26 0.5\n"}) {
    std::ofstream(text) << "\n" << line;
    EXPECT_THAT(refusal(), HasSubstr(text.string() + ":2")) << line;
  }
  std::ofstream(text) << "none.png 26 0.5\n";
  EXPECT_THAT(refusal(), HasSubstr("none.png"));
  fs::rename(text, results_() / (frames_[0] + "_again.txt"));
  EXPECT_THAT(refusal(), HasSubstr("more than one text of frame " + frames_[0]));
  fs::remove(results_() / (frames_[0] + "_again.txt"));
  EXPECT_THAT(refusal(), HasSubstr("no text of frame " + frames_[1]));
}

}  // namespace
}  // namespace vitrail
