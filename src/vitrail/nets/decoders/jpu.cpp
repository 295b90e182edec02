#include "vitrail/nets/decoders/jpu.h"

#include <algorithm>

#include "vitrail/base/text.h"
#include "vitrail/nets/layers.h"

namespace vitrail {
namespace {

constexpr auto align_corners = op::CoordinateMode::align_corners;

// Depthwise, normalised without an activation, then pointwise.
Value separable(const Scope& scope, Value x, int64_t width, int64_t rate) {
  ConvOptions depthwise = conv3x3(scope.graph().channels(x), 1, rate);
  depthwise.group = depthwise.out;
  x = batch_norm(scope / "0" / "bn", conv(scope / "0" / "conv1", x, depthwise));
  x = conv(scope / "0" / "pointwise", x, conv1x1(width));
  return relu(scope, batch_norm(scope / "1", x));
}

int64_t quarter(const Scope& scope, Value x) {
  return std::max<int64_t>(1, scope.graph().channels(x) / 4);
}

}  // namespace

Value jpu(const Scope& scope, const std::array<Value, 3>& maps, const JpuOptions& options) {
  const int64_t width = options.width > 0 ? options.width : quarter(scope, maps[2]);
  std::array<Value, 3> same;
  for (size_t i = 0; i < 3; ++i)
    same[i] = conv_bn_relu(scope / cat("conv", i + 3), maps[i], conv3x3(width));
  for (size_t i = 1; i < 3; ++i)
    same[i] = upsample_to(scope / cat("upsample", i + 3), same[i], same[0], align_corners);
  const Value joined = concat(scope / "maps", {same[2], same[1], same[0]});
  std::vector<Value> parts;
  for (size_t i = 0; i < options.rates.size(); ++i)
    parts.push_back(separable(scope / cat("dilation", i + 1), joined, width, options.rates[i]));
  return concat(scope, parts);
}

Value feature_pyramid(const Scope& scope, const std::array<Value, 3>& maps) {
  const int64_t width = quarter(scope, maps[2]);
  Value top;
  for (size_t i = 3; i-- > 0;) {
    const Value lateral = conv(scope / cat("lateral", i + 3), maps[i], with_bias(conv1x1(width)));
    top = top.exists()
              ? add(scope / cat("add", i + 3),
                    upsample_to(scope / cat("upsample", i + 3), top, lateral, align_corners), lateral)
              : lateral;
  }
  return top;
}

}  // namespace vitrail
