#pragma once
// COCO's instances JSON (SPEC 13): pictures, categories and outlined objects.
//
//   CocoFile file = read_coco_file("annotations/instances_val2017.json");
//   Rle mask = file.mask(file.annotations[0]);
//
// The file is not trusted: every key is checked for its type, its range and for what it refers to, and the
// first fault is an Error that names file, key and reason:
//
//   instances.json: annotations[17].category_id: 91 is no category; there are 80, 1..90. ...
//
// `on_fault` instead gets every fault, and what has one is left out: how the checker sees the whole file.

#include <array>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "vitrail/base/error.h"
#include "vitrail/image/rle.h"

namespace vitrail {

struct CocoImage {
  int64_t id = 0, height = 0, width = 0;
  std::string file_name;  ///< below the folder of pictures: relative, without ".."
};

struct CocoCategory {
  int64_t id = 0;
  std::string name;
};

using Polygons = std::vector<std::vector<double>>;  ///< x0, y0, x1, y1, ... in pixels

struct CocoAnnotation {
  int64_t id = 0;
  int64_t image = 0;     ///< index into CocoFile::images
  int64_t category = 0;  ///< index into CocoFile::categories
  bool crowd = false;
  double area = 0;               ///< as the file says; that of the mask where it says nothing
  std::array<double, 4> bbox{};  ///< x, y, width, height; around the mask where the file says nothing
  Polygons polygons;             ///< the mask, or, where they are empty, ...
  Rle runs;
};

struct CocoFile {
  std::vector<CocoImage> images;         ///< in the file's order
  std::vector<CocoCategory> categories;  ///< by ascending id
  std::vector<CocoAnnotation> annotations;

  Rle mask(const CocoAnnotation& annotation) const;
};

struct CocoFault {
  const char* kind;  ///< stable, for programs: "unknown-category"
  ErrorKind error_kind;
  ErrorParts parts;
};
using OnCocoFault = std::function<void(const CocoFault&)>;

/// Without `on_fault` the first fault is thrown. What makes the whole file unreadable (no JSON, no list of
/// images) is thrown always.
CocoFile read_coco_file(const std::filesystem::path& path, const OnCocoFault& on_fault = nullptr);

}  // namespace vitrail
