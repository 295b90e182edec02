// `vitrail segment MODEL VIDEO` in the programs without OpenCV's video libraries.

#include "vitrail/cli/launcher.h"
#include "vitrail/cli/segment_options.h"

namespace vitrail::cli {

int segment_video_command(const SegmentOptions&, const CLI::App&, const Arguments& arguments) {
  hand_over("vitrail-video", "segment", arguments);
}

}  // namespace vitrail::cli
