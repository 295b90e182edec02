#pragma once
// Label maps in MATLAB files (SBD, Pascal Context, NYUDv2, SIFT Flow), read by libmatio.
//
//   LabelMap labels = read_mat_labels("2008_000008.mat", "LabelMap");
//   LabelMap labels = read_mat_labels("2008_000008.mat", "GTcls.Segmentation");   // a field of a structure

#include <filesystem>
#include <string>

#include "vitrail/image/image.h"

namespace vitrail {

/// A matrix of whole numbers as labels; negative ones (SIFT Flow's -1) become the ignore label. Throws
/// Error(file) or Error(format) naming the file for one that is damaged, lacks `variable`, or holds anything
/// but a matrix of numbers -1..65535; Error(limit) for more than max_image_pixels.
LabelMap read_mat_labels(const std::filesystem::path& path, const std::string& variable);

}  // namespace vitrail
