#pragma once
// Frames per second, as they pass.
//
//   FrameRate rate;
//   while (...) { rate.count(); rate.write_into(frame); }

#include <chrono>
#include <deque>

#include "vitrail/image/image.h"

namespace vitrail {

class FrameRate {
 public:
  using Clock = std::chrono::steady_clock;

  /// A frame passes.
  void count(Clock::time_point now = Clock::now());
  /// Over the last second; 0 before the second frame.
  double per_second() const;
  /// "23.4 fps" in the frame's lower left corner.
  void write_into(Image& frame) const;

 private:
  std::deque<Clock::time_point> passed_;
};

}  // namespace vitrail
