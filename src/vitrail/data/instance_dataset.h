#pragma once
// Data sets for instance segmentation: numbered pictures with their objects' boxes, classes and masks.
//
//   auto data = open_instance_dataset("coco:/data/coco/person_train.json", "");
//   for (int64_t i = 0; i < data->size(); ++i) { InstanceSample s = data->load(i); ... }
//
// Adding one: its file data/NAME.{h,cpp} with an InstanceDatasetEntry, a 4-image fixture in
// tests/fixtures/NAME, and a line in the registry of instance_dataset.cpp. A set whose objects are numbered
// in label PNGs is a list of files and a rule for the numbers: numbered_instances.h.

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "vitrail/detect/box.h"
#include "vitrail/graph/model.h"
#include "vitrail/image/image.h"
#include "vitrail/image/rle.h"

namespace vitrail {

struct Instance {
  int64_t class_index = 0;  ///< 0..classes-1
  Box box;                  ///< in pixels of the picture
  Rle mask;                 ///< of the picture's size
  bool crowd = false;  ///< a group that was outlined as one: never a training target, ignored in evaluation
  double area = 0;     ///< pixels, as the annotation says
  int64_t id = 0;      ///< the annotation's
  std::array<double, 4> box_xywh{};  ///< `box` as the annotation says it, unrounded: evaluation takes this
};

struct InstanceSample {
  Image image;  ///< RGB
  std::vector<Instance> instances;
  std::string name;
  int64_t id = 0;  ///< the picture's, as results name it
};

/// Reading is thread-safe.
class InstanceDataset {
 public:
  virtual ~InstanceDataset() = default;
  virtual int64_t size() const = 0;
  virtual InstanceSample load(int64_t index) const = 0;  ///< throws Error naming file and key
  /// What `load` gives, without the picture's pixels (image has its size and no pixels). COCO's pictures need
  /// not be on this machine for it.
  virtual InstanceSample annotations(int64_t index) const = 0;
  virtual std::string name(int64_t index) const = 0;
  virtual std::filesystem::path image_path(int64_t index) const = 0;
  virtual const std::vector<ClassInfo>& classes() const = 0;
  /// The data set's own number of a class (COCO's category id), as result files name it.
  virtual int64_t category_of(int64_t class_index) const = 0;
};

struct InstanceDatasetEntry {
  std::string name;                 ///< "coco"
  std::string summary;              ///< one line: what, layout, licence
  std::vector<std::string> splits;  ///< those it is published with; empty where the place decides
  /// The splits that are in this place. Throws Error(file) if there is none.
  std::vector<std::string> (*splits_in)(const std::filesystem::path& root);
  std::unique_ptr<InstanceDataset> (*open)(const std::filesystem::path& root, const std::string& split);
};
const std::vector<InstanceDatasetEntry>& instance_dataset_entries();

/// "coco:/data/coco" taken apart. Throws Error(usage) for an unknown name, listing what exists.
struct InstanceDatasetSpec {
  const InstanceDatasetEntry* entry = nullptr;
  std::filesystem::path root;
};
InstanceDatasetSpec parse_instance_dataset_spec(const std::string& spec);

/// `spec` is NAME:PATH, NAME one of coco (a JSON file, or COCO's folder), penn-fudan, dsb2018, cityscapes.
/// `split` is one of the data set's, several joined by '+' ("train+val"), or empty where there is only one (a
/// JSON file). Throws Error(usage) for an unknown name or split (listing what exists), Error(file) or
/// Error(format) for a place that is not one.
std::unique_ptr<InstanceDataset> open_instance_dataset(const std::string& spec, const std::string& split);

/// Whether both have the same classes in the same order, by name and own number.
bool have_same_classes(const InstanceDataset& a, const InstanceDataset& b);

}  // namespace vitrail
