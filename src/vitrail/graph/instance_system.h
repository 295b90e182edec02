#pragma once
// What surrounds the graph of an instance segmentation network: anchors, box coding, choice of boxes, and
// which part of the graph sees which crops. A ModelInfo carries it, so that a file is complete.
//
// Such a network is one Graph of several parts that are joined by plain functions over boxes (detect/,
// predict/), because how many boxes there are depends on the picture. A part begins at inputs and ends at
// outputs of the graph, by name:
//
//   SSD       image -> box_codes [N,A,4], class_logits [N,A,C+1] and the maps that are cropped: features_8,
//             features_16, features_32 [N,C,H/s,W/s]
//   branch B  B.crop_8, B.crop_16, B.crop_32 [R,C,h,w] -> B.masks [R,K,h,w] (logits)
//   Mask R-CNN, see RcnnSystem
//
// `part_of(graph, outputs)` (graph/part.h) is the graph of one part. Class 0 of the logits is the background;
// class c of ModelInfo::classes is column c + 1.

#include <array>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace vitrail {

/// Boxes that are tried at every cell of one map.
struct AnchorLevel {
  std::vector<std::array<double, 2>>
      sizes;        ///< {height, width}; in pixels, or in units of the image's smaller side
  double step = 0;  ///< pixels between centres; 0 = image side / cells of the map
};

struct AnchorSystem {
  std::vector<AnchorLevel> levels;
  bool relative_sizes = false;  ///< sizes are in units of the image's smaller side
  double offset = 0.5;          ///< centre of cell i is (i + offset) * step
  bool whole_steps = false;     ///< a step of 0 becomes image side / cells rounded down (torchvision)
};

/// A box's code against an anchor: (centre difference / anchor size, log of the size ratio) times `scales`.
struct BoxCoding {
  std::array<double, 4> scales{10, 10, 5, 5};  ///< for (dy, dx, dh, dw) or (dx, dy, dw, dh), see `y_first`
  bool y_first = true;                         ///< codes are (y, x, h, w), TensorFlow's; else (x, y, w, h)
  double largest_log = 4.135166556742356;      ///< decoded dh and dw are cut here: log(1000 / 16)
};

/// Which boxes are kept.
struct BoxSelection {
  double score_threshold = 0.05;
  double iou_threshold = 0.5;      ///< class-wise suppression where the overlap is greater
  int64_t before_suppression = 0;  ///< best boxes per class that enter suppression; 0 = all
  int64_t per_class = 100;
  int64_t total = 100;
};

/// One segmentation branch: the crops it sees, in cells of the stride-32 map.
struct BranchSystem {
  std::string name;  ///< prefix of its inputs and outputs: "isb_9x4"
  int64_t height = 10, width = 10;
  bool resizes =
      true;  ///< crops of another shape are resized to this (2x crop, 2x2 max-pool); else they must fit
  int64_t most_boxes = 100;
};

/// SSD, with or without branches (SPEC 11).
struct SsdSystem {
  AnchorSystem anchors;
  BoxCoding coding;
  bool softmax_scores = false;  ///< scores are a softmax over the columns; else a sigmoid of each
  BoxSelection selection;
  std::vector<BranchSystem> branches;  ///< in the order in which a box is offered to them; empty: boxes alone
  std::vector<int64_t> crop_strides;   ///< of the maps that branches see: 32, 16, 8
  /// How a box finds its branch: `exact` (the box's shape in cells is the branch's, others are dropped, or go
  /// to the last branch if that resizes), `largest_not_exceeding` (first branch that is no larger in both).
  enum class Choice { single, exact, largest_not_exceeding } choice = Choice::single;
  bool encompassing = true;  ///< crops are the cells that the box touches; else the box itself
  /// Branches read one more crop, B.crop_box [R,1,h,w] of the finest crop's size: how much of each cell lies
  /// in the very box, 0..1. So boxes that share their cells can have masks of their own.
  bool box_conditioned = false;
  bool from_anchors = false;          ///< crops are those of the default anchors, before suppression
  bool class_specific_masks = false;  ///< K is the number of classes; else 1, whatever the class
  bool stop_gradient = true;          ///< in training: what branches learn does not move the trunk
  double mask_threshold = 0;          ///< on logits
  /// Pictures are resized to the network's size by means of what a pixel covers; else by bilinear samples
  /// alone, as torchvision's are.
  bool smooth_resize = true;
};

