#include "vitrail/train/branch_batches.h"

#include <algorithm>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/detect/branches.h"
#include "vitrail/detect/matching.h"
#include "vitrail/detect/paste.h"
#include "vitrail/train/convert.h"
#include "vitrail/train/crops.h"

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

/// The batch of one branch while it is filled.
class BranchFiller {
 public:
  BranchFiller(size_t branch, const SsdSystem& system, Extent image, double outside)
      : system_(system),
        image_(image),
        grid_(grid_of(system.branches[branch], system)),
        outside_(static_cast<float>(outside)) {
    batch_.branch = branch;
  }

  void add(int64_t image, const Instance& object, const Box& box) {
    const Box region = region_of(box, system_, image_);
    batch_.images.push_back(image);
    batch_.classes.push_back(object.class_index);
    batch_.boxes.push_back(box);
    batch_.regions.push_back(region);
    const std::vector<float> mask = crop_mask(decode_rle(object.mask), region, grid_);
    targets_.insert(targets_.end(), mask.begin(), mask.end());
    const Tensor covered = box_coverage({&box, 1}, {&region, 1}, grid_);
    for (const float share : covered.data<float>())
      weights_.push_back(share > 0 ? 1.0f : outside_);
  }

  bool empty() const { return batch_.boxes.empty(); }

  BranchBatch finish() {
    const auto tensor = [&](const std::vector<float>& values) {
      return torch::tensor(values, at::kFloat).view({-1, grid_.height, grid_.width});
    };
    batch_.targets = tensor(targets_);
    batch_.weights = tensor(weights_);
    return std::move(batch_);
  }

 private:
  const SsdSystem& system_;
  Extent image_, grid_;
  float outside_;
  BranchBatch batch_;
  std::vector<float> targets_, weights_;
};

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
  std::vector<BranchFiller> fillers;
  for (size_t b = 0; b < system.branches.size(); ++b)
    fillers.emplace_back(b, system, image, options.outside);
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
    for (size_t b = 0; b < taken.size(); ++b)
      for (const int64_t i : taken[b])
        fillers[b].add(static_cast<int64_t>(n), *objects[static_cast<size_t>(i)],
                       boxes[static_cast<size_t>(i)]);
  }
  std::vector<BranchBatch> batches;
  for (BranchFiller& filler : fillers)
    if (!filler.empty()) batches.push_back(filler.finish());
  return batches;
}

std::map<std::string, at::Tensor> branch_inputs(const BranchBatch& batch, const SsdSystem& system,
                                                const std::map<int64_t, at::Tensor>& features, Extent image) {
  const BranchSystem& branch = system.branches[batch.branch];
  std::map<std::string, at::Tensor> inputs;
  for (const int64_t stride : system.crop_strides) {
    const at::Tensor& map = features.at(stride);
    inputs[cat(branch.name, ".crop_", stride)] = branch_crops(
        system.stop_gradient ? map.detach() : map, stride, batch.regions, batch.images, branch, image);
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
