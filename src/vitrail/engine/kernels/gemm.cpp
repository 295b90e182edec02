#include "vitrail/engine/kernels/gemm.h"

#include <algorithm>
#include <array>
#include <utility>

#include "vitrail/base/checked.h"
#include "vitrail/engine/kernels/gemm_parts.h"
#include "vitrail/engine/kernels/isa.h"
#include "vitrail/engine/kernels/lanes.h"

namespace vitrail::engine_detail::kernel {
namespace {

struct Tile {
  const float* const* a;
  int64_t parts, offset, lda;  // a row's pieces start `offset` after a[...]
  const float* b;
  int64_t ldb;
  float* c;
  int64_t ldc, k;
  const float* bias;  // as many as the tile has columns, or nullptr
  bool accumulate;
  float low, high;
};

// rows x (vectors * lanes) of C in registers over all of k.
template <int lanes, int rows, int vectors>
VITRAIL_INLINE void tile(const Tile& t) {
  using V = typename kernels::LaneTypes<lanes>::Unaligned;
  constexpr int groups = (rows + 3) / 4;  // four rows share a pointer: addresses then need few registers
  V sum[rows][vectors];
#pragma GCC unroll 16
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v)
      sum[r][v] = t.bias != nullptr ? *reinterpret_cast<const V*>(t.bias + v * lanes) : V{};
      // C is not needed before the sums are done: its lines may arrive meanwhile.
#pragma GCC unroll 16
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v)
      __builtin_prefetch(t.c + r * t.ldc + v * lanes, 1);
  const int64_t lda = t.lda, lda3 = 3 * lda;
  const float* b = t.b;
  for (int64_t p = 0; p < t.parts; ++p) {
    const float* base[groups];
#pragma GCC unroll 4
    for (int g = 0; g < groups; ++g)
      base[g] = t.a[p] + t.offset + 4 * g * t.lda;
    for (int64_t i = 0; i < t.k; ++i) {
      V column[vectors];
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v)
        column[v] = *reinterpret_cast<const V*>(b + v * lanes);
#pragma GCC unroll 16
      for (int r = 0; r < rows; ++r) {
        const float x = r % 4 == 3 ? base[r / 4][lda3] : base[r / 4][r % 4 * lda];
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v)
          sum[r][v] += x * column[v];
      }
      b += t.ldb;
#pragma GCC unroll 4
      for (int g = 0; g < groups; ++g)
        ++base[g];
    }
  }
  // Read once: stores might change what t holds.
  const V low = V{} + t.low, high = V{} + t.high;
  const bool accumulate = t.accumulate;
  float* const c = t.c;
  const int64_t ldc = t.ldc;
#pragma GCC unroll 16
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      V* out = reinterpret_cast<V*>(c + r * ldc + v * lanes);
      V y = accumulate ? sum[r][v] + *out : sum[r][v];
      y = y < low ? low : y;
      *out = y > high ? high : y;
    }
}

using TileFunction = void (*)(const Tile&);

template <int rows, int vectors>
VITRAIL_WIDE_16 void tile_avx512(const Tile& t) {
  tile<16, rows, vectors>(t);
}
template <int rows, int vectors>
VITRAIL_WIDE_8 void tile_avx2(const Tile& t) {
  tile<8, rows, vectors>(t);
}
template <int rows, int vectors>
void tile_baseline(const Tile& t) {
  tile<4, rows, vectors>(t);
}

// The functions for 1, 2, ... rows, by whether the tile has two vectors of columns.
struct TileSet {
  int64_t rows;   // most of a tile
  int64_t lanes;  // floats of a vector
  std::array<TileFunction, most_rows> one, two;
};

