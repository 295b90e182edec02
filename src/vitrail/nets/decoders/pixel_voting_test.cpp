#include "vitrail/nets/decoders/pixel_voting.h"

#include <gtest/gtest.h>

#include "reference_interpreter.h"
#include "vitrail/base/error.h"
#include "vitrail/base/random.h"
#include "vitrail/graph/shape_inference.h"
#include "vitrail/nets/registry.h"

namespace vitrail {
namespace {

using Set = std::map<std::string, std::string>;

int64_t decoder_parameters(const std::string& net, const Set& set) {
  int64_t count = 0;
  const Model model = build_net(net, {.classes = 19, .set = set});
  for (const Parameter& parameter : model.graph.parameters())
    if (parameter.role == Role::learnable && parameter.name.starts_with("head."))
      count += element_count(parameter.shape);
  return count;
}

// SPEC 9.4: the decoder alone, with the classifier of the top map.
TEST(PixelVoting, ParametersOnResNet50) {
  EXPECT_EQ(decoder_parameters("pvd-resnet50", {{"units", "block"}}), 36663267);
  EXPECT_EQ(decoder_parameters("pvd-resnet50", {{"units", "block"}, {"first_stage", "2"}}), 36302292);
  EXPECT_EQ(decoder_parameters("pvd-resnet50", {}), 7121319);
  EXPECT_EQ(decoder_parameters("pvd-resnet50", {{"first_stage", "2"}}), 7043234);
  EXPECT_EQ(decoder_parameters("pvd-resnet50", {{"form", "matrix"}}), 7121319);
}

std::vector<const Node*> votings(const Graph& graph) {
  std::vector<const Node*> found;
  for (const Node& node : graph.nodes())
    if (std::holds_alternative<op::DynamicDeconvolution>(node.op)) found.push_back(&node);
  return found;
}

TEST(PixelVoting, DecodesToAQuarterOfAnySize) {
  for (const char* net : {"pvd-resnet18", "pvd-mobilenet-x0.5"})
    for (const Set& set : {Set{}, Set{{"form", "matrix"}, {"normalize", "softmax"}}}) {
      const Model model = build_net(net, {.classes = 7, .set = set});
      for (const auto& [height, width] : {std::pair{512, 1024}, std::pair{361, 479}, std::pair{33, 34}}) {
        const ShapeTable shapes = infer_shapes(model.graph, {1, 3, height, width});
        const Value last = votings(model.graph).back()->outputs[0];
        EXPECT_EQ(shapes[last], (Shape{1, 7, (height + 3) / 4, (width + 3) / 4})) << net;
        EXPECT_EQ(shapes[model.graph.outputs()[0].value], (Shape{1, 7, height, width})) << net;
      }
    }
}

TEST(PixelVoting, UnitsAndFormsByName) {
  const auto strides = [](const Set& set) {
    const Model model = build_net("pvd-resnet18", {.set = set});
    std::vector<int64_t> result;
    for (const Node* node : votings(model.graph))
      result.push_back(std::get<op::DynamicDeconvolution>(node->op).stride);
    return result;
  };
  EXPECT_EQ(strides({}), (std::vector<int64_t>{2, 2, 2, 1}));
  EXPECT_EQ(strides({{"first_stage", "2"}}), (std::vector<int64_t>{2, 2, 2}));
  EXPECT_EQ(strides({{"units", "block"}}), (std::vector<int64_t>{1, 2, 1, 2, 1, 2, 1, 1}));
  EXPECT_EQ(strides({{"output_stride", "8"}}), (std::vector<int64_t>{1, 1, 2, 1}));
  for (const char* form : {"exact", "matrix"}) {
    const Model model = build_net("pvd-mobilenet-x1.0", {.set = {{"form", form}}});
    ASSERT_EQ(votings(model.graph).size(), 3u);
    for (const Node* node : votings(model.graph))
      EXPECT_EQ(std::get<op::DynamicDeconvolution>(node->op).form == op::DynamicDeconvolution::Form::exact,
                std::string(form) == "exact");
  }
  EXPECT_THROW(build_net("pvd-resnet18", {.set = {{"form", "eq10"}}}), Error);
  EXPECT_THROW(build_net("pvd-resnet18", {.set = {{"first_stage", "5"}}}), Error);
}

// With the votes' weights at zero a unit is bilinear: scores of 1 stay 1 but at the far border, where the
// neighbour that would vote is missing.
TEST(PixelVoting, StartsAsBilinearInterpolation) {
  for (const int64_t stride : {1, 2}) {
    Graph graph;
    const Scope net(graph);
    const Value input = graph.input("input", {1, 3, -1, -1}), output = graph.input("output", {1, 4, -1, -1});
    graph.output("scores", pixel_voting(net, {{"unit", input, output, stride}}, 2));
    Weights weights;
    for (const Parameter& parameter : graph.parameters()) {
      Tensor tensor = Tensor::zeros(DataType::f32, parameter.shape);
      if (parameter.name == "unit.fusion.bias")
        for (float& value : tensor.data<float>())
          value = 1;
      weights[parameter.name] = tensor;
    }
    const int64_t h = 3, w = 4;
    const auto outputs = reference::run(graph, weights,
                                        {Tensor::zeros(DataType::f32, {1, 3, stride * h, stride * w}),
                                         Tensor::zeros(DataType::f32, {1, 4, h, w})});
    ASSERT_EQ(outputs[0].shape, (Shape{1, 2, stride * h, stride * w}));
    for (int64_t y = 0; y < stride * h; ++y)
      for (int64_t x = 0; x < stride * w; ++x) {
        const double down = stride == 2 && y == stride * h - 1 ? 0.5 : 1;
        const double across = stride == 2 && x == stride * w - 1 ? 0.5 : 1;
        EXPECT_DOUBLE_EQ(outputs[0].at(0, 1, y, x), down * across) << y << " " << x;
      }
  }
}

}  // namespace
}  // namespace vitrail
