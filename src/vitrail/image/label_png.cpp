#include "vitrail/image/label_png.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"
#include "vitrail/image/palette.h"
#include "vitrail/image/png_codec.h"

namespace vitrail {
namespace {

constexpr int64_t palette_size = 256;

uint32_t packed(const uint8_t* rgb) {
  return uint32_t{rgb[0]} << 16 | uint32_t{rgb[1]} << 8 | rgb[2];
}

std::string color_text(const uint8_t* rgb) {
  return cat("(", int{rgb[0]}, ",", int{rgb[1]}, ",", int{rgb[2]}, ")");
}

using LabelOfColor = std::unordered_map<uint32_t, uint16_t>;

LabelOfColor label_of_color(std::span<const Rgb> class_colors, const std::optional<Rgb>& ignore_color) {
  LabelOfColor table;
  for (size_t i = 0; i < class_colors.size(); ++i) {
    // Index 255 marks ignored pixels; it cannot name a class as well.
    const auto label = static_cast<uint16_t>(i);
    if (i == LabelMap::ignore_label || i > 65535)
      throw Error(ErrorKind::usage, {.where = "class colours",
                                     .found = cat(class_colors.size(), " classes"),
                                     .allowed = "at most 255 (label 255 marks ignored pixels)"});
    const auto [at, is_new] = table.emplace(packed(class_colors[i].data()), label);
    if (!is_new)
      throw Error(ErrorKind::usage, {.where = "class colours",
                                     .found = cat("colour ", color_text(class_colors[i].data()),
                                                  " for classes ", at->second, " and ", i),
                                     .allowed = "a colour of its own for each class"});
  }
  // A colour that is both a class's and the ignored one: the caller's explicit wish to ignore it wins.
  if (ignore_color) table[packed(ignore_color->data())] = LabelMap::ignore_label;
  return table;
}

[[noreturn]] void throw_unknown_color(const std::string& name, int64_t x, int64_t y, const uint8_t* rgb,
                                      size_t classes) {
  throw Error(ErrorKind::format,
              {.where = name,
               .found = cat("colour ", color_text(rgb), " at (", x, ",", y, ")"),
               .allowed = cat("one of the ", classes, " class colours, or the ignored colour"),
               .next = "Add the colour to the class table; if it lies only at borders, the mask was smoothed "
                       "or saved as JPEG and must be exported again"});
}

void check_labels(const LabelMap& labels) {
  const int64_t count = checked_mul(labels.height, labels.width, "a label map's size");
  if (labels.height < 1 || labels.width < 1 || static_cast<int64_t>(labels.labels.size()) != count)
    throw Error(ErrorKind::shape, {.where = "encode_label_map",
                                   .found = cat("a map of ", labels.width, "x", labels.height, " with ",
                                                labels.labels.size(), " labels"),
                                   .allowed = "at least 1x1 and a label for each pixel"});
}

std::vector<Rgb> full_palette(std::span<const Rgb> palette) {
  std::vector<Rgb> colors = voc_palette(palette_size);
  std::copy_n(palette.begin(), std::min(palette.size(), colors.size()), colors.begin());
  return colors;
}

}  // namespace

LabelFile label_file_from_bytes(std::string_view bytes, const std::string& name, int64_t max_pixels) {
  if (!is_png(bytes))
    throw Error(ErrorKind::format, {.where = name,
                                    .found = bytes.empty() ? "an empty file" : "not a PNG file",
                                    .allowed = "label maps are PNG: others lose indices or blur them",
                                    .next = "Convert the mask to an indexed or grey PNG"});
  const PngHeader header = png_header(bytes, name);
  LabelFile file{.bit_depth = header.bit_depth, .channels = header.channels, .palette = header.palette};
  if (header.channels > 2) return file;
  PngValues values = decode_png_values(bytes, name, max_pixels);
  file.labels.height = header.height;
  file.labels.width = header.width;
  file.labels.labels = std::move(values.values);
  file.colors = std::move(values.colors);
  return file;
}

LabelFile read_label_file(const std::filesystem::path& path, int64_t max_pixels) {
  return label_file_from_bytes(read_file(path), path.string(), max_pixels);
}

LabelMap read_label_map(const std::filesystem::path& path, int64_t max_pixels) {
  LabelFile file = read_label_file(path, max_pixels);
  if (file.channels > 2)
    throw Error(ErrorKind::format,
                {.where = path.string(),
                 .found = cat("a colour mask (", file.channels, " channels)"),
                 .allowed = "a label map holds one index per pixel: an indexed (palette) or grey PNG",
                 .next = "Give a class table with a colour for each class, or convert the mask to indices"});
  return std::move(file.labels);
}

LabelMap labels_from_colors(const Image& colors, std::span<const Rgb> class_colors,
                            std::optional<Rgb> ignore_color, const std::string& name) {
  if (colors.channels != 3)
    throw Error(ErrorKind::shape,
                {.where = name, .found = cat(colors.channels, " channels"), .allowed = "an RGB image"});
  const LabelOfColor table = label_of_color(class_colors, ignore_color);
  LabelMap labels(colors.height, colors.width);
  uint32_t last_color = 0xFFFFFFFF;  // masks have long runs of one colour: look it up once
  uint16_t last_label = 0;
  for (int64_t y = 0; y < colors.height; ++y) {
    for (int64_t x = 0; x < colors.width; ++x) {
      const uint32_t color = packed(colors.at(y, x));
      if (color != last_color) {
        const auto found = table.find(color);
        if (found == table.end()) throw_unknown_color(name, x, y, colors.at(y, x), class_colors.size());
        last_color = color;
        last_label = found->second;
      }
      labels.at(y, x) = last_label;
    }
  }
  return labels;
}

std::string encode_label_map(const LabelMap& labels, std::span<const Rgb> palette) {
  check_labels(labels);
  const uint16_t largest = *std::max_element(labels.labels.begin(), labels.labels.end());
  if (largest >= palette_size) return encode_png_grey16(labels.height, labels.width, labels.labels);
  std::vector<uint8_t> indices(labels.labels.size());
  for (size_t i = 0; i < indices.size(); ++i)
    indices[i] = static_cast<uint8_t>(labels.labels[i]);
  return encode_png_indices(labels.height, labels.width, indices, full_palette(palette));
}

void write_label_map(const std::filesystem::path& path, const LabelMap& labels,
                     std::span<const Rgb> palette) {
  replace_file(path, encode_label_map(labels, palette));
}

}  // namespace vitrail
