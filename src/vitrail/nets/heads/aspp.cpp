#include "vitrail/nets/heads/aspp.h"

#include <algorithm>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/nets/layers.h"

namespace vitrail {
namespace {

void check(const Scope& scope, const std::vector<int64_t>& rates) {
  if (rates.empty() || *std::min_element(rates.begin(), rates.end()) < 1)
    throw Error(
        ErrorKind::usage,
        {.where = scope.name(), .found = cat("rates '", join(rates), "'"), .allowed = "each at least 1"});
}

}  // namespace

Value aspp_v2(const Scope& scope, Value x, int64_t classes, const std::vector<int64_t>& rates) {
  check(scope, rates);
  Value sum;
  for (size_t i = 0; i < rates.size(); ++i) {
    ConvOptions options = with_bias(conv3x3(classes, 1, rates[i]));
    options.init = init::Normal{0.01};
    const Value branch = conv(scope / cat("c", i), x, options);
    sum = sum.exists() ? add(scope / cat("sum", i), sum, branch) : branch;
  }
  return sum;
}

Value aspp_v3(const Scope& scope, Value x, const AsppOptions& options) {
  check(scope, options.rates);
  const int64_t width = std::max<int64_t>(1, scope.graph().channels(x) / 8);
  std::vector<Value> parts{conv_bn_relu(scope / "convs" / "0", x, conv1x1(width))};
  for (const int64_t rate : options.rates)
    parts.push_back(conv_bn_relu(scope / "convs" / cat(parts.size()), x, conv3x3(width, 1, rate)));
  const Scope image = scope / "convs" / cat(parts.size());
  Value mean = conv(image / "1", global_average_pool(image, x), conv1x1(width));
  mean = relu(image, batch_norm(image / "2", mean));
  parts.push_back(upsample_to(image / "upsample", mean, x));
  x = conv_bn_relu(scope / "project", concat(scope, parts), conv1x1(width));
  return dropout(scope / "project" / "3", x,
                 {.ratio = options.dropout, .per_channel = options.dropout_per_channel});
}

Value deeplabv3_head(const Scope& scope, Value x, int64_t classes, const AsppOptions& options) {
  x = aspp_v3(scope / "0", x, options);
  if (!options.extra_conv) return conv(scope / "1", x, with_bias(conv1x1(classes)));
  x = conv(scope / "1", x, conv3x3(scope.graph().channels(x)));
  x = relu(scope / "2", batch_norm(scope / "2", x));
  if (options.last_dropout > 0) x = dropout(scope / "3", x, {.ratio = options.last_dropout});
  return conv(scope / "4", x, with_bias(conv1x1(classes)));
}

}  // namespace vitrail
