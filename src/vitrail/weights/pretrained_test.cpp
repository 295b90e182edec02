#include "vitrail/weights/pretrained.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "temporary_folder.h"
#include "vitrail/base/error.h"
#include "vitrail/base/random.h"
#include "vitrail/base/text.h"
#include "vitrail/weights/safetensors.h"

namespace vitrail {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;

constexpr double epsilon = 1e-3;

Tensor random_tensor(Random& random, Shape shape, double low, double high) {
  Tensor tensor = Tensor::empty(DataType::f32, std::move(shape));
  for (float& x : tensor.data<float>())
    x = static_cast<float>(random.uniform(low, high));
  return tensor;
}

// Adds "backbone.<layer>", a convolution with or without a batch normalisation behind it.
Value add_layer(Graph& graph, Value x, const std::string& layer, const Shape& weight, bool normalised,
                int64_t stride = 1) {
  const std::string name = "backbone." + layer;
  const int64_t group = graph.channels(x) / weight[1];
  std::vector<Value> inputs{x, graph.parameter({.name = name + ".weight", .shape = weight})};
  if (!normalised) inputs.push_back(graph.parameter({.name = name + ".bias", .shape = {weight[0]}}));
  const Value y = graph.add(
      op::Conv{.strides = {stride, stride}, .group = group, .auto_pad = AutoPad::same_upper}, inputs, name);
  if (!normalised) return y;
  std::vector<Value> norm{y};
  for (const auto* part : {"weight", "bias", "running_mean", "running_var"})
    norm.push_back(graph.parameter({.name = cat(name, ".BatchNorm.", part), .shape = {weight[0]}}));
  return graph.add(op::BatchNormalization{.epsilon = epsilon}, norm, name + ".BatchNorm");
}

// One image as doubles, C x H x W.
struct Map {
  int64_t channels = 0, height = 0, width = 0;
  std::vector<double> values;
  double& at(int64_t c, int64_t y, int64_t x) {
    return values[static_cast<size_t>((c * height + y) * width + x)];
  }
  double padded(int64_t c, int64_t y, int64_t x) const {
    if (y < 0 || x < 0 || y >= height || x >= width) return 0;
    return values[static_cast<size_t>((c * height + y) * width + x)];
  }
};

Map random_map(Random& random, int64_t channels, int64_t side) {
  Map map{channels, side, side, std::vector<double>(static_cast<size_t>(channels * side * side))};
  for (double& x : map.values)
    x = random.uniform(-1, 1);
  return map;
}

// TensorFlow's SAME, straight from the definition.
Map convolve(const Map& in, const Tensor& weight, int64_t stride) {
  const Shape& w = weight.shape();
  const int64_t kernel = w[2], group = in.channels / w[1], outs = w[0] / group;
  const int64_t height = (in.height + stride - 1) / stride, width = (in.width + stride - 1) / stride;
  const int64_t top = std::max<int64_t>(0, (height - 1) * stride + kernel - in.height) / 2;
  const int64_t left = std::max<int64_t>(0, (width - 1) * stride + kernel - in.width) / 2;
  Map out{w[0], height, width, std::vector<double>(static_cast<size_t>(w[0] * height * width))};
  for (int64_t o = 0; o < w[0]; ++o)
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < width; ++x)
        for (int64_t i = 0; i < w[1]; ++i)
          for (int64_t ky = 0; ky < kernel; ++ky)
            for (int64_t kx = 0; kx < kernel; ++kx)
              out.at(o, y, x) +=
                  in.padded(o / outs * w[1] + i, y * stride + ky - top, x * stride + kx - left) *
                  weight.data<float>()[static_cast<size_t>(((o * w[1] + i) * kernel + ky) * kernel + kx)];
  return out;
}

template <class Function>
Map per_channel(Map map, Function function) {
  for (int64_t c = 0; c < map.channels; ++c)
    for (int64_t y = 0; y < map.height; ++y)
      for (int64_t x = 0; x < map.width; ++x)
        map.at(c, y, x) = function(static_cast<size_t>(c), map.at(c, y, x));
  return map;
}

double relu6(double x) {
  return std::clamp(x, 0.0, 6.0);
}

// The layer as the file has it: convolution, bias, ReLU6.
Map folded(const Map& in, const Safetensors& file, const std::string& layer, int64_t stride) {
  const Tensor bias = file.tensors.at(layer + ".bias").to_f32();
  return per_channel(convolve(in, file.tensors.at(layer + ".weight").to_f32(), stride),
                     [&](size_t c, double x) { return relu6(x + bias.data<float>()[c]); });
}

