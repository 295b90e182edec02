// A network with two outputs, each learning other labels of the same pictures (SIFT Flow's FCN; SPEC 2.1).

#include <cmath>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "temporary_folder.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/image/image_file.h"
#include "vitrail/image/label_png.h"
#include "vitrail/onnx/onnx.h"
#include "vitrail/train/trainer.h"

namespace vitrail::train {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr int64_t side = 48;

/// Pictures that are dark on the left and bright below, with a label map in `masks` of `label(y, x)`.
template <class Label>
void draw(const fs::path& root, const std::vector<std::string>& names, const std::string& classes,
          const Label& label) {
  fs::create_directories(root / "images");
  fs::create_directories(root / "masks");
  std::ofstream(root / "classes.txt") << classes;
  for (const std::string& name : names) {
    Image image(side, side);
    LabelMap labels(side, side);
    for (int64_t y = 0; y < side; ++y)
      for (int64_t x = 0; x < side; ++x) {
        for (int c = 0; c < 3; ++c)
          image.at(y, x)[c] = static_cast<uint8_t>((x < side / 2 ? 40 : 120) + (y < side / 2 ? 0 : 100));
        labels.at(y, x) = static_cast<uint16_t>(label(y, x));
      }
    write_png(root / "images" / (name + ".png"), image);
    write_label_map(root / "masks" / (name + ".png"), labels);
  }
}

const char* const column_classes = "0 left\n1 middle\n2 right\n";
const char* const row_classes = "0 above\n1 below\n";

class LabelTasks : public testing::Test {
 protected:
  void SetUp() override {
    draw(folder_.path() / "columns", names_, column_classes, [](int64_t, int64_t x) { return x * 3 / side; });
    draw(folder_.path() / "rows", names_, row_classes, [](int64_t y, int64_t) { return y * 2 / side; });
  }
  std::string data(const std::string& name) const { return cat("folder:", (folder_.path() / name).string()); }
  TrainOptions into(const std::string& name) const { return {.out_dir = folder_.path() / name}; }

  /// FCN-16s with score layers that start from zero.
  Recipe recipe(const std::string& rows, const std::string& set, const std::string& more = "") const {
    return parse_recipe(cat("[net]\nname = \"fcn16s-vgg16\"\nset = { width = 0.0625, zero_scores = 1", set,
                            " }\n[data]\ndataset = \"", data("columns"),
                            "\"\ntrain_split = \"all\"\nval_split = \"all\"\ntasks = { geometric = \"", rows,
                            "\" }\n[optimizer]\nname = \"adamw\"\nrate = 0.001\n[train]\nsteps = 3\nbatch = "
                            "2\nseed = 1\nlog_every = 1\n[evaluate]\nreport_images = 1\n",
                            more),
                        "tasks.toml");
  }
  std::string fault(const Recipe& wrong) const {
    try {
      Trainer(wrong, into("wrong"));
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage) << error.what();
      return error.what();
    }
    return "nothing was thrown";
  }

  const std::vector<std::string> names_{"a", "b", "c"};
  TemporaryFolder folder_;
};

TEST_F(LabelTasks, BothOutputsLearnAndAreJudged) {
  TrainOptions options = into("run");
  std::vector<double> losses;
  std::vector<EvaluationPoint> points;
  options.progress = [&](const Progress& now) {
    if (now.stage == Stage::training && now.step == static_cast<int64_t>(losses.size()) + 1)
      losses.push_back(now.loss);
    if (now.evaluation) points.push_back(*now.evaluation);
  };
  const TrainResult result = Trainer(recipe(data("rows"), ", geometric = 2"), options).run();
  ASSERT_EQ(losses.size(), 3u);
  EXPECT_NEAR(losses[0], std::log(3.0) + std::log(2.0), 1e-5) << "scores of zero: the losses' sum";
  EXPECT_LT(losses[2], losses[0]);
  ASSERT_FALSE(points.empty());
  std::vector<std::string> figures;
  for (const Figure& figure : points.back().figures)
    figures.push_back(figure.name);
  EXPECT_THAT(figures,
              testing::ElementsAre("mean_iou", "pixel_accuracy", "mean_accuracy", "geometric.mean_iou",
                                   "geometric.pixel_accuracy", "geometric.mean_accuracy"));
  const Model model = read_onnx(result.model);
  EXPECT_EQ(model.info.notes.at("output_geometric"), "above, below");
  EXPECT_THAT(model.info.notes.at("validation"), HasSubstr("geometric: mean IoU"));
  EXPECT_THAT(model.info.recipe, HasSubstr("tasks = { \"geometric\" = \"folder\" }")) << "without the path";
  ASSERT_EQ(model.graph.outputs().size(), 2u);
  EXPECT_EQ(model.graph.channels(model.graph.outputs()[0].value), 3);
  EXPECT_EQ(model.graph.channels(model.graph.outputs()[1].value), 2);
  for (const char* name : {"score_fr.weight", "geometric.score_fr.weight", "geometric.score_pool4.weight"}) {
    double sum = 0;
    for (const float value : model.weights.at(name).data<float>())
      sum += std::abs(value);
    EXPECT_GT(sum, 0) << name << " started from zero";
  }
  std::cout << "losses " << join(losses) << "; " << model.info.notes.at("validation") << std::endl;
}

TEST_F(LabelTasks, RefusesWhatDoesNotFit) {
  EXPECT_THAT(fault(recipe(data("rows"), "")), HasSubstr("beside the first the network has no output"));
  EXPECT_THAT(fault(recipe(data("rows"), ", geometric = 5")), HasSubstr("geometric of 5 classes"));
  EXPECT_THAT(fault(recipe("folder", ", geometric = 2")), HasSubstr("is to learn 3 classes"))
      << "without a path: the same folder";
  Recipe untaught = recipe(data("rows"), ", geometric = 2");
  untaught.data.tasks.clear();
  EXPECT_THAT(fault(untaught), HasSubstr("nothing teaches the network's output 'geometric'"));
  untaught.data.tasks["geometric"] = data("rows");
  untaught.net = {.name = "ssd-mobilenet-single-branch"};
  EXPECT_THAT(fault(untaught), HasSubstr("data.tasks for ssd-mobilenet-single-branch"));
  draw(folder_.path() / "others", {"a", "b", "x"}, row_classes, [](int64_t, int64_t) { return 1; });
  EXPECT_THAT(fault(recipe(data("others"), ", geometric = 2")), HasSubstr("picture 2 is"));
}

}  // namespace
}  // namespace vitrail::train
