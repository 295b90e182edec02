#pragma once
// A video with its labels painted over it. Three stages work at once, each on a frame of its own: decoding |
// network | drawing and encoding; the slowest alone decides the speed.
//
//   VideoSummary done = segment_video(predictor, "street.mp4", "out.mp4");

#include <cstdint>
#include <filesystem>
#include <functional>

#include "vitrail/image/image.h"
#include "vitrail/predict/semantic.h"

namespace vitrail {

struct VideoOptions {
  double opacity = 0.5;  ///< of the classes' colours
  /// Called after each frame that is written, from the drawing thread, with how many there are of how many
  /// the file claims (0 where it does not tell). Returning false ends the video there: it is closed properly
  /// and kept.
  std::function<bool(int64_t done, int64_t claimed)> progress;
  /// Called with each frame's labels, in order, from the drawing thread.
  std::function<void(int64_t frame, const LabelMap& labels)> labels;
};

struct VideoSummary {
  int64_t frames = 0;    ///< written
  bool complete = true;  ///< false where `progress` ended it
  double seconds = 0;    ///< in all
  double decode = 0;     ///< seconds in which each stage worked, not waited
  double network = 0;
  double encode = 0;
};

/// Writes `out` with the frames of `in`, in order, at their size and rate. Throws what VideoReader,
/// VideoWriter and the predictor throw, and then leaves no `out`; Error(format) for a video without a frame.
VideoSummary segment_video(const SemanticPredictor& predictor, const std::filesystem::path& in,
                           const std::filesystem::path& out, const VideoOptions& options = {});

}  // namespace vitrail
