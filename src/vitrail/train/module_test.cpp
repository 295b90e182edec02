#include "vitrail/train/module.h"

#include <cmath>

#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/nets/registry.h"
#include "vitrail/train/losses.h"
#include "vitrail/weights/initialize.h"

namespace vitrail::train {
namespace {

/// conv, batch norm, ReLU6, dropout, two outputs of which one is training-only.
Graph small_graph(double dropout = 0) {
  Graph graph;
  const Value image = graph.input("image", {-1, 3, -1, -1});
  const auto parameter = [&](const char* name, Shape shape, Role role, Init init) {
    return graph.parameter({.name = name, .shape = std::move(shape), .role = role, .init = init});
  };
  const Value weight = parameter("conv.weight", {4, 3, 3, 3}, Role::learnable, init::Normal{0.5});
  const Value x =
      graph.add(op::Conv{.strides = {2, 2}, .auto_pad = AutoPad::same_upper}, {image, weight}, "conv");
  const Value norm = graph.add(op::BatchNormalization{.momentum = 0.8},
                               {x, parameter("bn.weight", {4}, Role::learnable, init::Constant{1}),
                                parameter("bn.bias", {4}, Role::learnable, init::Constant{0.5}),
                                parameter("bn.running_mean", {4}, Role::running_statistic, init::Zeros{}),
                                parameter("bn.running_var", {4}, Role::running_statistic, init::Constant{1})},
                               "bn");
  const Value active = graph.add(op::Clip{0, 6}, {norm}, "relu6");
  const Value dropped = graph.add(op::Dropout{dropout, true}, {active}, "dropout");
  graph.output("logits", graph.add(op::Resize{}, {dropped, image}, "up"));
  graph.output("aux", graph.add(op::Sigmoid{}, {dropped}, "sigmoid"), /*training_only=*/true);
  return graph;
}

Module small_module(ModuleOptions options = {}, double dropout = 0) {
  const Graph graph = small_graph(dropout);
  return Module(graph, initial_weights(graph, 1), std::move(options));
}

std::vector<at::Tensor> images(int64_t batch = 2, int64_t height = 9, int64_t width = 13) {
  torch::manual_seed(3);
  return {torch::randn({batch, 3, height, width})};
}

at::Tensor tensor_of(const Module& module, const std::string& name) {
  for (const auto& [each, tensor] : module.tensors())
    if (each == name) return tensor;
  return {};
}

template <class Body>
std::string message_of(ErrorKind kind, Body body) {
  try {
    body();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "not refused";
  return "";
}

TEST(ModuleTest, NamesOutputsInGraphOrder) {
  Module module = small_module();
  const NamedTensors training = module.forward(images());
  ASSERT_EQ(training.size(), 2u);
  EXPECT_EQ(training[0].first, "logits");
  EXPECT_EQ(training[1].first, "aux");
  EXPECT_EQ(training[0].second.sizes().vec(), (Shape{2, 4, 9, 13}));
  EXPECT_TRUE(training[0].second.requires_grad());
  module.train(false);
  const NamedTensors inference = module.forward(std::map<std::string, at::Tensor>{{"image", images()[0]}});
  ASSERT_EQ(inference.size(), 1u);
  EXPECT_FALSE(inference[0].second.requires_grad());
}

TEST(ModuleTest, KnowsWhatLearns) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : small_module().learnable())
    names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"conv.weight", "bn.weight", "bn.bias"}));
  names.clear();
  for (const auto& [name, tensor] : small_module({.frozen = {"conv.*"}}).learnable())
    names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"bn.weight", "bn.bias"}));
  EXPECT_NE(message_of(ErrorKind::usage, [] { small_module({.frozen = {"cnov.*"}}); }).find("cnov"),
            std::string::npos);
}