/// Where masks are decoded through votes: a part of the backbone between two of its maps.
struct VotingUnit {
  std::string name;    ///< "stage3": its trunk outputs are votes_stage3 and evidence_stage3
  int64_t stride = 0;  ///< image pixels per cell of these
};

/// Mask R-CNN (SPEC 10), and the Pixel Voting Decoder's masks on it (SPEC 9.1). Parts:
///   trunk  image -> objectness_s [N,cells*A] (logits) and rpn_codes_s [N,cells*A,4] for each of
///          proposal_strides, cells in raster order, a cell's anchors innermost; features_s [N,C,H/s,W/s] for
///          each of strides
///   boxes  box_crops [R,C,h,w] -> class_logits [R,C+1], box_codes [R,4 columns]
///   masks  mask_crops [R,C,h,w] -> mask_logits [R,columns,m,m]
/// With voting (nets/instance/pvd_rcnn.h) the trunk also gives votes_U [N,9,h,w] and evidence_U [N,1,h,w] for
/// each unit U, and masks are of the whole picture, an object per channel:
///   seeds  mask_crops [R,C,h,w] -> seed_logits [R,C+1,m,m]
///   masks  seeds [1,R,h,w] of the first unit's size, U.votes, U.evidence -> mask_logits [1,R,H/4,W/4]
struct RcnnSystem {
  AnchorSystem anchors;                   ///< a level for each of proposal_strides
  std::vector<int64_t> proposal_strides;  ///< of the maps that propose boxes, finest first
  BoxCoding rpn_coding{.scales = {1, 1, 1, 1}, .y_first = false};
  BoxCoding box_coding{.scales = {10, 10, 5, 5}, .y_first = false};
  /// Proposals: the best `before_suppression` of each level, suppression within each level, the best `total`
  /// of all levels. Their scores are sigmoids of objectness.
  BoxSelection proposals{.score_threshold = 0,
                         .iou_threshold = 0.7,
                         .before_suppression = 1000,
                         .per_class = 1000,
                         .total = 1000};
  BoxSelection training_proposals{.score_threshold = 0,
                                  .iou_threshold = 0.7,
                                  .before_suppression = 2000,
                                  .per_class = 1000,
                                  .total = 1000};
  BoxSelection detections;        ///< scores are a softmax over class_logits' columns
  double smallest_proposal = 0;   ///< pixels; a proposal with a shorter side is dropped, as is an empty one
  double smallest_detection = 0;  ///< the same for what is found
  std::vector<int64_t> strides;   ///< of the maps that are cropped, finest first; several: by the box's size
  /// `crop_and_resize_pooled` is TensorFlow's: a crop of twice the size, one sample per cell, then 2x2
  /// max-pool.
  enum class Crop { roi_align, roi_align_legacy, crop_and_resize_pooled } crop = Crop::roi_align;
  int64_t sampling_ratio = 0;  ///< of RoIAlign; 0: as many samples as the bin has pixels
  int64_t box_crop = 7, mask_crop = 14;
  int64_t canonical_size = 224,
          canonical_level = 4;  ///< level k = floor(canonical_level + log2(sqrt(area) / canonical_size))
  bool class_specific_boxes = true, class_specific_masks = true;
  bool background_columns = false;  ///< class-specific codes and masks have the background's in front of the
                                    ///< classes' (torchvision)
  std::vector<VotingUnit> voting_units;  ///< coarsest first; empty: masks come from mask_crops alone
  double mask_threshold = 0.5;           ///< on probabilities
  /// The rules that torchvision has of its own: pictures are resized by bilinear samples alone to sides that
  /// are rounded down; a mask gets a border of zeros and is resized to its box in whole pixels.
  bool torchvision = false;
  int64_t short_side = 800,
          long_side = 1333;  ///< pictures are resized so that neither is exceeded and one met

  bool voting() const { return !voting_units.empty(); }
};

using InstanceSystem = std::variant<std::monostate, SsdSystem, RcnnSystem>;

}  // namespace vitrail
