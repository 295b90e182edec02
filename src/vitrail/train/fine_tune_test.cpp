#include "vitrail/train/fine_tune.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <operator_models.h>
#include <temporary_folder.h>

#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/random.h"
#include "vitrail/image/image_file.h"
#include "vitrail/image/label_png.h"
#include "vitrail/nets/registry.h"
#include "vitrail/onnx/onnx.h"
#include "vitrail/predict/semantic.h"
#include "vitrail/train/evaluation.h"
#include "vitrail/train/module.h"
#include "vitrail/train/runtime.h"
#include "vitrail/train/trainer.h"
#include "vitrail/weights/initialize.h"

namespace vitrail::train {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

const std::vector<ClassInfo> three = {
    {"ground", {90, 90, 90}}, {"disc", {220, 60, 40}}, {"box", {60, 120, 220}}};
const FineTuneOptions prepared{.mean = {128, 128, 128}, .std = {64, 64, 64}};

/// A foreign network: two convolutions at half the size, an ending of the caller's.
Model foreign(const std::function<Value(ModelMaker&, Value)>& ending, int64_t classes = 3,
              int64_t batch = -1) {
  ModelMaker maker(3);
  if (batch > 0) {
    maker.model = {};
    maker.image = maker.model.graph.input("image", {batch, 3, -1, -1});
  }
  const Value x = maker.add(op::Relu{}, {maker.halved()}, "relu");
  const Value logits = maker.conv({}, x, {classes, 3, 1, 1}, "classifier");
  maker.model.graph.output("out", ending(maker, logits));
  return std::move(maker.model);
}

Value as_it_is(ModelMaker&, Value logits) {
  return logits;
}

class FineTune : public testing::Test {
 protected:
  fs::path written(const Model& model, const std::string& name = "model.onnx") {
    write_onnx(folder_.path() / name, model);
    return folder_.path() / name;
  }
  static std::string fault(const fs::path& path, const FineTuneOptions& options, ErrorKind kind) {
    try {
      network_from_file(path, options, three);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), kind) << error.what();
      return error.what();
    }
    return "nothing was thrown";
  }
  static at::Tensor outputs(const Model& model, const at::Tensor& x) {
    Module module(model.graph, model.weights);
    module.train(false);
    return module.forward({x}).front().second;
  }

  TemporaryFolder folder_;
};

TEST_F(FineTune, StartsFromTheFilesWeights) {
  const Model original = foreign(as_it_is);
  const Model model = network_from_file(written(original), prepared, three);
  const at::Tensor x = torch::randn({2, 3, 17, 23});
  EXPECT_TRUE(at::allclose(outputs(model, x), outputs(original, x), 1e-5, 1e-6));
  EXPECT_EQ(model.info.classes.at(1).name, "disc");
  EXPECT_EQ(model.info.preprocessing.mean, prepared.mean);
  EXPECT_THAT(model.info.notes.at(fine_tuned_note), HasSubstr("model.onnx"));
}

TEST_F(FineTune, CutsOffWhatStandsAfterTheLogits) {
  const at::Tensor x = torch::randn({1, 3, 16, 20}), expected = outputs(foreign(as_it_is), x);
  const std::vector<std::pair<std::string, std::function<Value(ModelMaker&, Value)>>> endings = {
      {"Softmax", [](ModelMaker& m, Value v) { return m.add(op::Softmax{}, {v}, "softmax"); }},
      {"Sigmoid", [](ModelMaker& m, Value v) { return m.add(op::Sigmoid{}, {v}, "sigmoid"); }},
      {"ArgMax", [](ModelMaker& m, Value v) {
         return m.add(op::ArgMax{.keep_dims = false}, {m.add(op::Softmax{}, {v}, "softmax")}, "argmax");
       }}};
  for (const auto& [name, ending] : endings) {
    const Model model = network_from_file(written(foreign(ending)), prepared, three);
    EXPECT_TRUE(at::allclose(outputs(model, x), expected, 1e-5, 1e-6)) << name;
    EXPECT_THAT(model.info.notes.at(fine_tuned_note), HasSubstr(cat("cut off: ", name)));
  }
}

