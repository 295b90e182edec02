#include "vitrail/nets/decoders/context.h"

#include <numeric>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/nets/layers.h"

namespace vitrail {

std::vector<int64_t> large_context() {
  return {2, 2, 4, 8, 16, 32, 32};
}

Value context_module(const Scope& scope, Value scores, const ContextOptions& options) {
  const std::vector<int64_t>& rates = options.dilations;
  if (!options.multipliers.empty() && options.multipliers.size() != rates.size())
    throw Error(ErrorKind::usage, {.where = scope.name(),
                                   .found = cat(options.multipliers.size(), " multipliers"),
                                   .allowed = cat("one for each of ", rates.size(), " layers")});
  const int64_t classes = scope.graph().channels(scores);
  const int64_t first = std::accumulate(rates.begin(), rates.end(), int64_t{0});
  const auto start = [&](int64_t multiplier) {
    return init::Identity{.groups = classes, .std = options.noise / static_cast<double>(multiplier)};
  };
  Value x = scores;
  for (size_t i = 0; i < rates.size(); ++i) {
    const int64_t multiplier = options.multipliers.empty() ? 1 : options.multipliers[i];
    ConvOptions layer = with_bias(conv3x3(classes * multiplier, 1, rates[i]));
    layer.init = start(multiplier);
    const int64_t pad = options.padded ? rates[i] : i == 0 ? first : 0;
    layer.pads = {pad, pad, pad, pad};
    x = conv_relu(scope / cat("conv", i + 1), x, layer);
  }
  return conv(scope / "final", x, {.out = classes, .init = start(1)});
}

}  // namespace vitrail
