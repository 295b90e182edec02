#pragma once
// Cityscapes' instance results and truth as files (SPEC 12, 13).
//
// Results are a folder with one text per frame, anywhere below it and named <city>_<seq>_<frame>*.txt, with
// a line per object: a mask PNG (any value but 0 belongs to the object; a relative path without spaces), a
// label id and a score:
//
//   aachen_000000_000019_0.png 26 0.91
//
//   CityscapesResults results("results");
//   for (const CityscapesFrame& frame : cityscapes_frames("cityscapes", "val"))
//     use(read_cityscapes_truth(frame), results.read(frame.name));

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "vitrail/image/rle.h"

namespace vitrail {

struct CityscapesResult {
  int64_t label_id = 0;  ///< 24 person, 26 car ...
  Rle mask;
  double score = 0;
};

class CityscapesResults {
 public:
  /// Finds the texts below a folder. Throws Error(file) where there is none.
  explicit CityscapesResults(const std::filesystem::path& folder);
  /// What was found in a frame ("aachen_000000_000019"). Throws Error(file) where no text is of it, or two
  /// are, Error(format) naming file and line for what is malformed or points out of the folder.
  std::vector<CityscapesResult> read(const std::string& frame) const;

 private:
  std::filesystem::path folder_;
  std::map<std::string, std::vector<std::filesystem::path>> texts_;  // by frame
};

/// Writes one frame of such a folder: FRAME.txt and FRAME_0.png, FRAME_1.png ...
void write_cityscapes_results(const std::filesystem::path& folder, const std::string& frame,
                              const std::vector<CityscapesResult>& results);

struct CityscapesFrame {
  std::string name;                         ///< "aachen_000000_000019"
  std::filesystem::path instance_ids;       ///< the PNG
  std::filesystem::path disparity, camera;  ///< empty where they are not there
};
/// The frames of a split, in the order of their names.
std::vector<CityscapesFrame> cityscapes_frames(const std::filesystem::path& root, const std::string& split);

struct CityscapesTruth {
  struct Object {
    int64_t label_id = 0;
    Rle mask;
    bool group = false;
    std::optional<double> distance;  ///< median over its pixels, in metres; where there is a disparity map
    double stereo_density = 0;       ///< share of its pixels that have a disparity
  };
  std::vector<Object> objects;  ///< of the classes that have objects
  Rle void_pixels;              ///< labels that are not evaluated
};
CityscapesTruth read_cityscapes_truth(const CityscapesFrame& frame);

}  // namespace vitrail
