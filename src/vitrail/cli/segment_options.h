#pragma once
// What `vitrail segment` was asked for: shared between pictures and videos.

#include <string>
#include <vector>

#include "vitrail/cli/command.h"
#include "vitrail/cli/model_options.h"

namespace vitrail::cli {

struct SegmentOptions {
  std::string model;
  std::vector<std::string> images;
  std::string out;
  double opacity = 0.5;
  bool overlay = true;
  bool json = false;
  InfoOptions info;
  RunOptions run;
};

/// A video, `options.images[0]`, into the video `options.out`. `arguments` are the command's, for the program
/// that can.
int segment_video_command(const SegmentOptions& options, const Arguments& arguments);

}  // namespace vitrail::cli
