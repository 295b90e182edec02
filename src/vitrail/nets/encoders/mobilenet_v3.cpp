#include "vitrail/nets/encoders/mobilenet_v3.h"

#include <algorithm>
#include <array>

#include "vitrail/base/text.h"
#include "vitrail/nets/layers.h"

namespace vitrail {
namespace {

constexpr op::BatchNormalization norm{.epsilon = 1e-3, .momentum = 0.99};

struct Block {
  int64_t kernel, expanded, out;
  bool squeeze, hard_swish;
  int64_t stride, dilation;  // the stride that dilation takes over is 1
};
constexpr std::array<Block, 15> blocks{{{3, 16, 16, false, false, 1, 1},
                                        {3, 64, 24, false, false, 2, 1},
                                        {3, 72, 24, false, false, 1, 1},
                                        {5, 72, 40, true, false, 2, 1},
                                        {5, 120, 40, true, false, 1, 1},
                                        {5, 120, 40, true, false, 1, 1},
                                        {3, 240, 80, false, true, 2, 1},
                                        {3, 200, 80, false, true, 1, 1},
                                        {3, 184, 80, false, true, 1, 1},
                                        {3, 184, 80, false, true, 1, 1},
                                        {3, 480, 112, true, true, 1, 1},
                                        {3, 672, 112, true, true, 1, 1},
                                        {5, 672, 160, true, true, 1, 2},
                                        {5, 960, 160, true, true, 1, 2},
                                        {5, 960, 160, true, true, 1, 2}}};
constexpr size_t low_block = 4;  // torchvision's C2: the first block of stride 8

// To the nearest multiple of 8 that is not more than a tenth below.
int64_t divisible(double channels) {
  const auto rounded = std::max<int64_t>(8, static_cast<int64_t>(channels + 4) / 8 * 8);
  return static_cast<double>(rounded) < 0.9 * channels ? rounded + 8 : rounded;
}

Value activated(const Scope& scope, Value x, bool hard_swish) {
  if (!hard_swish) return relu(scope, x);
  const op::Unary function{.function = op::Unary::Function::hard_swish, .alpha = 1.0 / 6, .beta = 0.5};
  return scope.graph().add(function, {x}, scope("hardswish"));
}

Value squeeze_excitation(const Scope& scope, Value x) {
  const int64_t channels = scope.graph().channels(x);
  Value gate = global_average_pool(scope, x);
  gate = conv_relu(scope / "fc1", gate, {.out = divisible(static_cast<double>(channels / 4))});
  gate = conv(scope / "fc2", gate, {.out = channels});
  const op::Unary function{.function = op::Unary::Function::hard_sigmoid, .alpha = 1.0 / 6, .beta = 0.5};
  return multiply(scope, scope.graph().add(function, {gate}, scope("hardsigmoid")), x);
}

Value inverted_residual(const Scope& scope, Value x, const Block& block, double width) {
  const int64_t in = scope.graph().channels(x), out = divisible(width * static_cast<double>(block.out));
  const int64_t expanded = divisible(width * static_cast<double>(block.expanded));
  int64_t place = 0;
  Value y = x;
  if (expanded != in) {
    const Scope expand = scope / cat(place++);
    y = activated(expand, conv_bn(expand, y, conv1x1(expanded), norm), block.hard_swish);
  }
  const Scope depthwise = scope / cat(place++);
  const Pair kernel{block.kernel, block.kernel};
  const ConvOptions spatial{.out = expanded,
                            .kernel = kernel,
                            .stride = block.stride,
                            .dilation = block.dilation,
                            .pads = keeping_pads(kernel, block.dilation),
                            .group = expanded,
                            .bias = false};
  y = activated(depthwise, conv_bn(depthwise, y, spatial, norm), block.hard_swish);
  if (block.squeeze) y = squeeze_excitation(scope / cat(place++), y);
  y = conv_bn(scope / cat(place), y, conv1x1(out), norm);
  // The block that dilation keeps from striding has no shortcut either: its channels change.
  return block.stride == 1 && in == out ? add(scope / "add", y, x) : y;
}

}  // namespace

MobileNetV3Maps mobilenet_v3_large(const Scope& scope, Value image, double width) {
  MobileNetV3Maps maps;
  Value x = conv_bn(scope / "0", image, conv3x3(divisible(16 * width), 2), norm);
  x = activated(scope / "0", x, true);
  for (size_t i = 0; i < blocks.size(); ++i) {
    x = inverted_residual(scope / cat(i + 1) / "block", x, blocks[i], width);
    if (i + 1 == low_block) maps.low = x;
  }
  const Scope last = scope / cat(blocks.size() + 1);
  const int64_t channels = 6 * scope.graph().channels(x);
  maps.high = activated(last, conv_bn(last, x, conv1x1(channels), norm), true);
  return maps;
}

}  // namespace vitrail
