#pragma once
// From boxes to what SSD's segmentation branches see (SPEC 11.3): which branch takes which box, and the crops
// of the maps.
//
//   std::vector<std::vector<int64_t>> of_branch = assign_branches(boxes, system, {640, 640});   // best box
//   first Box region = region_of(boxes[i], system, {640, 640});                  // what the mask of box i
//   covers Tensor crop = branch_crops(map_16, 16, regions, images, system.branches[b], {640, 640});    //
//   [R,C,18,8]
//
// Boxes are in pixels of the network's input. The branches' unit is the cell of the map of stride 32; on the
// maps of stride 16 and 8 a crop has two and four times as many. With system.from_anchors the boxes are the
// anchors that the detections came from (Detection::source), so that no crop waits for a decoded box.

#include "vitrail/base/tensor.h"
#include "vitrail/detect/box.h"
#include "vitrail/graph/instance_system.h"

namespace vitrail {

/// Cells [y, y + height) x [x, x + width).
struct Cells {
  int64_t y = 0, x = 0, height = 1, width = 1;
  friend bool operator==(const Cells&, const Cells&) = default;
};

inline constexpr int64_t branch_stride = 32;  ///< pixels per cell of a branch's shape

/// The cells that a box touches, clipped to the map, at least one. A box that lies outside gets the nearest
/// cell.
Cells encompassing_cells(const Box& box, int64_t stride, Extent map);
/// The same for the map of stride 32 of an input of `image` (its sides rounded up to whole cells).
Cells encompassing_cells(const Box& box, Extent image);
/// Their outline in pixels.
Box outline(const Cells& cells, int64_t stride = branch_stride);

/// What a branch crops for a box, and its mask covers: the outline of the encompassing cells, or the box
/// itself (system.encompassing = false).
Box region_of(const Box& box, const SsdSystem& system, Extent image);

/// Index of the branch that takes a box, as system.choice says; -1: none does. `exact`: the branch of the
/// very shape of the encompassing cells, else the last one if it resizes. `largest_not_exceeding`: the first
/// in order that is neither higher nor wider.
int64_t branch_of(const Box& box, const SsdSystem& system, Extent image);

/// For every branch the indices of its boxes, in the order of `boxes` (best first), no more than its
/// `most_boxes`: those beyond get no mask. `limited` false: all of them.
std::vector<std::vector<int64_t>> assign_branches(std::span<const Box> boxes, const SsdSystem& system,
                                                  Extent image, bool limited = true);

/// Crops [R,C,h,w] of a map [N,C,H,W] of `stride`, h x w being the branch's shape times 32 / stride. A region
/// that is made of whole cells and has the branch's shape is copied as it is; another one is resized:
/// crop_and_pool (roi.h). Cells outside of the map are 0. Throws Error(shape) for a region that does not fit
/// a branch that does not resize.
Tensor branch_crops(const Tensor& map, int64_t stride, std::span<const Box> regions,
                    std::span<const int64_t> images, const BranchSystem& branch, Extent image);

/// For branches that know the very box (system.box_conditioned): [R,1,height,width], for every part of a
/// region the share (0..1) of it that the box covers.
Tensor box_coverage(std::span<const Box> boxes, std::span<const Box> regions, Extent grid);

}  // namespace vitrail
