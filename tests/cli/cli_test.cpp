// What each command does when it is used as it should be.

#include <cstdlib>
#include <fstream>
#include <map>
#include <numeric>
#include <optional>

#include <gmock/gmock.h>

#include "fixture.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"
#include "vitrail/data/class_lists.h"
#include "vitrail/image/image_file.h"
#include "vitrail/image/label_png.h"

namespace vitrail::testing {
namespace {

using nlohmann::json;
using ::testing::Each;
using ::testing::HasSubstr;

const std::vector<std::string>& command_names() {
  static const std::vector<std::string> names = {"segment", "evaluate",      "inspect", "bench",    "export",
                                                 "list",    "check-dataset", "doctor",  "quantize", "adopt",
#ifdef VITRAIL_TRAIN
                                                 "train"
#endif
  };
  return names;
}

std::string cityscapes_names() {
  std::vector<std::string> names;
  for (const ClassInfo& each : cityscapes_classes())
    names.push_back(each.name);
  return join(names, ",");
}

std::vector<std::string> keys_of(const json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items())
    keys.push_back(key);
  return keys;
}

TEST_F(CliTest, HelpListsEveryCommand) {
  const Result result = vitrail({"--help"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
  for (const std::string& name : command_names())
    EXPECT_THAT(result.out, HasSubstr("  " + name + " "));
}

TEST_F(CliTest, EveryCommandHasHelp) {
  for (const std::string& name : command_names()) {
    const Result result = vitrail({name, "--help"});
    EXPECT_EQ(result.status, 0) << name;
    EXPECT_EQ(result.err, "") << name;
    EXPECT_THAT(result.out, HasSubstr("vitrail " + name));
    EXPECT_EQ(vitrail({"help", name}).out, result.out);
  }
}

TEST_F(CliTest, HelpShowsDefaults) {
  const std::string segment = vitrail({"segment", "--help"}).out;
  for (const std::string text :
       {"--memory", "[2048]", "--no-overlay  ", "--tile INT", "[0]", "--overlap INT", "[64]", "[0.5]"})
    EXPECT_THAT(segment, HasSubstr(text));
  EXPECT_THAT(segment, HasSubstr("--mean FLOAT,..."));
  const std::string evaluate = vitrail({"evaluate", "--help"}).out;
  EXPECT_THAT(evaluate, HasSubstr("[test]"));
  EXPECT_THAT(evaluate, HasSubstr("[skipped]"));
  EXPECT_THAT(vitrail({"inspect", "--help"}).out, HasSubstr("[19]"));
}

TEST_F(CliTest, VersionIsPrinted) {
  const Result result = vitrail({"--version"});
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(result.out, ::testing::MatchesRegex("vitrail [0-9]+\\.[0-9]+\\.[0-9]+\n"));
}

// Table 4.2 of the thesis, to the last digit.
TEST_F(CliTest, InspectCountsTheThesisNetworks) {
  const std::map<std::string, int64_t> counts = {
      {"mobilenet-x0.5-bilinear", 839283}, {"mobilenet-x0.5-fcn16", 849942},
      {"mobilenet-x0.5-fcn8", 858169},     {"mobilenet-x0.5-os16", 839283},
      {"mobilenet-x0.5-os8", 839283},      {"squeezenet1.1-bilinear", 732243},
      {"squeezenet1.1-fcn8", 740470},      {"squeezenet1.1-os8", 732243},
  };
  for (const auto& [net, count] : counts) {
    const json report =
        json_of(vitrail({"inspect", net, "--classes", "19", "--input", "1024x2048", "--json"}));
    EXPECT_EQ(report["parameters"]["with_running_statistics"], count) << net;
  }
}

TEST_F(CliTest, InspectJsonAddsUp) {
  const json report = json_of(vitrail({"inspect", "mobilenet-x0.5-fcn8", "--input", "64x96", "--json"}));
  EXPECT_THAT(keys_of(report["parameters"]),
              ::testing::UnorderedElementsAre("learnable", "with_running_statistics"));
  ASSERT_GT(report["layers"].size(), 30u);
  for (const std::string key : {"parameters", "multiply_adds", "activation_bytes"}) {
    int64_t sum = 0;
    for (const json& layer : report["layers"])
      sum += layer[key].get<int64_t>();
    EXPECT_EQ(sum, key == "parameters" ? report["parameters"]["learnable"] : report[key]) << key;
  }
  EXPECT_THAT(keys_of(report["layers"][0]),
              ::testing::UnorderedElementsAre("name", "type", "output", "parameters", "multiply_adds",
                                              "activation_bytes"));
  EXPECT_LT(report["peak_bytes"], report["activation_bytes"]);
  EXPECT_EQ(report["layers"].back()["output"], json({1, 19, 64, 96}));
}

TEST_F(CliTest, AFolderOfARunDoesNotHideTheNetworkOfItsName) {
  namespace fs = std::filesystem;
  const fs::path here = fs::current_path();
  fs::create_directory(path("mobilenet-x0.25-os8"));
  fs::current_path(path("."));
  const Result result = vitrail({"inspect", "mobilenet-x0.25-os8"});
  fs::current_path(here);
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("learnable"));
}

TEST_F(CliTest, InspectPrintsATableADrawingAndTheEngine) {
  const std::string table = vitrail({"inspect", "mobilenet-x0.25-os8"}).out;
  EXPECT_THAT(table, HasSubstr("multiply-adds"));
  EXPECT_THAT(table, HasSubstr("learnable"));
  EXPECT_THAT(vitrail({"inspect", "mobilenet-x0.25-os8", "--dot"}).out, ::testing::StartsWith("digraph"));
  const json report =
      json_of(vitrail({"inspect", "mobilenet-x0.25-os8", "--input", "64x64", "--engine", "--json"}));
  EXPECT_GT(report["engine"]["steps"].size(), 10u);
  EXPECT_GT(report["engine"]["arena_bytes"], 0);
}

TEST_F(CliTest, AnExportedFileCountsAsItsNetwork) {
  const json file = json_of(vitrail({"inspect", model(), "--input", "64x64", "--json"}));
  const json net =
      json_of(vitrail({"inspect", "mobilenet-x0.25-os8", "--classes", "11", "--input", "64x64", "--json"}));
  EXPECT_EQ(file["multiply_adds"], net["multiply_adds"]);
}

TEST_F(CliTest, OptionsOfSeveralValuesLeaveTheArgumentsAlone) {
  const json report =
      json_of(vitrail({"inspect", "--set", "depth_multiplier=0.25", "mobilenet-x0.5-fcn8", "--json"}));
  const json quarter = json_of(vitrail({"inspect", "mobilenet-x0.25-fcn8", "--json"}));
  EXPECT_EQ(report["parameters"], quarter["parameters"]);
  const std::string photo = picture("a.png", 32, 32);
  EXPECT_EQ(
      vitrail({"segment", model(), "--out", path("out"), "--mean", "120,110,100", "--std=60,60,60", photo})
          .status,
      0);
  expect_refused(vitrail({"evaluate", "--with", model(), model(), "--dataset", "camvid:" + path("missing")}),
                 1, {"missing"});
#ifdef VITRAIL_TRAIN
  write_file_atomically(path("r.toml"), "[net]\nname = 5\n");
  expect_refused(vitrail({"train", "--set", "train.steps=3", path("r.toml")}), 2, {"r.toml", "net.name"});
#endif
}

TEST_F(CliTest, ExportIsRepeatable) {
  const std::string again = path("again.onnx");
  ASSERT_EQ(
      vitrail({"export", "mobilenet-x0.25-os8", "--classes", camvid_classes(), "--seed", "3", "--out", again})
          .status,
      0);
  EXPECT_EQ(read_file(again), read_file(model()));
}

TEST_F(CliTest, ListsAreCompleteAsTextAndJson) {
  const json all = json_of(vitrail({"list", "--json"}));
  EXPECT_THAT(keys_of(all), ::testing::UnorderedElementsAre("nets", "encoders", "datasets", "conventions",
                                                            "protocols", "operators"));
  EXPECT_EQ(all["conventions"].size(), 5u);
  const std::string text = vitrail({"list"}).out;
  for (const auto& [section, entries] : all.items()) {
    EXPECT_EQ(entries, json_of(vitrail({"list", section, "--json"})));
    ASSERT_FALSE(entries.empty()) << section;
    for (const json& entry : entries)
      EXPECT_THAT(text, HasSubstr("  " + entry["name"].get<std::string>() + " "));
  }
}

TEST_F(CliTest, SegmentWritesIndicesAndOverlay) {
  const std::string photo = picture("photos/street.png", 45, 77);  // odd on purpose
  const json report = json_of(vitrail({"segment", model(), photo, "--out", path("out"), "--json"}));
  ASSERT_EQ(report["images"].size(), 1u);
  const json& image = report["images"][0];
  EXPECT_EQ(image["height"], 45);
  EXPECT_EQ(image["width"], 77);

  const LabelFile labels = read_label_file(path("out/street.png"));
  EXPECT_TRUE(labels.palette);
  ASSERT_EQ(labels.labels.height, 45);
  ASSERT_EQ(labels.labels.width, 77);
  std::map<int64_t, int64_t> pixels;
  for (const uint16_t label : labels.labels.labels)
    ++pixels[label];
  ASSERT_EQ(image["classes"].size(), pixels.size());
  for (const json& c : image["classes"]) {
    EXPECT_EQ(c["pixels"], pixels[c["label"].get<int64_t>()]);
    EXPECT_NEAR(c["share"].get<double>(), c["pixels"].get<double>() / (45 * 77), 1e-9);
  }
  const ImageInfo overlay = image_info(path("out/street-overlay.jpg"));
  EXPECT_EQ(overlay.format, "jpeg");
  EXPECT_GE(overlay.size.width, 77);
  EXPECT_GT(overlay.size.height, 45);  // the legend is below
}

TEST_F(CliTest, SegmentTakesFoldersAndGoesOnAfterABadPicture) {
  picture("photos/a.png", 32, 40);
  picture("photos/c.png", 40, 32);
  write_file_atomically(path("photos/b.png"), "not a picture");
  const Result result = vitrail({"segment", model(), path("photos"), "--out", path("out")});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, HasSubstr("b.png"));
  EXPECT_TRUE(std::filesystem::exists(path("out/a.png")));
  EXPECT_FALSE(std::filesystem::exists(path("out/b.png")));
  EXPECT_TRUE(std::filesystem::exists(path("out/c.png")));
}

TEST_F(CliTest, FileNamesNeedNeitherBeUtf8NorSpareDashes) {
  for (const std::string name : {"caf\xe9.png", "-dash.png", "two words.png"}) {
    SCOPED_TRACE(name);
    std::filesystem::rename(picture("plain.png", 32, 32), path(name));
    const json report =
        json_of(vitrail({"segment", model(), "--json", "--out", path("out"), "--", path(name)}));
    EXPECT_EQ(report["images"].size(), 1u);
    EXPECT_TRUE(std::filesystem::exists(path("out/" + name)));
  }
  const std::filesystem::path here = std::filesystem::current_path();
  std::filesystem::current_path(path("."));
  const Result result = vitrail({"segment", model(), "--out", "out", "--", "-dash.png"});
  std::filesystem::current_path(here);
  EXPECT_EQ(result.status, 0) << result.err;
}

TEST_F(CliTest, SegmentCutsLargePicturesIntoTiles) {
  const std::string photo = picture("street.png", 150, 210);
  const json report = json_of(vitrail(
      {"segment", model(), photo, "--out", path("out"), "--tile", "96", "--overlap", "32", "--json"}));
  EXPECT_GE(report["images"][0]["tile"], 96);
  const LabelMap labels = read_label_map(path("out/street.png"));
  EXPECT_EQ(labels.height, 150);
  EXPECT_EQ(labels.width, 210);
}

// A portrait segmenter from elsewhere: one fixed input size, one channel with a sigmoid, no metadata.
TEST_F(CliTest, SegmentTakesForeignFilesOnceToldWhatTheyAre) {
  const std::filesystem::path foreign =
      std::filesystem::path(VITRAIL_SOURCE_DIR) / "../shared/data/onnx/portrait_prisma.onnx";
  if (!std::filesystem::exists(foreign)) GTEST_SKIP() << foreign << " is not there";
  const std::string photo = picture("face.png", 120, 90);
  expect_refused(vitrail({"segment", foreign, photo, "--out", path("out")}), 2, {"--classes", "--mean"});
  const Result told =
      vitrail({"segment", foreign, photo, "--out", path("out"), "--mean", "0,0,0", "--std", "255,255,255"});
  EXPECT_EQ(told.status, 0) << told.err;
  const json report =
      json_of(vitrail({"segment", foreign, photo, "--out", path("out"), "--json", "--classes",
                       "background,person", "--mean", "0,0,0", "--std", "255,255,255", "--order", "rgb"}));
  EXPECT_EQ(report["images"][0]["height"], 120);
  EXPECT_EQ(read_label_map(path("out/face.png")).width, 90);
}

TEST_F(CliTest, AdoptWritesAFileThatNeedsNoFlags) {
  const std::filesystem::path foreign =
      std::filesystem::path(VITRAIL_SOURCE_DIR) / "../shared/data/onnx/portrait_prisma.onnx";
  if (!std::filesystem::exists(foreign)) GTEST_SKIP() << foreign << " is not there";
  const std::string photo = picture("face.png", 120, 90), ours = path("ours.onnx");
  expect_refused(vitrail({"adopt", foreign, "-o", ours}), 2, {"--classes", "--mean", "--std"});
  expect_refused(
      vitrail({"adopt", foreign, "-o", ours, "--classes", "3", "--mean", "0,0,0", "--std", "1,1,1"}), 2,
      {"a model of 3 classes"});
  EXPECT_FALSE(std::filesystem::exists(ours));
  std::ofstream(path("names.txt")) << "background\nperson\n";
  const Result adopted = vitrail({"adopt", foreign, "-o", ours, "--names", path("names.txt"), "--mean",
                                  "0,0,0", "--std", "255,255,255", "--order", "rgb"});
  EXPECT_EQ(adopted.status, 0) << adopted.err;
  EXPECT_EQ(vitrail({"segment", ours, photo, "--out", path("out")}).status, 0);
  EXPECT_EQ(vitrail({"segment", foreign, photo, "--out", path("same"), "--classes", "background,person",
                     "--mean", "0,0,0", "--std", "255,255,255", "--order", "rgb"})
                .status,
            0);
  EXPECT_EQ(read_label_map(path("out/face.png")).labels, read_label_map(path("same/face.png")).labels);
}

TEST_F(CliTest, ListOperatorsIsTheDocumentsTable) {
  const Result result = vitrail({"list", "operators", "--markdown"});
  EXPECT_EQ(result.status, 0);
  EXPECT_THAT(read_file(std::filesystem::path(VITRAIL_SOURCE_DIR) / "docs" / "operators.md"),
              HasSubstr(result.out));
}

TEST_F(CliTest, EvaluateCountsEveryPixelOnce) {
  const std::string data = dataset();
  const json report = json_of(vitrail(
      {"evaluate", model(), "--dataset", data, "--split", "test", "--json", "--out", path("predictions")}));
  EXPECT_EQ(report["images"], 3);
  EXPECT_EQ(report["convention"], "skipped");
  ASSERT_EQ(report["per_class"].size(), 11u);

  std::vector<int64_t> hits(11), truths(11), predicted(11);
  for (int i = 0; i < 3; ++i) {
    const std::string name = "test" + std::to_string(i) + ".png";
    const LabelMap truth = read_label_map(path("camvid/testannot/" + name));
    const LabelMap prediction = read_label_map(path("predictions/" + name));
    ASSERT_EQ(truth.labels.size(), prediction.labels.size());
    for (size_t p = 0; p < truth.labels.size(); ++p) {
      if (truth.labels[p] == 11) continue;
      ++truths[truth.labels[p]];
      ++predicted[prediction.labels[p]];
      if (truth.labels[p] == prediction.labels[p]) ++hits[truth.labels[p]];
    }
  }
  double iou = 0;
  for (size_t c = 0; c < 11; ++c)
    iou += static_cast<double>(hits[c]) / static_cast<double>(truths[c] + predicted[c] - hits[c]);
  EXPECT_NEAR(report["mean_iou"].get<double>(), iou / 11, 1e-9);
  EXPECT_NEAR(report["pixel_accuracy"].get<double>(),
              static_cast<double>(std::accumulate(hits.begin(), hits.end(), int64_t{0})) /
                  static_cast<double>(std::accumulate(truths.begin(), truths.end(), int64_t{0})),
              1e-9);
}

TEST_F(CliTest, EvaluateStatesItsConvention) {
  const std::string data = dataset();
  for (const std::string convention : {"skipped", "zero", "truth_only"}) {
    const Result result =
        vitrail({"evaluate", model(), "--dataset", data, "--convention", convention, "--json"});
    EXPECT_EQ(json_of(result)["convention"], convention);
  }
  EXPECT_THAT(vitrail({"evaluate", model(), "--dataset", data}).out, HasSubstr("skipped"));
}

TEST_F(CliTest, EvaluateAveragesTheScoresOfSeveralModels) {
  const std::string data = dataset(), one = model(), other = path("other.onnx");
  ASSERT_EQ(vitrail({"export", "mobilenet-x0.25-fcn8", "--classes", camvid_classes(), "--seed", "7", "--out",
                     other})
                .status,
            0);
  const auto predictions = [&](const std::string& name, std::vector<std::string> more) {
    std::vector<std::string> command = {"evaluate", one, "--dataset", data, "--json", "--out", path(name)};
    command.insert(command.end(), more.begin(), more.end());
    EXPECT_EQ(json_of(vitrail(command))["images"], 3);
    return read_label_map(path(name + "/test1.png")).labels;
  };
  const auto alone = predictions("alone", {});
  EXPECT_EQ(predictions("twice", {"--with", one}), alone);
  const auto both = predictions("both", {"--with", other});
  EXPECT_NE(both, alone);
  EXPECT_EQ(predictions("own", {"--with", other + "=" + data}), both) << "its own pictures are the same";
  std::filesystem::copy(path("camvid"), path("fewer"), std::filesystem::copy_options::recursive);
  for (const char* folder : {"fewer/test/test1.png", "fewer/testannot/test1.png"})
    EXPECT_TRUE(std::filesystem::remove(path(folder))) << folder;
  expect_refused(vitrail({"evaluate", one, "--dataset", data, "--with", other + "=camvid:" + path("fewer")}),
                 2, {"picture 1", "test2"});
  expect_refused(vitrail({"evaluate", one, "--dataset", data, "--with", other, "--crf", "vgg16"}), 2,
                 {"--crf"});
}

TEST_F(CliTest, EvaluateHasCityscapesCategoriesAndInstances) {
  const std::string frame = "aachen_000000_000019_",
                    labels = path("city/gtFine/val/aachen/" + frame + "gtFine_");
  picture("city/leftImg8bit/val/aachen/" + frame + "leftImg8bit.png", 24, 40);
  std::filesystem::create_directories(path("city/gtFine/val/aachen"));
  LabelMap truth(24, 40, 7), ids(24, 40, 7);  // road, and a car of 100 pixels
  for (int64_t i = 0; i < 100; ++i) {
    truth.at(2 + i / 10, 5 + i % 10) = 26;
    ids.at(2 + i / 10, 5 + i % 10) = 26001;
  }
  write_label_map(labels + "labelIds.png", truth);
  const std::string network = path("city.onnx"), data = "cityscapes:" + path("city");
  ASSERT_EQ(
      vitrail({"export", "mobilenet-x0.25-os8", "--classes", cityscapes_names(), "--out", network}).status,
      0);
  const std::vector<std::string> command = {"evaluate", network, "--dataset", data,
                                            "--split",  "val",   "--json"};
  const json without = json_of(vitrail(command))["cityscapes"];
  EXPECT_EQ(without["categories"].size(), 7u);
  EXPECT_TRUE(without["mean_iiou"].is_null());

  write_label_map(labels + "instanceIds.png", ids);
  std::vector<std::string> with_files = command;
  with_files.insert(with_files.end(), {"--out", path("predictions")});
  const json with = json_of(vitrail(with_files))["cityscapes"];
  const LabelMap prediction =
      read_label_map(path("predictions/" + frame.substr(0, frame.size() - 1) + ".png"));
  double right = 0, false_positives = 0;
  for (size_t i = 0; i < prediction.labels.size(); ++i)
    if (prediction.labels[i] == 13) (truth.labels[i] == 26 ? right : false_positives) += 1;
  constexpr double weight = 12794.0202738185 / 100;
  const double iiou = weight * right / (weight * 100 + false_positives);
  bool found = false;
  for (const json& each : with["classes"])
    if (each["name"] == "car") {
      found = true;
      EXPECT_NEAR(each["iiou"].get<double>(), iiou, 1e-12);
    }
  EXPECT_TRUE(found);
  std::vector<std::string> table(command.begin(), command.end() - 1);
  EXPECT_THAT(vitrail(table).out, HasSubstr("vehicle"));
}

TEST_F(CliTest, QuantizeWritesASmallerModelThatRuns) {
  const std::string data = dataset(), small = path("small.onnx");
  const Result result = vitrail({"quantize", model(), "--dataset", data, "--split", "test", "--images", "2",
                                 "--max-loss", "100", "-o", small});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("calibrated on 2 pictures"));
  EXPECT_THAT(result.out, HasSubstr("backbone.Conv2d_1_pointwise"));
  EXPECT_LT(std::filesystem::file_size(small), std::filesystem::file_size(model()) / 2);
  EXPECT_EQ(json_of(vitrail({"evaluate", small, "--dataset", data, "--json"}))["images"], 3);
  EXPECT_THAT(vitrail({"inspect", small}).out, HasSubstr("its weights are constants"));
  expect_refused(vitrail({"quantize", small, "--dataset", data, "--measured", "0", "-o", path("again.onnx")}),
                 2, {"not quantised yet"});
  expect_refused(vitrail({"quantize", model(), "--dataset", data, "--images", "3", "-o", small}), 2,
                 {"--images", "--measured 0"});
}

