#pragma once
// multiply() of gemm.h with both matrices rounded to bf16 (8 bits of precision) and sums in f32: twice the
// arithmetic of f32 where the processor has avx512_bf16. A is rounded on the way in, so maps stay f32.

#include <cstdint>

#include "vitrail/engine/kernels/gemm.h"

namespace vitrail::engine_detail::kernel {

/// Whether this processor has the instructions, and oneDNN may use them.
bool has_bf16();

/// The longest row of A (all its pieces together) that multiply_bf16 takes.
constexpr int64_t most_bf16_depth = 8192;

/// 16-bit numbers that pack_matrix_bf16 writes: rows are filled up to an even number, columns to a multiple
/// of 16.
int64_t packed_bf16_count(int64_t k, int64_t n);
void pack_matrix_bf16(const float* b, int64_t row_step, int64_t column_step, int64_t k, int64_t n,
                      uint16_t* packed);

// has_bf16() must hold for all that follow.

/// The nearest of each, ties to even. Writes whole vectors: up to 15 numbers more, zeros.
void round_to_bf16(const float* x, int64_t count, uint16_t* y);
constexpr int64_t bf16_slack = 15;

/// C = end(A * B) where the rows of A are rounded and filled up to an even number with anything finite.
void multiply_rounded(const uint16_t* a, const uint16_t* packed, float* c, int64_t ldc,
                      const MatrixSizes& sizes, const MatrixEnd& end);

/// As multiply().
void multiply_bf16(const float* const* a, int64_t parts, int64_t lda, const uint16_t* packed, float* c,
                   int64_t ldc, const MatrixSizes& sizes, const MatrixEnd& end);

}  // namespace vitrail::engine_detail::kernel