// The layer as it was loaded: convolution, batch normalisation in evaluation, ReLU6.
Map unfolded(const Map& in, const Weights& weights, const std::string& layer, int64_t stride) {
  const std::string name = "backbone." + layer;
  const auto norm = [&](const char* part, size_t c) -> double {
    return weights.at(cat(name, ".BatchNorm.", part)).data<float>()[c];
  };
  return per_channel(convolve(in, weights.at(name + ".weight"), stride), [&](size_t c, double x) {
    const double normal = (x - norm("running_mean", c)) / std::sqrt(norm("running_var", c) + epsilon);
    return relu6(norm("weight", c) * normal + norm("bias", c));
  });
}

// Largest difference by the largest value.
double relative_difference(const Map& a, const Map& b) {
  double difference = 0, largest = 0;
  for (size_t i = 0; i < a.values.size(); ++i) {
    difference = std::max(difference, std::abs(a.values[i] - b.values[i]));
    largest = std::max(largest, std::abs(a.values[i]));
  }
  EXPECT_GT(largest, 0.1) << "features that are all zero prove nothing";
  return difference / largest;
}

// A file of one folded layer, one plain one, and a classifier that no encoder has.
Weights small_file() {
  Random random(4);
  Tensor half = Tensor::empty(DataType::f16, {6, 3, 3, 3});
  for (int64_t i = 0; i < half.elements(); ++i)
    reinterpret_cast<uint16_t*>(half.raw())[i] = f16_from_f32(static_cast<float>(random.uniform(-1, 1)));
  return {{"conv1.weight", half},
          {"conv1.bias", random_tensor(random, {6}, -1, 1)},
          {"conv1.output_mean", random_tensor(random, {6}, -2, 2)},
          {"conv1.output_var", random_tensor(random, {6}, 0, 3)},
          {"fire2.weight", random_tensor(random, {4, 6, 1, 1}, -1, 1)},
          {"fire2.bias", random_tensor(random, {4}, -1, 1)},
          {"Logits.weight", random_tensor(random, {10, 4, 1, 1}, -1, 1)},
          {"Logits.bias", random_tensor(random, {10}, -1, 1)}};
}

Graph small_graph() {
  Graph graph;
  Value x = graph.input("image", {-1, 3, -1, -1});
  x = add_layer(graph, x, "conv1", {6, 3, 3, 3}, true);
  x = add_layer(graph, x, "fire2", {4, 6, 1, 1}, false);
  x = graph.add(op::Conv{}, {x, graph.parameter({.name = "head.weight", .shape = {2, 4, 1, 1}})}, "head");
  graph.output("logits", x);
  return graph;
}

std::string refusal(const Weights& file, ErrorKind kind) {
  const TemporaryFolder folder;
  const auto path = folder / "refused.safetensors";
  write_safetensors(path, file);
  try {
    load_pretrained(path, small_graph());
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    EXPECT_THAT(error.what(), HasSubstr("refused.safetensors"));
    return error.what();
  }
  return "accepted";
}

// Variances no convolution between ReLU6 layers can have: the function stays, the scale becomes one to learn
// at.
TEST(Pretrained, StatisticsThatCannotBeAreReplaced) {
  const TemporaryFolder folder;
  Weights file = small_file();
  file.at("conv1.output_var").data<float>()[1] = 5e12f;
  file.at("conv1.output_mean").data<float>()[1] = 3e6f;
  write_safetensors(folder / "wild.safetensors", file, {{"activation", "ReLU6; predictors linear"}});
  const Pretrained wild = load_pretrained(folder / "wild.safetensors", small_graph());
  const auto value = [&](const std::string& name, size_t channel) {
    return wild.weights.at("backbone.conv1.BatchNorm." + name).data<float>()[channel];
  };
  EXPECT_EQ(value("running_var", 1), 1);
  EXPECT_EQ(value("running_mean", 1), 0);
  EXPECT_NEAR(value("weight", 1), 1, 0.01);
  EXPECT_EQ(value("bias", 1), file.at("conv1.bias").data<float>()[1]);
  EXPECT_EQ(value("running_var", 0), file.at("conv1.output_var").data<float>()[0]) << "the others stay";
  EXPECT_THAT(wild.skipped, Contains(HasSubstr("1 channels in 1 layers: they spread further")));

  write_safetensors(folder / "unbounded.safetensors", file, {{"activation", "ReLU"}});
  EXPECT_EQ(load_pretrained(folder / "unbounded.safetensors", small_graph())
                .weights.at("backbone.conv1.BatchNorm.running_var")
                .data<float>()[1],
            5e12f);
}

