#include "vitrail/engine/layout.h"

#include <algorithm>
#include <numeric>

#include "vitrail/base/checked.h"
#include "vitrail/base/parallel.h"

namespace vitrail::engine_detail {

std::vector<size_t> storage_order(size_t rank, bool row_major) {
  if (rank == 4 && !row_major) return {0, 2, 3, 1};
  std::vector<size_t> order(rank);
  std::iota(order.begin(), order.end(), size_t{0});
  return order;
}

std::vector<int64_t> storage_strides(const Shape& shape, bool row_major) {
  std::vector<int64_t> strides(shape.size());
  const std::vector<size_t> order = storage_order(shape.size(), row_major);
  int64_t stride = 1;
  for (size_t i = order.size(); i-- > 0;) {
    strides[order[i]] = stride;
    stride *= shape[order[i]];
  }
  return strides;
}

bool same_as_row_major(const Shape& shape) {
  return shape.size() != 4 || shape[1] == 1 || shape[2] * shape[3] == 1;
}

AxisView axis_view(const Shape& shape, int64_t axis, bool row_major) {
  const auto wanted = static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(shape.size()) : axis);
  AxisView view;
  bool before = true;
  for (const size_t d : storage_order(shape.size(), row_major)) {
    if (d == wanted) {
      view.size = shape[d];
      before = false;
    } else {
      (before ? view.outer : view.inner) *= shape[d];
    }
  }
  return view;
}

Tensor to_storage(const Tensor& tensor) {
  if (same_as_row_major(tensor.shape())) return tensor;
  Tensor stored = Tensor::empty(DataType::f32, tensor.shape());
  transpose_images(tensor.data<float>().data(), stored.data<float>().data(), tensor.size(0), tensor.size(1),
                   tensor.size(2) * tensor.size(3));
  return stored;
}

void transpose_images(const float* from, float* to, int64_t images, int64_t rows, int64_t columns) {
  constexpr int64_t tile = 512, block = 16;  // a tile per task; a block is a cache line each way
  const int64_t row_tiles = ceil_div(rows, tile), column_tiles = ceil_div(columns, tile);
  parallel_for(images * row_tiles * column_tiles, 1, [&](int64_t index) {
    const int64_t image = index / (row_tiles * column_tiles);
    const int64_t first_row = index / column_tiles % row_tiles * tile;
    const int64_t first_column = index % column_tiles * tile;
    const int64_t end_row = std::min(first_row + tile, rows);
    const int64_t end_column = std::min(first_column + tile, columns);
    const float* source = from + image * rows * columns;
    float* target = to + image * rows * columns;
    for (int64_t y0 = first_row; y0 < end_row; y0 += block)
      for (int64_t x0 = first_column; x0 < end_column; x0 += block)
        for (int64_t x = x0; x < std::min(x0 + block, end_column); ++x)
          for (int64_t y = y0; y < std::min(y0 + block, end_row); ++y)
            target[x * rows + y] = source[y * columns + x];
  });
}

}  // namespace vitrail::engine_detail
