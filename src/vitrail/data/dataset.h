#pragma once
// Data sets for semantic segmentation: numbered samples of an image and its label map, in the originals' own
// layout on disk. Several files may make one image: colour and depth (FilePair::further).
//
//   auto data = open_dataset("camvid:/data/camvid", "train");
//   for (int64_t i = 0; i < data->size(); ++i) { Sample s = data->load(i); ... }
//
// Adding one: its file data/NAME.{h,cpp}, which says where the files of a split lie (FileLayout) and what
// their labels mean; a 4-image fixture in tests/fixtures/NAME; and a line in the registry of dataset.cpp.
// Opening, joined splits, label maps, `vitrail check-dataset` and training then work without another word.

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "vitrail/graph/model.h"
#include "vitrail/image/image.h"

namespace vitrail {

struct Sample {
  Image image;       ///< RGB, or more channels (image/channels.h): the same number in every sample
  LabelMap labels;   ///< class indices 0..classes-1, or LabelMap::ignore_label; same size as the image
  std::string name;  ///< for people and for output files: "0001TP_006690"
  std::vector<LabelMap> further = {};  ///< other labels of the same pixels, of a data set that has them
};

/// Reading is thread-safe. Labels have gone through the label map: they are class indices or the ignore
/// label.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual int64_t size() const = 0;
  virtual Sample load(int64_t index) const = 0;  ///< throws Error naming file and pixel
  virtual std::string name(int64_t index) const = 0;
  virtual std::filesystem::path image_path(int64_t index) const = 0;
  virtual std::filesystem::path label_path(int64_t index) const = 0;
  virtual const std::vector<ClassInfo>& classes() const = 0;
  /// File's label -> class index (255 = ignored), for every label a file may hold; empty: labels are class
  /// indices already, and 255 is ignored.
  virtual const std::map<int64_t, int64_t>& label_map() const = 0;
};

struct DatasetOptions {
  std::map<int64_t, int64_t> label_map;  ///< replaces the data set's own when not empty
};

struct FileLayout;  // file_dataset.h

struct DatasetEntry {
  std::string name;                 ///< "camvid"
  std::string summary;              ///< one line: what, layout, licence
  std::vector<std::string> splits;  ///< those it is published with; empty where the folder decides
  /// The splits that are in this folder. Throws Error(file) if there is none.
  std::vector<std::string> (*splits_in)(const std::filesystem::path& root);
  /// One split's files, classes and label map; Error(file) or Error(format) for a folder that is not one.
  FileLayout (*layout)(const std::filesystem::path& root, const std::string& split) = nullptr;
  /// Instead of `layout`: one split of a set whose samples are made of other data.
  std::unique_ptr<Dataset> (*open)(const std::filesystem::path& root, const std::string& split) = nullptr;
};
const std::vector<DatasetEntry>& dataset_entries();

/// "camvid:/data/camvid" taken apart. Throws Error(usage) for an unknown name, listing what exists.
struct DatasetSpec {
  const DatasetEntry* entry = nullptr;
  std::filesystem::path root;
};
DatasetSpec parse_dataset_spec(const std::string& spec);

/// `spec` is NAME:PATH. `split` is one of the data set's, or several joined by '+' ("train+val").
/// Throws Error(usage) for an unknown name or split (listing what exists), Error(file) for a folder that is
/// not one.
std::unique_ptr<Dataset> open_dataset(const std::string& spec, const std::string& split,
                                      const DatasetOptions& options = {});

}  // namespace vitrail
