#pragma once
// What data sets have in common whose objects are numbered in a label PNG beside the picture: 0 is
// background, every other number an object (or, as the set says, a group or nothing). A set of this kind is a
// list of files and a rule for the numbers; see penn_fudan.cpp.

#include <map>
#include <optional>

#include "vitrail/data/instance_dataset.h"

namespace vitrail {

struct NumberedFiles {
  std::string name;  ///< of the picture, for people
  std::filesystem::path image, numbers;
  std::filesystem::path notes;  ///< a text that says more, or empty
};

/// What an object number means.
struct NumberedObject {
  int64_t class_index = 0;
  bool crowd = false;
};

struct NumberedLayout {
  std::vector<NumberedFiles> files;
  std::vector<ClassInfo> classes;
  std::vector<int64_t> categories;  ///< the set's own numbers of the classes; empty: 1, 2, 3 ...
  /// Nothing for what is no object of a class.
  std::optional<NumberedObject> (*meaning)(uint16_t number) = nullptr;
  /// Boxes (x, y, width, height) by object number from the notes; an object without one has its mask's.
  std::map<uint16_t, std::array<double, 4>> (*boxes)(const std::filesystem::path& notes) = nullptr;
};

/// Pictures are numbered from 1 in the order of the files. Throws Error(file) where there is none.
std::unique_ptr<InstanceDataset> numbered_dataset(NumberedLayout layout, const std::string& where);

}  // namespace vitrail
