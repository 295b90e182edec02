#include "vitrail/metrics/components.h"

#include <gtest/gtest.h>

#include "vitrail/base/error.h"

namespace vitrail {
namespace {

TEST(Components, TouchAtCornersAndAreNumberedInOrder) {
  const std::vector<uint16_t> labels = {1, 0, 0, 1,  //
                                        0, 1, 0, 1,  //
                                        0, 0, 0, 0,  //
                                        1, 2, 1, 0};
  EXPECT_EQ(components(labels, 4, 4, 1), (std::vector<int32_t>{1, 0, 0, 2,  //
                                                               0, 1, 0, 2,  //
                                                               0, 0, 0, 0,  //
                                                               3, 0, 4, 0}));
  EXPECT_EQ(components(labels, 4, 4, 2)[13], 1);
  EXPECT_THROW(components(labels, 4, 5, 1), Error);
}

TEST(Components, AreRightAboveHalfAnIntersectionOverUnion) {
  // truth 1 has 4 pixels, of which 3 are found; truth 2 has 2, of which 1 is found: IoU exactly 0.5
  const std::vector<int32_t> truth = {1, 1, 1, 1, 0, 2, 2, 0}, found = {7, 7, 7, 0, 0, 9, 0, 4};
  const ComponentMatch match = match_components(found, truth);
  EXPECT_EQ(match.right, 1);
  EXPECT_EQ(match.predicted, 3);
  EXPECT_EQ(match.true_objects, 2);
  ComponentScores scores;
  scores.add(match);
  scores.add({});  // nothing to find, nothing found
  EXPECT_DOUBLE_EQ(scores.average_precision(), (1.0 / 4 + 1) / 2);
  EXPECT_DOUBLE_EQ(scores.precision(), 1.0 / 3);
  EXPECT_DOUBLE_EQ(scores.recall(), 0.5);
  EXPECT_DOUBLE_EQ(scores.f1(), 2.0 / 5);
  EXPECT_THROW(match_components(found, std::vector<int32_t>{1}), Error);
  EXPECT_THROW(match_components(found, truth, 0.4), Error);
}

}  // namespace
}  // namespace vitrail
