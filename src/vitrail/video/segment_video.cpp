#include "vitrail/video/segment_video.h"

#include <chrono>
#include <exception>
#include <mutex>
#include <thread>

#include "vitrail/base/bounded_queue.h"
#include "vitrail/base/error.h"
#include "vitrail/image/overlay.h"
#include "vitrail/video/video_file.h"

namespace vitrail {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct Labelled {
  Image frame;
  LabelMap labels;
};

class Pipeline {
 public:
  Pipeline(const SemanticPredictor& predictor, const std::filesystem::path& in,
           const std::filesystem::path& out, const VideoOptions& options)
      : predictor_(predictor),
        options_(options),
        reader_(in),
        name_(in.string()),
        writer_(out, reader_.size(), reader_.frames_per_second()),
        claimed_(reader_.frame_count()) {
    for (const ClassInfo& c : predictor_.info().classes)
      classes_.push_back({c.name, c.color});
  }

  VideoSummary run() {
    const Clock::time_point start = Clock::now();
    std::thread decoding([&] { guarded([&] { decode(); }); });
    std::thread drawing([&] { guarded([&] { draw(); }); });
    guarded([&] { label(); });
    decoding.join();
    drawing.join();
    if (fault_) std::rethrow_exception(fault_);
    if (summary_.frames == 0)
      throw Error(ErrorKind::format, {.where = name_, .found = "a video without a frame"});
    writer_.finish();
    summary_.seconds = seconds_since(start);
    return summary_;
  }

 private:
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
      labelled_.stop();
    }
  }

  void decode() {
    while (true) {
      const Clock::time_point start = Clock::now();
      std::optional<Image> frame = reader_.read();
      summary_.decode += seconds_since(start);
      if (!frame || !frames_.push(std::move(*frame))) break;
    }
    frames_.close();
  }

  void label() {
    while (std::optional<Image> frame = frames_.pop()) {
      const Clock::time_point start = Clock::now();
      LabelMap labels = predictor_.predict(*frame);
      summary_.network += seconds_since(start);
      if (!labelled_.push({std::move(*frame), std::move(labels)})) break;
    }
    labelled_.close();
  }

  void draw() {
    while (const std::optional<Labelled> next = labelled_.pop()) {
      const Clock::time_point start = Clock::now();
      writer_.write(
          overlay(next->frame, next->labels, classes_, {.opacity = options_.opacity, .legend = false}));
      if (options_.labels) options_.labels(summary_.frames, next->labels);
      ++summary_.frames;
      summary_.encode += seconds_since(start);
      if (options_.progress && !options_.progress(summary_.frames, claimed_)) {
        summary_.complete = false;
        frames_.stop();
        labelled_.stop();
      }
    }
  }

  const SemanticPredictor& predictor_;
  const VideoOptions& options_;
  VideoReader reader_;
  std::string name_;
  VideoWriter writer_;
  int64_t claimed_;
  std::vector<NamedColor> classes_;
  // Enough to even out frames of unequal cost; each holds a whole frame.
  BoundedQueue<Image> frames_{4};
  BoundedQueue<Labelled> labelled_{4};
  VideoSummary summary_;  ///< each field is written by one thread
  std::mutex mutex_;
  std::exception_ptr fault_;
};

}  // namespace

VideoSummary segment_video(const SemanticPredictor& predictor, const std::filesystem::path& in,
                           const std::filesystem::path& out, const VideoOptions& options) {
  return Pipeline(predictor, in, out, options).run();
}

}  // namespace vitrail
