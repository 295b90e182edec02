#include "vitrail/nets/instance/fpn.h"

#include "vitrail/base/text.h"
#include "vitrail/nets/layers.h"

namespace vitrail {
namespace {

Value biased(const Scope& scope, Value x, ConvOptions options) {
  options.bias = true;
  options.init = init::XavierUniform{};
  return conv(scope, x, options);
}

// As PyTorch's nearest: pixel floor(i * in / out).
Value nearest(const Scope& scope, Value x, Value reference) {
  return scope.graph().add(op::Resize{.mode = op::ResizeMode::nearest,
                                      .coordinates = op::CoordinateMode::asymmetric,
                                      .nearest = op::NearestMode::floor,
                                      .scales = std::nullopt,
                                      .sizes = std::nullopt},
                           {x, reference}, scope.name());
}

}  // namespace

std::vector<Value> feature_pyramid_network(const Scope& scope, const std::vector<Value>& maps,
                                           int64_t channels) {
  std::vector<Value> pyramid(maps.size());
  Value above;
  for (size_t i = maps.size(); i-- > 0;) {
    Value inner = biased(scope / "inner_blocks" / cat(i), maps[i], conv1x1(channels));
    if (above.exists())
      inner = add(scope / "sum" / cat(i), inner, nearest(scope / "upsample" / cat(i), above, inner));
    pyramid[i] = biased(scope / "layer_blocks" / cat(i), inner, conv3x3(channels));
    above = inner;
  }
  return pyramid;
}

Value coarser(const Scope& scope, Value map) {
  return scope.graph().add(op::MaxPool{.kernel = {1, 1}, .strides = {2, 2}}, {map}, scope.name());
}

}  // namespace vitrail
