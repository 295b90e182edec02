#include "vitrail/nets/decoders/pixel_voting.h"

#include <algorithm>
#include <array>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/nets/decoders/fcn_skip.h"
#include "vitrail/nets/layers.h"

namespace vitrail {
namespace {

constexpr double vote_std = 1e-3;  // small beside the bilinear start

// Votes of bilinear interpolation for stride 2, of the identity for stride 1.
Value bilinear_votes(const Scope& scope, int64_t stride) {
  const std::array<float, 3> weights =
      stride == 2 ? std::array{0.5f, 1.0f, 0.5f} : std::array{0.0f, 1.0f, 0.0f};
  std::vector<float> votes;
  for (const float down : weights)
    for (const float across : weights)
      votes.push_back(down * across);
  return scope.graph().add(op::Constant{Tensor::from(Shape{1, 9, 1, 1}, votes)}, {}, scope.name());
}

Value projection(const Scope& scope, Value x, int64_t stride, const PixelVotingOptions& options) {
  ConvOptions same_width = with_bias(conv1x1(scope.graph().channels(x), stride));
  same_width.init = init::XavierUniform{};
  x = conv(scope, x, same_width);
  if (options.normalize != VoteNormalization::batch_norm) return x;
  return relu(scope, batch_norm(scope / "norm", x));
}

Value voted(const Scope& scope, const PixelVotingUnit& unit, Value scores,
            const PixelVotingOptions& options) {
  const int64_t classes = scope.graph().channels(scores);
  const Value both = concat(scope / "concat", {unit.output, scores});
  const Value evidence = score(scope / "fusion", both, classes);
  return scope.graph().add(op::DynamicDeconvolution{.stride = unit.stride, .form = options.form},
                           {evidence, pixel_votes(scope / "association", unit, options), unit.input},
                           scope("voting"));
}

}  // namespace

// The pixel association module.
Value pixel_votes(const Scope& scope, const PixelVotingUnit& unit, const PixelVotingOptions& options) {
  const Value both = concat(scope / "concat", {projection(scope / "input", unit.input, unit.stride, options),
                                               projection(scope / "output", unit.output, 1, options)});
  Value votes = conv(scope / "votes", both, {.out = 9, .init = init::Normal{vote_std}});
  if (options.normalize != VoteNormalization::softmax)
    return add(scope / "from_bilinear", votes, bilinear_votes(scope / "bilinear", unit.stride));
  votes = scope.graph().add(op::Softmax{.axis = 1}, {votes}, scope("softmax"));
  if (unit.stride == 1) return votes;
  const Value four = scope.graph().add(op::Constant{Tensor::from(Shape{1, 1, 1, 1}, std::vector<float>{4})},
                                       {}, scope("four"));
  return multiply(scope / "scale", votes, four);
}

PixelVotingOptions read_pixel_voting(OptionReader& read) {
  PixelVotingOptions options;
  options.form = static_cast<op::DynamicDeconvolution::Form>(read.choice("form", {"exact", "matrix"}, 0));
  options.normalize =
      static_cast<VoteNormalization>(read.choice("normalize", {"none", "batch_norm", "softmax"}, 0));
  return options;
}

std::vector<PixelVotingUnit> voting_units(const ResNetMaps& maps, VotingUnits per, int64_t first_stage) {
  const auto count = static_cast<int64_t>(maps.stages.size());
  if (first_stage < 1 || first_stage > count)
    throw Error(
        ErrorKind::usage,
        {.where = "pixel voting first_stage", .found = cat(first_stage), .allowed = cat("1 to ", count)});
  std::vector<PixelVotingUnit> units;
  for (int64_t stage = count; stage >= first_stage; --stage) {
    const std::vector<ResNetBlock>& blocks = maps.stages[static_cast<size_t>(stage - 1)];
    PixelVotingUnit whole{cat("stage", stage), blocks.front().input, blocks.back().output, 1};
    for (size_t b = blocks.size(); b-- > 0;) {
      whole.stride *= blocks[b].stride;
      if (per == VotingUnits::block)
        units.push_back(
            {cat("stage", stage, ".block", b), blocks[b].input, blocks[b].output, blocks[b].stride});
    }
    if (per == VotingUnits::stage) units.push_back(whole);
  }
  return units;
}

std::vector<PixelVotingUnit> voting_units(const Features& features) {
  std::vector<PixelVotingUnit> units;
  Value above = features.top;
  for (const Feature& skip : features.skips) {
    units.push_back({cat("stride", skip.stride), skip.value, above, 2});
    above = skip.value;
  }
  return units;
}

Value pixel_voting(const Scope& scope, const std::vector<PixelVotingUnit>& units, int64_t classes,
                   const PixelVotingOptions& options) {
  Value scores = score(scope / "score", units.front().output, classes);
  for (const PixelVotingUnit& unit : units)
    scores = voted(scope / unit.name, unit, scores, options);
  return scores;
}

}  // namespace vitrail
