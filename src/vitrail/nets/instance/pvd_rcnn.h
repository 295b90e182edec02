#pragma once
// The Pixel Voting Decoder for instances (its section 3.6; SPEC 9.1) on Mask R-CNN R50-C4: masks of a quarter
// of the picture's size instead of 14x14, decoded through the votes of the backbone's blocks.
//
//   Model model = build_net("pvd-rcnn-r50-c4", {.classes = 80});
//   std::get<RcnnSystem>(model.info.instance).voting_units;       // stage3 (stride 16), stage2 (8), stage1
//   (4)
//
// The paper gives this a paragraph, whose details are missing ("section 3.6", which it cites, does not
// exist). Our reading:
//
// - It says that the fusion's 1x1 convolution maps as many channels as there are proposals. Their number
// changes from
//   picture to picture, so a layer cannot have weights for it: each object is a channel of its own, and all
//   have the same weights:  M_k = W_B B + w_C C_k + b  for object k, with B the unit's map and C_k the
//   object's scores from above. W_B B + b is the same for all objects: the trunk computes it once, as
//   evidence_U [N,1,h,w].
// - Votes V belong to the backbone's map, not to objects: the trunk computes votes_U [N,9,h,w] once as the
// semantic
//   decoder does (decoders/pixel_voting.h). One DynamicDeconvolution spreads all objects, R channels, over
//   the picture, and what lies outside of an object's box is cut off in the end. That is the paper's "C_obj =
//   number of proposals" to the letter, and nothing is resampled between the maps.
// - "Class-head logits are the initial C": the class head is linear, so it also applies to every cell of the
// fourth
//   stage's map of an object's crop, [R,C+1,7,7], whose mean over cells is the logit of the box. The channel
//   of the object's class is put where its box lies on the map of stride 16: bilinearly where a cell's centre
//   is in the box, 0 elsewhere (the joins do that: predict/ and train/). Cell i of a map of stride s stands
//   for pixel s * i, the middle of what it votes for.
// - The blocks that take part are those that run on the picture: stages 3, 2 and 1 (the fourth runs on
// crops).
//
// An untrained decoder passes the seeds down by bilinear interpolation: votes start near it, w_C at 1, W_B
// near 0.
//
// Options: those of Mask R-CNN (rcnn_settings.h), form, normalize, units=stage|block, first_stage=1|2.

#include "vitrail/nets/registry.h"

namespace vitrail {

Model pvd_rcnn(const NetOptions& options, int64_t depth);

}  // namespace vitrail