TEST_F(FineTune, WhatDoesNotFitSaysWhichOptionHelps) {
  const fs::path four = written(foreign(as_it_is, 4));
  EXPECT_THAT(fault(four, prepared, ErrorKind::usage), HasSubstr("--replace-head"));
  EXPECT_THAT(fault(written(foreign(as_it_is), "bare.onnx"), {}, ErrorKind::usage), HasSubstr("net.mean"));
  EXPECT_THAT(fault(four, {.output = "logits", .mean = {1, 1, 1}, .std = {1, 1, 1}}, ErrorKind::usage),
              HasSubstr("output 'logits' asked for"));
  FineTuneOptions grey = prepared;
  grey.mean = grey.std = {1};
  grey.order = "grey";
  EXPECT_THAT(fault(written(foreign(as_it_is)), grey, ErrorKind::usage), HasSubstr("1 means"));
  Model two = foreign([](ModelMaker& m, Value v) {
    m.model.graph.output("other", m.add(op::Relu{}, {v}, "other"));
    return v;
  });
  EXPECT_THAT(fault(written(two), prepared, ErrorKind::usage), HasSubstr("--output NAME"));
  EXPECT_THAT(fault(fs::path(VITRAIL_SOURCE_DIR) / "models" / "people.onnx", prepared, ErrorKind::usage),
              HasSubstr("net.start"));
  FineTuneOptions named = prepared;
  named.output = "other";
  EXPECT_EQ(network_from_file(written(two), named, three).graph.outputs().at(0).name, "other");
}

TEST_F(FineTune, AHeadMadeAnewKeepsTheRest) {
  const Model original = foreign(
      [](ModelMaker& m, Value v) {  // FCN's upsampling, one kernel per class
        const Value biased = m.add(op::Add{}, {v, m.parameter("bias", {5, 1, 1})}, "biased");
        return m.add(op::ConvTranspose{.strides = {2, 2}, .pads = {1, 1, 1, 1}, .group = 5},
                     {biased, m.parameter("up.weight", {5, 1, 4, 4}, 0.2, 0.2, Role::constant)}, "up");
      },
      5);
  FineTuneOptions options = prepared;
  options.replace_head = true;
  const Model model = network_from_file(written(original), options, three);
  EXPECT_EQ(model.graph.channels(model.graph.outputs().at(0).value), 3);
  EXPECT_FALSE(model.weights.contains("classifier.weight"));
  ASSERT_TRUE(model.weights.contains("up.weight"));
  EXPECT_EQ(model.weights.at("up.weight").shape(), (Shape{3, 1, 4, 4}));
  EXPECT_FLOAT_EQ(model.weights.at("up.weight").data<float>()[17], 0.2f);
  EXPECT_TRUE(model.weights.contains("halved.weight"));
  EXPECT_THAT(model.info.notes.at(fine_tuned_note),
              HasSubstr("made anew: bias, classifier.bias, classifier.weight"));
  Weights weights = initial_weights(model.graph, 1);
  for (const auto& [name, tensor] : model.weights)
    weights[name] = tensor;
  Module module(model.graph, weights);
  module.forward({torch::randn({2, 3, 16, 16})})[0].second.sum().backward();
  for (const auto& [name, tensor] : module.learnable())
    EXPECT_TRUE(tensor.grad().defined()) << name;
}

TEST_F(FineTune, EveryRegisteredNetTakesANewHead) {
  int64_t replaced = 0;
  for (const NetEntry& entry : nets()) {
    Model net = build_quick(entry, 7);
    net.weights = initial_weights(net.graph, 1);
    FineTuneOptions options;
    options.replace_head = true;
    const Model model = network_from_file(written(net), options, three);
    EXPECT_EQ(model.graph.channels(model.graph.outputs().at(0).value), 3) << entry.name;
    EXPECT_EQ(model.info.preprocessing.mean, net.info.preprocessing.mean) << entry.name;
    ++replaced;
  }
  EXPECT_GT(replaced, 0);
}