TEST(Pretrained, UnfoldsCopiesAndListsTheRest) {
  const TemporaryFolder folder;
  const auto path = folder / "small.safetensors";
  write_safetensors(path, small_file(), {{"input", "RGB"}});
  const Pretrained loaded = load_pretrained(path, small_graph());
  EXPECT_THAT(loaded.unused, ElementsAre("Logits.bias", "Logits.weight"));
  EXPECT_TRUE(loaded.missing.empty());
  EXPECT_EQ(loaded.metadata.at("input"), "RGB");
  EXPECT_EQ(loaded.weights.size(), 7u);
  EXPECT_FALSE(loaded.weights.contains("head.weight"));
  const Safetensors file = read_safetensors(path);
  EXPECT_EQ(loaded.weights.at("backbone.fire2.bias").data<float>()[3],
            file.tensors.at("fire2.bias").data<float>()[3]);
  Random random(8);
  const Map image = random_map(random, 3, 9);
  EXPECT_LT(relative_difference(folded(image, file, "conv1", 1), unfolded(image, loaded.weights, "conv1", 1)),
            1e-5);
}

TEST(Pretrained, AFileForAnotherNetworkIsRefusedWithBothShapes) {
  Weights file = small_file();
  file["conv1.weight"] = Tensor::zeros(DataType::f16, {12, 3, 3, 3});
  EXPECT_THAT(refusal(file, ErrorKind::shape),
              HasSubstr("tensor 'conv1.weight': shape 12x3x3x3; parameter 'backbone.conv1.weight' has shape "
                        "6x3x3x3"));
  file = small_file();
  file["conv1.output_var"] = Tensor::zeros(DataType::f32, {5});
  EXPECT_THAT(refusal(file, ErrorKind::shape), HasSubstr("'conv1.bias' has shape 6"));
  EXPECT_THAT(refusal({{"other.weight", Tensor::zeros(DataType::f32, {1})}}, ErrorKind::usage),
              HasSubstr("no tensor has the name of a parameter"));
}

TEST(Pretrained, MissingEncoderParametersAreListedAndRefusedUnlessAllowed) {
  Weights file = small_file();
  file.erase("fire2.bias");
  EXPECT_THAT(refusal(file, ErrorKind::usage),
              HasSubstr("1 encoder parameters are not in it: backbone.fire2.bias"));
  const TemporaryFolder folder;
  const auto path = folder / "partial.safetensors";
  write_safetensors(path, file);
  const Pretrained loaded = load_pretrained(path, small_graph(), {.allow_missing = true});
  EXPECT_THAT(loaded.missing, ElementsAre("backbone.fire2.bias"));
  EXPECT_EQ(loaded.weights.size(), 6u);
}

TEST(Pretrained, ImpossibleValuesAreRefused) {
  EXPECT_EQ(refusal(small_file(), ErrorKind::format), "accepted") << "the twin of the refused ones is sound";
  const float infinite = std::numeric_limits<float>::infinity();
  for (const auto* name : {"conv1.bias", "conv1.output_mean", "conv1.output_var", "fire2.weight"}) {
    Weights file = small_file();
    file[name] = file[name].clone();
    file[name].data<float>()[1] = infinite;
    EXPECT_THAT(refusal(file, ErrorKind::format), HasSubstr(cat("'", name, "': a value that is not finite")));
  }
  Weights file = small_file();
  file["conv1.output_var"].data<float>()[2] = -1;
  EXPECT_THAT(refusal(file, ErrorKind::format), HasSubstr("variance -1 of channel 2"));
  file = small_file();
  file.erase("conv1.output_mean");
  EXPECT_THAT(refusal(file, ErrorKind::format), HasSubstr("'conv1.output_mean': is missing"));
}

// backbone.fc6 [4, 2, 3, 3] with a bias, then classifier [3, 4, 1, 1].
Graph network_with_head() {
  Graph graph;
  const Value image = graph.input("image", {-1, 2, -1, -1});
  const Value w = graph.parameter({.name = "backbone.fc6.weight", .shape = {4, 2, 3, 3}});
  const Value b = graph.parameter({.name = "backbone.fc6.bias", .shape = {4}});
  const Value c = graph.parameter({.name = "classifier.weight", .shape = {3, 4, 1, 1}});
  graph.output("y", graph.add(op::Conv{}, {graph.add(op::Conv{}, {image, w, b}), c}));
  return graph;
}

