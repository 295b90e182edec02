#include "vitrail/video/segment_video.h"

#include <chrono>
#include <exception>
#include <mutex>
#include <thread>

#include "vitrail/base/bounded_queue.h"
#include "vitrail/base/error.h"
#include "vitrail/video/frame_rate.h"

namespace vitrail {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct Seen {
  Image frame;
  FramePaint paint;
};

class Pipeline {
 public:
  Pipeline(const FrameLook& look, VideoReader& reader, VideoWriter* writer, const VideoOptions& options)
      : look_(look),
        reader_(reader),
        writer_(writer),
        options_(options),
        frames_(reader.is_live() ? 1 : waiting),
        seen_(reader.is_live() ? 1 : waiting) {}

  VideoSummary run() {
    const Clock::time_point start = Clock::now();
    std::thread decoding([&] { guarded([&] { decode(); }); });
    std::thread drawing([&] { guarded([&] { draw(); }); });
    guarded([&] { look(); });
    decoding.join();
    drawing.join();
    if (fault_) std::rethrow_exception(fault_);
    if (summary_.frames == 0)
      throw Error(ErrorKind::format, {.where = reader_.name(), .found = "a video without a frame"});
    summary_.seconds = seconds_since(start);
    return summary_;
  }

 private:
  // Enough to even out frames of unequal cost; each holds a whole frame. Of a camera only the newest counts.
  static constexpr size_t waiting = 4;

  /// A stage that fails ends the others, and what it threw is thrown again when all have ended.
  template <class Stage>
  void guarded(const Stage& stage) {
    try {
      stage();
    } catch (...) {
      {
        const std::lock_guard lock(mutex_);
        if (!fault_) fault_ = std::current_exception();
      }
      frames_.stop();
      seen_.stop();
    }
  }

  void decode() {
    const bool live = reader_.is_live();
    while (true) {
      const Clock::time_point start = Clock::now();
      std::optional<Image> frame = reader_.read();
      summary_.decode += seconds_since(start);
      if (!frame) break;
      if (live ? !frames_.replace(std::move(*frame), summary_.dropped) : !frames_.push(std::move(*frame)))
        break;
    }
    frames_.close();
  }

  void look() {
    while (std::optional<Image> frame = frames_.pop()) {
      const Clock::time_point start = Clock::now();
      FramePaint paint = look_(*frame);
      summary_.network += seconds_since(start);
      if (!seen_.push({std::move(*frame), std::move(paint)})) break;
    }
    seen_.close();
  }

  void draw() {
    while (std::optional<Seen> next = seen_.pop()) {
      const Clock::time_point start = Clock::now();
      Image painted = next->paint(std::move(next->frame));
      rate_.count();
      if (options_.show_speed) rate_.write_into(painted);
      if (writer_ != nullptr) writer_->write(painted);
      if (options_.shown) options_.shown(painted);
      ++summary_.frames;
      summary_.encode += seconds_since(start);
      if (options_.progress && !options_.progress(summary_.frames, reader_.frame_count())) {
        summary_.complete = false;
        frames_.stop();
        seen_.stop();
      }
    }
  }

  const FrameLook& look_;
  VideoReader& reader_;
  VideoWriter* writer_;
  const VideoOptions& options_;
  BoundedQueue<Image> frames_;
  BoundedQueue<Seen> seen_;
  FrameRate rate_;
  VideoSummary summary_;  ///< each field is written by one thread
  std::mutex mutex_;
  std::exception_ptr fault_;
};

VideoSummary segment_file(const FrameLook& look, const std::filesystem::path& in,
                          const std::filesystem::path& out, const VideoOptions& options) {
  VideoReader reader(in);
  VideoWriter writer(out, reader.size(), reader.frames_per_second());
  const VideoSummary summary = paint_video(look, reader, &writer, options);
  writer.finish();
  return summary;
}

}  // namespace

VideoSummary paint_video(const FrameLook& look, VideoReader& reader, VideoWriter* writer,
                         const VideoOptions& options) {
  return Pipeline(look, reader, writer, options).run();
}

VideoSummary segment_video(const SemanticPredictor& predictor, const std::filesystem::path& in,
                           const std::filesystem::path& out, const VideoOptions& options) {
  return segment_file(semantic_look(predictor, options.opacity, options.labels), in, out, options);
}

VideoSummary segment_video(const InstancePredictor& predictor, const std::filesystem::path& in,
                           const std::filesystem::path& out, const VideoOptions& options) {
  return segment_file(instance_look(predictor, options.opacity, options.found), in, out, options);
}

}  // namespace vitrail
