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
  bool encompassing = true;      ///< crops are the cells that the box touches; else the box itself
  bool box_conditioned = false;  ///< a further crop channel says which cells lie in the very box
  bool from_anchors = false;     ///< crops are those of the default anchors, before suppression (S2 3.x)
  double mask_threshold = 0;     ///< on logits
};

/// Mask R-CNN (SPEC 10), and the Pixel Voting Decoder's masks on it (SPEC 9.1). Parts:
///   trunk  image -> maps by level, objectness and rpn_codes by level
///   boxes  box_crops [R,C,h,w] -> class_logits [R,C+1], box_codes [R,4C or 4]
///   masks  mask_crops [R,C,h,w] (and, for the voting decoder, its further crops) -> mask_logits [R,K,m,m]
struct RcnnSystem {
  AnchorSystem anchors;
  BoxCoding rpn_coding, box_coding;
  BoxSelection proposals;  ///< per level where there are several
  BoxSelection detections;
  std::vector<int64_t> strides;  ///< of the maps that are cropped, finest first
  enum class Crop { roi_align, roi_align_legacy, crop_and_resize_pooled } crop = Crop::roi_align;
  int64_t sampling_ratio = 0;
  int64_t box_crop = 7, mask_crop = 14;
  int64_t canonical_size = 224,
          canonical_level = 4;  ///< level k = floor(canonical_level + log2(sqrt(area) / canonical_size))
  bool class_specific_boxes = true, class_specific_masks = true;
  bool voting = false;                    ///< masks are decoded through the trunk's votes
  double mask_threshold = 0.5;            ///< on probabilities
  int64_t short_side = 0, long_side = 0;  ///< pictures are resized so; 0 = the model's preprocessing says
};

using InstanceSystem = std::variant<std::monostate, SsdSystem, RcnnSystem>;

}  // namespace vitrail
