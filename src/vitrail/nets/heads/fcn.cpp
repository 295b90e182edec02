#include "vitrail/nets/heads/fcn.h"

#include <algorithm>

#include "vitrail/nets/layers.h"

namespace vitrail {

Value fcn_head(const Scope& scope, Value x, int64_t classes) {
  const int64_t inner = std::max<int64_t>(1, scope.graph().channels(x) / 4);
  x = conv_bn_relu(scope, x, conv3x3(inner));
  x = dropout(scope / "3", x, {.ratio = 0.1});
  return conv(scope / "4", x, with_bias(conv1x1(classes)));
}

}  // namespace vitrail
