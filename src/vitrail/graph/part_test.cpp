#include "vitrail/graph/part.h"

#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/graph/cost.h"

namespace vitrail {
namespace {

// image -> trunk -> scores; crop -> branch -> masks; `shared.weight` is read by both.
Graph two_parts() {
  Graph graph;
  const Value image = graph.input("image", {-1, 3, -1, -1});
  const Value crop = graph.input("crop", {-1, 3, 4, 4});
  const Value shared = graph.parameter({.name = "shared.weight", .shape = {2, 3, 1, 1}});
  const Value own = graph.parameter({.name = "branch.weight", .shape = {5, 2, 1, 1}});
  const Value scores = graph.add(op::Conv{}, {image, shared}, "trunk");
  const Value middle = graph.add(op::Conv{}, {crop, shared}, "branch_first");
  const Value masks = graph.add(op::Conv{}, {middle, own}, "branch");
  graph.output("scores", scores);
  graph.output("masks", masks);
  graph.output("doubtful", graph.add(op::Relu{}, {scores}, "relu"), true);
  return graph;
}

TEST(Part, HasOnlyWhatItsOutputsNeed) {
  const Graph graph = two_parts();
  const Graph trunk = part_of(graph, {"scores"});
  ASSERT_EQ(trunk.inputs().size(), 1u);
  EXPECT_EQ(trunk.inputs()[0].name, "image");
  ASSERT_EQ(trunk.parameters().size(), 1u);
  EXPECT_EQ(trunk.parameters()[0].name, "shared.weight");
  ASSERT_EQ(trunk.nodes().size(), 1u);
  EXPECT_EQ(trunk.nodes()[0].name, "trunk");
  const Graph branch = part_of(graph, {"masks"});
  ASSERT_EQ(branch.inputs().size(), 1u);
  EXPECT_EQ(branch.inputs()[0].name, "crop");
  EXPECT_EQ(branch.parameters().size(), 2u);
  EXPECT_EQ(branch.nodes().size(), 2u);
}

TEST(Part, KeepsTheOrderThatWasAskedForAndWhatIsForTrainingOnly) {
  const Graph both = part_of(two_parts(), {"doubtful", "masks"});
  ASSERT_EQ(both.outputs().size(), 2u);
  EXPECT_EQ(both.outputs()[0].name, "doubtful");
  EXPECT_TRUE(both.outputs()[0].training_only);
  EXPECT_FALSE(both.outputs()[1].training_only);
  EXPECT_EQ(both.inputs().size(), 2u);
}

TEST(Part, OutputsOfTheSameInputsBelongTogether) {
  const std::vector<Graph> parts = parts_of(two_parts());
  ASSERT_EQ(parts.size(), 2u);
  ASSERT_EQ(parts[0].outputs().size(), 2u);
  EXPECT_EQ(parts[0].outputs()[0].name, "scores");
  EXPECT_EQ(parts[0].outputs()[1].name, "doubtful");
  ASSERT_EQ(parts[1].outputs().size(), 1u);
  EXPECT_EQ(parts[1].outputs()[0].name, "masks");
}

TEST(Part, TakesItsWeightsFromThoseOfTheWholeNetwork) {
  const Graph graph = two_parts();
  const Weights weights{{"shared.weight", Tensor::zeros(DataType::f32, {2, 3, 1, 1})},
                        {"branch.weight", Tensor::zeros(DataType::f32, {5, 2, 1, 1})}};
  EXPECT_EQ(weights_of(part_of(graph, {"scores"}), weights).size(), 1u);
  EXPECT_EQ(weights_of(part_of(graph, {"masks"}), weights).size(), 2u);
}

TEST(Part, AnUnknownOutputIsNamed) {
  try {
    part_of(two_parts(), {"mask"});
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("Did you mean 'masks'?"), std::string::npos) << error.what();
  }
}

TEST(Part, AGraphForInferenceKeepsItsInputs) {
  Graph graph;
  graph.input("unused", {1, 3});
  const Value x = graph.input("x", {1, 3});
  graph.output("y", graph.add(op::Relu{}, {x}));
  EXPECT_EQ(graph.for_inference().inputs().size(), 2u);
  EXPECT_EQ(part_of(graph, {"y"}).inputs().size(), 1u);
}

TEST(Cost, OfAGraphOfSeveralInputs) {
  const Graph graph = two_parts();
  const Cost whole = cost_of(graph, {{"image", {1, 3, 10, 10}}, {"crop", {7, 3, 4, 4}}});
  EXPECT_EQ(whole.multiply_adds, 100 * 6 + 7 * 16 * (6 + 10));
  EXPECT_EQ(whole.parameters_learnable, 16);
}

}  // namespace
}  // namespace vitrail
