#include "vitrail/nets/encoders/vgg16.h"

#include "vitrail/base/text.h"
#include "vitrail/nets/layers.h"

namespace vitrail {
namespace {

constexpr std::array<int64_t, 5> channels{64, 128, 256, 512, 512};
constexpr std::array<int64_t, 5> layers{2, 2, 3, 3, 3};

// How group `i` is pooled; a kernel of 1 is no pool.
op::MaxPool pool_of(VggStyle style, size_t i) {
  switch (style) {
    case VggStyle::torchvision: return {};
    case VggStyle::fcn:
    case VggStyle::segnet: return {.ceil_mode = true};
    case VggStyle::large_fov: {
      const int64_t stride = i < 3 ? 2 : 1;
      return {.kernel = {3, 3}, .strides = {stride, stride}, .pads = {1, 1, 1, 1}, .ceil_mode = true};
    }
    case VggStyle::front_end: break;
  }
  return i < 3 ? op::MaxPool{} : op::MaxPool{.kernel = {1, 1}, .strides = {1, 1}};
}

ConvOptions conv_of(VggStyle style, size_t group, bool first, int64_t out) {
  const bool dilates = group == 4 && (style == VggStyle::large_fov || style == VggStyle::front_end);
  ConvOptions options = with_bias(conv3x3(out, 1, dilates ? 2 : 1));
  if (style == VggStyle::front_end) options.pads = {0, 0, 0, 0};
  if (style == VggStyle::fcn && first) options.pads = {100, 100, 100, 100};
  return options;
}

}  // namespace

VggMaps vgg16(const Scope& scope, Value image, const VggOptions& options) {
  const Width width(options.width);
  VggMaps maps;
  Value x = image;
  int64_t number = 0;  // in torchvision's Sequential, where activations and pools count
  for (size_t group = 0; group < 5; ++group) {
    for (int64_t i = 0; i < layers[group]; ++i) {
      const Scope layer = scope / "features" / cat(number);
      x = conv(layer, x, conv_of(options.style, group, number == 0, width(channels[group])));
      if (options.batch_norm) x = batch_norm(scope / "features" / cat(++number), x);
      x = relu(layer, x);
      number += 2;
    }
    maps.before_pool[group] = x;
    maps.pools[group] = pool_of(options.style, group);
    if (maps.pools[group].kernel[0] > 1)
      x = scope.graph().add(maps.pools[group], {x}, scope(cat("pool", group + 1)));
    maps.pooled[group] = x;
    ++number;
  }
  return maps;
}

Value fully_connected(const Scope& scope, Value x, const FullyConnectedOptions& o) {
  const Scope layers_of = scope / "classifier";
  ConvOptions first{.out = o.out, .kernel = {o.kernel, o.kernel}, .dilation = o.dilation};
  if (o.padded) first.pads = keeping_pads(first.kernel, o.dilation);
  x = dropout(layers_of / "2", conv_relu(layers_of / "0", x, first), {.ratio = 0.5});
  return dropout(layers_of / "5", conv_relu(layers_of / "3", x, {.out = o.out}), {.ratio = 0.5});
}

}  // namespace vitrail
