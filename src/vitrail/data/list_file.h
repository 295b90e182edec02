#pragma once
// Split lists: one name per line. Internal to data/.

#include <filesystem>
#include <string>
#include <vector>

#include "vitrail/data/file_dataset.h"

namespace vitrail {

/// The first word of every line that has one (some lists add columns, some lack the last newline).
std::vector<std::string> names_in_list(const std::filesystem::path& list);

/// Sets pairs from names: image = `images`/name+`image_suffix`, labels likewise. What is missing on disk goes
/// to images_without_labels; Error(file) for an image that is not there, naming list and image.
void pair_by_list(FileLayout& layout, const std::filesystem::path& list, const std::filesystem::path& images,
                  const std::string& image_suffix, const std::filesystem::path& labels,
                  const std::string& label_suffix);

/// The names among `candidates` whose PATH/FOLDER/NAME.txt exists.
std::vector<std::string> lists_in(const std::filesystem::path& folder,
                                  const std::vector<std::string>& candidates);

/// The first of root, root/inner[0], root/inner[1] ... in which `marker` exists. Throws Error(file) saying
/// what the data set looks like.
std::filesystem::path find_root(const std::filesystem::path& root, const std::vector<std::string>& inner,
                                const std::string& marker, const std::string& looks_like);

/// Every class index is its own label, and 255 is ignored.
void declare_classes(FileLayout& layout, std::vector<ClassInfo> classes, int64_t first_label = 0);

}  // namespace vitrail
