#include "vitrail/train/pattern.h"

#include <gtest/gtest.h>

#include "vitrail/base/error.h"

namespace vitrail::train {
namespace {

TEST(PatternTest, MatchesWholeNames) {
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("encoder.*", "encoder.a.b"));
  EXPECT_FALSE(matches("encoder.*", "decoder.encoder.a"));
  EXPECT_TRUE(matches("*.BatchNorm.*", "x.Conv2d_0.BatchNorm.weight"));
  EXPECT_FALSE(matches("*.BatchNorm.*", "x.BatchNorm"));
  EXPECT_TRUE(matches("*_depthwise.weight", "a_depthwise.weight_depthwise.weight"));
  EXPECT_TRUE(matches("a?c", "abc"));
  EXPECT_FALSE(matches("a?c", "ac"));
  EXPECT_FALSE(matches("a", "ab"));
  EXPECT_TRUE(matches("a*b*c", "aXXbYbZc"));
  EXPECT_FALSE(matches("a*b*c", "aXXbYbZ"));
}

TEST(PatternTest, LongPatternsEndSoon) {
  std::string pattern, name(2000, 'a');
  for (int i = 0; i < 200; ++i)
    pattern += "a*";
  EXPECT_FALSE(matches(pattern + "b", name));
}

TEST(PatternTest, RefusesAPatternThatMatchesNothing) {
  EXPECT_NO_THROW(expect_all_used({"a*"}, {"ab", "c"}, "frozen"));
  try {
    expect_all_used({"a*", "z*"}, {"ab", "c"}, "frozen");
    FAIL() << "not refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(std::string(error.what()).find("'z*'"), std::string::npos) << error.what();
    EXPECT_EQ(std::string(error.what()).find("'a*'"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace vitrail::train
