#include "vitrail/nets/decoders/fcn_skip.h"

#include "vitrail/base/text.h"

namespace vitrail {

Value score(const Scope& scope, Value x, int64_t classes) {
  return conv(scope, x, {.out = classes, .init = init::Normal{0.01}});
}

Value fcn_skip_step(const Scope& scope, Value scores, Value skip, bool same_padding) {
  Graph& graph = scope.graph();
  const int64_t classes = graph.channels(scores);
  // 2h rows cover a SAME skip (2h or 2h-1 rows); one row more covers an unpadded one (up to 2h+1).
  const Pads pads = same_padding ? Pads{1, 1, 1, 1} : Pads{1, 1, 0, 0};
  const Value up = conv_transpose(scope / "upscore", scores, {.out = classes, .pads = pads, .bias = false});
  const Value cropped = graph.add(op::Crop{}, {up, skip}, scope("crop"));
  return add(scope / "fuse", cropped, score(scope / "score_skip", skip, classes));
}

Value fcn_skip_steps(const Scope& scope, Value scores, const Features& features, int64_t finest_stride) {
  for (const Feature& skip : features.skips)
    if (skip.stride >= finest_stride)
      scores = fcn_skip_step(scope / cat("fcn", skip.stride), scores, skip.value, features.same_padding);
  return scores;
}

}  // namespace vitrail
