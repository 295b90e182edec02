#include "vitrail/data/resample.h"

#include <cmath>
#include <cstdlib>

#include <gtest/gtest.h>

#include "noise_image.h"
#include "vitrail/image/resize.h"

namespace vitrail {
namespace {

const Fill fill{9, 8, 7};

View whole(int64_t height, int64_t width) {
  return {.scaled_height = height, .scaled_width = width, .height = height, .width = width};
}

TEST(Resample, AWholeViewIsWhatTheImageModuleMakes) {
  Random random(1);
  for (int trial = 0; trial < 30; ++trial) {
    const int64_t channels = trial % 2 ? 3 : 1;
    const Image image =
        noise_image(random.integer(1, 40), random.integer(1, 40), channels, static_cast<uint64_t>(trial));
    // One axis growing and the other shrinking is each module's own choice; both together is not.
    const bool grow = random.chance(0.5);
    const int64_t height = grow ? image.height * random.integer(1, 3) : random.integer(1, image.height);
    const int64_t width = grow ? image.width * random.integer(1, 3) : random.integer(1, image.width);
    const Image ours = view_image(image, whole(height, width), fill);
    const Image theirs = resize_image(image, height, width);
    ASSERT_EQ(ours.pixels.size(), theirs.pixels.size());
    for (size_t i = 0; i < ours.pixels.size(); ++i)
      ASSERT_LE(std::abs(ours.pixels[i] - theirs.pixels[i]), 2)
          << image.height << "x" << image.width << " -> " << height << "x" << width;
    LabelMap labels(image.height, image.width);
    for (uint16_t& label : labels.labels)
      label = static_cast<uint16_t>(random.integer(0, 1000));
    EXPECT_EQ(view_labels(labels, whole(height, width)).labels, resize_labels(labels, height, width).labels);
  }
}

TEST(Resample, AWindowIsThatPartOfTheWholeAndFillBeyondIt) {
  Random random(2);
  for (int trial = 0; trial < 60; ++trial) {
    const Image image = noise_image(17, 23, trial % 3 ? 3 : 1, 4);
    LabelMap labels(17, 23);
    for (uint16_t& label : labels.labels)
      label = static_cast<uint16_t>(random.integer(0, 9));
    View full = whole(random.integer(5, 50), random.integer(5, 50));
    if (trial % 2) full.degrees = random.uniform(-180, 180);
    View window = full;
    window.top = random.integer(-5, full.scaled_height);
    window.left = random.integer(-5, full.scaled_width);
    window.height = random.integer(1, 40);
    window.width = random.integer(1, 40);
    const Image all = view_image(image, full, fill), part = view_image(image, window, fill);
    const LabelMap all_labels = view_labels(labels, full), part_labels = view_labels(labels, window);
    const Coverage covered = coverage(17, 23, window);
    for (int64_t y = 0; y < window.height; ++y)
      for (int64_t x = 0; x < window.width; ++x) {
        const int64_t cy = y + window.top, cx = x + window.left;
        const bool inside = cy >= 0 && cx >= 0 && cy < full.height && cx < full.width;
        if (!inside && full.degrees != 0) continue;  // a turned source may reach beyond the canvas
        const bool is_covered = covered[static_cast<size_t>(y * window.width + x)] != 0;
        if (full.degrees == 0) {
          ASSERT_EQ(is_covered, inside);
        }
        ASSERT_EQ(part_labels.at(y, x), inside ? all_labels.at(cy, cx) : LabelMap::ignore_label);
        ASSERT_EQ(part_labels.at(y, x) == LabelMap::ignore_label, !is_covered);
        for (int64_t c = 0; c < image.channels; ++c)
          ASSERT_EQ(part.at(y, x)[c], is_covered ? all.at(cy, cx)[c] : fill[static_cast<size_t>(c)]);
      }
  }
}

TEST(Resample, AQuarterTurnMovesEveryPixelToItsPlace) {
  const Image image = noise_image(12, 12, 3, 3);
  View view = whole(12, 12);
  view.degrees = 90;  // counter-clockwise: the right edge becomes the top
  const Image turned = view_image(image, view, fill);
  for (int64_t y = 0; y < 12; ++y)
    for (int64_t x = 0; x < 12; ++x)
      for (int64_t c = 0; c < 3; ++c)
        ASSERT_NEAR(turned.at(y, x)[c], image.at(x, 11 - y)[c], 1) << y << "," << x;
}

TEST(Resample, ShrinkingKeepsTheMean) {
  const Image image = noise_image(60, 80, 3, 5);
  const Image small = view_image(image, whole(13, 17), fill);
  double before = 0, after = 0;
  for (const uint8_t v : image.pixels)
    before += v;
  for (const uint8_t v : small.pixels)
    after += v;
  EXPECT_NEAR(before / static_cast<double>(image.pixels.size()),
              after / static_cast<double>(small.pixels.size()), 0.3);
}

}  // namespace
}  // namespace vitrail
