#pragma once
// Label maps on disk: PNG files whose values are class indices.
//
//   LabelMap labels = read_label_map("street_mask.png");     // palette or grey, 1 to 16 bits
//   write_label_map("out.png", labels, cityscapes_palette());   // indexed PNG: right in tools and to the eye
//
// A palette PNG stores indices, and its palette is only what viewers paint them with: indices are what is
// read here (OpenCV and most readers return the colours instead). Grey PNGs of 1, 2, 4, 8 and 16 bits are
// read as the numbers that are stored, unscaled. A colour (RGB) mask has no indices; it takes a table of
// class colours:
//
//   LabelMap labels = labels_from_colors(read_image("mask.png"), {{128, 64, 128}, {244, 35, 232}});

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vitrail/image/image.h"

namespace vitrail {

/// A label PNG with what its header says, for tools that judge data sets.
struct LabelFile {
  LabelMap labels;          ///< 0 x 0 when the file holds colours (channels 3 or 4)
  int bit_depth = 0;        ///< bits per stored value: 1, 2, 4, 8 or 16
  int channels = 0;         ///< 1 palette or grey, 2 grey + alpha (alpha is dropped), 3 RGB, 4 RGBA
  bool palette = false;     ///< values are indices into `colors`
  std::vector<Rgb> colors;  ///< the file's palette, empty without one
};

/// Indices of a palette or grey PNG. Throws Error(format) for a file that is damaged, is not a PNG, or holds
/// colours; Error(limit) for more than `max_pixels` pixels.
LabelMap read_label_map(const std::filesystem::path& path, int64_t max_pixels = max_image_pixels);

/// The same with the header, and without refusing colour files: their `labels` stay empty.
LabelFile read_label_file(const std::filesystem::path& path, int64_t max_pixels = max_image_pixels);
LabelFile label_file_from_bytes(std::string_view bytes, const std::string& name,
                                int64_t max_pixels = max_image_pixels);

/// Label i where a pixel of `colors` (RGB) is exactly class_colors[i], ignore_label where it is
/// `ignore_color`. Throws Error(format) naming pixel and colour for any other; `name` is what it calls the
/// image.
LabelMap labels_from_colors(const Image& colors, std::span<const Rgb> class_colors,
                            std::optional<Rgb> ignore_color = std::nullopt, const std::string& name = "mask");

/// `labels` as an 8-bit indexed PNG. Labels that `palette` does not reach are painted with VOC's colours (its
/// 255 is the pale yellow of VOC's ignored borders). If a label exceeds 255 the PNG is 16-bit grey, without
/// palette.
std::string encode_label_map(const LabelMap& labels, std::span<const Rgb> palette = {});
void write_label_map(const std::filesystem::path& path, const LabelMap& labels,
                     std::span<const Rgb> palette = {});

}  // namespace vitrail
