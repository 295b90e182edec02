#include "vitrail/nets/heads/encoding.h"

#include <algorithm>
#include <cmath>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/nets/layers.h"

namespace vitrail {
namespace {

// The map with the finer encoder maps beside it, projected and fused (PyTorch-Encoding's `lateral`).
Value join_laterals(const Scope& scope, Value x, const std::vector<Value>& laterals) {
  const int64_t width = scope.graph().channels(x);
  std::vector<Value> parts{x};
  for (size_t i = 0; i < laterals.size(); ++i)
    parts.push_back(conv_bn_relu(scope / "connect" / cat(i), laterals[i], conv1x1(width)));
  return conv_bn_relu(scope / "fusion", concat(scope / "fusion", parts), conv3x3(width));
}

// [N, D, h, w] -> [N, D]: mean over the codewords of the encoded residuals.
Value encode(const Scope& scope, Value x, int64_t codewords) {
  Graph& graph = scope.graph();
  const int64_t depth = graph.channels(x);
  x = relu(scope / "1", batch_norm(scope / "1", conv(scope / "0", x, conv1x1(depth))));
  const double bound = 1 / std::sqrt(static_cast<double>(codewords * depth));
  const Scope layer = scope / "3";
  const Value words = graph.parameter(
      {.name = layer("codewords"), .shape = {codewords, depth}, .init = init::Uniform{.bound = bound}});
  const Value smoothing = graph.parameter(
      {.name = layer("scale"), .shape = {codewords}, .init = init::Uniform{.bound = 0.5, .center = -0.5}});
  x = graph.add(op::Encoding{}, {x, words, smoothing}, layer.name());
  x = relu(scope / "4", batch_norm(scope / "4", x));
  return graph.add(op::Reduce{.function = op::Reduce::Function::mean, .axes = {1}, .keep_dims = false}, {x},
                   scope("mean"));
}

}  // namespace

EncodingScores encoding_head(const Scope& scope, Value x, int64_t classes, const EncodingOptions& options) {
  if (options.codewords < 1 || options.codewords > 4096)
    throw Error(
        ErrorKind::usage,
        {.where = scope.name(), .found = cat(options.codewords, " codewords"), .allowed = "1 to 4096"});
  Graph& graph = scope.graph();
  const int64_t width = options.width > 0 ? options.width : std::max<int64_t>(1, graph.channels(x) / 4);
  x = conv_bn_relu(scope / "conv5", x, options.first_kernel == 1 ? conv1x1(width) : conv3x3(width));
  if (!options.laterals.empty()) x = join_laterals(scope, x, options.laterals);
  const Scope context = scope / "encmodule";
  const Value summary = graph.add(op::Unsqueeze{.axes = {2, 3}},
                                  {encode(context / "encoding", x, options.codewords)}, context("summary"));
  const Value gate = sigmoid(context / "fc", conv(context / "fc" / "0", summary, {.out = width}));
  const Value gated = relu(context, add(context / "add", x, multiply(context / "gate", x, gate)));
  const Value presence = conv(context / "selayer", summary, {.out = classes});
  const Value kept = dropout(scope / "conv6" / "0", gated, {.ratio = 0.1, .per_channel = true});
  return {.scores = conv(scope / "conv6" / "1", kept, {.out = classes}),
          .presence = graph.add(op::Squeeze{.axes = {2, 3}}, {presence}, context("presence"))};
}

}  // namespace vitrail
