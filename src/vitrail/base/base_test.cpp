#include <cmath>
#include <filesystem>
#include <set>

#include <gtest/gtest.h>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/fast_exp.h"
#include "vitrail/base/file.h"
#include "vitrail/base/peak_memory.h"
#include "vitrail/base/quantile.h"
#include "vitrail/base/random.h"
#include "vitrail/base/tensor.h"
#include "vitrail/base/text.h"
#include "vitrail/base/utf8.h"

namespace vitrail {
namespace {

TEST(Error, TextAnswersWhereWhatAllowedNext) {
  EXPECT_EQ(error_text({.where = "a.png", .found = "label 19", .allowed = "0..18", .next = "Map it"}),
            "a.png: label 19; 0..18. Map it.");
  EXPECT_EQ(error_text({.where = "a.png", .allowed = "must be a PNG"}), "a.png: must be a PNG.");
  EXPECT_EQ(error_text({.where = "lr", .found = "unknown. Did you mean 'rate'?", .next = "See the help"}),
            "lr: unknown. Did you mean 'rate'? See the help.");
  EXPECT_EQ(error_text({.where = "lr", .next = "Did you mean 'rate'?"}), "lr. Did you mean 'rate'?");
}

TEST(FastExp, IsTheExponentialAndKeepsNaN) {
  for (float x = -87.0f; x < 88.0f; x += 0.0137f)
    EXPECT_NEAR(static_cast<double>(fast_exp(x)) / std::exp(static_cast<double>(x)), 1, 3e-7) << x;
  EXPECT_EQ(fast_exp(-1e30f), fast_exp(-87.3f));
  EXPECT_EQ(fast_exp(1e30f), fast_exp(88.3f));
  EXPECT_TRUE(std::isnan(fast_exp(std::nanf(""))));
  EXPECT_TRUE(std::isnan(fast_exp(-std::nanf(""))));
}

TEST(Text, FiguresAreRoundedAndWhatIsUndefinedIsAbsent) {
  EXPECT_EQ(fixed(12.345, 1), "12.3");
  EXPECT_EQ(fixed(-0.5, 0), "-0");
  EXPECT_EQ(percent(0.12346), "12.35 %");
  EXPECT_EQ(percent(0.12346, 1, ""), "12.3");
  EXPECT_EQ(percent(std::optional<double>(1.0), 0), "100 %");
  EXPECT_EQ(percent(std::nullopt), "absent");
}

TEST(Text, NearestFindsASlipButNotAStranger) {
  const std::vector<std::string> names{"mobilenet-x0.5-fcn8", "squeezenet1.1-fcn8"};
  EXPECT_EQ(nearest("mobilnet-x0.5-fcn8", names), "mobilenet-x0.5-fcn8");
  EXPECT_EQ(nearest("zzz", names), "");
  EXPECT_EQ(nearest("mobilnet", names), "mobilenet-x0.5-fcn8");  // its beginning
  EXPECT_EQ(nearest("sq", names), "");
  EXPECT_NE(did_you_mean("zzz", names).find("squeezenet1.1-fcn8"), std::string::npos);
}

TEST(Utf8, IsWellFormedOrNot) {
  for (const std::string good :
       {"", "plain", "Gru\xc3\x9f", "\xe6\x97\xa5", "\xf0\x9f\x9a\x97", "\xf4\x8f\xbf\xbf"})
    EXPECT_TRUE(is_utf8(good)) << good;
  for (const std::string bad : {"Gru\xdf", "\xc3", "\x80", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                "\xff\xfez", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf"})
    EXPECT_FALSE(is_utf8(bad)) << bad;
  EXPECT_EQ(without_byte_order_mark("\357\273\2770 a"), "0 a");
  EXPECT_EQ(without_byte_order_mark("0 a\357\273\277"), "0 a\357\273\277");
}

TEST(Text, EscapesWhatWouldBreakJsonOrHtml) {
  EXPECT_EQ(json_escaped("a\"b\\\n"), "a\\\"b\\\\\\u000a");
  EXPECT_EQ(html_escaped("<a & 'b'>"), "&lt;a &amp; &#39;b&#39;&gt;");
}

TEST(Checked, ThrowsInsteadOfWrapping) {
  EXPECT_EQ(checked_product({2, 3, 4}, "x"), 24);
  EXPECT_THROW(checked_mul(int64_t{1} << 40, int64_t{1} << 40, "x"), Error);
  EXPECT_THROW(checked_product({-1, 3}, "x"), Error);
}

TEST(Random, IsReproducibleAndForksAreIndependent) {
  Random a(7), b(7);
  for (int i = 0; i < 100; ++i)
    ASSERT_EQ(a.next(), b.next());
  EXPECT_EQ(a.fork(3).next(), Random(7).fork(3).next()) << "a fork depends on the seed and the key alone";
  EXPECT_NE(a.fork(3).next(), a.fork(4).next());
  Random resumed = Random::from_state(a.state());
  EXPECT_EQ(resumed.next(), a.next());
}

TEST(Random, IntegerStaysInRangeAndReachesItsEnds) {
  Random random(1);
  std::set<int64_t> seen;
  for (int i = 0; i < 1000; ++i)
    seen.insert(random.integer(-2, 2));
  EXPECT_EQ(seen, (std::set<int64_t>{-2, -1, 0, 1, 2}));
}

TEST(Random, NormalHasUnitVariance) {
  Random random(5);
  double sum = 0, squares = 0;
  for (int i = 0; i < 20000; ++i) {
    const double x = random.normal();
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / 20000, 0, 0.03);
  EXPECT_NEAR(squares / 20000, 1, 0.05);
}

TEST(Tensor, HalfPrecisionRoundTripsEveryBitPattern) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const float value = f32_from_f16(static_cast<uint16_t>(bits));
    if (!std::isnan(value)) {
      ASSERT_EQ(f16_from_f32(value), bits);
    }
    const float brain = f32_from_bf16(static_cast<uint16_t>(bits));
    if (!std::isnan(brain)) {
      ASSERT_EQ(bf16_from_f32(brain), bits);
    }
  }
}

TEST(Tensor, RefusesAWrongTypeAndAWrongSize) {
  Tensor tensor = Tensor::zeros(DataType::f32, {2, 3});
  EXPECT_THROW(tensor.data<int64_t>(), Error);
  EXPECT_THROW(tensor.reshaped({7}), Error);
  EXPECT_THROW(Tensor::from<float>({3}, std::vector<float>{1, 2}), Error);
  EXPECT_THROW(Tensor::zeros(DataType::f32, {int64_t{1} << 62, 8}), Error);
}

TEST(File, AtomicWriteReplacesAndLeavesNoTemporaryBehind) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "vitrail_base_test";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  write_file_atomically(folder / "a.txt", "one");
  write_file_atomically(folder / "a.txt", "two");
  EXPECT_EQ(read_file(folder / "a.txt"), "two");
  replace_file(folder / "a.txt", "three");
  EXPECT_EQ(read_file(folder / "a.txt"), "three");
  EXPECT_THROW(replace_file(folder / "missing" / "a.txt", "x"), Error);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1);
  EXPECT_THROW(read_file(folder / "missing"), Error);
  EXPECT_THROW(read_file(folder), Error) << "a folder is not a file";
  EXPECT_THROW(read_file(folder / "a.txt", 2), Error);
  EXPECT_THROW(write_file_atomically(folder / "no" / "such" / "folder", "x"), Error);
}

TEST(Quantile, IsLinearBetweenNeighbours) {
  EXPECT_EQ(median({}), 0);
  EXPECT_EQ(median({5}), 5);
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_DOUBLE_EQ(median({4, 1, 2, 3}), 2.5);
  EXPECT_DOUBLE_EQ(quantile({0, 10}, 0.95), 9.5);
  EXPECT_EQ(quantile({1, 2, 3}, 0), 1);
  EXPECT_EQ(quantile({1, 2, 3}, 1), 3);
}

TEST(PeakMemory, RisesWithWhatIsTouched) {
  const int64_t before = peak_resident_bytes();
  EXPECT_GT(before, 1 << 20);
  const std::vector<char> touched(size_t{64} << 20, 1);
  EXPECT_GE(peak_resident_bytes() - before, int64_t{48} << 20);
  EXPECT_EQ(touched.back(), 1);
}

}  // namespace
}  // namespace vitrail
