#pragma once
// The thesis's decoders (its chapter 4; SPEC 2.2): class scores on the last map, and Long et al.'s skip
// steps.
//
//   Value scores = score(net / "head" / "score", f.top, 19);                         // 1x1 convolution
//   scores = fcn_skip_steps(net / "head", scores, f, /*finest_stride=*/8);           // FCN-8
//   Value logits = upsample_to(net / "head" / "upsample", scores, image);            // bilinear, to the
//   image

#include "vitrail/nets/encoders/features.h"
#include "vitrail/nets/scope.h"

namespace vitrail {

/// 1x1 convolution with bias to `classes` channels.
Value score(const Scope& scope, Value x, int64_t classes);

/// One step: scores [N, K, h, w] -> transposed convolution 4x4 stride 2 (no bias, starts bilinear), cropped
/// to the skip's size, plus a 1x1 convolution of the skip: [N, K, skip's H, W]. Nodes `upscore`,
/// `score_skip`, `fuse`.
Value fcn_skip_step(const Scope& scope, Value scores, Value skip, bool same_padding);

/// Steps through every skip whose stride is at least `finest_stride`, in scopes "fcn16", "fcn8", "fcn4".
Value fcn_skip_steps(const Scope& scope, Value scores, const Features& features, int64_t finest_stride);

}  // namespace vitrail
