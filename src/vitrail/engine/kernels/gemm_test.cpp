#include "vitrail/engine/kernels/gemm.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "vitrail/base/random.h"
#include "vitrail/engine/kernels/gemm_bf16.h"

namespace vitrail::engine_detail::kernel {
namespace {

std::vector<float> random_values(Random& random, int64_t count) {
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values)
    value = static_cast<float>(random.uniform(-1, 1));
  return values;
}

struct Product {
  MatrixSizes sizes;
  int64_t lda = 0, ldc = 0;
  std::vector<float> a, b, bias, before;

  explicit Product(Random& random) {
    sizes = {random.integer(1, 40), random.integer(1, 100), random.integer(1, 70)};
    lda = sizes.k + random.integer(0, 5);
    ldc = sizes.n + random.integer(0, 5);
    a = random_values(random, sizes.m * lda);
    b = random_values(random, sizes.k * sizes.n);
    bias = random_values(random, sizes.n);
    before = random_values(random, sizes.m * ldc);
  }

  std::vector<float> packed() const {
    std::vector<float> result(static_cast<size_t>(packed_floats(sizes.k, sizes.n)));
    pack_matrix(b.data(), sizes.n, 1, sizes.k, sizes.n, result.data());
    return result;
  }

  double expected(int64_t i, int64_t j, const MatrixEnd& end) const {
    double sum = end.bias != nullptr ? bias[static_cast<size_t>(j)] : 0;
    if (end.accumulate) sum += before[static_cast<size_t>(i * ldc + j)];
    for (int64_t l = 0; l < sizes.k; ++l)
      sum +=
          static_cast<double>(a[static_cast<size_t>(i * lda + l)]) * b[static_cast<size_t>(l * sizes.n + j)];
    return std::clamp<double>(sum, end.low, end.high);
  }
};

TEST(Multiply, EqualsThePlainSumsAndTouchesNothingElse) {
  Random random(1);
  for (int round = 0; round < 60; ++round) {
    const Product p(random);
    MatrixEnd end;
    if (random.chance(0.5)) end.bias = p.bias.data();
    end.accumulate = random.chance(0.5);
    if (random.chance(0.5)) end.low = 0;
    if (random.chance(0.5)) end.high = 2;
    std::vector<float> c = p.before;
    multiply(p.a.data(), p.lda, p.packed().data(), c.data(), p.ldc, p.sizes, end);
    for (int64_t i = 0; i < p.sizes.m; ++i)
      for (int64_t j = 0; j < p.ldc; ++j) {
        const auto at = static_cast<size_t>(i * p.ldc + j);
        if (j < p.sizes.n)
          ASSERT_NEAR(c[at], p.expected(i, j, end), 1e-4) << round << ": " << i << ", " << j;
        else
          ASSERT_EQ(c[at], p.before[at]) << "beyond the columns";
      }
  }
}

TEST(Multiply, ARowIsTheSameHoweverManyAreDoneAtOnce) {
  Random random(2);
  for (int round = 0; round < 20; ++round) {
    const Product p(random);
    const std::vector<float> packed = p.packed();
    std::vector<float> together = p.before, apart = p.before;
    multiply(p.a.data(), p.lda, packed.data(), together.data(), p.ldc, p.sizes, {});
    for (int64_t i = 0; i < p.sizes.m; ++i)
      multiply(p.a.data() + i * p.lda, p.lda, packed.data(), apart.data() + i * p.ldc, p.ldc,
               {1, p.sizes.n, p.sizes.k}, {});
    ASSERT_EQ(together, apart);
  }
}

TEST(Multiply, RowsInPiecesEqualRowsInOne) {
  Random random(3);
  for (int round = 0; round < 20; ++round) {
    const Product p(random);
    const int64_t half = p.sizes.k / 2;
    if (half * 2 != p.sizes.k || half == 0) continue;
    const std::vector<float> packed = p.packed();
    std::vector<float> whole = p.before, pieces = p.before;
    multiply(p.a.data(), p.lda, packed.data(), whole.data(), p.ldc, p.sizes, {});
    const float* parts[] = {p.a.data(), p.a.data() + half};
    multiply(parts, 2, p.lda, packed.data(), pieces.data(), p.ldc, {p.sizes.m, p.sizes.n, half}, {});
    ASSERT_EQ(whole, pieces);
  }
}

// Against plain sums of operands that bf16 holds exactly, so that only the order of the sums differs.
TEST(MultiplyBf16, EqualsThePlainSumsOfRoundedOperands) {
  if (!has_bf16()) GTEST_SKIP() << "this processor has no avx512_bf16, or it may not be used";
  Random random(4);
  for (int round = 0; round < 40; ++round) {
    Product p(random);
    for (float& value : p.a)
      value = static_cast<float>(random.integer(-128, 128)) / 64;
    for (float& value : p.b)
      value = static_cast<float>(random.integer(-128, 128)) / 64;
    std::vector<uint16_t> packed(static_cast<size_t>(packed_bf16_count(p.sizes.k, p.sizes.n)));
    pack_matrix_bf16(p.b.data(), p.sizes.n, 1, p.sizes.k, p.sizes.n, packed.data());
    MatrixEnd end;
    if (random.chance(0.5)) end.bias = p.bias.data();
    end.accumulate = random.chance(0.5);
    if (random.chance(0.5)) end.low = 0;
    std::vector<float> c = p.before;
    const float* a = p.a.data();
    multiply_bf16(&a, 1, p.lda, packed.data(), c.data(), p.ldc, p.sizes, end);
    for (int64_t i = 0; i < p.sizes.m; ++i)
      for (int64_t j = 0; j < p.sizes.n; ++j)
        ASSERT_NEAR(c[static_cast<size_t>(i * p.ldc + j)], p.expected(i, j, end), 1e-3);
  }
}

// Pieces that overlap, as a window's do, of any length; many rows of a short one are rounded in several
// turns.
TEST(MultiplyBf16, RowsInPiecesEqualRowsInOne) {
  if (!has_bf16()) GTEST_SKIP() << "this processor has no avx512_bf16, or it may not be used";
  Random random(5);
  for (int round = 0; round < 40; ++round) {
    const int64_t length = random.integer(1, 40), parts = random.integer(2, 7), n = random.integer(1, 70);
    const int64_t m = random.integer(1, 400), step = random.integer(1, length), depth = parts * length;
    const std::vector<float> line = random_values(random, (m + parts) * step + length);
    const std::vector<float> b = random_values(random, depth * n);
    std::vector<float> rows, whole(static_cast<size_t>(m * n)), pieces = whole;
    std::vector<const float*> starts;
    for (int64_t p = 0; p < parts; ++p)
      starts.push_back(line.data() + p * step);
    for (int64_t i = 0; i < m; ++i)
      for (const float* start : starts)
        rows.insert(rows.end(), start + i * step, start + i * step + length);
    std::vector<uint16_t> packed(static_cast<size_t>(packed_bf16_count(depth, n)));
    pack_matrix_bf16(b.data(), n, 1, depth, n, packed.data());
    const float* a = rows.data();
    multiply_bf16(&a, 1, depth, packed.data(), whole.data(), n, {m, n, depth}, {});
    multiply_bf16(starts.data(), parts, step, packed.data(), pieces.data(), n, {m, n, length}, {});
    ASSERT_EQ(whole, pieces);
  }
}

}  // namespace
}  // namespace vitrail::engine_detail::kernel
