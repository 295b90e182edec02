#pragma once
// The losses of Mask R-CNN (SPEC 10.1): which anchors and proposals answer for which objects, which of them
// count, and what their codes, classes and masks cost.
//
//   LossValue rpn = proposal_loss(objectness [N,A], codes [N,A,4], anchors, objects, system, options,
//   random); RoiBatch rois = sampled_rois(proposals, objects, options, random);      // 512 per picture, a
//   quarter objects LossValue boxes = box_loss(class_logits [R,C+1], box_codes [R,4K], rois, objects, system,
//   options); at::Tensor masks = crop_mask_loss(mask_logits [P,K,m,m], rois, objects, system);
//
//   proposals  objectness: binary cross-entropy over the sampled anchors; rpn_boxes: smooth L1 over the four
//   numbers of
//              those that have an object. Both summed and divided by the number of samples asked for, all
//              pictures.
//   boxes      classes: cross-entropy, mean over the sampled proposals; boxes: smooth L1 over the numbers of
//   the class
//              that the object has, summed, divided by the number of sampled proposals.
//   masks      binary cross-entropy of the class's mask against the object's, cropped to the proposal (1
//   where at least
//              half of a cell is the object), mean over all cells of the proposals that have an object.
//
// smooth L1 with beta b is |x| - b/2 where |x| >= b, else x^2 / 2b; b = 0 is L1.
// Crowds are no objects here, and what they cover is background, as in detectron2.

#include <span>
#include <vector>

#include <torch/torch.h>

#include "vitrail/base/random.h"
#include "vitrail/data/instance_dataset.h"
#include "vitrail/detect/matching.h"
#include "vitrail/graph/instance_system.h"
#include "vitrail/train/losses.h"

namespace vitrail::train {

struct RcnnLossOptions {
  MatchThresholds proposal_match{.foreground = 0.7, .background = 0.3, .force_best = true};
  int64_t proposal_samples = 256;      ///< anchors per picture ...
  double proposal_object_share = 0.5;  ///< ... of which at most this share have an object
  double proposal_beta = 0;            ///< of smooth L1
  double box_match = 0.5;              ///< IoU from which a proposal has an object
  int64_t box_samples = 512;           ///< proposals per picture ...
  double box_object_share = 0.25;
  double box_beta = 0;
  bool add_objects = true;  ///< the objects' own boxes are proposals, too
  double objectness = 1, proposal_boxes = 1, classes = 1, boxes = 1, masks = 1;  ///< factors
};

/// The objects of one picture, in pixels of the network's input; crowds left out.
struct RcnnObjects {
  std::vector<Box> boxes;
  std::vector<int64_t> classes;  ///< 0 = the first
  std::vector<Rle> masks;        ///< of the input's size, or of the picture in its top left corner
};
std::vector<RcnnObjects> rcnn_objects(std::span<const std::vector<Instance>> instances);

/// parts: "objectness", "rpn_boxes".
LossValue proposal_loss(const at::Tensor& objectness, const at::Tensor& codes, std::span<const Box> anchors,
                        std::span<const RcnnObjects> objects, const RcnnSystem& system,
                        const RcnnLossOptions& options, Random& random);

/// Proposals that count, picture after picture; those with an object first in each.
struct RoiBatch {
  std::vector<Box> boxes;
  std::vector<int64_t> images;
  std::vector<int64_t> object;  ///< index into its picture's objects, or `background`

  /// Those with an object alone.
  RoiBatch with_objects() const;
};
/// `proposals` by picture.
RoiBatch sampled_rois(std::span<const std::vector<Box>> proposals, std::span<const RcnnObjects> objects,
                      const RcnnLossOptions& options, Random& random);

/// parts: "classes", "boxes".
LossValue box_loss(const at::Tensor& class_logits, const at::Tensor& box_codes, const RoiBatch& rois,
                   std::span<const RcnnObjects> objects, const RcnnSystem& system,
                   const RcnnLossOptions& options);

/// `rois` all have an object; `logits` has a row for each. 0 where there is none.
at::Tensor crop_mask_loss(const at::Tensor& logits, const RoiBatch& rois,
                          std::span<const RcnnObjects> objects, const RcnnSystem& system);

}  // namespace vitrail::train
