#include "vitrail/train/branch_batches.h"

#include <algorithm>
#include <numeric>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/detect/branches.h"
#include "vitrail/detect/matching.h"
#include "vitrail/detect/paste.h"
#include "vitrail/train/convert.h"

namespace vitrail::train {
namespace {

Box jittered(const Box& box, double share, Extent image, Random& random) {
  const auto moved = [&](float side) { return static_cast<float>(random.uniform(-share, share)) * side; };
  const Box other = clipped({box.x1 + moved(box.width()), box.y1 + moved(box.height()),
                             box.x2 + moved(box.width()), box.y2 + moved(box.height())},
                            static_cast<float>(image.width), static_cast<float>(image.height));
  return other.area() > 0 ? other : box;
}

/// The anchor that an object overlaps most.
const Box& nearest_anchor(const Box& box, std::span<const Box> anchors) {
  const std::vector<float> overlaps = iou_table({&box, 1}, anchors);
  return anchors[static_cast<size_t>(std::max_element(overlaps.begin(), overlaps.end()) - overlaps.begin())];
}

Extent grid_of(const BranchSystem& branch, const SsdSystem& system) {
  const int64_t scale = branch_stride / system.crop_strides.back();
  return {branch.height * scale, branch.width * scale};
}

at::Tensor tensor_of(const std::vector<float>& values, Extent grid) {
  return torch::tensor(values, at::kFloat).view({-1, grid.height, grid.width});
}

/// Where each of `count` samples lies, spread over [low, high] of a map as TensorFlow's crop_and_resize does,
/// as a matrix from the map's cells to the samples: bilinear, 0 outside.
at::Tensor sampling_matrix(double low, double high, int64_t count, int64_t cells) {
  at::Tensor matrix = at::zeros({count, cells}, at::kFloat);
  auto at = matrix.accessor<float, 2>();
  const double step = count > 1 ? (high - low) / static_cast<double>(count - 1) : 0;
  for (int64_t i = 0; i < count; ++i) {
    const double x = count > 1 ? low + static_cast<double>(i) * step : (low + high) / 2;
    if (x < 0 || x > static_cast<double>(cells - 1)) continue;
    const auto left = static_cast<int64_t>(x);
    const auto right = std::min(left + 1, cells - 1);
    const auto fraction = static_cast<float>(x - static_cast<double>(left));
    at[i][left] += 1 - fraction;
    at[i][right] += fraction;
  }
  return matrix;
}

}  // namespace

std::string_view name_of(MaskMean mean) {
  switch (mean) {
    case MaskMean::boxes: return "boxes";
    case MaskMean::cells: return "cells";
    case MaskMean::branches: return "branches";
  }
  return "";
}

MaskMean mask_mean_from(std::string_view name) {
  for (const MaskMean mean : {MaskMean::boxes, MaskMean::cells, MaskMean::branches})
    if (name_of(mean) == name) return mean;
  throw Error(
      ErrorKind::usage,
      {.where = "mask loss", .found = cat("mean over '", name, "'"), .allowed = "boxes, cells, branches"});
}
std::vector<BranchBatch> branch_batches(std::span<const std::vector<Instance>> instances,
                                        const SsdSystem& system, Extent image, std::span<const Box> anchors,
                                        const BranchBatchOptions& options, Random& random) {
  std::vector<BranchBatch> all(system.branches.size());
  std::vector<std::vector<float>> targets(all.size()), weights(all.size());
  for (size_t n = 0; n < instances.size(); ++n) {
    std::vector<const Instance*> objects;
    std::vector<Box> boxes;
    for (const Instance& each : instances[n]) {
      if (each.crowd) continue;
      Box box = each.box;
      if (options.box_jitter > 0) box = jittered(box, options.box_jitter, image, random);
      if (system.from_anchors) box = nearest_anchor(box, anchors);
      boxes.push_back(box);
      objects.push_back(&each);
    }
    const std::vector<std::vector<int64_t>> taken = assign_branches(boxes, system, image);
    for (size_t b = 0; b < taken.size(); ++b) {
      const Extent grid = grid_of(system.branches[b], system);
      for (const int64_t i : taken[b]) {
        const Instance& object = *objects[static_cast<size_t>(i)];
        const Box& box = boxes[static_cast<size_t>(i)];
        const Box region = region_of(box, system, image);
        all[b].images.push_back(static_cast<int64_t>(n));
        all[b].classes.push_back(object.class_index);
        all[b].boxes.push_back(box);
        all[b].regions.push_back(region);
        const std::vector<float> mask = crop_mask(decode_rle(object.mask), region, grid);
        targets[b].insert(targets[b].end(), mask.begin(), mask.end());
        const Tensor covered = box_coverage({&box, 1}, {&region, 1}, grid);
        for (const float share : covered.data<float>())
          weights[b].push_back(share > 0 ? 1.0f : static_cast<float>(options.outside));
      }
    }
  }
  for (size_t b = 0; b < all.size(); ++b) {
    all[b].branch = b;
    if (all[b].boxes.empty()) continue;
    all[b].targets = tensor_of(targets[b], grid_of(system.branches[b], system));
    all[b].weights = tensor_of(weights[b], grid_of(system.branches[b], system));
  }
  std::erase_if(all, [](const BranchBatch& batch) { return batch.boxes.empty(); });
  return all;
}

at::Tensor differentiable_crops(const at::Tensor& map, int64_t stride, std::span<const Box> regions,
                                std::span<const int64_t> images, const BranchSystem& branch, Extent image) {
  const int64_t scale = branch_stride / stride, height = branch.height * scale, width = branch.width * scale;
  std::vector<at::Tensor> crops;
  for (size_t r = 0; r < regions.size(); ++r) {
    const Box& region = regions[r];
    const at::Tensor one = map[images[r]];
    const Cells cells = encompassing_cells(region, image);
    if (outline(cells) == region && cells.height == branch.height && cells.width == branch.width) {
      crops.push_back(one.slice(1, cells.y * scale, cells.y * scale + height)
                          .slice(2, cells.x * scale, cells.x * scale + width));
      continue;
    }
    const double y_step = static_cast<double>(map.size(2) - 1) / static_cast<double>(image.height),
                 x_step = static_cast<double>(map.size(3) - 1) / static_cast<double>(image.width);
    const at::Tensor rows = sampling_matrix(region.y1 * y_step, region.y2 * y_step, 2 * height, map.size(2)),
                     columns =
                         sampling_matrix(region.x1 * x_step, region.x2 * x_step, 2 * width, map.size(3));
    const at::Tensor sampled = at::matmul(at::matmul(rows.to(map.scalar_type()), one),
                                          columns.to(map.scalar_type()).transpose(0, 1));
    crops.push_back(at::max_pool2d(sampled.unsqueeze(0), {2, 2}).squeeze(0));
  }
  return at::stack(crops);
}

std::map<std::string, at::Tensor> branch_inputs(const BranchBatch& batch, const SsdSystem& system,
                                                const std::map<int64_t, at::Tensor>& features, Extent image) {
  const BranchSystem& branch = system.branches[batch.branch];
  std::map<std::string, at::Tensor> inputs;
  for (const int64_t stride : system.crop_strides) {
    const at::Tensor& map = features.at(stride);
    const bool learns = !system.stop_gradient && map.requires_grad();
    inputs[cat(branch.name, ".crop_", stride)] =
        learns ? differentiable_crops(map, stride, batch.regions, batch.images, branch, image)
               : to_torch(branch_crops(from_torch(map.detach().contiguous()), stride, batch.regions,
                                       batch.images, branch, image));
  }
  if (system.box_conditioned)
    inputs[branch.name + ".crop_box"] =
        to_torch(box_coverage(batch.boxes, batch.regions, grid_of(branch, system)));
  return inputs;
}

at::Tensor mask_loss(std::span<const BranchBatch> batches, std::span<const at::Tensor> logits,
                     MaskMean mean) {
  std::vector<at::Tensor> parts;
  double count = 0;
  for (size_t i = 0; i < batches.size(); ++i) {
    const BranchBatch& batch = batches[i];
    at::Tensor said = logits[i];
    if (said.size(1) > 1) {
      const at::Tensor own = torch::tensor(batch.classes, at::kLong).view({-1, 1, 1, 1});
      said = said.gather(1, own.expand({-1, 1, said.size(2), said.size(3)}));
    }
    const at::Tensor costs =
        at::binary_cross_entropy_with_logits(said.squeeze(1), batch.targets.to(said.scalar_type()),
                                             batch.weights.to(said.scalar_type()), {}, at::Reduction::None);
    const auto boxes = static_cast<double>(batch.boxes.size()), cells = static_cast<double>(costs.numel());
    const double share = mean == MaskMean::boxes ? boxes : mean == MaskMean::cells ? cells : 1;
    parts.push_back(costs.mean() * share);
    count += share;
  }
  if (parts.empty()) return at::zeros({}, at::kFloat);
  return at::stack(parts).sum() / count;
}

}  // namespace vitrail::train
