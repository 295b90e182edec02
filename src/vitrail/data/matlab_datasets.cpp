#include "vitrail/data/matlab_datasets.h"

#include <system_error>

#include "vitrail/data/class_lists.h"
#include "vitrail/data/list_file.h"
#include "vitrail/data/mat_labels.h"

namespace vitrail {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> nyud_lists = {"train", "val", "trainval", "test"};
const std::vector<std::string> sift_flow_lists = {"trainval", "test"};
constexpr const char* sift_flow_folder = "spatial_envelope_256x256_static_8outdoorcategories";

fs::path nyud_root(const fs::path& root) {
  return find_root(root, {"nyud", "nyud2"}, "segmentation", "images/, segmentation/*.mat, train.txt ...");
}
std::vector<std::string> nyud_splits(const fs::path& root) {
  return lists_in(nyud_root(root), nyud_lists);
}
LabelMap nyud_labels(const fs::path& path) {
  return read_mat_labels(path, "segmentation");
}
fs::path nyud_pictures(const fs::path& root, const char* folder) {
  std::error_code none;
  const fs::path inner = root / "data" / folder;
  return fs::is_directory(inner, none) ? inner : root / folder;
}
FileLayout nyud_pairs(const fs::path& given, const std::string& split, const char* images) {
  const fs::path root = nyud_root(given);
  FileLayout layout;
  declare_classes(layout, nyud40_classes(), 1);
  layout.read_labels = nyud_labels;
  pair_by_list(layout, root / (split + ".txt"), nyud_pictures(root, images), ".png", root / "segmentation",
               ".mat");
  return layout;
}
FileLayout nyud_layout(const fs::path& root, const std::string& split) {
  return nyud_pairs(root, split, "images");
}
FileLayout nyud_hha_layout(const fs::path& root, const std::string& split) {
  return nyud_pairs(root, split, "hha");
}
FileLayout nyud_rgb_hha_layout(const fs::path& root, const std::string& split) {
  FileLayout layout = nyud_pairs(root, split, "images");
  add_channels(layout, nyud_pictures(nyud_root(root), "hha"), 3);
  return layout;
}

fs::path sift_flow_root(const fs::path& root) {
  return find_root(root, {"sift-flow", "SiftFlowDataset"}, "SemanticLabels",
                   "Images/, SemanticLabels/, GeoLabels/, trainval.txt and test.txt");
}
std::vector<std::string> sift_flow_splits(const fs::path& root) {
  return lists_in(sift_flow_root(root), sift_flow_lists);
}
LabelMap sift_flow_labels(const fs::path& path) {
  return read_mat_labels(path, "S");
}
FileLayout sift_flow_pairs(const fs::path& given, const std::string& split, const char* labels,
                           std::vector<ClassInfo> classes) {
  const fs::path root = sift_flow_root(given);
  FileLayout layout;
  declare_classes(layout, std::move(classes), 1);
  layout.read_labels = sift_flow_labels;
  pair_by_list(layout, root / (split + ".txt"), root / "Images" / sift_flow_folder, ".jpg",
               root / labels / sift_flow_folder, ".mat");
  return layout;
}
FileLayout sift_flow_layout(const fs::path& root, const std::string& split) {
  return sift_flow_pairs(root, split, "SemanticLabels", sift_flow_classes());
}
FileLayout sift_flow_geo_layout(const fs::path& root, const std::string& split) {
  return sift_flow_pairs(root, split, "GeoLabels", named_classes("sky|horizontal|vertical"));
}

}  // namespace

DatasetEntry nyud_entry() {
  return {.name = "nyud",
          .summary =
              "NYUDv2, 40 classes of rooms; PATH/images, PATH/segmentation/*.mat, PATH/SPLIT.txt; research",
          .splits = nyud_lists,
          .splits_in = nyud_splits,
          .layout = nyud_layout};
}

DatasetEntry nyud_hha_entry() {
  return {.name = "nyud-hha",
          .summary =
              "NYUDv2 as its depth shows it: height above ground, angle and disparity as a picture; "
              "PATH/hha, PATH/segmentation/*.mat, PATH/SPLIT.txt; research",
          .splits = nyud_lists,
          .splits_in = nyud_splits,
          .layout = nyud_hha_layout};
}

DatasetEntry nyud_rgb_hha_entry() {
  return {.name = "nyud-rgb-hha",
          .summary =
              "NYUDv2, colour and depth in one picture of six channels; PATH/images, PATH/hha, "
              "PATH/segmentation/*.mat, PATH/SPLIT.txt; research",
          .splits = nyud_lists,
          .splits_in = nyud_splits,
          .layout = nyud_rgb_hha_layout};
}

DatasetEntry sift_flow_entry() {
  return {.name = "sift-flow",
          .summary =
              "SIFT Flow, 33 outdoor classes; PATH/Images, PATH/SemanticLabels/*.mat, PATH/SPLIT.txt; "
              "research",
          .splits = sift_flow_lists,
          .splits_in = sift_flow_splits,
          .layout = sift_flow_layout};
}

DatasetEntry sift_flow_geo_entry() {
  return {.name = "sift-flow-geo",
          .summary =
              "SIFT Flow, 3 geometric classes; PATH/Images, PATH/GeoLabels/*.mat, PATH/SPLIT.txt; research",
          .splits = sift_flow_lists,
          .splits_in = sift_flow_splits,
          .layout = sift_flow_geo_layout};
}

}  // namespace vitrail
