// `vitrail segment MODEL VIDEO -o VIDEO`.

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include <nlohmann/json.hpp>
#include <opencv2/core/utils/logger.hpp>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
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

Json report_of(const SegmentOptions& options, const VideoSummary& summary) {
  return {{"model", options.model},
          {"video", options.images[0]},
          {"out", options.out},
          {"frames", summary.frames},
          {"complete", summary.complete},
          {"frames_per_second", static_cast<double>(summary.frames) / summary.seconds},
          {"seconds",
           {{"whole", summary.seconds},
            {"decode", summary.decode},
            {"network", summary.network},
            {"encode", summary.encode}}}};
}

}  // namespace

int segment_video_command(const SegmentOptions& options, const Arguments&) {
  // Their complaints would stand among ours; what matters of them comes as errors.
  setenv("OPENCV_FFMPEG_LOGLEVEL", "-8", 0);
  cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
  if (std::filesystem::exists(options.out) && std::filesystem::equivalent(options.images[0], options.out))
    throw Error(ErrorKind::usage, {.where = options.out,
                                   .found = "the result would overwrite the video that is to be segmented",
                                   .next = "Choose another name with --out"});
  const SemanticPredictor predictor(load_model(options.model, options.info), predict_options(options.run));
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  VideoSummary summary;
  {
    Progress progress("segment");
    summary = segment_video(predictor, options.images[0], options.out,
                            {.opacity = options.opacity, .progress = [&](int64_t done, int64_t claimed) {
                               progress.show(done, claimed > 0 ? claimed : done);
                               return interrupted == 0;
                             }});
  }
  if (options.json)
    std::cout << report_of(options, summary).dump(2) << std::endl;
  else
    std::cout << options.images[0] << ": " << summary.frames << " frames, "
              << fixed(static_cast<double>(summary.frames) / summary.seconds, 1) << " a second\n  -> "
              << options.out << std::endl;
  if (summary.complete) return 0;
  complain(cat("interrupted after ", summary.frames, " frames, which ", options.out, " holds"));
  return status_interrupted;
}

}  // namespace vitrail::cli
