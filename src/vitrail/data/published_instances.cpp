#include "vitrail/data/published_instances.h"

#include <algorithm>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/data/cityscapes.h"
#include "vitrail/data/class_lists.h"
#include "vitrail/data/file_dataset.h"
#include "vitrail/data/microscopy.h"
#include "vitrail/data/numbered_instances.h"

namespace vitrail {
namespace {

namespace fs = std::filesystem;

constexpr uint16_t first_object = 1000;

/// Picture and label file of every sample of a set that is read for its classes, too.
std::vector<NumberedFiles> files_of(const DatasetEntry& entry, const fs::path& root,
                                    const std::string& split) {
  const FileLayout layout = entry.layout(root, split);
  if (!layout.images_without_labels.empty())
    throw Error(ErrorKind::file,
                {.where = cat(entry.name, ":", root.string(), " split ", split),
                 .found = cat(layout.images_without_labels.size(), " images have no labels, such as ",
                              layout.images_without_labels[0].string())});
  std::vector<NumberedFiles> files;
  for (const FilePair& pair : layout.pairs)
    files.push_back({pair.name, pair.image, pair.labels, ""});
  return files;
}

std::optional<NumberedObject> nucleus(uint16_t number) {
  if (number == 0) return std::nullopt;
  return NumberedObject{};
}

std::unique_ptr<InstanceDataset> open_dsb2018(const fs::path& root, const std::string& split) {
  NumberedLayout layout;
  layout.files = files_of(dsb2018_entry(), root, split);
  layout.classes = {{"nucleus", {255, 255, 255}}};
  layout.meaning = nucleus;
  return numbered_dataset(std::move(layout), root.string());
}

std::optional<NumberedObject> road_user(uint16_t number) {
  const std::vector<int64_t>& ids = cityscapes_instance_ids();
  const int64_t id = number >= first_object ? number / first_object : number;
  const auto found = std::find(ids.begin(), ids.end(), id);
  if (found == ids.end()) return std::nullopt;
  return NumberedObject{found - ids.begin(), number < first_object};
}

std::unique_ptr<InstanceDataset> open_cityscapes(const fs::path& root, const std::string& split) {
  NumberedLayout layout;
  layout.files = files_of(cityscapes_entry(), root, split);
  for (NumberedFiles& files : layout.files)
    files.numbers = cityscapes_instance_file(files.numbers);
  const std::vector<int64_t>& ids = cityscapes_label_id_of_class();
  const std::vector<ClassInfo> classes = cityscapes_classes();
  for (const int64_t id : cityscapes_instance_ids())
    layout.classes.push_back(
        classes[static_cast<size_t>(std::find(ids.begin(), ids.end(), id) - ids.begin())]);
  layout.categories = cityscapes_instance_ids();
  layout.meaning = road_user;
  return numbered_dataset(std::move(layout), root.string());
}

}  // namespace

const std::vector<int64_t>& cityscapes_instance_ids() {
  static const std::vector<int64_t> ids = {24, 25, 26, 27, 28, 31, 32, 33};
  return ids;
}

fs::path cityscapes_instance_file(const fs::path& label_ids) {
  constexpr std::string_view labels = "_labelIds.png";
  std::string name = label_ids.filename().string();
  if (name.ends_with(labels)) name.resize(name.size() - labels.size());
  return label_ids.parent_path() / (name + "_instanceIds.png");
}

InstanceDatasetEntry dsb2018_instances_entry() {
  const DatasetEntry semantic = dsb2018_entry();
  return {.name = semantic.name,
          .summary = "nuclei in microscopy, each an object: PATH/images, PATH/instances, PATH/SPLIT.txt; CC0",
          .splits = semantic.splits,
          .splits_in = semantic.splits_in,
          .open = open_dsb2018};
}

InstanceDatasetEntry cityscapes_instances_entry() {
  const DatasetEntry semantic = cityscapes_entry();
  return {.name = semantic.name,
          .summary =
              "Cityscapes' road users, 8 classes: PATH/leftImg8bit, PATH/gtFine with instanceIds; research",
          .splits = semantic.splits,
          .splits_in = semantic.splits_in,
          .open = open_cityscapes};
}

}  // namespace vitrail
