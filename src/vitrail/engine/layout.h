#pragma once
// How values lie in memory inside a program: rank-4 f32 values channels-last (N,H,W,C) unless choose_layouts
// says otherwise, all others row-major.

#include <vector>

#include "vitrail/base/tensor.h"

namespace vitrail::engine_detail {

/// Dimensions from the slowest to the fastest in memory: {0, 2, 3, 1} for rank 4, unless it is row-major.
std::vector<size_t> storage_order(size_t rank, bool row_major = false);
/// Elements between neighbours, by logical dimension.
std::vector<int64_t> storage_strides(const Shape& shape, bool row_major = false);
/// Whether channels-last and row-major are the same bytes for this f32 shape.
bool same_as_row_major(const Shape& shape);

/// Around one dimension, in memory order: `outer` blocks of `size` rows of `inner` contiguous elements.
struct AxisView {
  int64_t outer = 1, size = 1, inner = 1;
};
AxisView axis_view(const Shape& shape, int64_t axis, bool row_major = false);

/// A row-major tensor rewritten in storage layout (the same tensor where that is the same).
Tensor to_storage(const Tensor& tensor);

/// Transposes `images` matrices of rows x columns floats.
void transpose_images(const float* from, float* to, int64_t images, int64_t rows, int64_t columns);

}  // namespace vitrail::engine_detail
