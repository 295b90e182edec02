#include "vitrail/detect/sampling.h"

#include <cmath>
#include <set>

#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/detect/test_boxes.h"

namespace vitrail {
namespace {

std::vector<int64_t> random_match(Random& random, int64_t count, double objects) {
  std::vector<int64_t> match;
  for (int64_t i = 0; i < count; ++i)
    match.push_back(random.chance(objects) ? random.integer(0, 5) : random.integer(-2, -1));
  return match;
}

int64_t count_objects(const std::vector<int64_t>& match) {
  return std::count_if(match.begin(), match.end(), [](int64_t m) { return m >= 0; });
}

TEST(Sampling, HardNegativesAreTheLargestLosses) {
  Random random(3);
  for (int i = 0; i < 100; ++i) {
    const std::vector<int64_t> match = random_match(random, 80, 0.1);
    const std::vector<float> losses = random_values(random, 80, 0, 4, i % 2 == 0 ? 0.5 : 0);
    const Sampled chosen = hard_negatives(losses, match);
    const int64_t objects = count_objects(match);
    EXPECT_EQ(std::ssize(chosen.objects), objects);
    const int64_t there = std::count(match.begin(), match.end(), background);
    ASSERT_EQ(std::ssize(chosen.negatives), std::min(3 * objects, there));
    // Every background anchor that is left out has a smaller loss than all that are in, or comes later.
    const std::set<int64_t> in(chosen.negatives.begin(), chosen.negatives.end());
    for (int64_t a = 0; a < 80; ++a)
      for (const int64_t n : chosen.negatives) {
        if (match[static_cast<size_t>(a)] != background || in.count(a) > 0) continue;
        const float out = losses[static_cast<size_t>(a)], kept = losses[static_cast<size_t>(n)];
        EXPECT_TRUE(out < kept || (out == kept && a > n));
      }
  }
}

TEST(Sampling, TheNumberOfNegativesIsRoundedDown) {
  const std::vector<int64_t> match{0, 1, 2, -1, -1, -1, -1};
  const std::vector<float> losses(7, 1.0f);
  EXPECT_EQ(hard_negatives(losses, match, 0.5).negatives, (std::vector<int64_t>{3}));
  EXPECT_EQ(hard_negatives(losses, match, 1.1).negatives, (std::vector<int64_t>{3, 4, 5}));
}

TEST(Sampling, WithoutObjectsNoNegatives) {
  const std::vector<int64_t> match(10, background);
  const std::vector<float> losses(10, 1.0f);
  const std::vector<Box> boxes(10, Box{0, 0, 5, 5});
  EXPECT_TRUE(hard_negatives(losses, match).negatives.empty());
  EXPECT_EQ(hard_negatives(losses, match, 3, 4).negatives, (std::vector<int64_t>{0, 1, 2, 3}));
  EXPECT_TRUE(mined_by_suppression(losses, boxes, match, {}).negatives.empty());
  EXPECT_EQ(mined_by_suppression(losses, boxes, match, {.least = 4}).negatives, (std::vector<int64_t>{0}))
      << "suppression leaves one of ten equal boxes";
}

// SPEC 11.2 word for word.
Sampled naive_mining(const std::vector<float>& losses, const std::vector<Box>& boxes,
                     const std::vector<int64_t>& match, const SuppressionMining& options) {
  std::vector<size_t> kept;
  std::vector<bool> gone(boxes.size(), false);
  while (static_cast<int64_t>(kept.size()) < options.most) {
    size_t best = boxes.size();
    for (size_t a = 0; a < boxes.size(); ++a)
      if (!gone[a] && match[a] != ignored && (best == boxes.size() || losses[a] > losses[best])) best = a;
    if (best == boxes.size()) break;
    kept.push_back(best);
    gone[best] = true;
    for (size_t a = 0; a < boxes.size(); ++a)
      if (static_cast<double>(iou(boxes[a], boxes[best])) > options.iou_threshold) gone[a] = true;
  }
  Sampled result;
  for (const size_t a : kept)
    if (match[a] >= 0) result.objects.push_back(static_cast<int64_t>(a));
  std::sort(result.objects.begin(), result.objects.end());
  for (const size_t a : kept)
    if (match[a] == background && std::ssize(result.negatives) < 3 * std::ssize(result.objects))
      result.negatives.push_back(static_cast<int64_t>(a));
  return result;
}

TEST(Sampling, MiningBySuppressionEqualsTheRule) {
  Random random(4);
  for (int i = 0; i < 60; ++i) {
    const double unit = i % 2 == 0 ? 8 : 0;
    const std::vector<Box> boxes = random_boxes(random, 120, 32, unit);
    const std::vector<float> losses = random_values(random, 120, 0, 4, 0.25);
    const std::vector<int64_t> match = random_match(random, 120, 0.15);
    const SuppressionMining options{.iou_threshold = i % 4 < 2 ? 0.99 : 0.5, .most = 40};
    const Sampled found = mined_by_suppression(losses, boxes, match, options);
    const Sampled expected = naive_mining(losses, boxes, match, options);
    EXPECT_EQ(found.objects, expected.objects);
    EXPECT_EQ(found.negatives, expected.negatives);
  }
}

TEST(Sampling, BalancedSamplesKeepTheirShares) {
  Random random(5);
  std::vector<int64_t> match(100, background);
  for (size_t a = 0; a < 30; ++a)
    match[a] = a < 20 ? 0 : ignored;
  std::set<int64_t> seen;
  for (int i = 0; i < 60; ++i) {
    const Sampled chosen = balanced_sample(match, 32, 0.25, random);
    EXPECT_EQ(chosen.objects.size(), 8u);
    EXPECT_EQ(chosen.negatives.size(), 24u);
    for (const int64_t a : chosen.objects)
      EXPECT_LT(a, 20);
    for (const int64_t a : chosen.negatives)
      EXPECT_GE(a, 30);
    EXPECT_EQ(std::set<int64_t>(chosen.negatives.begin(), chosen.negatives.end()).size(), 24u);
    seen.insert(chosen.objects.begin(), chosen.objects.end());
    seen.insert(chosen.negatives.begin(), chosen.negatives.end());
  }
  EXPECT_EQ(seen.size(), 90u) << "chance reaches every anchor";
  const Sampled few = balanced_sample(match, 200, 0.5, random);
  EXPECT_EQ(few.objects.size(), 20u);
  EXPECT_EQ(few.negatives.size(), 70u);
}

TEST(Sampling, SizesThatDoNotFitAreRefused) {
  const std::vector<int64_t> match(3, background);
  EXPECT_THROW(hard_negatives(std::vector<float>(2), match), Error);
  EXPECT_THROW(hard_negatives(std::vector<float>{0, NAN, 1}, match), Error);
  EXPECT_THROW(mined_by_suppression(std::vector<float>(3), std::vector<Box>(2), match, {}), Error);
}

}  // namespace
}  // namespace vitrail
