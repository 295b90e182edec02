#include "vitrail/data/pascal_context.h"

#include "vitrail/data/class_lists.h"
#include "vitrail/data/list_file.h"
#include "vitrail/data/mat_labels.h"

namespace vitrail {
namespace {

namespace fs = std::filesystem;

constexpr int64_t all_labels = 459;
const std::vector<std::string> lists = {"train", "val"};

fs::path context_root(const fs::path& root) {
  return find_root(root, {"VOC2010", "VOCdevkit/VOC2010"}, "trainval",
                   "JPEGImages/, trainval/*.mat, train.txt and val.txt");
}

fs::path list_folder(const fs::path& root) {
  return lists_in(root, lists).empty() ? root / "ImageSets/Main" : root;
}

std::vector<std::string> context_splits(const fs::path& given) {
  return lists_in(list_folder(context_root(given)), lists);
}

LabelMap context_labels(const fs::path& path) {
  return read_mat_labels(path, "LabelMap");
}

FileLayout context_layout(const fs::path& given, const std::string& split, ContextOrder order,
                          bool with_background) {
  const fs::path root = context_root(given);
  FileLayout layout;
  layout.read_labels = context_labels;
  if (with_background) layout.classes.push_back({"background", {0, 0, 0}});
  for (int64_t label = 0; label <= all_labels; ++label)
    layout.label_map[label] = with_background ? 0 : LabelMap::ignore_label;
  for (const ContextClass& each : context_classes(order)) {
    layout.label_map[each.id] = static_cast<int64_t>(layout.classes.size());
    layout.classes.push_back(each.info);
  }
  pair_by_list(layout, list_folder(root) / (split + ".txt"), root / "JPEGImages", ".jpg", root / "trainval",
               ".mat");
  return layout;
}

FileLayout layout_59(const fs::path& root, const std::string& split) {
  return context_layout(root, split, ContextOrder::by_id, false);
}
FileLayout layout_60(const fs::path& root, const std::string& split) {
  return context_layout(root, split, ContextOrder::by_id, true);
}
FileLayout layout_fcn(const fs::path& root, const std::string& split) {
  return context_layout(root, split, ContextOrder::fcn, true);
}

DatasetEntry entry(const char* name, const char* classes, decltype(DatasetEntry::layout) layout) {
  return {.name = name,
          .summary = std::string("Pascal Context, ") + classes +
                     "; PATH/JPEGImages, PATH/trainval/*.mat, PATH/{train,val}.txt; research",
          .splits = lists,
          .splits_in = context_splits,
          .layout = layout};
}

}  // namespace

DatasetEntry pascal_context_59_entry() {
  return entry("pascal-context-59", "59 classes by id, the rest ignored", layout_59);
}
DatasetEntry pascal_context_60_entry() {
  return entry("pascal-context-60", "background and 59 classes by id", layout_60);
}
DatasetEntry pascal_context_fcn_entry() {
  return entry("pascal-context-fcn", "background and 59 classes in FCN's order", layout_fcn);
}

}  // namespace vitrail
