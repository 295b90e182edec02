#include "vitrail/data/voc.h"

#include "vitrail/data/class_lists.h"
#include "vitrail/data/list_file.h"
#include "vitrail/data/mat_labels.h"

namespace vitrail {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> voc_lists = {"train", "val", "trainval", "trainaug", "seg11valid"};
const std::vector<std::string> sbd_lists = {"train", "val", "train_noval", "trainaug"};

fs::path voc_root(const fs::path& root) {
  return find_root(root, {"VOC2012", "VOCdevkit/VOC2012"}, "SegmentationClass",
                   "JPEGImages/, SegmentationClass/, ImageSets/Segmentation/*.txt");
}

fs::path sbd_root(const fs::path& root) {
  return find_root(root, {"dataset", "benchmark_RELEASE/dataset"}, "cls", "img/, cls/, train.txt, val.txt");
}

std::vector<std::string> voc_splits(const fs::path& root) {
  return lists_in(voc_root(root) / "ImageSets/Segmentation", voc_lists);
}

FileLayout voc_layout(const fs::path& given, const std::string& split) {
  const fs::path root = voc_root(given);
  FileLayout layout;
  declare_classes(layout, voc_classes());
  pair_by_list(layout, root / "ImageSets/Segmentation" / (split + ".txt"), root / "JPEGImages", ".jpg",
               root / (split == "trainaug" ? "SegmentationClassAug" : "SegmentationClass"), ".png");
  return layout;
}

std::vector<std::string> sbd_splits(const fs::path& root) {
  return lists_in(sbd_root(root), sbd_lists);
}

LabelMap sbd_labels(const fs::path& path) {
  return read_mat_labels(path, "GTcls.Segmentation");
}

FileLayout sbd_layout(const fs::path& given, const std::string& split) {
  const fs::path root = sbd_root(given);
  FileLayout layout;
  declare_classes(layout, voc_classes());
  layout.read_labels = sbd_labels;
  pair_by_list(layout, root / (split + ".txt"), root / "img", ".jpg", root / "cls", ".mat");
  return layout;
}

}  // namespace

DatasetEntry voc_entry() {
  return {.name = "voc",
          .summary =
              "Pascal VOC 2012: 20 objects and background; PATH/JPEGImages, SegmentationClass, "
              "ImageSets/Segmentation; research",
          .splits = voc_lists,
          .splits_in = voc_splits,
          .layout = voc_layout};
}

DatasetEntry sbd_entry() {
  return {
      .name = "sbd",
      .summary = "Semantic Boundaries: VOC's classes on 11,355 images; PATH/img, PATH/cls/*.mat; research",
      .splits = sbd_lists,
      .splits_in = sbd_splits,
      .layout = sbd_layout};
}

}  // namespace vitrail
