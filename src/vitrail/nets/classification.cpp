#include "vitrail/nets/classification.h"

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/nets/encoders/resnet.h"
#include "vitrail/nets/layers.h"

namespace vitrail {
namespace {

template <ResNetOptions options>
Model resnet_classifier(int64_t classes) {
  Model model;
  const Scope net(model.graph);
  const Value image = model.graph.input("image", {-1, 3, -1, -1});
  const Value top = resnet(net, image, options).features().top;
  model.graph.output("logits", conv(net / "fc", global_average_pool(net / "avgpool", top), {.out = classes}));
  return model;
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

}  // namespace

const std::vector<ClassifierEntry>& classifiers() {
  static const std::vector<ClassifierEntry> entries{
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
