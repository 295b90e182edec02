#include "vitrail/predict/foreign_layout.h"

#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/base/random.h"
#include "vitrail/base/text.h"
#include "vitrail/predict/semantic.h"
#include "vitrail/weights/initialize.h"

namespace vitrail {
namespace {

enum class Result {
  logits,
  last_logits,
  labels,
  map_labels,
  last_labels,
  last_labels_i32,
  float_probabilities
};

// One 3x3 convolution to four classes, written as other tools might.
Model network(bool channels_last, Result result) {
  Model model;
  Graph& g = model.graph;
  Value x = channels_last ? g.input("image", {-1, -1, -1, 3}) : g.input("image", {-1, 3, -1, -1});
  if (channels_last) x = g.add(op::Transpose{.permutation = {0, 3, 1, 2}}, {x}, "first");
  const Value weight = g.parameter({.name = "w", .shape = {4, 3, 3, 3}, .init = init::KaimingNormal{}});
  x = g.add(op::Conv{.pads = {1, 1, 1, 1}}, {x, weight}, "conv");
  const Value last = g.add(op::Transpose{.permutation = {0, 2, 3, 1}}, {x}, "last");
  switch (result) {
    case Result::logits: break;
    case Result::last_logits: x = last; break;
    case Result::labels: x = g.add(op::ArgMax{.axis = 1}, {x}, "labels"); break;
    case Result::map_labels: x = g.add(op::ArgMax{.axis = 1, .keep_dims = false}, {x}, "labels"); break;
    case Result::last_labels: x = g.add(op::ArgMax{.axis = -1, .keep_dims = false}, {last}, "labels"); break;
    case Result::last_labels_i32: {
      const Value labels = g.add(op::ArgMax{.axis = 3}, {last}, "labels");
      const Value flat = g.add(op::Reshape{}, {labels, g.add(op::ShapeOf{}, {labels}, "sizes")}, "flat");
      x = g.add(op::Cast{.to = DataType::i32}, {flat}, "small");
      break;
    }
    case Result::float_probabilities: x = g.add(op::Softmax{.axis = 3}, {last}, "softmax"); break;
  }
  g.output("result", x);
  model.weights = initial_weights(g, 3);
  for (int i = 0; i < 4; ++i)
    model.info.classes.push_back({cat("class ", i), {}});
  return model;
}

TEST(ForeignLayout, ModelsOfAnotherTaskStayAsTheyAre) {
  Model model = network(true, Result::last_logits);
  EXPECT_GT(with_image_layout(model).graph.nodes().size(), model.graph.nodes().size());
  model.info.task = Task::instance;
  EXPECT_EQ(with_image_layout(model).graph.nodes().size(), model.graph.nodes().size());
}

TEST(ForeignLayout, EveryLayoutGivesTheSameLabels) {
  Image image(23, 31);
  Random random(4);
  for (uint8_t& value : image.pixels)
    value = static_cast<uint8_t>(random.integer(0, 255));
  const LabelMap expected = SemanticPredictor(network(false, Result::logits)).predict(image);
  for (const bool channels_last : {false, true})
    for (const Result result : {Result::logits, Result::last_logits, Result::labels, Result::map_labels,
                                Result::last_labels, Result::last_labels_i32, Result::float_probabilities}) {
      SCOPED_TRACE(cat("channels last ", channels_last, ", result ", static_cast<int>(result)));
      const LabelMap labels = SemanticPredictor(network(channels_last, result)).predict(image);
      int64_t differing = 0;
      for (int64_t y = 0; y < image.height; ++y)
        for (int64_t x = 0; x < image.width; ++x)
          differing += labels.at(y, x) != expected.at(y, x);
      EXPECT_EQ(differing, 0);
    }
}

// A network that takes the picture's bytes and normalises them itself.
TEST(ForeignLayout, BytesAreTakenAsTheyAre) {
  Image image(9, 12);
  Random random(5);
  for (uint8_t& value : image.pixels)
    value = static_cast<uint8_t>(random.integer(0, 255));
  const auto labels = [&](DataType type) {
    Model model;
    const Value bytes = model.graph.input("image", {-1, -1, -1, 3}, type);
    const Value numbers = model.graph.add(op::Cast{.to = DataType::f32}, {bytes}, "numbers");
    const Value x = model.graph.add(op::Transpose{.permutation = {0, 3, 1, 2}}, {numbers}, "first");
    const Value weight =
        model.graph.parameter({.name = "w", .shape = {4, 3, 3, 3}, .init = init::KaimingNormal{}});
    model.graph.output("result", model.graph.add(op::Conv{.pads = {1, 1, 1, 1}}, {x, weight}, "conv"));
    model.weights = initial_weights(model.graph, 3);
    for (int i = 0; i < 4; ++i)
      model.info.classes.push_back({cat("class ", i), {}});
    model.info.preprocessing.mean = {0, 0, 0};
    model.info.preprocessing.std = {1, 1, 1};
    return SemanticPredictor(model).predict(image);
  };
  const LabelMap expected = labels(DataType::f32);
  for (const DataType type : {DataType::u8, DataType::i64}) {
    const LabelMap found = labels(type);
    for (int64_t y = 0; y < image.height; ++y)
      for (int64_t x = 0; x < image.width; ++x)
        ASSERT_EQ(found.at(y, x), expected.at(y, x)) << name_of(type);
  }
}

TEST(ForeignLayout, WhatFitsIsLeftAlone) {
  const Model model = network(false, Result::logits);
  EXPECT_EQ(with_image_layout(model).graph.nodes().size(), model.graph.nodes().size());
}

// Whatever else is said or missing: a network over volumes takes no pictures.
TEST(ForeignLayout, VolumesAreForTheEngine) {
  Model model;
  model.graph.output("y", model.graph.add(op::Relu{}, {model.graph.input("volume", {1, 1, 16, 24, 32})}));
  for (const bool described : {false, true}) {
    if (described) model.info.classes = {{.name = "tissue"}, {.name = "tumour"}};
    try {
      const SemanticPredictor predictor(model);
      ADD_FAILURE() << "it was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::unsupported);
      EXPECT_NE(std::string(error.what()).find("volume 1x1x16x24x32"), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find("engine/engine.h"), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace vitrail
