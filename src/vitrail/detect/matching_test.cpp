#include "vitrail/detect/matching.h"

#include <cmath>

#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/detect/test_boxes.h"

namespace vitrail {
namespace {

using Match = std::vector<int64_t>;

// The rules of SPEC 11.2, word for word: a table, argmax over columns, then forced matches over rows.
Match naive_best(const std::vector<Box>& anchors, const std::vector<Box>& objects, double threshold) {
  Match match(anchors.size(), background);
  for (size_t a = 0; a < anchors.size(); ++a) {
    size_t best = 0;
    for (size_t o = 1; o < objects.size(); ++o)
      if (iou(objects[o], anchors[a]) > iou(objects[best], anchors[a])) best = o;
    if (!objects.empty() && iou(objects[best], anchors[a]) >= static_cast<float>(threshold))
      match[a] = static_cast<int64_t>(best);
  }
  std::vector<bool> forced(anchors.size(), false);
  for (size_t o = 0; o < objects.size(); ++o) {
    size_t best = 0;
    for (size_t a = 1; a < anchors.size(); ++a)
      if (iou(objects[o], anchors[a]) > iou(objects[o], anchors[best])) best = a;
    if (!(iou(objects[o], anchors[best]) > 0) || forced[best]) continue;
    forced[best] = true;
    match[best] = static_cast<int64_t>(o);
  }
  return match;
}

// Caffe's loop: all pairs again and again.
Match naive_bipartite(const std::vector<Box>& anchors, const std::vector<Box>& objects, double threshold) {
  Match match(anchors.size(), background);
  std::vector<bool> done(objects.size(), false);
  for (;;) {
    float most = 0;
    size_t anchor = 0, object = 0;
    for (size_t a = 0; a < anchors.size(); ++a)
      for (size_t o = 0; o < objects.size(); ++o)
        if (match[a] < 0 && !done[o] && iou(objects[o], anchors[a]) > most) {
          most = iou(objects[o], anchors[a]);
          anchor = a;
          object = o;
        }
    if (most == 0) break;
    match[anchor] = static_cast<int64_t>(object);
    done[object] = true;
  }
  for (size_t a = 0; a < anchors.size(); ++a) {
    if (match[a] >= 0) continue;
    float most = 0;
    for (size_t o = 0; o < objects.size(); ++o)
      if (const float overlap = iou(objects[o], anchors[a]);
          overlap > most && overlap >= static_cast<float>(threshold)) {
        most = overlap;
        match[a] = static_cast<int64_t>(o);
      }
  }
  return match;
}

Match naive_thresholds(const std::vector<Box>& anchors, const std::vector<Box>& objects,
                       const MatchThresholds& t) {
  Match match(anchors.size(), background);
  std::vector<float> best_of_object(objects.size(), 0);
  for (size_t o = 0; o < objects.size(); ++o)
    for (const Box& anchor : anchors)
      best_of_object[o] = std::max(best_of_object[o], iou(objects[o], anchor));
  for (size_t a = 0; a < anchors.size(); ++a) {
    float most = 0;
    int64_t best = background;
    bool forced = false;
    for (size_t o = 0; o < objects.size(); ++o) {
      const float overlap = iou(objects[o], anchors[a]);
      if (overlap > most) {
        most = overlap;
        best = static_cast<int64_t>(o);
      }
      forced = forced || (t.force_best && overlap > 0 && overlap == best_of_object[o]);
    }
    if (most >= static_cast<float>(t.foreground) || forced)
      match[a] = best;
    else if (most > 0 && most >= static_cast<float>(t.background))
      match[a] = ignored;
  }
  return match;
}

TEST(Matching, EqualsTheRulesOnRandomBoxesWithTies) {
  Random random(2);
  int64_t ignored_anchors = 0, forced = 0;
  for (int i = 0; i < 200; ++i) {
    // Coarse corners: many overlaps are equal.
    const double unit = i % 3 == 0 ? 0 : 8;
    const std::vector<Box> anchors = random_boxes(random, random.integer(1, 60), 64, unit);
    const std::vector<Box> objects = random_boxes(random, random.integer(0, 9), 64, unit);
    EXPECT_EQ(match_best(anchors, objects), naive_best(anchors, objects, 0.5));
    EXPECT_EQ(match_bipartite(anchors, objects), naive_bipartite(anchors, objects, 0.5));
    for (const MatchThresholds& t : {MatchThresholds{}, MatchThresholds{0.5, 0.5, false}}) {
      const Match match = match_thresholds(anchors, objects, t);
      EXPECT_EQ(match, naive_thresholds(anchors, objects, t));
      ignored_anchors += std::count(match.begin(), match.end(), ignored);
    }
    MatchThresholds without{};
    without.force_best = false;
    forced += match_thresholds(anchors, objects, {}) != match_thresholds(anchors, objects, without) ? 1 : 0;
  }
  EXPECT_GT(ignored_anchors, 0);
  EXPECT_GT(forced, 20);
}

TEST(Matching, OfTwoObjectsThatWantOneAnchorTheFirstWins) {
  const std::vector<Box> anchors{{0, 0, 10, 10}, {100, 100, 110, 110}};
  const std::vector<Box> objects{{0, 0, 4, 10}, {0, 0, 10, 9}};
  EXPECT_EQ(match_best(anchors, objects), (Match{0, background}));
  EXPECT_EQ(match_best(anchors, objects, 0.5, true), (Match{1, background}));
  EXPECT_EQ(match_bipartite(anchors, objects), (Match{1, background})) << "the larger overlap";
}

TEST(Matching, HalfIsEnough) {
  const std::vector<Box> anchors{{0, 0, 10, 10}, {0, 0, 10, 10}, {0, 0, 10, 9}};
  const std::vector<Box> objects{{0, 0, 10, 5}};
  EXPECT_EQ(match_best(anchors, objects), (Match{0, 0, 0}));
  EXPECT_EQ(match_best(anchors, objects, 0.51), (Match{background, background, 0}));
}

TEST(Matching, ObjectsThatOverlapNothingGetNothing) {
  const std::vector<Box> anchors{{0, 0, 10, 10}, {20, 20, 30, 30}};
  const std::vector<Box> objects{{50, 50, 60, 60}, {5, 5, 5, 5}};
  const Match none{background, background};
  EXPECT_EQ(match_best(anchors, objects), none);
  EXPECT_EQ(match_bipartite(anchors, objects), none);
  EXPECT_EQ(match_thresholds(anchors, objects, {}), none);
  EXPECT_EQ(match_best(anchors, {}), none);
  EXPECT_EQ(match_bipartite(anchors, {}), none);
  EXPECT_EQ(match_thresholds(anchors, {}, {}), none);
  EXPECT_TRUE(match_best({}, objects).empty());
  EXPECT_TRUE(match_bipartite({}, objects).empty());
  EXPECT_TRUE(match_thresholds({}, objects, {}).empty());
}

TEST(Matching, BoxesThatAreNotFiniteAreRefused) {
  const std::vector<Box> good{{0, 0, 10, 10}}, bad{{0, 0, NAN, 10}};
  EXPECT_THROW(match_best(good, bad), Error);
  EXPECT_THROW(match_bipartite(bad, good), Error);
  EXPECT_THROW(match_thresholds(good, bad, {}), Error);
}

}  // namespace
}  // namespace vitrail
