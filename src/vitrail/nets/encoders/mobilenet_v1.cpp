#include "vitrail/nets/encoders/mobilenet_v1.h"

#include <algorithm>
#include <array>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/nets/encoders/output_stride.h"

namespace vitrail {
namespace {

struct Separable {
  int64_t channels;
  int64_t stride;
};
constexpr std::array<Separable, 13> layers{{{64, 1},
                                            {128, 2},
                                            {128, 1},
                                            {256, 2},
                                            {256, 1},
                                            {512, 2},
                                            {512, 1},
                                            {512, 1},
                                            {512, 1},
                                            {512, 1},
                                            {512, 1},
                                            {1024, 2},
                                            {1024, 1}}};

constexpr double slim_epsilon = 1e-3;

Value conv_bn_relu6(const Scope& scope, Value x, ConvOptions options, double momentum) {
  options.bias = false;
  options.auto_pad = AutoPad::same_upper;
  options.init = init::TruncatedNormal{0.09};
  x = conv(scope, x, options);
  x = batch_norm(scope / "BatchNorm", x, {.epsilon = slim_epsilon, .momentum = momentum});
  return relu6(scope, x);
}

void check(const MobileNetV1Options& options) {
  if (!(options.depth_multiplier > 0) || options.depth_multiplier > 4)
    throw Error(ErrorKind::usage, {.where = "mobilenet depth_multiplier",
                                   .found = cat(options.depth_multiplier),
                                   .allowed = "it must be above 0 and at most 4"});
  const std::array<int64_t, 4> strides{4, 8, 16, 32};
  if (std::find(strides.begin(), strides.end(), options.output_stride) == strides.end())
    throw Error(ErrorKind::usage, {.where = "mobilenet output_stride",
                                   .found = cat(options.output_stride),
                                   .allowed = "4, 8, 16 or 32"});
  if (options.last_atrous_rate < 1)
    throw Error(ErrorKind::usage, {.where = "mobilenet last_atrous_rate",
                                   .found = cat(options.last_atrous_rate),
                                   .allowed = "at least 1"});
  if (!(options.batch_norm_momentum >= 0) || options.batch_norm_momentum >= 1)
    throw Error(ErrorKind::usage, {.where = "mobilenet batch_norm_momentum",
                                   .found = cat(options.batch_norm_momentum),
                                   .allowed = "at least 0 and below 1"});
}

}  // namespace

Features mobilenet_v1(const Scope& scope, Value image, const MobileNetV1Options& options) {
  check(options);
  auto width = [&](int64_t channels) {
    return std::max(static_cast<int64_t>(static_cast<double>(channels) * options.depth_multiplier),
                    options.min_depth);
  };
  const double momentum = options.batch_norm_momentum;
  OutputStride walk(options.output_stride);
  Features features;
  Value x = conv_bn_relu6(scope / "Conv2d_0", image,
                          {.out = width(32), .kernel = {3, 3}, .stride = walk.next(2).stride}, momentum);
  int64_t stride = 2;
  for (size_t i = 0; i < layers.size(); ++i) {
    const auto [step, rate] = walk.next(layers[i].stride);
    if (layers[i].stride == 2 && i > 1) features.skips.insert(features.skips.begin(), {x, stride});
    stride *= layers[i].stride;
    const int64_t atrous = i + 1 == layers.size() ? options.last_atrous_rate : 1;
    const int64_t channels = scope.graph().channels(x);
    x = conv_bn_relu6(
        scope / cat("Conv2d_", i + 1, "_depthwise"), x,
        {.out = channels, .kernel = {3, 3}, .stride = step, .dilation = rate * atrous, .group = channels},
        momentum);
    x = conv_bn_relu6(scope / cat("Conv2d_", i + 1, "_pointwise"), x, {.out = width(layers[i].channels)},
                      momentum);
  }
  features.top = x;
  return features;
}

}  // namespace vitrail
