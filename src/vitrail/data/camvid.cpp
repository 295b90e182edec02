#include "vitrail/data/camvid.h"

#include <iterator>
#include <system_error>

#include "vitrail/base/error.h"
#include "vitrail/data/file_dataset.h"
#include "vitrail/image/palette.h"

namespace vitrail {
namespace {

const char* const class_names[] = {"Sky",        "Building", "Pole", "Road",       "Pavement", "Tree",
                                   "SignSymbol", "Fence",    "Car",  "Pedestrian", "Bicyclist"};
constexpr int64_t void_label = 11;
const char* const split_names[] = {"train", "val", "test"};

std::vector<std::string> camvid_splits(const std::filesystem::path& root) {
  std::vector<std::string> found;
  std::error_code ignored;
  for (const char* split : split_names)
    if (std::filesystem::is_directory(root / split, ignored)) found.push_back(split);
  if (found.empty())
    throw Error(ErrorKind::file,
                {.where = root.string(),
                 .found = "no folder train, val or test",
                 .allowed = "camvid is train/, trainannot/, val/, valannot/, test/, testannot/"});
  return found;
}

FileLayout camvid_layout(const std::filesystem::path& root, const std::string& split) {
  FileLayout layout;
  pair_by_stem(layout, root / split, root / (split + "annot"));
  const std::vector<Rgb> colors = camvid_palette();
  for (const char* name : class_names) {
    const size_t c = layout.classes.size();
    layout.classes.push_back({name, colors.at(c)});
    layout.label_map[static_cast<int64_t>(c)] = static_cast<int64_t>(c);
  }
  layout.label_map[void_label] = LabelMap::ignore_label;
  layout.label_map[LabelMap::ignore_label] = LabelMap::ignore_label;
  return layout;
}

}  // namespace

DatasetEntry camvid_entry() {
  return {
      .name = "camvid",
      .summary =
          "CamVid, SegNet's edition: street scenes, 11 classes; PATH/train, PATH/trainannot ...; CC BY-NC",
      .splits = {std::begin(split_names), std::end(split_names)},
      .splits_in = camvid_splits,
      .layout = camvid_layout};
}

}  // namespace vitrail
