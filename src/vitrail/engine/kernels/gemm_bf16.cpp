#include "vitrail/engine/kernels/gemm_bf16.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "oneapi/dnnl/dnnl.hpp"
#include "vitrail/base/checked.h"
#include "vitrail/engine/kernels/gemm_parts.h"
#include "vitrail/engine/kernels/lanes.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#include <immintrin.h>
#define VITRAIL_HAS_BF16_KERNEL 1
#define VITRAIL_BF16 __attribute__((target("arch=x86-64-v4,avx512bf16,prefer-vector-width=512")))
#endif

namespace vitrail::engine_detail::kernel {
namespace {

// Nearest, ties to even; what is not a number stays so.
uint16_t rounded(float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  if ((bits & 0x7fffffff) > 0x7f800000) return static_cast<uint16_t>((bits >> 16) | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

}  // namespace

int64_t packed_bf16_count(int64_t k, int64_t n) {
  return checked_mul(round_up(k, 2), round_up(n, column_unit), "packed matrix");
}

void pack_matrix_bf16(const float* b, int64_t row_step, int64_t column_step, int64_t k, int64_t n,
                      uint16_t* packed) {
  for (int64_t first = 0; first < n; first += panel_width) {
    const int64_t width = std::min(round_up(n - first, column_unit), panel_width);
    for (int64_t i = 0; i < k; i += 2)
      for (int64_t j = 0; j < width; ++j)
        for (int64_t half = i; half < i + 2; ++half) {
          const bool exists = half < k && first + j < n;
          *packed++ = exists ? rounded(b[half * row_step + (first + j) * column_step]) : uint16_t{0};
        }
  }
}

#if defined(VITRAIL_HAS_BF16_KERNEL)

bool has_bf16() {
  static const bool has = [] {
    const auto wanted = static_cast<int>(dnnl::cpu_isa::avx512_core_bf16);
    return (static_cast<int>(dnnl::get_effective_cpu_isa()) & wanted) == wanted &&
           __builtin_cpu_supports("avx512bf16");
  }();
  return has;
}

namespace {

struct Tile {
  const uint32_t* a;  // pairs of bf16, `lda` pairs from row to row
  int64_t lda;
  const uint16_t* b;
  int64_t ldb;  // pairs
  float* c;
  int64_t ldc, pairs;
  const float* bias;
  bool accumulate;
  float low, high;
};

template <int rows, int vectors>
VITRAIL_BF16 void tile(const Tile& t) {
  __m512 sum[rows][vectors];
#pragma GCC unroll 16
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      sum[r][v] = t.bias != nullptr ? _mm512_loadu_ps(t.bias + v * 16) : _mm512_setzero_ps();
      __builtin_prefetch(t.c + r * t.ldc + v * 16, 1);
    }
  constexpr int groups = (rows + 3) / 4;  // four rows share a pointer: addresses then need few registers
  const uint32_t* base[groups];
#pragma GCC unroll 4
  for (int g = 0; g < groups; ++g)
    base[g] = t.a + 4 * g * t.lda;
  const int64_t lda = t.lda, lda3 = 3 * lda;
  const uint16_t* b = t.b;
  for (int64_t i = 0; i < t.pairs; ++i) {
    __m512bh column[vectors];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v)
      std::memcpy(&column[v], b + v * 32, 64);
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r) {
      const uint32_t pair = r % 4 == 3 ? base[r / 4][lda3] : base[r / 4][r % 4 * lda];
      const __m512bh x = (__m512bh)_mm512_set1_epi32(static_cast<int>(pair));
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v)
        sum[r][v] = _mm512_dpbf16_ps(sum[r][v], x, column[v]);
    }
    b += 2 * t.ldb;
#pragma GCC unroll 4
    for (int g = 0; g < groups; ++g)
      ++base[g];
  }
  const __m512 low = _mm512_set1_ps(t.low), high = _mm512_set1_ps(t.high);
#pragma GCC unroll 16
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      float* out = t.c + r * t.ldc + v * 16;
      __m512 y = t.accumulate ? _mm512_add_ps(sum[r][v], _mm512_loadu_ps(out)) : sum[r][v];
      y = y < low ? low : y;
      _mm512_storeu_ps(out, y > high ? high : y);
    }
}

using TileFunction = void (*)(const Tile&);
template <int vectors, int... r>
constexpr std::array<TileFunction, most_rows> tiles(std::integer_sequence<int, r...>) {
  return {tile<r + 1, vectors>...};
}
constexpr auto one_vector = tiles<1>(std::make_integer_sequence<int, most_rows>());
constexpr auto two_vectors = tiles<2>(std::make_integer_sequence<int, most_rows>());

struct Pieces {
  const float* const* a;
  int64_t parts, lda, length;  // floats of a piece
};

