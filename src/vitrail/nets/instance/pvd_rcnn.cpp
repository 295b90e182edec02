#include "vitrail/nets/instance/pvd_rcnn.h"

#include <algorithm>

#include "vitrail/base/text.h"
#include "vitrail/nets/decoders/pixel_voting.h"
#include "vitrail/nets/instance/c4.h"

namespace vitrail {
namespace {

// The class head on every cell: [R, C, m, m] -> [R, classes + 1, m, m].
Value seed_logits(const Scope& net, Value features, int64_t classes) {
  const Scope heads = net / "roi_heads";
  const Scope scope = (heads / "seeds").sharing(heads / "box_predictor" / "cls_score");
  const Value cells = transpose(scope / "cells", features, {0, 2, 3, 1});
  return transpose(scope / "logits", linear(scope, cells, classes + 1), {0, 3, 1, 2});
}

// One unit for all objects: scores [1, R, h, w] -> [1, R, stride h, stride w].
Value voted(const Scope& scope, const PixelVotingUnit& unit, Value scores,
            const PixelVotingOptions& options) {
  Graph& graph = scope.graph();
  const Value votes = graph.input(cat(unit.name, ".votes"), {1, 9, -1, -1});
  const Value evidence = graph.input(cat(unit.name, ".evidence"), {1, 1, -1, -1});
  const Value weight =
      scope.parameter({.name = "from_above", .shape = {1, 1, 1, 1}, .init = init::Constant{1}});
  const Value merged = add(scope / "fusion", multiply(scope / "scaled", scores, weight), evidence);
  return graph.add(op::DynamicDeconvolution{.stride = unit.stride, .form = options.form}, {merged, votes},
                   scope("voting"));
}

RcnnSettings voting_settings(int64_t depth) {
  RcnnSettings settings = c4_settings(depth);
  settings.preprocessing.multiple = 32;  // every map is twice as large as the next
  settings.system.class_specific_masks = false;
  return settings;
}

}  // namespace

Model pvd_rcnn(const NetOptions& options, int64_t depth) {
  RcnnSettings settings = voting_settings(depth);
  OptionReader read("pvd-rcnn", options.set);
  read_rcnn_options(read, settings);
  const PixelVotingOptions voting = read_pixel_voting(read);
  const auto per = static_cast<VotingUnits>(read.choice("units", {"stage", "block"}, 0));
  const int64_t first_stage = read.integer("first_stage", 1);
  read.finish();

  Model model;
  Graph& graph = model.graph;
  const Scope net(graph), decoder = net / "mask_decoder";
  C4 c4(graph, settings, {.classes = options.classes});
  const std::vector<PixelVotingUnit> units = voting_units(c4.trunk(), per, first_stage);
  int64_t stride = settings.system.strides.at(0);
  for (const PixelVotingUnit& unit : units) {
    const Scope scope = decoder / unit.name;
    graph.output("votes_" + unit.name, pixel_votes(scope / "association", unit, voting));
    graph.output("evidence_" + unit.name,
                 conv(scope / "evidence", unit.output, {.out = 1, .init = init::Normal{1e-3}}));
    settings.system.voting_units.push_back({unit.name, stride});
    stride /= unit.stride;
  }
  c4.boxes();
  graph.output("seed_logits", seed_logits(net, c4.mask_features(), options.classes));
  Value scores = graph.input("seeds", {1, -1, -1, -1});
  for (const PixelVotingUnit& unit : units)
    scores = voted(decoder / unit.name, unit, scores, voting);
  graph.output("mask_logits", scores);
  model.info = rcnn_info(settings);
  return model;
}

}  // namespace vitrail