Pretrained loaded_from(const Weights& file, const Graph& graph) {
  const TemporaryFolder folder;
  write_safetensors(folder / "x.safetensors", file);
  return load_pretrained(folder / "x.safetensors", graph);
}

TEST(Pretrained, ALinearLayersMatrixFitsAConvolution) {
  Random random(1);
  const Tensor matrix = random_tensor(random, {4, 18}, -1, 1), bias = random_tensor(random, {4}, -1, 1);
  const Pretrained loaded = loaded_from({{"fc6.weight", matrix}, {"fc6.bias", bias}}, network_with_head());
  EXPECT_EQ(loaded.weights.at("backbone.fc6.weight").shape(), (Shape{4, 2, 3, 3}));
  EXPECT_THAT(loaded.weights.at("backbone.fc6.weight").data<float>(), ElementsAreArray(matrix.data<float>()));
  const Weights narrow{{"fc6.weight", Tensor::zeros(DataType::f32, {4, 9})}, {"fc6.bias", bias}};
  EXPECT_THROW(loaded_from(narrow, network_with_head()), Error);
}

TEST(Pretrained, AWholeNetworksFileLoadsByItsOwnNames) {
  const auto zeros = [](Shape shape) { return Tensor::zeros(DataType::f32, std::move(shape)); };
  Weights file{{"backbone.fc6.weight", zeros({4, 2, 3, 3})},
               {"backbone.fc6.bias", zeros({4})},
               {"backbone.bn.num_batches_tracked", Tensor::zeros(DataType::i64, {1})},
               {"classifier.weight", zeros({3, 4, 1, 1})}};
  Pretrained loaded = loaded_from(file, network_with_head());
  EXPECT_EQ(loaded.weights.size(), 3u);
  EXPECT_TRUE(loaded.unused.empty() && loaded.skipped.empty()) << "counters of batches mean nothing";
  file["classifier.weight"] = zeros({21, 4, 1, 1});
  loaded = loaded_from(file, network_with_head());
  EXPECT_EQ(loaded.weights.size(), 2u);
  EXPECT_THAT(loaded.skipped, ElementsAre("classifier.weight: 21 classes in the file, 3 here"));
  file["classifier.weight"] = zeros({21, 5, 1, 1});
  EXPECT_THROW(loaded_from(file, network_with_head()), Error) << "not a matter of classes";
}

struct Layer {
  std::string name;
  int64_t stride;
};

std::vector<Layer> mobilenet_layers() {
  std::vector<Layer> layers{{"Conv2d_0", 2}};
  const int64_t strides[] = {1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1};
  for (int i = 1; i <= 13; ++i) {
    layers.push_back({cat("Conv2d_", i, "_depthwise"), strides[i - 1]});
    layers.push_back({cat("Conv2d_", i, "_pointwise"), 1});
  }
  return layers;
}

TEST(Pretrained, AWholeMobileNetGivesTheFeaturesOfItsFoldedConvolutions) {
  const auto folder = std::filesystem::path(VITRAIL_SOURCE_DIR) / "../shared/data/pretrained";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no ../shared/data/pretrained";
  for (const auto* width : {"0.25", "0.50", "0.75", "1.00"}) {
    const auto path = folder / cat("mobilenet_v1_x", width, ".safetensors");
    const Safetensors file = read_safetensors(path);
    Graph graph;
    Value x = graph.input("image", {-1, 3, -1, -1});
    for (const Layer& layer : mobilenet_layers())
      x = add_layer(graph, x, layer.name, file.tensors.at(layer.name + ".weight").shape(), true,
                    layer.stride);
    const Pretrained loaded = load_pretrained(path, graph);
    EXPECT_EQ(loaded.weights.size(), graph.parameters().size());
    EXPECT_THAT(loaded.unused, testing::Each(HasSubstr("Logits")));
    Random random(9);
    Map as_file = random_map(random, 3, 33), as_loaded = as_file;
    for (const Layer& layer : mobilenet_layers()) {
      as_file = folded(as_file, file, layer.name, layer.stride);
      as_loaded = unfolded(as_loaded, loaded.weights, layer.name, layer.stride);
      ASSERT_LT(relative_difference(as_file, as_loaded), 1e-3) << width << " " << layer.name;
    }
    RecordProperty(cat("difference_x", width), cat(relative_difference(as_file, as_loaded)));
  }
}

}  // namespace
}  // namespace vitrail