TEST(ModuleTest, BatchNormMovesItsStatisticsByOnnxMomentum) {
  for (const bool channels_last : {false, true}) {
    Module module = small_module({.channels_last = channels_last});
    module.to(at::kDouble);
    const at::Tensor x = images()[0].to(at::kDouble);
    module.forward({x});
    const at::Tensor padded = at::constant_pad_nd(x, {1, 1, 1, 1}, 0);  // SAME of 9 x 13 by stride 2
    const at::Tensor y = at::conv2d(padded, tensor_of(module, "conv.weight"), {}, 2);
    const at::Tensor rows = y.transpose(0, 1).reshape({4, -1});
    EXPECT_TRUE(at::allclose(tensor_of(module, "bn.running_mean"), 0.2 * rows.mean(1)));
    EXPECT_TRUE(
        at::allclose(tensor_of(module, "bn.running_var"), 0.8 + 0.2 * rows.var(1, /*unbiased=*/true)));
  }
}

TEST(ModuleTest, FrozenBatchNormIsInferenceWithGradients) {
  Module frozen = small_module({.frozen_batch_norm = true}),
         by_name = small_module({.frozen = {"bn.running_*"}});
  const Weights before = frozen.weights();
  for (Module* module : {&frozen, &by_name}) {
    const at::Tensor training = module->forward(images())[0].second;
    module->train(false);
    EXPECT_TRUE(at::allclose(training, module->forward(images())[0].second, 1e-5, 1e-6));
    training.sum().backward();
    EXPECT_GT(tensor_of(*module, "bn.weight").grad().abs().sum().item<double>(), 0);
    const auto mean = module->weights().at("bn.running_mean");
    for (size_t i = 0; i < 4; ++i)
      EXPECT_EQ(mean.data<float>()[i], before.at("bn.running_mean").data<float>()[i]);
  }
}

TEST(ModuleTest, OneValuePerChannelIsExplained) {
  Module module = small_module();
  const std::string text = message_of(ErrorKind::shape, [&] { module.forward(images(1, 2, 2)); });
  EXPECT_NE(text.find("'bn'"), std::string::npos) << text;
  EXPECT_NE(text.find("frozen_batch_norm"), std::string::npos) << text;
  module.train(false);
  EXPECT_NO_THROW(module.forward(images(1, 2, 2)));
}

TEST(ModuleTest, RefusesWrongInputs) {
  Module module = small_module();
  message_of(ErrorKind::usage, [&] { module.forward(std::vector<at::Tensor>{}); });
  message_of(ErrorKind::usage, [&] {
    module.forward(std::map<std::string, at::Tensor>{{"picture", images()[0]}});
  });
  message_of(ErrorKind::shape, [&] { module.forward({torch::randn({2, 4, 8, 8})}); });
}

TEST(ModuleTest, RefusesLoops) {
  auto body = std::make_shared<Graph>();
  const Value trip = body->input("trip", {}, DataType::i64);
  body->output("again", body->input("go_on", {}, DataType::boolean));
  body->output("number", trip);
  Graph graph;
  const Value count = graph.input("count", {}, DataType::i64);
  graph.output("y", graph.add(op::Loop{.body = body, .carried = 0, .output = 0}, {count, {}}, "numbers"));
  try {
    Module module(graph, {});
    ADD_FAILURE() << "a loop is not trained";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("training, node 'numbers' (Loop)"), std::string::npos)
        << error.what();
  }
}

TEST(ModuleTest, DropoutFollowsItsSeed) {
  Module module = small_module({}, 0.5);
  const auto drawn = [&](uint64_t seed) {
    module.set_dropout_seed(seed);
    return module.forward(images(8))[0].second.detach().clone();
  };
  const at::Tensor first = drawn(1);
  EXPECT_TRUE(at::equal(first, drawn(1)));
  EXPECT_FALSE(at::equal(first, drawn(2)));
  const at::Tensor sums = first.abs().sum({2, 3}),
                   all = small_module().forward(images(8))[0].second.sum({2, 3});
  EXPECT_GT(sums.eq(0).sum().item<int64_t>(), 0) << "no channel was dropped";
  EXPECT_TRUE(at::allclose(sums.masked_select(sums.ne(0)), 2 * all.masked_select(sums.ne(0)), 1e-4));
}

TEST(ModuleTest, WeightsGoOutAndComeBack) {
  Module module = small_module();
  Weights weights = module.weights();
  ASSERT_EQ(weights.size(), 5u);
  for (float& value : weights.at("conv.weight").data<float>())
    value += 1;
  module.load(weights);
  const Weights again = module.weights();
  for (const auto& [name, tensor] : weights)
    for (size_t i = 0; i < tensor.data<float>().size(); ++i)
      EXPECT_EQ(tensor.data<float>()[i], again.at(name).data<float>()[i]) << name;
}

