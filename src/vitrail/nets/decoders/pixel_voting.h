#pragma once
// The Pixel Voting Decoder (SPEC 9.1): class scores go back down the encoder unit by unit, each coarse pixel
// voting for the class of the nine finer pixels around it.
//
//   std::vector<PixelVotingUnit> units = voting_units(maps, {.per = VotingUnits::stage});   // of a ResNet
//   Value scores = pixel_voting(net / "head", units, 19);            // [N, 19, H/4, W/4]
//
// A unit stands for a part of the encoder that made `output` from `input`: a residual block, or a whole
// stage.
//   association:  votes V = 1x1 of (1x1 of input with the unit's stride, 1x1 of output): nine per pixel
//   fusion:       evidence M = 1x1 of (output, scores from above)
//   voting:       scores = DynamicDeconvolution(M, V), of the size of `input`
// At the top the scores are a 1x1 of the last map. All 1x1 have biases.
//
// The paper does not say whether the projections are normalised or activated, nor what V starts as. Here they
// are plain convolutions, as its figure 2 draws them and its counts have them (SPEC 9.4), and V starts near
// bilinear interpolation, so that an untrained decoder passes the top's scores down instead of noise.

#include <string>
#include <vector>

#include "vitrail/nets/encoders/features.h"
#include "vitrail/nets/encoders/resnet.h"
#include "vitrail/nets/options.h"
#include "vitrail/nets/scope.h"

namespace vitrail {

/// What is done to make votes well-behaved.
enum class VoteNormalization {
  none,        ///< V as the convolution gives it: of any sign and size
  batch_norm,  ///< batch normalisation and ReLU after both projections
  softmax,     ///< a pixel's nine votes are positive and sum to 1 (stride 1) or 4 (stride 2)
};

struct PixelVotingOptions {
  op::DynamicDeconvolution::Form form = op::DynamicDeconvolution::Form::exact;
  VoteNormalization normalize = VoteNormalization::none;
};

struct PixelVotingUnit {
  std::string name;  ///< "stage4", "stage4.block2"
  Value input;       ///< [N, Ci, h, w]
  Value output;      ///< [N, Co, h, w], or with stride 2 [N, Co, ceil(h / 2), ceil(w / 2)]
  int64_t stride = 1;
};

enum class VotingUnits {
  stage,  ///< a stage of the encoder is a unit (the levels of the paper's figure 1)
  block,  ///< every residual block is a unit ("residual block by residual block", its section 3)
};
/// From the top down to `first_stage`: 1 takes in the stage that reads stride 4 itself, 2 ends where its
/// output is made. Either way the last unit's input has stride 4.
std::vector<PixelVotingUnit> voting_units(const ResNetMaps& maps, VotingUnits per, int64_t first_stage = 1);
/// A unit between every two neighbouring maps of an encoder that halves from one to the next.
std::vector<PixelVotingUnit> voting_units(const Features& features);

/// The votes of one unit: [N, 9, size of its output].
Value pixel_votes(const Scope& scope, const PixelVotingUnit& unit, const PixelVotingOptions& options = {});

/// form (exact, matrix) and normalize (none, batch_norm, softmax).
PixelVotingOptions read_pixel_voting(OptionReader& read);

/// `units` from the top down. Result: [N, classes, size of the last unit's input].
Value pixel_voting(const Scope& scope, const std::vector<PixelVotingUnit>& units, int64_t classes,
                   const PixelVotingOptions& options = {});

}  // namespace vitrail
