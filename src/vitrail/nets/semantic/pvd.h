#pragma once
// Networks with the Pixel Voting Decoder (SPEC 9; decoders/pixel_voting.h): an encoder, votes down to a
// quarter of the image's size, bilinear to the image.
//
//   Model model = pvd_resnet({.classes = 19}, {.depth = 50});
//   Model paper_literal = pvd_resnet({.classes = 19, .set = {{"form", "matrix"}, {"units", "block"}}},
//                                    {.depth = 50});
//
// Input "image" [N, 3, H, W], any size; output "logits" [N, classes, H, W]. Parameters: `backbone.*`,
// `head.score.*`, `head.stage4.fusion.*`, `head.stage4.association.votes.*` ...

#include "vitrail/nets/encoders/mobilenet_v1.h"
#include "vitrail/nets/encoders/resnet.h"
#include "vitrail/nets/registry.h"

namespace vitrail {

/// `--set` may change: form (exact, matrix), normalize (none, batch_norm, softmax), units (stage, block),
/// first_stage (1, 2), width, deep_stem, output_stride.
Model pvd_resnet(const NetOptions& options, ResNetOptions encoder);
/// `--set` may change: form, normalize, depth_multiplier, batch_norm_momentum. A unit per halving.
Model pvd_mobilenet(const NetOptions& options, MobileNetV1Options encoder);

}  // namespace vitrail
