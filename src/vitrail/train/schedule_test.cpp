#include "vitrail/train/schedule.h"

#include <cmath>

#include <gtest/gtest.h>

#include "vitrail/base/error.h"

namespace vitrail::train {
namespace {

TEST(ScheduleTest, ConstantStaysPut) {
  const Schedule schedule({.kind = ScheduleKind::constant, .rate = 0.3, .steps = 10});
  for (const int64_t step : {0, 1, 9, 10, 1000})
    EXPECT_DOUBLE_EQ(schedule.rate(step), 0.3);
}

TEST(ScheduleTest, PolyStartsFullAndEndsAtZero) {
  const Schedule schedule({.kind = ScheduleKind::poly, .rate = 0.01, .steps = 1000});
  EXPECT_DOUBLE_EQ(schedule.rate(0), 0.01);
  EXPECT_DOUBLE_EQ(schedule.rate(500), 0.01 * std::pow(0.5, 0.9));
  EXPECT_NEAR(schedule.rate(999), 0.01 * std::pow(0.001, 0.9), 1e-15);
  EXPECT_EQ(schedule.rate(1000), 0);
  EXPECT_EQ(schedule.rate(5000), 0);
}

TEST(ScheduleTest, ExponentialStepsDownOrGlides) {
  ScheduleOptions options{
      .kind = ScheduleKind::exponential, .rate = 1, .steps = 100, .decay = 0.5, .decay_steps = 10};
  const Schedule stairs(options);
  EXPECT_DOUBLE_EQ(stairs.rate(9), 1);
  EXPECT_DOUBLE_EQ(stairs.rate(10), 0.5);
  EXPECT_DOUBLE_EQ(stairs.rate(35), 0.125);
  options.staircase = false;
  EXPECT_DOUBLE_EQ(Schedule(options).rate(5), std::sqrt(0.5));
}

TEST(ScheduleTest, CosineIsSymmetricAboutItsMiddle) {
  const Schedule schedule({.kind = ScheduleKind::cosine, .rate = 1, .steps = 100, .final_rate = 0.2});
  EXPECT_DOUBLE_EQ(schedule.rate(0), 1);
  EXPECT_DOUBLE_EQ(schedule.rate(50), 0.6);
  EXPECT_NEAR(schedule.rate(20) + schedule.rate(80), 1.2, 1e-12);
  EXPECT_NEAR(schedule.rate(100), 0.2, 1e-12);
}

TEST(ScheduleTest, FinalRateIsAFloor) {
  const Schedule schedule({.kind = ScheduleKind::poly, .rate = 1, .steps = 10, .final_rate = 0.1});
  EXPECT_DOUBLE_EQ(schedule.rate(10), 0.1);
}

TEST(ScheduleTest, WarmUpRisesLinearlyUnderEveryKind) {
  for (const ScheduleKind kind :
       {ScheduleKind::constant, ScheduleKind::poly, ScheduleKind::exponential, ScheduleKind::cosine}) {
    ScheduleOptions options{.kind = kind, .rate = 1, .steps = 1000};
    const Schedule plain(options);
    options.warmup_steps = 10;
    options.warmup_start = 0.2;
    const Schedule warm(options);
    EXPECT_DOUBLE_EQ(warm.rate(0), 0.2 * plain.rate(0)) << name_of(kind);
    EXPECT_DOUBLE_EQ(warm.rate(5), 0.6 * plain.rate(5)) << name_of(kind);
    EXPECT_DOUBLE_EQ(warm.rate(10), plain.rate(10)) << name_of(kind);
  }
}

TEST(ScheduleTest, NamesEveryFaultAtOnce) {
  const ScheduleOptions wrong{.rate = -1, .steps = 0, .warmup_start = 2};
  EXPECT_EQ(faults(wrong).size(), 3u);
  EXPECT_THROW(Schedule{wrong}, Error);
  EXPECT_EQ(schedule_kind_from("cosine"), ScheduleKind::cosine);
  EXPECT_THROW(schedule_kind_from("cosinus"), Error);
}

}  // namespace
}  // namespace vitrail::train
