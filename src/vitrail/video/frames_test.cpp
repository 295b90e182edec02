// What lies between a video's frames and what is painted over them.

#include <gtest/gtest.h>

#include "narrow_ssd.h"
#include "noise_image.h"
#include "vitrail/base/bounded_queue.h"
#include "vitrail/image/instance_overlay.h"
#include "vitrail/predict/instance_drawing.h"
#include "vitrail/video/frame_rate.h"
#include "vitrail/video/segment_video.h"

namespace vitrail {
namespace {

TEST(FrameRate, IsThatOfTheLastSecond) {
  FrameRate rate;
  const FrameRate::Clock::time_point start{};
  EXPECT_EQ(rate.per_second(), 0);
  for (int i = 0; i < 30; ++i)
    rate.count(start + std::chrono::milliseconds(100 * i));
  EXPECT_NEAR(rate.per_second(), 10, 1e-9);
  for (int i = 0; i < 60; ++i)
    rate.count(start + std::chrono::milliseconds(3000 + 25 * i));
  EXPECT_NEAR(rate.per_second(), 40, 1e-9);
  Image frame(90, 160, 3, 7);
  rate.write_into(frame);
  EXPECT_NE(frame.pixels, Image(90, 160, 3, 7).pixels);
  EXPECT_EQ(frame.at(10, 100)[0], 7);
}

TEST(BoundedQueue, ReplaceKeepsTheNewest) {
  BoundedQueue<int> queue(2);
  int64_t dropped = 0;
  for (int i = 0; i < 5; ++i)
    EXPECT_TRUE(queue.replace(i, dropped));
  EXPECT_EQ(dropped, 3);
  EXPECT_EQ(queue.pop(), 3);
  EXPECT_EQ(queue.pop(), 4);
  queue.close();
  EXPECT_FALSE(queue.replace(9, dropped));
}

/// Frames of the same picture: every object keeps its colour; and what is painted is what is found.
TEST(InstanceLook, PaintsWhatIsFoundAndKeepsColours) {
  const InstancePredictor predictor(narrow_ssd("ssd-mobilenet-multi-shape", {}), {.engine = {.threads = 1}},
                                    {.most = 6});
  const Image frame = noise_image(90, 120, 3, 4);
  std::vector<std::vector<FoundInstance>> told;
  const FrameLook look =
      instance_look(predictor, 0.4, [&](int64_t number, const std::vector<FoundInstance>& found) {
        EXPECT_EQ(number, static_cast<int64_t>(told.size()));
        told.push_back(found);
      });
  const std::vector<FoundInstance> found = predictor.predict(frame);
  ASSERT_EQ(found.size(), 6u);
  const Image expected =
      instance_overlay(frame, drawn_instances(found, predictor.info().classes), {.opacity = 0.4});
  EXPECT_EQ(look(frame)(frame).pixels, expected.pixels);
  EXPECT_EQ(look(frame)(frame).pixels, expected.pixels);
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[1], found);
}

}  // namespace
}  // namespace vitrail
