#include "vitrail/data/microscopy.h"

#include <algorithm>
#include <system_error>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/data/list_file.h"
#include "vitrail/image/image_file.h"
#include "vitrail/image/label_png.h"

namespace vitrail {
namespace {

namespace fs = std::filesystem;

constexpr int64_t cell_label = 255;  // in the files; here 255 would mean "ignored"
constexpr size_t slices_to_train_on = 24;
const std::vector<std::string> isbi_splits = {"train", "train24", "val6"};
const std::vector<std::string> dsb_lists = {"train", "val", "test"};

bool has_volumes(const fs::path& root) {
  std::error_code ignored;
  return fs::exists(root / "train-volume.tif", ignored) && fs::exists(root / "train-labels.tif", ignored);
}

std::vector<std::string> isbi_splits_in(const fs::path& root) {
  if (!has_volumes(root))
    find_root(root, {}, "label", "train-volume.tif and train-labels.tif, or image/ and label/");
  return isbi_splits;
}

void pair_pages(FileLayout& layout, const fs::path& root) {
  const fs::path images = root / "train-volume.tif", labels = root / "train-labels.tif";
  const int64_t pages = page_count(images);
  if (page_count(labels) != pages)
    throw Error(ErrorKind::format, {.where = labels.string(),
                                    .found = cat(page_count(labels), " pages"),
                                    .allowed = cat(pages, ", as in ", images.string())});
  for (int64_t page = 0; page < pages; ++page)
    layout.pairs.push_back({cat("slice_", page), images, labels, page});
}

FileLayout isbi_layout(const fs::path& root, const std::string& split) {
  FileLayout layout;
  layout.classes = {{"membrane", {0, 0, 0}}, {"cell", {255, 255, 255}}};
  layout.label_map = {{0, 0}, {cell_label, 1}};
  if (has_volumes(root))
    pair_pages(layout, root);
  else
    pair_by_stem(layout, root / "image", root / "label");
  if (split == "train") return layout;
  const size_t cut = std::min(slices_to_train_on, layout.pairs.size());
  const auto at = layout.pairs.begin() + static_cast<std::ptrdiff_t>(cut);
  layout.pairs = split == "train24" ? std::vector<FilePair>(layout.pairs.begin(), at)
                                    : std::vector<FilePair>(at, layout.pairs.end());
  return layout;
}

fs::path dsb_root(const fs::path& root) {
  return find_root(root, {}, "instances", "images/, instances/, train.txt, val.txt, test.txt");
}

std::vector<std::string> dsb_splits(const fs::path& root) {
  return lists_in(dsb_root(root), dsb_lists);
}

LabelMap nucleus_or_not(const fs::path& path) {
  LabelMap labels = read_label_map(path);
  for (uint16_t& label : labels.labels)
    label = label == 0 ? 0 : 1;
  return labels;
}

FileLayout dsb_layout(const fs::path& root, const std::string& split) {
  FileLayout layout;
  layout.classes = {{"background", {0, 0, 0}}, {"nucleus", {255, 255, 255}}};
  layout.read_labels = nucleus_or_not;
  pair_by_list(layout, dsb_root(root) / (split + ".txt"), root / "images", "", root / "instances", "");
  return layout;
}

}  // namespace

DatasetEntry isbi2012_entry() {
  return {.name = "isbi2012",
          .summary =
              "ISBI 2012 EM membranes: 30 slices; PATH/train-volume.tif, PATH/train-labels.tif, or "
              "PATH/image, PATH/label; research",
          .splits = isbi_splits,
          .splits_in = isbi_splits_in,
          .layout = isbi_layout};
}

DatasetEntry dsb2018_entry() {
  return {.name = "dsb2018",
          .summary = "nuclei in microscopy: PATH/images, PATH/instances, PATH/SPLIT.txt; CC0",
          .splits = dsb_lists,
          .splits_in = dsb_splits,
          .layout = dsb_layout};
}

}  // namespace vitrail