TEST_F(CliTest, CheckDatasetPassesASoundOneAndFailsABrokenOne) {
  const std::string data = dataset();
  const Result sound = vitrail({"check-dataset", data, "--json"});
  EXPECT_EQ(sound.status, 0) << sound.out << sound.err;
  EXPECT_FALSE(json::parse(sound.out, nullptr, false).is_discarded());
  std::filesystem::remove(path("camvid/testannot/test1.png"));
  const Result broken = vitrail({"check-dataset", data});
  EXPECT_EQ(broken.status, 1);
  EXPECT_THAT(broken.out + broken.err, HasSubstr("test1"));
  const Result broken_json = vitrail({"check-dataset", data, "--json"});
  EXPECT_EQ(broken_json.status, 1);
  EXPECT_FALSE(json::parse(broken_json.out, nullptr, false).is_discarded());
}

TEST_F(CliTest, ObjectsOfAFileAreCheckedAndResultsMeasuredWithoutAModel) {
  picture("0.png", 20, 30);
  const std::string annotations =
      R"({"id": 1, "image_id": 5, "category_id": 2, "area": 20, "bbox": [2, 3, 5, 4],
                                      "segmentation": [[2, 3, 7, 3, 7, 7, 2, 7]]})";
  const auto write = [&](const std::string& objects) {
    write_file_atomically(path("objects.json"),
                          R"({"images": [{"id": 5, "file_name": "0.png", "height": 20, "width": 30}],
                              "categories": [{"id": 2, "name": "cat"}], "annotations": [)" +
                              objects + "]}");
  };
  write(annotations);
  write_file_atomically(path("results.json"),
                        R"([{"image_id": 5, "category_id": 2, "bbox": [2, 3, 5, 4], "score": 0.5}])");
  const std::string data = "coco:" + path("objects.json");
  const json checked = json_of(vitrail({"check-dataset", data, "--json"}));
  EXPECT_EQ(checked["splits"][0]["objects"], 1);
  const json figures =
      json_of(vitrail({"evaluate", "--results", path("results.json"), "--dataset", data, "--json"}));
  EXPECT_DOUBLE_EQ(figures["boxes"]["ap"].get<double>(), 1);
  EXPECT_FALSE(figures.contains("masks"));
  write(annotations + "," + annotations);
  EXPECT_THAT(vitrail({"check-dataset", data}).out, HasSubstr("duplicate-id"));
  expect_refused(vitrail({"evaluate", "--results", path("results.json"), "--dataset", data}), 1,
                 {"objects.json: annotations[1].id"});
  expect_refused(vitrail({"evaluate", "--dataset", data}), 2, {"MODEL", "--results"});
}

