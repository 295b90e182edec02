#pragma once
// What `vitrail segment` was asked for: shared between pictures, videos and cameras, and between models that
// label pixels and models that outline objects.

#include <string>
#include <vector>

#include "vitrail/cli/command.h"
#include "vitrail/cli/instance_options.h"
#include "vitrail/cli/model_options.h"

namespace vitrail::cli {

struct SegmentOptions {
  std::string model;
  std::vector<std::string> images;
  std::vector<std::string> with_images;  ///< files, or folders of them, with the pictures' further channels
  std::string out;
  double opacity = 0.5;
  bool overlay = true;
  bool json = false;
  int camera = -1;     ///< its number; -1: files
  bool show = false;   ///< open a window
  bool speed = false;  ///< write frames per second into the picture
  InfoOptions info;
  RunOptions run;
  InstanceOptions instances;
};

/// The model, and what the options say about it, which is refused where it does not suit the model's task.
Model load_for(const SegmentOptions& options, const CLI::App& app);

/// A video, `options.images[0]`, or a camera, into the video `options.out`. `arguments` are the command's,
/// for the program that can.
int segment_video_command(const SegmentOptions& options, const CLI::App& app, const Arguments& arguments);

}  // namespace vitrail::cli
