#pragma once
// The masks of boxes as part of a graph: crops, branches, pasting. Private to end_to_end.cpp.

#include <vector>

#include "vitrail/detect/box.h"
#include "vitrail/graph/expressions.h"
#include "vitrail/graph/model.h"

namespace vitrail {

class WholeMasks {
 public:
  WholeMasks(const Model& model, const SsdSystem& system, Extent size, const Expressions& e)
      : model_(model), system_(system), size_(size), e_(e) {}

  /// u8 [D, H, W] for boxes [D, 4] and classes [D]; `maps` are those of the system's crop strides.
  Value of(Value found_boxes, Value found_classes, const std::vector<Value>& maps);

 private:
  /// Boxes by column, f32 [n].
  struct Columns {
    Value x1, y1, x2, y2;
  };
  /// Boxes that one branch takes.
  struct Taken {
    Value whether, rank;  ///< of all boxes: bool [D]; i64 [D], the how manieth of this branch
    Value indices;        ///< of its own: i64 [n]
    Value count;          ///< i64 [1], at least 1
  };

  Columns columns_of(Value boxes) const;
  Columns some(const Columns& all, Value indices) const;
  Columns cells_of(const Columns& boxes) const;
  std::vector<Value> fitting(const Columns& cells) const;
  Taken taken_by(Value fits, int64_t most) const;
  Value rois(const Columns& boxes) const;
  Value crop(Value map, int64_t stride, const BranchSystem& branch, const Columns& regions) const;
  Value pooled_crop(Value map, int64_t stride, Pair grid, const Columns& regions) const;
  Value coverage(const Columns& boxes, const Columns& regions, Pair grid) const;
  Value covered(Value from, Value to, Value begin, Value end, int64_t parts) const;
  Value branch_masks(const BranchSystem& branch, const Columns& boxes, const Columns& regions, Value classes,
                     const std::vector<Value>& maps) const;
  Value pasted(Value masks, const Columns& boxes, const Columns& regions) const;
  Value inside(Value low, Value high, int64_t side) const;

  const Model& model_;
  const SsdSystem& system_;
  Extent size_;
  const Expressions& e_;
};

}  // namespace vitrail
