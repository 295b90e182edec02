// Models that outline objects, as a user runs them.

#include <algorithm>
#include <cmath>
#include <filesystem>

#include <gmock/gmock.h>
#include <opencv2/videoio.hpp>

#include "fixture.h"
#include "vitrail/base/file.h"
#include "vitrail/data/coco_results.h"
#include "vitrail/image/image_file.h"
#include "vitrail/image/label_png.h"

namespace vitrail::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;

class InstancesTest : public CliTest {
 protected:
  /// A narrow network with fresh weights: it finds things everywhere.
  std::string outliner(const std::string& name = "ssd-mobilenet-multi-shape") const {
    const std::string file = path(name + ".onnx");
    if (fs::exists(file)) return file;
    const Result result = vitrail({"export", name, "--classes", "person,dog", "--set", "depth_multiplier=0.1",
                                   "--set", "size=128", "--seed", "3", "--out", file});
    EXPECT_EQ(result.status, 0) << result.err;
    return file;
  }

  /// COCO's layout: two pictures, one person each and a dog, and a category that the model has not.
  std::string coco() const {
    json images = json::array(), objects = json::array();
    for (int64_t i = 1; i <= 2; ++i) {
      const std::string file = "00000" + std::to_string(i) + ".png";
      picture("coco/" + file, 60, 80);
      images.push_back({{"id", i}, {"file_name", file}, {"height", 60}, {"width", 80}});
      for (int64_t c : {1, 7, 9}) {
        const double x = 8.0 * static_cast<double>(c), y = 5.0 * static_cast<double>(i);
        objects.push_back({{"id", 10 * i + c},
                           {"image_id", i},
                           {"category_id", c},
                           {"iscrowd", 0},
                           {"area", 200},
                           {"bbox", {x, y, 10, 20}},
                           {"segmentation", {{x, y, x + 10, y, x + 10, y + 20, x, y + 20}}}});
      }
    }
    const json categories = {
        {{"id", 1}, {"name", "person"}}, {{"id", 7}, {"name", "dog"}}, {{"id", 9}, {"name", "tree"}}};
    write_file_atomically(
        path("coco/all.json"),
        json{{"images", images}, {"annotations", objects}, {"categories", categories}}.dump());
    return "coco:" + path("coco/all.json");
  }
};

TEST_F(InstancesTest, SegmentWritesNumbersOverlayAndResults) {
  const std::string photo = picture("a.png", 90, 120);
  const json report =
      json_of(vitrail({"segment", outliner(), photo, "-o", path("out"), "--score", "0", "--json"}));
  const json& entries = report["images"][0]["instances"];
  ASSERT_EQ(entries.size(), 100u);
  const std::vector<CocoResult> results = read_coco_results(path("out/results.json"));
  ASSERT_EQ(results.size(), entries.size());
  const LabelMap numbers = read_label_map(path("out/a.png"));
  EXPECT_EQ(numbers.height, 90);
  EXPECT_EQ(image_size(path("out/a-overlay.jpg")), (ImageSize{90, 120}));
  Mask shown(90, 120);
  for (size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(results[i].image_id, 1);
    EXPECT_EQ(entries[i]["category"], results[i].category_id == 1 ? "person" : "dog");
    EXPECT_NEAR(entries[i]["score"].get<double>(), results[i].score, 1e-12);
    EXPECT_TRUE(i == 0 || results[i].score <= results[i - 1].score);
    if (!results[i].mask) continue;
    const Mask mask = decode_rle(*results[i].mask);
    for (size_t p = 0; p < mask.pixels.size(); ++p)
      shown.pixels[p] = std::max(shown.pixels[p], mask.pixels[p]);
  }
  for (size_t p = 0; p < shown.pixels.size(); ++p)
    ASSERT_EQ(shown.pixels[p] != 0, numbers.labels[p] != 0);

  const Result text = vitrail(
      {"segment", outliner(), photo, "-o", path("few"), "--score", "0", "--only", "dog", "--most", "4"});
  EXPECT_THAT(text.out, HasSubstr("4 dog"));
  EXPECT_THAT(text.out, HasSubstr("results.json"));
  EXPECT_EQ(read_coco_results(path("few/results.json")).size(), 4u);
}

TEST_F(InstancesTest, PicturesNamedByNumbersKeepThem) {
  picture("photos/000042.png", 40, 40);
  EXPECT_EQ(vitrail({"segment", outliner(), path("photos"), "-o", path("out"), "--score", "0", "--most", "1"})
                .status,
            0);
  EXPECT_EQ(read_coco_results(path("out/results.json")).at(0).image_id, 42);
}

TEST_F(InstancesTest, EvaluatePrintsCocosFigures) {
  const json scores = json_of(
      vitrail({"evaluate", outliner(), "--dataset", coco(), "--out", path("out"), "--boundary", "--json"}));
  EXPECT_EQ(scores["images"], 2);
  for (const char* const what : {"boxes", "masks", "boundaries"}) {
    EXPECT_EQ(scores[what]["per_class"].size(), 2u);
    EXPECT_EQ(scores[what]["per_class"][1]["true_objects"], 2);
    for (const char* const figure : {"ap", "ap50", "ap75", "ar1", "ar10", "ar100"})
      EXPECT_TRUE(scores[what][figure].is_number()) << what << " " << figure;
    EXPECT_TRUE(scores[what]["ap_large"].is_null());
  }
  const std::vector<CocoResult> results = read_coco_results(path("out/results.json"));
  EXPECT_EQ(results.size(), 200u);
  for (const CocoResult& result : results)
    EXPECT_TRUE(result.category_id == 1 || result.category_id == 7);
  const std::string table = vitrail({"evaluate", outliner(), "--dataset", coco()}).out;
  for (const char* const word : {"boxes", "masks", "average precision", "IoU .50", "dog", "2 images"})
    EXPECT_THAT(table, HasSubstr(word));
}