TEST_F(FineTune, ChannelsMayComeLast) {
  Model original;
  Graph& graph = original.graph;
  const Value image = graph.input("image", {-1, -1, -1, 3});
  const Value weight = graph.parameter({.name = "conv.weight", .shape = {3, 3, 3, 3}});
  original.weights["conv.weight"] = random_tensor({3, 3, 3, 3}, 5);
  const Value planes = graph.add(op::Transpose{{0, 3, 1, 2}}, {image}, "first");
  const Value logits = graph.add(op::Conv{.pads = {1, 1, 1, 1}}, {planes, weight}, "conv");
  graph.output("out", graph.add(op::Transpose{{0, 2, 3, 1}}, {logits}, "last"));
  const Model model = network_from_file(written(original), prepared, three);
  const at::Tensor x = torch::randn({2, 3, 9, 11});
  const at::Tensor expected = outputs(original, x.permute({0, 2, 3, 1})).permute({0, 3, 1, 2});
  EXPECT_TRUE(at::allclose(outputs(model, x), expected, 1e-5, 1e-6));
}

TEST_F(FineTune, AFixedBatchIsFreedWhereImagesAreIndependent) {
  const Model one = network_from_file(written(foreign(as_it_is, 3, 1)), prepared, three);
  EXPECT_EQ(outputs(one, torch::randn({4, 3, 8, 8})).size(0), 4);
}

/// Four pictures whose classes are told by colour, as a `folder` data set.
void draw_halves(const fs::path& root) {
  fs::create_directories(root / "images");
  fs::create_directories(root / "masks");
  std::ofstream(root / "classes.txt") << "0 ground 90 90 90\n1 disc 220 60 40\n2 box 60 120 220\n";
  Random random(3);
  for (int n = 0; n < 4; ++n) {
    Image image(32, 32);
    LabelMap labels(32, 32);
    const int64_t edge = random.integer(8, 14), other = random.integer(18, 24);
    for (int64_t y = 0; y < 32; ++y)
      for (int64_t x = 0; x < 32; ++x) {
        const int label = x < edge ? 0 : x < other ? 1 : 2;
        const int base[3][3] = {{90, 90, 90}, {210, 70, 50}, {60, 110, 210}};
        labels.at(y, x) = static_cast<uint16_t>(label);
        for (int c = 0; c < 3; ++c)
          image.at(y, x)[c] = static_cast<uint8_t>(base[label][c] + random.integer(-20, 20));
      }
    write_png(root / "images" / cat("p", n, ".png"), image);
    write_label_map(root / "masks" / cat("p", n, ".png"), labels);
  }
}

Recipe recipe_from(const fs::path& model, const std::vector<std::string>& more) {
  std::vector<std::string> set = {cat("net.from='", model.string(), "'"),
                                  "train.batch=4",
                                  "train.seed=3",
                                  "train.log_every=1",
                                  "data.train_split=all",
                                  "data.val_split=all",
                                  "data.dataset=folder"};
  set.insert(set.end(), more.begin(), more.end());
  return parse_recipe("", "command line", set);
}

double first_loss(const fs::path& out) {
  std::istringstream log(read_file(out / "log.jsonl"));
  std::string line;
  std::getline(log, line);
  return std::stod(line.substr(line.find("\"loss\":") + 7));
}
double last_loss(const fs::path& out) {
  std::istringstream log(read_file(out / "log.jsonl"));
  double loss = 0;
  for (std::string line; std::getline(log, line);)
    if (line.find("\"kind\":\"train\"") != std::string::npos)
      loss = std::stod(line.substr(line.find("\"loss\":") + 7));
  return loss;
}

