// `vitrail segment MODEL VIDEO -o VIDEO` and `vitrail segment MODEL --camera N`.

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <optional>

#include <nlohmann/json.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/highgui.hpp>
#include <opencv2/imgproc.hpp>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/cli/output.h"
#include "vitrail/cli/segment_options.h"
#include "vitrail/cli/terminal.h"
#include "vitrail/video/segment_video.h"

namespace vitrail::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr int status_interrupted = 130;  // as shells count a program that Ctrl-C ended

// Set by Ctrl-C: the video is closed properly where it is. The second one ends the program at once.
volatile std::sig_atomic_t interrupted = 0;

void on_interrupt(int signal) {
  if (interrupted != 0) std::signal(signal, SIG_DFL);
  interrupted = 1;
}

Json report_of(const SegmentOptions& options, const std::string& source, const VideoSummary& summary) {
  return {{"model", options.model},
          {"video", source},
          {"out", options.out.empty() ? Json() : Json(options.out)},
          {"frames", summary.frames},
          {"dropped", summary.dropped},
          {"complete", summary.complete},
          {"frames_per_second", static_cast<double>(summary.frames) / summary.seconds},
          {"seconds",
           {{"whole", summary.seconds},
            {"decode", summary.decode},
            {"network", summary.network},
            {"encode", summary.encode}}}};
}

/// The network, of either kind, and how it looks at frames.
class Watcher {
 public:
  Watcher(const SegmentOptions& options, Model model) {
    if (model.info.task == Task::instance) {
      const InstanceChoice choice = instance_choice(options.instances, model.info);
      objects_.emplace(std::move(model), predict_options(options.run), choice);
      look_ = instance_look(*objects_, options.opacity);
    } else {
      classes_.emplace(std::move(model), predict_options(options.run));
      look_ = semantic_look(*classes_, options.opacity);
    }
  }
  const FrameLook& look() const { return look_; }

 private:
  std::optional<SemanticPredictor> classes_;
  std::optional<InstancePredictor> objects_;
  FrameLook look_;
};

/// A window that shows frames. All of it happens on the drawing thread.
class Window {
 public:
  explicit Window(const std::string& title) : title_(title) {}

  void show(const Image& frame) {
    const cv::Mat rgb(static_cast<int>(frame.height), static_cast<int>(frame.width), CV_8UC3,
                      const_cast<uint8_t*>(frame.pixels.data()));
    cv::cvtColor(rgb, bgr_, cv::COLOR_RGB2BGR);
    try {
      cv::imshow(title_, bgr_);
      if (const int key = cv::waitKey(1); key == 'q' || key == escape) closed_ = true;
    } catch (const cv::Exception&) {
      throw Error(ErrorKind::unsupported, {.where = "--show",
                                           .found = "no window can be opened here",
                                           .next = "Write the video with --out instead"});
    }
  }
  bool closed() const { return closed_; }

 private:
  static constexpr int escape = 27;

  std::string title_;
  cv::Mat bgr_;
  bool closed_ = false;
};

/// Qt and GTK end the program where there is no display; that is told before.
void check_display() {
  if (std::getenv("DISPLAY") == nullptr && std::getenv("WAYLAND_DISPLAY") == nullptr)
    throw Error(ErrorKind::unsupported, {.where = "--show",
                                         .found = "no display (DISPLAY is not set)",
                                         .next = "Write the video with --out instead"});
}

VideoReader reader_of(const SegmentOptions& options) {
  return options.camera >= 0 ? VideoReader::camera(options.camera) : VideoReader(options.images[0]);
}

VideoSummary watch(const SegmentOptions& options, const Watcher& watcher, VideoReader& reader,
                   VideoWriter* writer) {
  Progress progress("segment");
  Window window(reader.name());
  VideoOptions video{.opacity = options.opacity, .show_speed = options.speed || reader.is_live()};
  if (options.show) video.shown = [&](const Image& frame) { window.show(frame); };
  video.progress = [&](int64_t done, int64_t claimed) {
    progress.show(done, claimed > 0 ? claimed : done);
    return interrupted == 0 && !window.closed();
  };
  return paint_video(watcher.look(), reader, writer, video);
}

}  // namespace

int segment_video_command(const SegmentOptions& options, const CLI::App& app, const Arguments&) {
  // Their complaints would stand among ours; what matters of them comes as errors.
  setenv("OPENCV_FFMPEG_LOGLEVEL", "-8", 0);
  cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
  if (options.camera < 0 && std::filesystem::exists(options.out) &&
      std::filesystem::equivalent(options.images[0], options.out))
    throw Error(ErrorKind::usage, {.where = options.out,
                                   .found = "the result would overwrite the video that is to be segmented",
                                   .next = "Choose another name with --out"});
  if (options.show) check_display();
  const Watcher watcher(options, load_for(options, app));
  VideoReader reader = reader_of(options);
  std::optional<VideoWriter> writer;
  if (!options.out.empty()) writer.emplace(options.out, reader.size(), reader.frames_per_second());
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  const VideoSummary summary = watch(options, watcher, reader, writer ? &*writer : nullptr);
  if (writer) writer->finish();

  if (options.json)
    print_json(report_of(options, reader.name(), summary));
  else
    std::cout << reader.name() << ": " << summary.frames << " frames, "
              << fixed(static_cast<double>(summary.frames) / summary.seconds, 1) << " a second"
              << (options.out.empty() ? "" : "\n  -> " + options.out) << std::endl;
  if (summary.complete || reader.is_live() || options.show) return 0;
  complain(cat("interrupted after ", summary.frames, " frames, which ", options.out, " holds"));
  return status_interrupted;
}

}  // namespace vitrail::cli