TEST(ModuleTest, LoadNamesWhatDoesNotFit) {
  Module module = small_module();
  Weights weights = module.weights();
  weights["conv.wieght"] = weights.at("conv.weight");
  weights.erase("conv.weight");
  const std::string text = message_of(ErrorKind::usage, [&] { module.load(weights); });
  EXPECT_NE(text.find("1 missing (conv.weight)"), std::string::npos) << text;
  EXPECT_NE(text.find("1 unexpected (conv.wieght)"), std::string::npos) << text;
  weights = module.weights();
  weights["bn.bias"] = Tensor::zeros(DataType::f32, {7});
  weights["bn.weight"] = Tensor::zeros(DataType::f32, {4});
  EXPECT_NE(message_of(ErrorKind::shape, [&] { module.load(weights); }).find("bn.bias is 7, expected 4"),
            std::string::npos);
  EXPECT_NE(module.weights().at("bn.weight").data<float>()[0], 0) << "a refused load changed something";
}

TEST(ModuleTest, SharedValuesAreNotOverwritten) {
  Graph graph;
  const Value image = graph.input("image", {-1, 2, -1, -1});
  const Value sum = graph.add(op::Add{}, {image, image}, "sum");
  const Value relu = graph.add(op::Relu{}, {sum}, "relu");
  graph.output("difference", graph.add(op::Concat{}, {sum, relu}, "both"));
  Module module(graph, {});
  const at::Tensor x = torch::randn({1, 2, 3, 3});
  for (const bool training : {false, true}) {
    module.train(training);
    const at::Tensor y = module.forward({x})[0].second;
    EXPECT_TRUE(at::equal(y, at::cat({2 * x, at::relu(2 * x)}, 1)));
  }
}

class EveryNet : public testing::TestWithParam<std::string> {
 protected:
  const NetEntry& entry() const { return find_net(GetParam()); }
  int64_t at_least(int64_t side) const { return std::max(side, entry().smallest_side); }
};

TEST_P(EveryNet, GradientsReachEveryParameter) {
  const Model model = build_quick(entry(), 5);
  Module module(model.graph, initial_weights(model.graph, 1));
  torch::manual_seed(1);
  const at::Tensor x = torch::rand({2, image_channels(model.graph), at_least(97), at_least(129)}) * 2 - 1;
  at::Tensor sum = at::zeros({});
  for (const auto& [name, output] : module.forward({x}))
    sum = sum + (output * torch::randn_like(output)).sum();
  sum.backward();
  ASSERT_FALSE(module.learnable().empty());
  for (const auto& [name, tensor] : module.learnable()) {
    ASSERT_TRUE(tensor.grad().defined()) << name;
    EXPECT_TRUE(tensor.grad().isfinite().all().item<bool>()) << name;
    EXPECT_GT(tensor.grad().abs().max().item<double>(), 0) << name;
  }
}

TEST_P(EveryNet, FrozenBatchNormTrainsWhatInferenceComputes) {
  const Model model = build_quick(entry(), 5);
  Module module(model.graph, initial_weights(model.graph, 1), {.frozen_batch_norm = true});
  torch::manual_seed(1);
  const at::Tensor x = torch::rand({1, image_channels(model.graph), at_least(65), at_least(97)}) * 2 - 1;
  bool random = false;
  for (const Node& node : model.graph.nodes())
    random |= std::holds_alternative<op::Dropout>(node.op);
  const at::Tensor training = module.forward({x})[0].second.detach();
  module.train(false);
  const at::Tensor inference = module.forward({x})[0].second;
  const double scale = inference.abs().max().item<double>();
  EXPECT_GT(scale, 0);
  if (!random) {
    EXPECT_LT((training - inference).abs().max().item<double>(), 1e-5 * scale);
  }
}

