#pragma once
// Shared by the products of gemm.h and gemm_bf16.h.

#include <algorithm>
#include <cstdint>

#include "vitrail/engine/kernels/gemm.h"

namespace vitrail::engine_detail::kernel {

constexpr int64_t column_unit = 16;  ///< packed columns come in these
constexpr int64_t most_rows = 12;    ///< rows of C that are kept in registers, at most

/// A tile of which only `columns` of `width` exist: compute(tile) makes it beside C, and those are copied.
template <class Tile, class Compute>
void partial_tile(Tile tile, int64_t rows, int64_t columns, int64_t width, const Compute& compute) {
  float beside[most_rows * panel_width];
  float* c = tile.c;
  const int64_t ldc = tile.ldc;
  if (tile.accumulate)
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t j = 0; j < width; ++j)
        beside[r * width + j] = j < columns ? c[r * ldc + j] : 0;
  tile.c = beside;
  tile.ldc = width;
  compute(tile);
  for (int64_t r = 0; r < rows; ++r)
    std::copy_n(beside + r * width, columns, c + r * ldc);
}

}  // namespace vitrail::engine_detail::kernel
