#pragma once
// What SSD's segmentation branches train on (SPEC 11.3): the objects of a batch, sorted to the branches, the
// crops that each branch sees, and the masks that it should say.
//
//   const std::vector<BranchBatch> batches =
//       branch_batches(instances, system, {640, 640}, /*anchors=*/{}, {}, random);
//   std::vector<at::Tensor> logits;
//   for (const BranchBatch& batch : batches) {
//     auto crops = branch_inputs(batch, system, features, {640, 640});     // {"isb_9x4.crop_32": ...}
//     logits.push_back(branches[batch.branch].forward(crops)[0].second);
//   }
//   at::Tensor loss = mask_loss(batches, logits, MaskMean::boxes);
//
// The true boxes give the crops, not predicted ones, so that branches learn whatever the detector finds; and
// crops are cut off from the trunk (system.stop_gradient), so that each branch learns for itself.

#include <map>
#include <span>
#include <string>
#include <vector>

#include <torch/torch.h>

#include "vitrail/base/random.h"
#include "vitrail/data/instance_dataset.h"
#include "vitrail/graph/instance_system.h"

namespace vitrail::train {

struct BranchBatchOptions {
  /// Boxes are moved and resized by up to this share of their sides, as predicted ones are off.
  double box_jitter = 0;
  /// Weight of a mask's cells outside of the very box; predicted masks are cut there.
  double outside = 1;
};

/// The boxes of a batch that one branch takes.
struct BranchBatch {
  size_t branch = 0;            ///< index into system.branches
  std::vector<int64_t> images;  ///< of the batch, by box
  std::vector<int64_t> classes;
  std::vector<Box> boxes, regions;  ///< in pixels of the input; a region is what is cropped
  at::Tensor targets;  ///< [R,h,w] 0..1: the share of each cell of the mask that the object covers
  at::Tensor weights;  ///< [R,h,w]
};

/// Branches that take no box are left out; crowds have no targets. With system.from_anchors an object's crop
/// is that of the anchor it overlaps most (`anchors`; empty otherwise).
std::vector<BranchBatch> branch_batches(std::span<const std::vector<Instance>> instances,
                                        const SsdSystem& system, Extent image, std::span<const Box> anchors,
                                        const BranchBatchOptions& options, Random& random);

/// A branch's inputs by name. `features` are the trunk's maps [N,C,H,W] by stride.
std::map<std::string, at::Tensor> branch_inputs(const BranchBatch& batch, const SsdSystem& system,
                                                const std::map<int64_t, at::Tensor>& features, Extent image);

/// How the sigmoid cross-entropies of the masks' cells are put together: every box counts the same, every
/// cell, or every branch that has boxes.
enum class MaskMean { boxes, cells, branches };
std::string_view name_of(MaskMean mean);
MaskMean mask_mean_from(std::string_view name);  ///< throws Error(usage) listing the names

/// The mean over a batch's branches. `logits` are [R,K,h,w], as many as batches; with K > 1 the class's own.
at::Tensor mask_loss(std::span<const BranchBatch> batches, std::span<const at::Tensor> logits, MaskMean mean);

}  // namespace vitrail::train