TEST_F(InstancesTest, BoxesAloneGoToo) {
  const json report = json_of(vitrail({"segment", outliner("ssd-mobilenet"), picture("a.png", 50, 60), "-o",
                                       path("out"), "--score", "0", "--json"}));
  EXPECT_TRUE(report["images"][0]["labels"].is_null());
  EXPECT_FALSE(report["images"][0]["instances"][0].contains("segmentation"));
  EXPECT_FALSE(fs::exists(path("out/a.png")));
  const json scores =
      json_of(vitrail({"evaluate", outliner("ssd-mobilenet"), "--dataset", coco(), "--json"}));
  EXPECT_FALSE(scores.contains("masks"));
}

TEST_F(InstancesTest, BenchTimesAllStages) {
  const json report =
      json_of(vitrail({"bench", outliner(), "--rounds", "2", "--score", "0", "--threads", "1", "--json"}));
  for (const char* const stage : {"decode", "preprocess", "network", "postprocess", "encode"})
    EXPECT_GT(report["stages"][stage]["median_ms"].get<double>(), 0) << stage;
  EXPECT_EQ(report["height"], 128);
}

TEST_F(InstancesTest, SegmentOutlinesAVideo) {
  cv::VideoWriter writer(path("in.avi"), cv::CAP_FFMPEG, cv::VideoWriter::fourcc('M', 'J', 'P', 'G'), 10,
                         {64, 48});
  for (int i = 0; i < 5; ++i)
    writer.write(cv::Mat(48, 64, CV_8UC3, cv::Scalar(40 * i, 90, 150)));
  writer.release();
  const json report = json_of(vitrail(
      {"segment", outliner(), path("in.avi"), "-o", path("out.mp4"), "--score", "0", "--fps", "--json"}));
  EXPECT_EQ(report["frames"], 5);
  EXPECT_EQ(report["dropped"], 0);
  cv::VideoCapture capture(path("out.mp4"), cv::CAP_FFMPEG);
  int frames = 0;
  for (cv::Mat frame; capture.read(frame);)
    ++frames;
  EXPECT_EQ(frames, 5);
}

TEST_F(InstancesTest, ExportKeepsTheSizeAndGoesFromEndToEnd) {
  EXPECT_EQ(vitrail({"export", outliner(), "--out", path("same.onnx")}).status, 0);
  const std::string photo = picture("a.png", 50, 60);
  const auto found = [&](const std::string& model) {
    return json_of(vitrail(
        {"segment", model, photo, "-o", path("out"), "--score", "0", "--json"}))["images"][0]["instances"];
  };
  EXPECT_EQ(found(outliner()), found(path("same.onnx")));
  EXPECT_EQ(
      vitrail({"export", outliner(), "--out", path("whole.onnx"), "--end-to-end", "--most", "5"}).status, 0);
  expect_refused(vitrail({"segment", path("whole.onnx"), photo, "-o", path("out")}), 2, {"end to end"});
  expect_refused(
      vitrail({"export", outliner(), "--out", path("w.onnx"), "--end-to-end", "--input", "100x100"}), 1,
      {"multiples of 32"});
  EXPECT_EQ(vitrail({"export", "mask-rcnn-r50-fpn", "--set", "width=0.125", "--classes", "2", "--end-to-end",
                     "--out", path("rcnn.onnx")})
                .status,
            0);
  for (const char* whole : {"whole.onnx", "rcnn.onnx"}) {
    const json report = json_of(vitrail({"inspect", path(whole), "--engine", "--json"}));
    EXPECT_GT(report["open_layers"], 0) << whole;
    EXPECT_GT(report["multiply_adds"], 0) << whole;
    EXPECT_GT(report["engine"]["steps"].size(), 20u) << whole;
  }
  expect_refused(vitrail({"export", model(), "--out", path("w.onnx"), "--end-to-end"}), 1, {"semantic"});
  expect_refused(vitrail({"export", outliner(), "--out", path("w.onnx"), "--score", "0.5"}), 2,
                 {"--end-to-end"});
}

TEST_F(InstancesTest, OptionsOfTheOtherTaskAreRefusedByName) {
  const std::string photo = picture("a.png", 40, 50);
  const auto segment = [&](const std::string& model, const std::string& option, const std::string& value) {
    return vitrail({"segment", model, photo, "-o", path("out"), option, value});
  };
  expect_refused(segment(outliner(), "--tile", "64"), 2, {"--tile", "objects"});
  expect_refused(segment(outliner(), "--classes", "person"), 2, {"--classes", "--only"});
  expect_refused(segment(outliner(), "--only", "cat"), 2, {"'cat'", "person"});
  expect_refused(segment(model(), "--score", "0.5"), 2, {"--score", "pixels"});
  expect_refused(vitrail({"evaluate", outliner(), "--dataset", coco(), "--crf", "vgg16"}), 2, {"--crf"});
  expect_refused(vitrail({"evaluate", model(), "--dataset", dataset(), "--boundary"}), 2, {"--boundary"});
  expect_refused(vitrail({"segment", outliner(), photo, "-o", path("out"), "--show"}), 2,
                 {"--show", "videos"});
  expect_refused(vitrail({"segment", outliner(), photo, "--camera", "0", "-o", path("o.mp4")}), 2,
                 {"--camera"});
  expect_refused(vitrail({"segment", outliner(), "--camera", "977", "-o", path("o.mp4")}), 1,
                 {"camera 977", "/dev/video977"});
}

}  // namespace
}  // namespace vitrail::testing
