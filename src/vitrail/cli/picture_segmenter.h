#pragma once
// One picture after the other, for `vitrail segment`: what a model finds in it, as files and as JSON.

#include <filesystem>
#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "vitrail/cli/segment_options.h"

namespace vitrail::cli {

struct PictureJob {
  std::filesystem::path image, labels, overlay;
  /// Files of the same picture, for channels behind the image's.
  std::vector<std::filesystem::path> further = {};
  int64_t number = 0;  ///< as COCO's results name the picture
};

/// All files of the picture, the image first.
std::vector<std::filesystem::path> files_of(const PictureJob& job);

class PictureSegmenter {
 public:
  virtual ~PictureSegmenter() = default;
  /// Writes the picture's results and reports them.
  virtual nlohmann::ordered_json segment(const PictureJob& job) = 0;
  /// A report in a line, without where its files are.
  virtual std::string summary_of(const nlohmann::ordered_json& report) const = 0;
  /// After the last picture: files of all pictures together, empty where there are none.
  virtual std::string finish() { return ""; }
};

/// Class indices per pixel, and classes painted over the picture.
std::unique_ptr<PictureSegmenter> semantic_segmenter(const SegmentOptions& options, Model model);
/// Objects' numbers per pixel, objects outlined in the picture, and results.json in COCO's form.
std::unique_ptr<PictureSegmenter> instance_segmenter(const SegmentOptions& options, Model model);

}  // namespace vitrail::cli
