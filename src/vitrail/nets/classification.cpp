#include "vitrail/nets/classification.h"

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/nets/encoders/alexnet.h"
#include "vitrail/nets/encoders/googlenet.h"
#include "vitrail/nets/encoders/mobilenet_v1.h"
#include "vitrail/nets/encoders/resnet.h"
#include "vitrail/nets/encoders/squeezenet.h"
#include "vitrail/nets/encoders/vgg16.h"
#include "vitrail/nets/layers.h"

namespace vitrail {
namespace {

struct Start {
  Model model;
  Value image;
  Start() : image(model.graph.input("image", {-1, 3, -1, -1})) {}
};

template <ResNetOptions options>
Model resnet_classifier(int64_t classes) {
  auto [model, image] = Start();
  const Scope net(model.graph);
  const Value top = resnet(net, image, options).features().top;
  model.graph.output("logits", conv(net / "fc", global_average_pool(net / "avgpool", top), {.out = classes}));
  return std::move(model);
}
constexpr ResNetOptions plain(int64_t depth) {
  return {.depth = depth};
}
constexpr ResNetOptions caffe(int64_t depth) {
  return {.depth = depth, .stride_at = ResNetStride::first_conv1x1};
}
constexpr ResNetOptions deep(int64_t depth) {
  return {.depth = depth, .deep_stem = true};
}

// Two hidden linear layers, as AlexNet and VGG end; `kernel` is the side of the map that the first one reads.
Value hidden_layers(const Scope& net, Value top, int64_t kernel, int64_t classes) {
  const Value pooled = net.graph().add(op::AdaptivePool{.bins = {kernel, kernel}}, {top}, net("avgpool"));
  return conv(net / "classifier" / "6", fully_connected(net, pooled, {.kernel = kernel}), {.out = classes});
}

template <bool batch_norm>
Model vgg16_classifier(int64_t classes) {
  auto [model, image] = Start();
  const Scope net(model.graph);
  const Value top = vgg16(net, image, {.batch_norm = batch_norm}).top();
  model.graph.output("logits", hidden_layers(net, top, 7, classes));
  return std::move(model);
}

Model torchvision_alexnet(int64_t classes) {
  auto [model, image] = Start();
  const Scope net(model.graph);
  Value x = model.graph.add(op::AdaptivePool{.bins = {6, 6}}, {alexnet(net, image)[2]}, "avgpool");
  x = conv_relu(net / "classifier.1", dropout(net / "classifier.0", x, {}), {.out = 4096, .kernel = {6, 6}});
  x = conv_relu(net / "classifier.4", dropout(net / "classifier.3", x, {}), {.out = 4096});
  model.graph.output("logits", conv(net / "classifier.6", x, {.out = classes}));
  return std::move(model);
}

template <int64_t groups>
Model caffe_alexnet(int64_t classes) {
  auto [model, image] = Start();
  const Scope net(model.graph);
  Value x = alexnet(net, image, {.version = AlexNetVersion::caffe, .groups = groups})[2];
  x = dropout(net / "drop6", conv_relu(net / "fc6", x, {.out = 4096, .kernel = {6, 6}}), {});
  x = dropout(net / "drop7", conv_relu(net / "fc7", x, {.out = 4096}), {});
  model.graph.output("logits", conv(net / "fc8", x, {.out = classes}));
  return std::move(model);
}

template <GoogLeNetVersion version>
Model googlenet_classifier(int64_t classes) {
  auto [model, image] = Start();
  const Scope net(model.graph);
  const GoogLeNetMaps maps = googlenet(net, image, {.version = version});
  const bool torchvision = version == GoogLeNetVersion::torchvision;
  const Value x = dropout(net / "dropout", global_average_pool(net / "avgpool", maps.top),
                          {.ratio = torchvision ? 0.2 : 0.4});
  model.graph.output("logits", conv(net / "fc", x, {.out = classes}));
  if (torchvision) {
    model.graph.output("aux1", googlenet_auxiliary(net / "aux1", maps.inception4a, classes), true);
    model.graph.output("aux2", googlenet_auxiliary(net / "aux2", maps.inception4d, classes), true);
  }
  return std::move(model);
}

// Scores first, then ReLU and the mean over space.
template <SqueezeNetVersion version>
Model squeezenet_classifier(int64_t classes) {
  auto [model, image] = Start();
  const Scope net(model.graph);
  const Value top = squeezenet(net, image, {.version = version, .torchvision_names = true}).top;
  const Value scores =
      conv_relu(net / "classifier.1", dropout(net / "classifier.0", top, {}), {.out = classes});
  model.graph.output("logits", global_average_pool(net / "classifier.3", scores));
  return std::move(model);
}

template <int multiplier_x100>
Model mobilenet_v1_classifier(int64_t classes) {
  auto [model, image] = Start();
  const Scope net(model.graph);
  const Value top = mobilenet_v1(net, image, {.depth_multiplier = multiplier_x100 / 100.0}).top;
  model.graph.output(
      "logits", conv(net / "Conv2d_1c_1x1", global_average_pool(net / "AvgPool", top), {.out = classes}));
  return std::move(model);
}

}  // namespace

const std::vector<ClassifierEntry>& classifiers() {
  static const std::vector<ClassifierEntry> entries{
      {"alexnet", "torchvision", 61100840, 224, 0.714e9, torchvision_alexnet},
      {"alexnet-caffe", "two groups, local response normalisation", 60965224, 227, 0.724e9, caffe_alexnet<2>},
      {"alexnet-ungrouped", "Caffe's without groups", 62378344, 227, 0, caffe_alexnet<1>},
      {"vgg16", "torchvision, Caffe", 138357544, 224, 15.470e9, vgg16_classifier<false>},
      {"vgg16_bn", "torchvision", 138365992, 224, 15.470e9, vgg16_classifier<true>},
      {"googlenet", "torchvision: batch norm, 3x3 for 5x5", 6624904, 224, 1.498e9,
       googlenet_classifier<GoogLeNetVersion::torchvision>},
      {"googlenet-bvlc", "Caffe: biases, 5x5", 6998552, 224, 1.583e9,
       googlenet_classifier<GoogLeNetVersion::bvlc>},
      {"squeezenet1_0", "torchvision, Caffe", 1248424, 224, 0.819e9,
       squeezenet_classifier<SqueezeNetVersion::v1_0>},
      {"squeezenet1_1", "torchvision, Caffe", 1235496, 224, 0.349e9,
       squeezenet_classifier<SqueezeNetVersion::v1_1>},
      {"mobilenet_v1-x1.0", "TensorFlow-slim", 4231976, 224, 568.7e6, mobilenet_v1_classifier<100>},
      {"mobilenet_v1-x0.75", "TensorFlow-slim", 2585560, 224, 325.4e6, mobilenet_v1_classifier<75>},
      {"mobilenet_v1-x0.5", "TensorFlow-slim", 1331592, 224, 149.5e6, mobilenet_v1_classifier<50>},
      {"mobilenet_v1-x0.25", "TensorFlow-slim", 470072, 224, 41.0e6, mobilenet_v1_classifier<25>},
      {"resnet18", "torchvision", 11689512, 224, 1.814e9, resnet_classifier<plain(18)>},
      {"resnet34", "torchvision", 21797672, 224, 3.664e9, resnet_classifier<plain(34)>},
      {"resnet50", "torchvision", 25557032, 224, 4.089e9, resnet_classifier<plain(50)>},
      {"resnet101", "torchvision", 44549160, 224, 7.801e9, resnet_classifier<plain(101)>},
      {"resnet152", "torchvision", 60192808, 224, 11.514e9, resnet_classifier<plain(152)>},
      {"resnet50-caffe", "stride on the first 1x1", 25557032, 224, 3.858e9, resnet_classifier<caffe(50)>},
      {"resnet101-caffe", "stride on the first 1x1", 44549160, 224, 7.570e9, resnet_classifier<caffe(101)>},
      {"resnet152-caffe", "stride on the first 1x1", 60192808, 224, 11.282e9, resnet_classifier<caffe(152)>},
      {"resnet50s", "deep stem (PyTorch-Encoding)", 25680808, 224, 5.444e9, resnet_classifier<deep(50)>},
      {"resnet101s", "deep stem (PyTorch-Encoding)", 44672936, 224, 9.157e9, resnet_classifier<deep(101)>},
      {"resnet152s", "deep stem (PyTorch-Encoding)", 60316584, 224, 12.869e9, resnet_classifier<deep(152)>},
      {"resnet269s", "deep stem (PSPNet)", 102197160, 224, 21.385e9, resnet_classifier<deep(269)>},
  };
  return entries;
}

Model build_classifier(const std::string& name, int64_t classes) {
  std::vector<std::string> names;
  for (const ClassifierEntry& entry : classifiers()) {
    if (entry.name == name) return entry.build(classes);
    names.push_back(entry.name);
  }
  throw Error(ErrorKind::usage, {.where = cat("classifier '", name, "'"),
                                 .found = "there is no such network",
                                 .next = did_you_mean(name, names)});
}

}  // namespace vitrail
