#pragma once
// Products of small and middle-sized matrices in registers: the inner loop of Winograd's convolution and of
// 1x1 convolutions that run strip by strip.
//
//   std::vector<float> packed(packed_floats(k, n));
//   pack_matrix(b, n, 1, k, n, packed.data());             // once, b is a constant
//   multiply(a, k, packed.data(), c, n, {m, n, k}, {});    // c = a * b, all row-major
//
// One thread; the same rows give the same bits however many are done at once.

#include <cstdint>
#include <limits>

namespace vitrail::engine_detail::kernel {

constexpr int64_t panel_width = 32;  ///< columns of B that lie together, row by row

/// Floats that pack_matrix writes for k x n: columns are filled up with zeros to a multiple of 16.
int64_t packed_floats(int64_t k, int64_t n);
/// b[i * row_step + j * column_step] for i < k, j < n, as multiply() wants it.
void pack_matrix(const float* b, int64_t row_step, int64_t column_step, int64_t k, int64_t n, float* packed);

struct MatrixSizes {
  int64_t m = 0, n = 0, k = 0;
};

/// What happens to a sum before it is stored: y = min(max(sum + bias[column] (+ y), low), high).
struct MatrixEnd {
  const float* bias = nullptr;  ///< n values, or none
  bool accumulate = false;      ///< adds what is in C
  float low = -std::numeric_limits<float>::infinity();
  float high = std::numeric_limits<float>::infinity();
};

/// C [m, n] = end(A [m, k] * B); lda and ldc are the floats from row to row.
void multiply(const float* a, int64_t lda, const float* packed, float* c, int64_t ldc,
              const MatrixSizes& sizes, const MatrixEnd& end);

/// The same where each row of A is `parts` pieces of sizes.k floats that lie apart: piece p of row i starts
/// at a[p] + i * lda. (The window of a convolution: a piece for each of its rows.) Pieces may overlap.
void multiply(const float* const* a, int64_t parts, int64_t lda, const float* packed, float* c, int64_t ldc,
              const MatrixSizes& sizes, const MatrixEnd& end);

}  // namespace vitrail::engine_detail::kernel
