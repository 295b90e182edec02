#include "vitrail/data/ade20k.h"

#include <system_error>

#include "vitrail/data/class_lists.h"
#include "vitrail/data/list_file.h"

namespace vitrail {
namespace {

namespace fs = std::filesystem;

fs::path ade20k_root(const fs::path& root) {
  return find_root(root, {"ADEChallengeData2016"}, "annotations",
                   "images/{training,validation}/ and annotations/{training,validation}/");
}

std::string folder_of(const std::string& split) {
  return split == "train" ? "training" : "validation";
}

std::vector<std::string> ade20k_splits(const fs::path& given) {
  std::vector<std::string> splits;
  std::error_code ignored;
  for (const char* split : {"train", "val"})
    if (fs::is_directory(ade20k_root(given) / "images" / folder_of(split), ignored)) splits.push_back(split);
  return splits;
}

FileLayout ade20k_layout(const fs::path& given, const std::string& split) {
  const fs::path root = ade20k_root(given);
  FileLayout layout;
  declare_classes(layout, ade20k_classes(), 1);
  pair_by_stem(layout, root / "images" / folder_of(split), root / "annotations" / folder_of(split));
  return layout;
}

}  // namespace

DatasetEntry ade20k_entry() {
  return {.name = "ade20k",
          .summary = "ADE20K scene parsing: 150 classes; PATH/images, PATH/annotations; research",
          .splits = {"train", "val"},
          .splits_in = ade20k_splits,
          .layout = ade20k_layout};
}

}  // namespace vitrail