TEST_F(CliTest, SegmentLeavesTheOverlayOutWhereAsked) {
  const json report = json_of(vitrail(
      {"segment", model(), picture("a.png", 40, 56), "--out", path("out"), "--no-overlay", "--json"}));
  EXPECT_TRUE(report["images"][0]["overlay"].is_null());
  EXPECT_TRUE(std::filesystem::exists(path("out/a.png")));
  EXPECT_FALSE(std::filesystem::exists(path("out/a-overlay.jpg")));
}

TEST_F(CliTest, BenchTimesEveryStage) {
  const json report =
      json_of(vitrail({"bench", model(), "--image", picture("a.png", 40, 56), "--rounds", "3", "--json"}));
  EXPECT_EQ(keys_of(report["stages"]),
            (std::vector<std::string>{"decode", "encode", "network", "postprocess", "preprocess"}));
  double shares = 0;
  for (const json& stage : report["stages"]) {
    EXPECT_GT(stage["median_ms"].get<double>(), 0);
    EXPECT_GE(stage["p95_ms"].get<double>(), stage["median_ms"].get<double>());
    shares += stage["share"].get<double>();
  }
  EXPECT_NEAR(shares, 1, 1e-9);
  EXPECT_EQ(report["height"], 40);
  EXPECT_EQ(report["rounds"], 3);
  EXPECT_GT(report["images_per_second"].get<double>(), 0);
  EXPECT_GT(report["peak_bytes"].get<double>(), 1e6);
  const Result text = vitrail({"bench", model(), "--size", "64x96", "--rounds", "1"});
  EXPECT_EQ(text.status, 0) << text.err;
  for (const std::string word : {"decode", "network", "images/s", "96x64"})
    EXPECT_THAT(text.out, HasSubstr(word));
}