TEST_F(FineTune, TrainsAForeignNetworkAndWritesACompleteModel) {
  configure_runtime({.threads = 2});
  draw_halves(folder_.path() / "data");
  const fs::path file = written(foreign(as_it_is, 9));
  const TrainOptions options{.out_dir = folder_.path() / "run",
                             .dataset = cat("folder:", (folder_.path() / "data").string())};
  const Recipe recipe = recipe_from(
      file, {"net.mean=[128, 128, 128]", "net.std=[64, 64, 64]", "net.replace_head=true", "train.steps=60",
             "optimizer.rate=0.03", "train.evaluate_every=30", "evaluate.report_images=2"});
  Trainer trainer(recipe, options);
  EXPECT_THAT(trainer.origin(), HasSubstr("made anew"));
  const TrainResult result = trainer.run();
  EXPECT_LT(last_loss(options.out_dir), 0.5 * first_loss(options.out_dir));
  const Model model = read_onnx(result.model);
  EXPECT_EQ(model.info.classes.size(), 3u);
  EXPECT_EQ(model.info.preprocessing.std, (std::vector<double>{64, 64, 64}));
  EXPECT_THAT(model.info.notes.at(fine_tuned_note), HasSubstr("model.onnx"));
  EXPECT_THAT(model.info.recipe, Not(HasSubstr(folder_.path().string())));

  // What came out goes in again: the metadata say how, the loss starts where it ended.
  const TrainOptions again{.out_dir = folder_.path() / "again", .dataset = options.dataset};
  Trainer(recipe_from(result.model, {"train.steps=5", "optimizer.rate=0.001"}), again).run();
  EXPECT_LT(first_loss(again.out_dir), 0.7 * first_loss(options.out_dir));
  // A resumed run needs nothing but the same words.
  TrainOptions resumed = again;
  resumed.resume = true;
  EXPECT_EQ(
      Trainer(recipe_from(result.model, {"train.steps=7", "optimizer.rate=0.001"}), resumed).run().steps, 7);

  std::string events;
  for (const auto& entry : fs::directory_iterator(options.out_dir / "tensorboard"))
    events += read_file(entry.path());
  EXPECT_THAT(events, HasSubstr("val/p0"));
  EXPECT_THAT(events, HasSubstr("\x89PNG"));
}

TEST_F(FineTune, ANetworkOfOneSizeSeesPicturesAsThePredictorShowsThem) {
  ModelMaker maker(3);
  maker.model = {};
  maker.image = maker.model.graph.input("image", {-1, 3, 24, 40});
  const Value x = maker.add(op::Relu{}, {maker.halved()}, "relu");
  maker.model.graph.output("out", maker.conv({}, x, {3, 3, 1, 1}, "classifier"));
  const Model model = network_from_file(written(maker.model), prepared, three);
  Module module(model.graph, model.weights);
  const SemanticPredictor predictor(model);
  for (const auto& [height, width] : {std::pair{24, 40}, {50, 33}, {10, 12}}) {
    Random random(5);
    Image image(height, width);
    for (uint8_t& value : image.pixels)
      value = static_cast<uint8_t>(random.integer(0, 255));
    const LabelMap labels = predict_labels(module, model.info.preprocessing, image);
    const LabelMap wanted = predictor.predict(image);
    ASSERT_EQ(labels.labels.size(), wanted.labels.size());
    int64_t same = 0;
    for (size_t i = 0; i < wanted.labels.size(); ++i)
      same += labels.labels[i] == wanted.labels[i];
    EXPECT_GE(same, std::ssize(wanted.labels) * 99 / 100) << height << "x" << width;
  }
}

TEST_F(FineTune, TrainsARegisteredNetworksFileOn) {
  configure_runtime({.threads = 2});
  draw_halves(folder_.path() / "data");
  Model net = build_net("squeezenet1.1-fcn4", {.classes = 3});
  net.weights = initial_weights(net.graph, 1);
  net.info.classes = three;
  const TrainOptions options{.out_dir = folder_.path() / "run",
                             .dataset = cat("folder:", (folder_.path() / "data").string())};
  Trainer(recipe_from(written(net), {"train.steps=20", "optimizer.rate=0.002"}), options).run();
  EXPECT_LT(last_loss(options.out_dir), 0.8 * first_loss(options.out_dir));
}

TEST(FineTuneRecipe, NamesAndFilesDoNotMix) {
  const auto fault = [](const std::vector<std::string>& set) -> std::string {
    try {
      parse_recipe("", "command line", set);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(fault({"data.dataset=folder", "net.name=x", "net.from=y.onnx"}), HasSubstr("both set"));
  EXPECT_THAT(fault({"data.dataset=folder", "net.name=x", "net.replace_head=true"}),
              HasSubstr("net.from alone"));
  EXPECT_THAT(fault({"data.dataset=folder", "net.from=y.onnx", "net.mean=[1, 2, 3]"}),
              HasSubstr("net.mean has 3"));
  EXPECT_EQ(fault({"data.dataset=folder", "net.from=y.onnx"}), "");
  const Recipe recipe = parse_recipe("", "command line", {"data.dataset=folder", "net.from=a/y.onnx"});
  EXPECT_EQ(network_name(recipe), "y");
  EXPECT_TRUE(recipe_differences(recipe, parse_recipe(recipe_to_toml(recipe), "again")).empty());
}

}  // namespace
}  // namespace vitrail::train
