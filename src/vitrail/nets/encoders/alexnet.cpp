#include "vitrail/nets/encoders/alexnet.h"

#include "vitrail/base/text.h"
#include "vitrail/nets/layers.h"

namespace vitrail {
namespace {

struct Layer {
  const char* name;
  int64_t out, kernel, stride, pads;
  bool grouped;
  const char* pool;  // behind it; nullptr = none
};
constexpr std::array<Layer, 5> torchvision_layers{{{"features.0", 64, 11, 4, 2, false, "features.2"},
                                                   {"features.3", 192, 5, 1, 2, false, "features.5"},
                                                   {"features.6", 384, 3, 1, 1, false, nullptr},
                                                   {"features.8", 256, 3, 1, 1, false, nullptr},
                                                   {"features.10", 256, 3, 1, 1, false, "features.12"}}};
constexpr std::array<Layer, 5> caffe_layers{{{"conv1", 96, 11, 4, 0, false, "pool1"},
                                             {"conv2", 256, 5, 1, 2, true, "pool2"},
                                             {"conv3", 384, 3, 1, 1, false, nullptr},
                                             {"conv4", 384, 3, 1, 1, true, nullptr},
                                             {"conv5", 256, 3, 1, 1, true, "pool5"}}};

}  // namespace

std::array<Value, 3> alexnet(const Scope& scope, Value image, const AlexNetOptions& options) {
  const bool caffe = options.version == AlexNetVersion::caffe;
  const Width width(options.width);
  std::array<Value, 3> pooled;
  size_t pools = 0;
  Value x = image;
  for (const Layer& layer : caffe ? caffe_layers : torchvision_layers) {
    const int64_t pads = layer.pads + (caffe && x == image ? options.first_pads : 0);
    x = conv_relu(scope / layer.name, x,
                  {.out = width(layer.out),
                   .kernel = {layer.kernel, layer.kernel},
                   .stride = layer.stride,
                   .pads = {pads, pads, pads, pads},
                   .group = caffe && layer.grouped ? options.groups : 1});
    if (layer.pool == nullptr) continue;
    const op::MaxPool pool{.kernel = {3, 3}, .strides = {2, 2}, .ceil_mode = caffe};
    x = scope.graph().add(pool, {x}, scope(layer.pool));
    if (caffe && pools < 2) x = scope.graph().add(op::LRN{}, {x}, scope(cat("norm", pools + 1)));
    pooled[pools++] = x;
  }
  return pooled;
}

}  // namespace vitrail
