#pragma once
// What data sets made of one image file and one label file per sample have in common: pairing by name,
// reading, and the label map. A data set of this kind is a list of pairs and a `FileLayout`; see camvid.cpp.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "vitrail/data/dataset.h"
#include "vitrail/image/label_png.h"

namespace vitrail {

/// A further file of a picture, pixel on pixel: its depth, its infrared.
struct ChannelFile {
  std::filesystem::path path;
  int64_t channels = 0;  ///< that it must have by read_all_channels; 0 = any
};

struct FilePair {
  std::string name;  ///< stem of the image, with its folder where there are several: "0001TP_006690"
  std::filesystem::path image, labels;
  int64_t page = whole_file;  ///< of both files, where they are TIFF volumes
  int64_t channels = 0;       ///< that the image file gives: read_image_channels; 0 = what read_image gives
  std::vector<ChannelFile> further = {};  ///< files of the same picture; their channels follow the image's

  static constexpr int64_t whole_file = -1;
};

struct FileLayout {
  std::vector<FilePair> pairs;
  std::vector<std::filesystem::path> images_without_labels, labels_without_image;  ///< for the checker
  std::vector<std::filesystem::path> missing_channels;  ///< further files that are not there, likewise
  std::vector<ClassInfo> classes;
  std::map<int64_t, int64_t> label_map;  ///< file's label -> class, or 255; empty: labels are classes already
  bool color_masks = false;              ///< colour PNGs are allowed, and mean the classes' colours ...
  std::optional<Rgb> ignore_color;       ///< ... or, this one, ignored
  /// Reads labels from files that are not label PNGs; null otherwise.
  LabelMap (*read_labels)(const std::filesystem::path& path) = nullptr;
};

std::unique_ptr<Dataset> file_dataset(FileLayout layout);

/// The images (any extension of has_image_extension) or label PNGs directly in a folder, by stem, in natural
/// order. Throws Error(file) when the folder is missing, Error(format) when two files share a stem.
std::vector<std::pair<std::string, std::filesystem::path>> files_by_stem(const std::filesystem::path& folder);

/// Sets pairs and what is left over: images of one folder with the labels of another that have the same stem.
void pair_by_stem(FileLayout& layout, const std::filesystem::path& images,
                  const std::filesystem::path& labels);

/// Adds to every pair the file of the same stem in `folder`. A pair without one leaves, and what it lacks
/// goes to missing_channels.
void add_channels(FileLayout& layout, const std::filesystem::path& folder, int64_t channels = 0);

/// The picture of a pair: RGB, or the channels of all its files. Throws Error(shape) naming the file for one
/// of another size or number of channels.
Image read_pair_image(const FilePair& pair);
/// A further file alone.
Image read_channel_file(const ChannelFile& file);

/// Labels as they are in the file, before the label map.
LabelFile read_pair_labels(const FilePair& pair, const FileLayout& layout);

/// Labels as class indices: indices through the label map, colour masks through the classes' colours.
/// Throws Error(format) naming file and pixel of what is not declared.
LabelMap read_class_labels(const FilePair& pair, const FileLayout& layout);

/// Applies the label map in place. Throws Error(format) naming file and pixel of the first label that is
/// neither mapped nor, without a map, a class or 255.
void map_labels(LabelMap& labels, const std::map<int64_t, int64_t>& label_map, int64_t classes,
                const std::string& file);

/// Throws Error(usage) for a map onto anything but 0..classes-1 and 255.
void check_label_map(const std::map<int64_t, int64_t>& label_map, int64_t classes, const std::string& where);

}  // namespace vitrail
