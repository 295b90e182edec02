#include "vitrail/train/voted_masks.h"

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/predict/voted_masks.h"
#include "vitrail/train/convert.h"

namespace vitrail::train {

at::Tensor placed_seeds(const at::Tensor& scores, std::span<const Box> boxes, Extent map, int64_t stride) {
  const auto objects = static_cast<int64_t>(boxes.size());
  const int64_t side = scores.size(1), cells = map.height * map.width;
  std::vector<int64_t> to, from[4];
  std::vector<double> weights[4];
  for (int64_t k = 0; k < objects; ++k)
    for (const SeedCell& at : seed_cells(boxes[static_cast<size_t>(k)], side, map, stride)) {
      to.push_back(k * cells + at.cell);
      for (size_t corner = 0; corner < 4; ++corner) {
        const size_t below = corner / 2, right = corner % 2;
        const auto down = static_cast<double>(at.down), across = static_cast<double>(at.across);
        from[corner].push_back((k * side + at.row[below]) * side + at.column[right]);
        weights[corner].push_back((below == 1 ? down : 1 - down) * (right == 1 ? across : 1 - across));
      }
    }
  at::Tensor values = at::zeros({static_cast<int64_t>(to.size())}, scores.options());
  for (size_t corner = 0; corner < 4; ++corner)
    values = values + scores.reshape({-1}).index_select(0, torch::tensor(from[corner], at::kLong)) *
                          torch::tensor(weights[corner], at::kDouble).to(scores.scalar_type());
  return at::zeros({objects * cells}, scores.options())
      .index_add(0, torch::tensor(to, at::kLong), values)
      .view({1, objects, map.height, map.width});
}

at::Tensor voted_mask_loss(const at::Tensor& logits, std::span<const Box> boxes, std::span<const Mask> masks,
                           int64_t stride) {
  const auto objects = static_cast<int64_t>(boxes.size());
  if (logits.dim() != 4 || logits.size(1) < objects || boxes.size() != masks.size())
    throw Error(ErrorKind::shape, {.where = "mask loss",
                                   .found = to_string(Shape(logits.sizes().vec())),
                                   .allowed = cat("a channel for each of ", objects, " objects")});
  if (objects == 0) return logits.sum() * 0;
  const Extent map{logits.size(2), logits.size(3)};
  std::vector<int64_t> at;
  std::vector<float> targets;
  std::vector<double> weights;
  for (size_t k = 0; k < boxes.size(); ++k) {
    const std::vector<SeedCell> cells = seed_cells(boxes[k], 1, map, stride);
    for (const SeedCell& each : cells) {
      const int64_t y = each.cell / map.width * stride, x = each.cell % map.width * stride;
      at.push_back(static_cast<int64_t>(k) * map.height * map.width + each.cell);
      targets.push_back(y < masks[k].height && x < masks[k].width ? masks[k].at(y, x) : 0);
      weights.push_back(1 / static_cast<double>(cells.size() * boxes.size()));
    }
  }
  const at::Tensor found = logits.reshape({-1}).index_select(0, torch::tensor(at, at::kLong));
  return at::binary_cross_entropy_with_logits(
      found, torch::tensor(targets, at::kFloat).to(logits.scalar_type()),
      torch::tensor(weights, at::kDouble).to(logits.scalar_type()), {}, at::Reduction::Sum);
}

}  // namespace vitrail::train
