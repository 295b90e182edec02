#pragma once
// The masks of an SSD's boxes as part of a graph: crops, branches, pasting. Private to what end_to_end.h
// exports.

#include <vector>

#include "vitrail/detect/box.h"
#include "vitrail/graph/model.h"
#include "vitrail/predict/end_to_end/crops.h"

namespace vitrail {

class WholeMasks {
 public:
  WholeMasks(const Model& model, const SsdSystem& system, Extent size, const Expressions& e)
      : model_(model), system_(system), size_(size), e_(e) {}

  /// u8 [D, H, W] for boxes [D, 4] and classes [D]; `maps` are those of the system's crop strides.
  Value of(Value found_boxes, Value found_classes, const std::vector<Value>& maps);

 private:
  BoxColumns cells_of(const BoxColumns& boxes) const;
  std::vector<Value> fitting(const BoxColumns& cells) const;
  Value crop(Value map, int64_t stride, const BranchSystem& branch, const BoxColumns& regions) const;
  Value resized_crop(Value map, int64_t stride, Pair grid, const BoxColumns& regions) const;
  Value coverage(const BoxColumns& boxes, const BoxColumns& regions, Pair grid) const;
  Value covered(Value from, Value to, Value begin, Value end, int64_t parts) const;
  Value branch_masks(const BranchSystem& branch, const BoxColumns& boxes, const BoxColumns& regions,
                     Value classes, const std::vector<Value>& maps) const;
  Value pasted(Value masks, const BoxColumns& boxes, const BoxColumns& regions) const;

  const Model& model_;
  const SsdSystem& system_;
  Extent size_;
  const Expressions& e_;
};

}  // namespace vitrail
