#include "vitrail/data/cityscapes.h"

#include <algorithm>
#include <system_error>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/data/class_lists.h"
#include "vitrail/data/list_file.h"

namespace vitrail {
namespace {

namespace fs = std::filesystem;

constexpr int64_t label_ids = 34;
constexpr std::string_view image_end = "_leftImg8bit.png";
const char* const split_names[] = {"train", "val", "train_extra"};

std::string labels_folder(const std::string& split) {
  return split == "train_extra" ? "gtCoarse" : "gtFine";
}

fs::path cityscapes_root(const fs::path& root) {
  return find_root(root, {"cityscapes"}, "leftImg8bit", "leftImg8bit/SPLIT/CITY/ and gtFine/SPLIT/CITY/");
}

std::vector<std::string> cityscapes_splits(const fs::path& given) {
  const fs::path root = cityscapes_root(given);
  std::vector<std::string> splits;
  std::error_code ignored;
  for (const char* split : split_names)
    if (fs::is_directory(root / "leftImg8bit" / split, ignored)) splits.emplace_back(split);
  return splits;
}

std::vector<fs::path> images_below(const fs::path& folder) {
  std::vector<fs::path> images;
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    if (at->path().filename().string().ends_with(image_end)) images.push_back(at->path());
  if (error) throw Error(ErrorKind::file, {.where = folder.string(), .found = error.message()});
  std::sort(images.begin(), images.end());
  return images;
}

FileLayout cityscapes_layout(const fs::path& given, const std::string& split) {
  const fs::path root = cityscapes_root(given);
  FileLayout layout;
  layout.classes = cityscapes_classes();
  for (int64_t id = 0; id < label_ids; ++id)
    layout.label_map[id] = LabelMap::ignore_label;
  layout.label_map[LabelMap::ignore_label] = LabelMap::ignore_label;  // a licence plate's -1
  for (size_t c = 0; c < layout.classes.size(); ++c)
    layout.label_map[cityscapes_label_id_of_class()[c]] = static_cast<int64_t>(c);
  const std::string labels = labels_folder(split);
  for (const fs::path& image : images_below(root / "leftImg8bit" / split)) {
    const fs::path city = image.parent_path().filename();
    const std::string file = image.filename().string(),
                      frame = file.substr(0, file.size() - image_end.size());
    const fs::path label = root / labels / split / city / cat(frame, "_", labels, "_labelIds.png");
    if (std::error_code ignored; fs::exists(label, ignored))
      layout.pairs.push_back({(city / frame).string(), image, label});
    else
      layout.images_without_labels.push_back(image);
  }
  return layout;
}

}  // namespace

const std::vector<int64_t>& cityscapes_label_id_of_class() {
  static const std::vector<int64_t> ids = {7,  8,  11, 12, 13, 17, 19, 20, 21, 22,
                                           23, 24, 25, 26, 27, 28, 31, 32, 33};
  return ids;
}

LabelMap cityscapes_label_ids(const LabelMap& classes) {
  const std::vector<int64_t>& ids = cityscapes_label_id_of_class();
  LabelMap result = classes;
  for (uint16_t& label : result.labels) {
    if (label != LabelMap::ignore_label && label >= ids.size())
      throw Error(ErrorKind::format, {.where = "Cityscapes submission",
                                      .found = cat("class ", label),
                                      .allowed = cat("0..", ids.size() - 1, " or 255")});
    label = label == LabelMap::ignore_label ? uint16_t{0} : static_cast<uint16_t>(ids[label]);
  }
  return result;
}

DatasetEntry cityscapes_entry() {
  return {.name = "cityscapes",
          .summary =
              "Cityscapes: streets, 19 classes; PATH/leftImg8bit, PATH/gtFine (gtCoarse for train_extra); "
              "research",
          .splits = {std::begin(split_names), std::end(split_names)},
          .splits_in = cityscapes_splits,
          .layout = cityscapes_layout};
}

}  // namespace vitrail
