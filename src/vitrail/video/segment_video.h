#pragma once
// A video, or what a camera sees, with the network's answer painted over it. Three stages work at once, each
// on a frame of its own: decoding | network | drawing and encoding; the slowest alone decides the speed.
//
//   VideoSummary done = segment_video(predictor, "street.mp4", "out.mp4");
//
// Any network goes that can say how a frame is painted:
//
//   VideoReader camera = VideoReader::camera(0);
//   paint_video(instance_look(people), camera, nullptr, {.show_speed = true, .shown = show_in_a_window});

#include <cstdint>
#include <filesystem>
#include <functional>

#include "vitrail/image/image.h"
#include "vitrail/predict/instance.h"
#include "vitrail/predict/semantic.h"
#include "vitrail/video/video_file.h"

namespace vitrail {

/// Paints a frame. Runs on the drawing thread, frame after frame.
using FramePaint = std::function<Image(Image frame)>;
/// Looks at a frame, on the network's thread, frame after frame, and says how it is painted.
using FrameLook = std::function<FramePaint(const Image& frame)>;

/// Classes painted over the frame; `labels`, where given, is called with each frame's, in order, from the
/// drawing thread. `predictor` must outlive it.
FrameLook semantic_look(const SemanticPredictor& predictor, double opacity = 0.5,
                        std::function<void(int64_t frame, const LabelMap& labels)> labels = {});

/// Objects outlined, each in its colour for as long as it is found where it was a frame before.
FrameLook instance_look(
    const InstancePredictor& predictor, double opacity = 0.5,
    std::function<void(int64_t frame, const std::vector<FoundInstance>& found)> found = {});

struct VideoOptions {
  double opacity = 0.5;  ///< of the colours
  /// Called after each frame that is done, from the drawing thread, with how many there are of how many
  /// the file claims (0 where it does not tell, as a camera). Returning false ends the video there: it is
  /// closed properly and kept.
  std::function<bool(int64_t done, int64_t claimed)> progress;
  /// Called with each frame's labels, in order, from the drawing thread.
  std::function<void(int64_t frame, const LabelMap& labels)> labels;
  std::function<void(int64_t frame, const std::vector<FoundInstance>& found)>
      found;                                      ///< the same for objects
  bool show_speed = false;                        ///< write frames per second into the picture
  std::function<void(const Image& frame)> shown;  ///< called with each painted frame, from the drawing thread
};

struct VideoSummary {
  int64_t frames = 0;    ///< painted
  int64_t dropped = 0;   ///< of a camera that was faster than the network
  bool complete = true;  ///< false where `progress` ended it
  double seconds = 0;    ///< in all
  double decode = 0;     ///< seconds in which each stage worked, not waited
  double network = 0;
  double encode = 0;
};

/// Paints the frames of `reader`, in order, into `writer` (nullptr: nowhere), which it does not finish. Of a
/// camera the newest frame is taken and those in between are dropped. Throws what reading, looking, painting
/// and writing throw; Error(format) for a video without a frame.
VideoSummary paint_video(const FrameLook& look, VideoReader& reader, VideoWriter* writer,
                         const VideoOptions& options = {});

/// Writes `out` with the frames of `in`, in order, at their size and rate. Throws what VideoReader,
/// VideoWriter and the predictor throw, and then leaves no `out`; Error(format) for a video without a frame.
VideoSummary segment_video(const SemanticPredictor& predictor, const std::filesystem::path& in,
                           const std::filesystem::path& out, const VideoOptions& options = {});
VideoSummary segment_video(const InstancePredictor& predictor, const std::filesystem::path& in,
                           const std::filesystem::path& out, const VideoOptions& options = {});

}  // namespace vitrail