// The loss resizes with half-pixel centres; an output resized otherwise is left to the graph.
bool ends_in_half_pixels(const Graph& graph) {
  const Node* last = graph.producer_of(graph.outputs()[0].value);
  const auto* resize = std::get_if<op::Resize>(&last->op);
  return resize != nullptr && resize->coordinates == op::CoordinateMode::half_pixel &&
         last->inputs.size() == 2;
}

TEST_P(EveryNet, ResizingInTheLossIsTheSame) {
  const Model model = build_quick(entry(), 5);
  const Weights weights = initial_weights(model.graph, 1);
  torch::manual_seed(1);
  const int64_t height = at_least(65), width = at_least(97);
  const at::Tensor x = torch::rand({2, image_channels(model.graph), height, width}) * 2 - 1,
                   labels = torch::randint(0, 5, {2, height, width}, at::kByte);
  std::vector<double> losses;
  std::vector<NamedTensors> gradients;
  for (const bool in_loss : {false, true}) {
    Module module(model.graph, weights, {.upsample_in_loss = in_loss});
    module.set_dropout_seed(1);
    const NamedTensors outputs = module.forward({x});
    EXPECT_EQ(outputs[0].second.size(2) < height, in_loss && ends_in_half_pixels(model.graph));
    const at::Tensor loss = Loss({}, 5)(outputs, labels).total;
    loss.backward();
    losses.push_back(loss.item<double>());
    gradients.push_back(module.learnable());
    module.train(false);
    EXPECT_EQ(module.forward({x})[0].second.size(2), height) << "inference always resizes";
  }
  EXPECT_NEAR(losses[0], losses[1], 1e-5 * losses[0]);
  double largest = 0;
  for (const auto& [name, tensor] : gradients[0])
    largest = std::max(largest, tensor.grad().norm().item<double>());
  for (size_t i = 0; i < gradients[0].size(); ++i) {
    const at::Tensor a = gradients[0][i].second.grad(), b = gradients[1][i].second.grad();
    // A bias before a batch normalisation has no gradient but rounding; one over two pooled values has a
    // steep one.
    EXPECT_LT((a - b).norm().item<double>(), 3e-3 * a.norm().item<double>() + 1e-6 * largest)
        << gradients[0][i].first;
  }
}

TEST(ModuleTest, APartSharesItsTensorsAndComputesTheSame) {
  Module whole = small_module({.frozen = {"bn.weight"}});
  Module part = whole.part({"aux"});
  EXPECT_EQ(part.learnable().size(), 2u);  // conv.weight, bn.bias
  const at::Tensor by_whole = whole.forward(images())[1].second, by_part = part.forward(images())[0].second;
  EXPECT_TRUE(at::equal(by_whole, by_part));
  by_part.sum().backward();
  EXPECT_TRUE(tensor_of(whole, "conv.weight").grad().defined());
  // A step of the whole is a step of the part, and so is a running statistic that moved.
  {
    const torch::NoGradGuard no_gradients;
    tensor_of(whole, "conv.weight").mul_(2);
  }
  EXPECT_TRUE(at::equal(tensor_of(whole, "conv.weight"), tensor_of(part, "conv.weight")));
  EXPECT_TRUE(at::equal(tensor_of(whole, "bn.running_mean"), tensor_of(part, "bn.running_mean")));
  EXPECT_GT(tensor_of(part, "bn.running_mean").abs().max().item<float>(), 0);
  EXPECT_THROW(whole.part({"nothing"}), Error);
}

TEST(ModuleTest, ChangesSaysWhetherTrainingMovesAnything) {
  EXPECT_TRUE(small_module().changes());
  EXPECT_TRUE(small_module({.frozen = {"conv.*", "bn.weight", "bn.bias"}}).changes());  // statistics move
  EXPECT_FALSE(small_module({.frozen = {"*"}}).changes());
  EXPECT_FALSE(
      small_module({.frozen = {"conv.*", "bn.weight", "bn.bias"}, .frozen_batch_norm = true}).changes());
}

std::vector<std::string> net_names() {
  std::vector<std::string> result;
  for (const NetEntry& entry : nets())
    result.push_back(entry.name);
  return result;
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(ModuleTest, EveryNet, testing::ValuesIn(net_names()), test_name);

}  // namespace
}  // namespace vitrail::train