template <int... r>
TileSet avx512_set(std::integer_sequence<int, r...>) {
  return {12, 16, {tile_avx512<r + 1, 1>...}, {tile_avx512<r + 1, 2>...}};
}
template <int... r>
TileSet avx2_set(std::integer_sequence<int, r...>) {
  return {6, 8, {tile_avx2<r + 1, 1>...}, {tile_avx2<r + 1, 2>...}};
}
template <int... r>
TileSet baseline_set(std::integer_sequence<int, r...>) {
  return {6, 4, {tile_baseline<r + 1, 1>...}, {tile_baseline<r + 1, 2>...}};
}

const TileSet& tile_set() {
  static const TileSet set = [] {
    switch (isa()) {
      case Isa::avx512: return avx512_set(std::make_integer_sequence<int, 12>());
      case Isa::avx2: return avx2_set(std::make_integer_sequence<int, 6>());
      case Isa::baseline: break;
    }
    return baseline_set(std::make_integer_sequence<int, 6>());
  }();
  return set;
}

// All rows of a panel's columns [0, columns), which are packed with `width` of them side by side.
void multiply_panel(const TileSet& set, Tile t, int64_t m, int64_t columns, int64_t width) {
  float bias[panel_width] = {};
  if (t.bias != nullptr) std::copy_n(t.bias, columns, bias);
  const int64_t blocks = ceil_div(m, set.rows);
  for (int64_t block = 0; block < blocks; ++block) {
    const int64_t first = m * block / blocks, rows = m * (block + 1) / blocks - first;
    for (int64_t at = 0; at < columns;) {
      const int64_t step = std::min(2 * set.lanes, width - at), left = columns - at;
      Tile part = t;
      part.offset = t.offset + first * t.lda;
      part.b = t.b + at;
      part.ldb = width;
      part.c = t.c + first * t.ldc + at;
      part.bias = t.bias != nullptr ? bias + at : nullptr;
      const TileFunction compute = (step == set.lanes ? set.one : set.two)[static_cast<size_t>(rows - 1)];
      if (left >= step)
        compute(part);
      else
        partial_tile(part, rows, left, step, compute);
      at += step;
    }
  }
}

}  // namespace

int64_t packed_floats(int64_t k, int64_t n) {
  return checked_mul(k, round_up(n, column_unit), "packed matrix");
}

void pack_matrix(const float* b, int64_t row_step, int64_t column_step, int64_t k, int64_t n, float* packed) {
  for (int64_t first = 0; first < n; first += panel_width) {
    const int64_t width = std::min(round_up(n - first, column_unit), panel_width);
    for (int64_t i = 0; i < k; ++i)
      for (int64_t j = 0; j < width; ++j)
        *packed++ = first + j < n ? b[i * row_step + (first + j) * column_step] : 0;
  }
}

void multiply(const float* a, int64_t lda, const float* packed, float* c, int64_t ldc,
              const MatrixSizes& sizes, const MatrixEnd& end) {
  multiply(&a, 1, lda, packed, c, ldc, sizes, end);
}

void multiply(const float* const* a, int64_t parts, int64_t lda, const float* packed, float* c, int64_t ldc,
              const MatrixSizes& sizes, const MatrixEnd& end) {
  const TileSet& set = tile_set();
  // Rows of A that stay in the cache while all panels of B pass by.
  const int64_t depth = std::max<int64_t>(sizes.k * parts, 1);
  const int64_t rows = std::max(round_up(65536 / depth, set.rows), set.rows);
  for (int64_t first = 0; first < sizes.m; first += rows) {
    const int64_t m = std::min(rows, sizes.m - first);
    for (int64_t column = 0; column < sizes.n; column += panel_width) {
      const int64_t columns = std::min(panel_width, sizes.n - column);
      const int64_t width = round_up(columns, column_unit);
      const Tile t{a,
                   parts,
                   first * lda,
                   lda,
                   packed + column * depth,
                   width,
                   c + first * ldc + column,
                   ldc,
                   sizes.k,
                   end.bias != nullptr ? end.bias + column : nullptr,
                   end.accumulate,
                   end.low,
                   end.high};
      multiply_panel(set, t, m, columns, width);
    }
  }
}

}  // namespace vitrail::engine_detail::kernel
