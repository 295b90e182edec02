#include "vitrail/nets/heads/psp.h"

#include <algorithm>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/nets/layers.h"

namespace vitrail {

Value pyramid_pooling(const Scope& scope, Value x, const PspOptions& options) {
  Graph& graph = scope.graph();
  const int64_t reduced = std::max<int64_t>(1, graph.channels(x) / 4);
  if (options.bins.empty())
    throw Error(ErrorKind::usage,
                {.where = scope.name(), .found = "no bins", .allowed = "at least one grid of bins"});
  std::vector<Value> parts{x};
  for (size_t i = 0; i < options.bins.size(); ++i) {
    const int64_t bins = options.bins[i];
    const Scope grid = scope / cat("conv", i + 1);
    if (bins < 1)
      throw Error(ErrorKind::usage,
                  {.where = grid.name(), .found = cat(bins, " bins"), .allowed = "at least 1"});
    Value pooled =
        graph.add(op::AdaptivePool{.bins = {bins, bins}, .maximum = options.maximum}, {x}, grid("pool"));
    if (options.reduce) pooled = conv_bn_relu(grid, pooled, conv1x1(reduced));
    parts.push_back(upsample_to(grid / "upsample", pooled, x, op::CoordinateMode::align_corners));
  }
  return concat(scope, parts);
}

Value psp_head(const Scope& scope, Value x, int64_t classes, const PspOptions& options) {
  const int64_t inner = std::max<int64_t>(1, scope.graph().channels(x) / 4);
  const Scope head = scope / "conv5";
  x = pyramid_pooling(head / "0", x, options);
  x = relu(head, batch_norm(head / "2", conv(head / "1", x, conv3x3(inner))));
  x = dropout(head / "4", x, {.ratio = 0.1, .per_channel = true});
  return conv(head / "5", x, with_bias(conv1x1(classes)));
}

}  // namespace vitrail
