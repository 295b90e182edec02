#pragma once
// Anchors (default boxes): the boxes that a detector tries at every cell of its maps. Level after level, the
// cells of a level in raster order, the boxes of a cell innermost: the order of the networks' outputs.
//
//   std::vector<Box> anchors = anchors_of(ssd_mobilenet_anchors(), {{40, 40}, {20, 20}, ...}, {640, 640});
//
// Sizes and aspect ratios: SPEC 11.1 (SSD300), 11.2 (SSD-MobileNet), 10.1 and 10.3 (region proposals).

#include "vitrail/detect/box.h"
#include "vitrail/graph/instance_system.h"

namespace vitrail {

/// Anchors in pixels of an input of `image`, not clipped. `maps` has one entry per level. Throws Error(usage)
/// when it has not, or when a size is not a positive number.
std::vector<Box> anchors_of(const AnchorSystem& system, const std::vector<Extent>& maps, Extent image);
/// Boxes per cell of each level: the predictors' channels are 4 and classes + 1 times that.
std::vector<int64_t> anchors_per_cell(const AnchorSystem& system);

/// TensorFlow's: six levels, scales 0.2 to 0.95 of the smaller side, 3 boxes per cell on the first level and
/// 6 on the others. 1917 anchors at 300x300, 8028 at 640x640. The first level also has a square of half its
/// scale.
AnchorSystem ssd_mobilenet_anchors(const std::vector<double>& scales = {0.2, 0.35, 0.5, 0.65, 0.8, 0.95});

/// SSD300's 8732 anchors. `caffe_voc` and `caffe_coco` differ in their sizes; `torchvision` has COCO's, none
/// larger than the image.
enum class Ssd300Boxes { caffe_voc, caffe_coco, torchvision };
AnchorSystem ssd300_anchors(Ssd300Boxes boxes = Ssd300Boxes::torchvision);

/// Anchors of a region proposal network.
///
///   rpn_anchors({.sizes = {{32, 64, 128, 256, 512}}, .steps = {16}})             // Mask R-CNN R50-C4
///   rpn_anchors({.sizes = {{32}, {64}, {128}, {256}, {512}}, .whole = true})     // torchvision's FPN
struct RpnAnchors {
  std::vector<std::vector<double>> sizes;     ///< per level, in pixels: square roots of the areas
  std::vector<double> ratios{0.5, 1.0, 2.0};  ///< height / width
  std::vector<double> steps;     ///< pixels between centres, per level; empty: image side / cells
  bool ratios_innermost = true;  ///< of a cell: size after size, each in all ratios; else ratio after ratio
  bool whole = false;            ///< torchvision's: corners and steps are whole numbers
};
AnchorSystem rpn_anchors(const RpnAnchors& options);

}  // namespace vitrail