// Whole vectors, zeros at the end.
VITRAIL_BF16 inline void round_piece(const float* x, int64_t whole, __mmask16 last, uint16_t* y) {
  for (int64_t i = 0; i < whole; i += 16) {
    const __m256bh half = _mm512_cvtneps_pbh(_mm512_loadu_ps(x + i));
    std::memcpy(y + i, &half, 32);
  }
  const __m256bh half = _mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(last, x + whole));
  std::memcpy(y + whole, &half, 32);
}

int64_t whole_vectors(int64_t count) {
  return (count - 1) / 16 * 16;
}

__mmask16 last_mask(int64_t count) {
  return static_cast<__mmask16>((1u << (count - whole_vectors(count))) - 1);
}

// Rows [first, first + m), `even` numbers each. What is written beyond a piece is overwritten afterwards, but
// for the last row's.
VITRAIL_BF16 void round_rows(const Pieces& from, int64_t first, int64_t m, int64_t even, uint16_t* to) {
  const int64_t whole = whole_vectors(from.length);
  const __mmask16 last = last_mask(from.length);
  for (int64_t r = 0; r < m; ++r)
    for (int64_t p = 0; p < from.parts; ++p)
      round_piece(from.a[p] + (first + r) * from.lda, whole, last, to + r * even + p * from.length);
}

// Rows of A that are rounded at once: they stay in the first cache while panels pass by that lie in the
// second, or are many where all panels together are larger.
int64_t rows_at_once(int64_t even, int64_t n) {
  constexpr int64_t near = 12 << 10, cached_panels = 128 << 10;  // 16-bit numbers
  const int64_t numbers = even * n <= cached_panels ? near : most_rows * most_bf16_depth;
  return std::max(numbers / even / most_rows * most_rows, most_rows);
}

void multiply_panel(const Tile& t, int64_t m, int64_t columns, int64_t width) {
  float bias[panel_width] = {};
  if (t.bias != nullptr) std::copy_n(t.bias, columns, bias);
  const int64_t blocks = ceil_div(m, most_rows);
  for (int64_t block = 0; block < blocks; ++block) {
    const int64_t first = m * block / blocks, rows = m * (block + 1) / blocks - first;
    Tile part = t;
    part.a = t.a + first * t.lda;
    part.c = t.c + first * t.ldc;
    part.bias = t.bias != nullptr ? bias : nullptr;
    const TileFunction compute =
        (width == column_unit ? one_vector : two_vectors)[static_cast<size_t>(rows - 1)];
    if (columns < width)
      partial_tile(part, rows, columns, width, compute);
    else
      compute(part);
  }
}

}  // namespace

VITRAIL_BF16 void round_to_bf16(const float* x, int64_t count, uint16_t* y) {
  round_piece(x, whole_vectors(count), last_mask(count), y);
}

void multiply_rounded(const uint16_t* a, const uint16_t* packed, float* c, int64_t ldc,
                      const MatrixSizes& sizes, const MatrixEnd& end) {
  const int64_t even = round_up(sizes.k, 2);
  for (int64_t column = 0; column < sizes.n; column += panel_width) {
    const int64_t columns = std::min(panel_width, sizes.n - column);
    const int64_t width = round_up(columns, column_unit);
    const Tile t{reinterpret_cast<const uint32_t*>(a),
                 even / 2,
                 packed + column * even,
                 width,
                 c + column,
                 ldc,
                 even / 2,
                 end.bias != nullptr ? end.bias + column : nullptr,
                 end.accumulate,
                 end.low,
                 end.high};
    multiply_panel(t, sizes.m, columns, width);
  }
}

void multiply_bf16(const float* const* a, int64_t parts, int64_t lda, const uint16_t* packed, float* c,
                   int64_t ldc, const MatrixSizes& sizes, const MatrixEnd& end) {
  alignas(64) uint16_t block[most_rows * most_bf16_depth + bf16_slack];
  const int64_t depth = sizes.k * parts, even = round_up(depth, 2), rows = rows_at_once(even, sizes.n);
  for (int64_t first = 0; first < sizes.m; first += rows) {
    const int64_t m = std::min(rows, sizes.m - first);
    round_rows({a, parts, lda, sizes.k}, first, m, even, block);
    multiply_rounded(block, packed, c + first * ldc, ldc, {m, sizes.n, depth}, end);
  }
}

#else

bool has_bf16() {
  return false;
}

void round_to_bf16(const float*, int64_t, uint16_t*) {}

void multiply_rounded(const uint16_t*, const uint16_t*, float*, int64_t, const MatrixSizes&,
                      const MatrixEnd&) {}

void multiply_bf16(const float* const*, int64_t, int64_t, const uint16_t*, float*, int64_t,
                   const MatrixSizes&, const MatrixEnd&) {}

#endif

}  // namespace vitrail::engine_detail::kernel