TEST_F(CliTest, DoctorFindsTheConvolutionRight) {
  const json report = json_of(vitrail({"doctor", "--json"}));
  EXPECT_EQ(report["healthy"], true);
  EXPECT_LT(report["convolution"]["largest_difference"].get<double>(), 1e-4);
  EXPECT_THAT(keys_of(report["libraries"]), ::testing::Contains("oneDNN"));
  EXPECT_EQ(vitrail({"doctor"}).status, 0);
}

// An environment variable as it is to be, and as it was afterwards.
class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    set(value);
  }
  ~Environment() { set(old_ ? old_->c_str() : nullptr); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  void set(const char* value) { value ? setenv(name_, value, 1) : unsetenv(name_); }
  const char* name_;
  std::optional<std::string> old_;
};

TEST_F(CliTest, ThreadsWaitShortlyUnlessTheEnvironmentSaysOtherwise) {
  const Environment policy("OMP_WAIT_POLICY", nullptr), spins("GOMP_SPINCOUNT", nullptr);
  EXPECT_EQ(json_of(vitrail({"doctor", "--json"}))["waiting"], "GOMP_SPINCOUNT=1000");
  const Environment active("OMP_WAIT_POLICY", "active");
  EXPECT_EQ(json_of(vitrail({"doctor", "--json"}))["waiting"], "OMP_WAIT_POLICY=active");
}

}  // namespace
}  // namespace vitrail::testing
