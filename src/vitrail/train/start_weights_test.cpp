#include "vitrail/train/start_weights.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "temporary_folder.h"
#include "vitrail/base/error.h"
#include "vitrail/nets/registry.h"
#include "vitrail/onnx/onnx.h"
#include "vitrail/train/module.h"
#include "vitrail/weights/initialize.h"
#include "vitrail/weights/safetensors.h"

namespace vitrail::train {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

Recipe narrow(const std::string& net) {
  Recipe recipe;
  recipe.net.name = net;
  recipe.net.set = {{"width", "0.0625"}};
  recipe.train.seed = 5;
  return recipe;
}

Model built(const Recipe& recipe) {
  return build_net(recipe.net.name, {.classes = 3, .set = recipe.net.set});
}

bool equal(const Tensor& a, const Tensor& b) {
  const auto x = a.data<float>(), y = b.data<float>();
  return a.shape() == b.shape() && std::equal(x.begin(), x.end(), y.begin());
}

TEST(StartWeights, AFinerFcnGoesOnFromTheCoarserOne) {
  const TemporaryFolder folder;
  Model coarse = built(narrow("fcn32s-vgg16"));
  coarse.weights = initial_weights(coarse.graph, 1);
  coarse.info.classes = {{"a", {}}, {"b", {}}, {"c", {}}};
  write_onnx(folder.path() / "coarse.onnx", coarse);

  Recipe recipe = narrow("fcn16s-vgg16");
  recipe.net.start = (folder.path() / "coarse.onnx").string();
  const Model fine = built(recipe);
  const StartWeights start = start_weights(recipe, fine, {});
  const Weights fresh = initial_weights(fine.graph, 5);
  ASSERT_EQ(start.weights.size(), fresh.size());
  int taken = 0;
  for (const auto& [name, tensor] : start.weights) {
    const bool is_new = name.starts_with("score_pool4") || name.starts_with("upscore");
    EXPECT_TRUE(equal(tensor, is_new ? fresh.at(name) : coarse.weights.at(name))) << name;
    taken += is_new ? 0 : 1;
  }
  EXPECT_GT(taken, 30);
  ASSERT_EQ(start.notes.size(), 1u);
  EXPECT_THAT(start.notes[0], HasSubstr("starting fresh: score_pool4."));
}

TEST(StartWeights, ANetworkOfTwoStartsFromBoth) {
  const TemporaryFolder folder;
  std::map<std::string, Model> singles;
  Recipe recipe = narrow("fcn32s-vgg16-rgb-hha");
  for (const std::string part : {"color", "hha"}) {
    Model single = built(narrow("fcn32s-vgg16"));
    single.weights = initial_weights(single.graph, part == "hha" ? 1 : 2);
    single.info.classes = {{"a", {}}, {"b", {}}, {"c", {}}};
    recipe.net.start_parts[part] = (folder.path() / (part + ".onnx")).string();
    write_onnx(recipe.net.start_parts[part], single);
    singles[part] = std::move(single);
  }
  const StartWeights start = start_weights(recipe, built(recipe), {});
  int taken = 0;
  for (const auto& [part, single] : singles)
    for (const auto& [name, tensor] : single.weights)
      if (!name.starts_with("upscore")) {
        EXPECT_TRUE(equal(start.weights.at(part + "." + name), tensor)) << part << " " << name;
        ++taken;
      }
  EXPECT_GT(taken, 60);
  ASSERT_EQ(start.notes.size(), 2u);
  EXPECT_THAT(start.notes[0], HasSubstr("color.onnx for color.*"));
  EXPECT_THAT(start.notes[0], Not(HasSubstr("fresh")));
  recipe.net.start_parts["heat"] = recipe.net.start_parts["hha"];
  EXPECT_THROW(start_weights(recipe, built(recipe), {}), Error) << "there is no such part";
}

TEST(StartWeights, ANetworkOfMoreChannelsStartsAsTheFunctionThatItWas) {
  const TemporaryFolder folder;
  Model three = build_net("mobilenet-x0.25-os8", {.classes = 3});
  three.weights = initial_weights(three.graph, 1);
  three.info.classes = {{"a", {}}, {"b", {}}, {"c", {}}};
  write_onnx(folder.path() / "three.onnx", three);
  Recipe recipe;
  recipe.net.name = "mobilenet-x0.25-os8";
  recipe.net.set = {{"in_channels", "4"}};
  recipe.net.start = (folder.path() / "three.onnx").string();
  const Model four = built(recipe);
  const StartWeights start = start_weights(recipe, four, {});
  EXPECT_THAT(start.notes.at(0), Not(HasSubstr("fresh")));
  Module narrow_module(three.graph, three.weights), wide_module(four.graph, start.weights);
  narrow_module.train(false);
  wide_module.train(false);
  const at::Tensor color = torch::randn({1, 3, 33, 47}), depth = torch::randn({1, 1, 33, 47});
  const at::Tensor before = narrow_module.forward({color})[0].second,
                   after = wide_module.forward({at::cat({color, depth}, 1)})[0].second;
  EXPECT_TRUE(at::allclose(before, after, 1e-5, 1e-6));
  EXPECT_GT(before.abs().max().item<double>(), 0);
}

TEST(StartWeights, WhatAPretrainedFileHasBeyondTheClassesIsSaid) {
  const TemporaryFolder folder;
  Recipe recipe;
  recipe.net.name = "mobilenet-x0.25-os8";
  const Graph of_five = build_net(recipe.net.name, {.classes = 5}).graph;
  write_safetensors(folder.path() / "five.safetensors", initial_weights(of_five, 2));
  const StartWeights start = start_weights(recipe, built(recipe), folder.path() / "five.safetensors");
  EXPECT_THAT(start.notes, Contains(HasSubstr("left out head.score.weight: 5 classes in the file, 3 here")));
}

TEST(StartWeights, AFileOfAnotherNetworkAndOneThatIsNotThereAreRefused) {
  const TemporaryFolder folder;
  Model other = build_net("mobilenet-x0.25-os8", {.classes = 3});
  other.weights = initial_weights(other.graph, 1);
  other.info.classes = {{"a", {}}, {"b", {}}, {"c", {}}};
  write_onnx(folder.path() / "other.onnx", other);
  Recipe recipe = narrow("fcn16s-vgg16");
  const auto error_of = [&](const std::string& start) -> std::string {
    recipe.net.start = start;
    try {
      start_weights(recipe, built(recipe), {});
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(error_of((folder.path() / "other.onnx").string()), HasSubstr("none of its parameters"));
  EXPECT_THAT(error_of("runs/nowhere/model.onnx"),
              HasSubstr("there is no model file runs/nowhere/model.onnx"));
}

}  // namespace
}  // namespace vitrail::train
