#include "vitrail/data/dataset.h"

#include <algorithm>
#include <set>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/data/ade20k.h"
#include "vitrail/data/camvid.h"
#include "vitrail/data/cityscapes.h"
#include "vitrail/data/file_dataset.h"
#include "vitrail/data/folder.h"
#include "vitrail/data/instance_dataset.h"
#include "vitrail/data/matlab_datasets.h"
#include "vitrail/data/microscopy.h"
#include "vitrail/data/object_crops.h"
#include "vitrail/data/pascal_context.h"
#include "vitrail/data/voc.h"

namespace vitrail {
namespace {

/// Several splits one after the other, "train+val".
class JoinedDataset : public Dataset {
 public:
  explicit JoinedDataset(std::vector<std::unique_ptr<Dataset>> parts) : parts_(std::move(parts)) {
    for (const auto& part : parts_)
      size_ += part->size();
  }

  int64_t size() const override { return size_; }
  Sample load(int64_t index) const override { return at(index)->load(index); }
  std::string name(int64_t index) const override { return at(index)->name(index); }
  std::filesystem::path image_path(int64_t index) const override { return at(index)->image_path(index); }
  std::filesystem::path label_path(int64_t index) const override { return at(index)->label_path(index); }
  const std::vector<ClassInfo>& classes() const override { return parts_[0]->classes(); }
  const std::map<int64_t, int64_t>& label_map() const override { return parts_[0]->label_map(); }

 private:
  /// The part that holds `index`, which becomes an index into that part.
  const Dataset* at(int64_t& index) const {
    size_t part = 0;
    for (; part + 1 < parts_.size() && index >= parts_[part]->size(); ++part)
      index -= parts_[part]->size();
    return parts_[part].get();
  }

  std::vector<std::unique_ptr<Dataset>> parts_;
  int64_t size_ = 0;
};

std::vector<std::string> parts_of(const std::string& joined) {
  std::vector<std::string> parts(1);
  for (const char c : joined) {
    if (c == '+')
      parts.emplace_back();
    else
      parts.back().push_back(c);
  }
  return parts;
}

std::unique_ptr<Dataset> open_split(const DatasetSpec& spec, const std::string& split,
                                    const DatasetOptions& options) {
  if (spec.entry->open != nullptr) return spec.entry->open(spec.root, split);
  FileLayout layout = spec.entry->layout(spec.root, split);
  const std::string where = cat(spec.entry->name, ":", spec.root.string(), " split ", split);
  // An image that is silently left out would make every figure a figure of something else.
  if (!layout.images_without_labels.empty())
    throw Error(ErrorKind::file,
                {.where = where,
                 .found = cat(layout.images_without_labels.size(), " images have no labels, such as ",
                              layout.images_without_labels[0].string()),
                 .next = "Add their labels, or remove them; 'vitrail check-dataset' lists them"});
  if (!layout.missing_channels.empty())
    throw Error(
        ErrorKind::file,
        {.where = where,
         .found = cat(layout.missing_channels.size(), " pictures lack a file of further channels, such as ",
                      layout.missing_channels[0].string(), ".*"),
         .next = "Add the files, or remove the pictures; 'vitrail check-dataset' lists them"});
  if (layout.pairs.empty()) throw Error(ErrorKind::file, {.where = where, .found = "there is no image"});
  if (!options.label_map.empty()) layout.label_map = options.label_map;
  return file_dataset(std::move(layout));
}

}  // namespace

const std::vector<DatasetEntry>& dataset_entries() {
  static const std::vector<DatasetEntry> entries = {
      camvid_entry(),
      folder_entry(),
      voc_entry(),
      sbd_entry(),
      pascal_context_59_entry(),
      pascal_context_60_entry(),
      pascal_context_fcn_entry(),
      ade20k_entry(),
      cityscapes_entry(),
      nyud_entry(),
      nyud_hha_entry(),
      nyud_rgb_hha_entry(),
      sift_flow_entry(),
      sift_flow_geo_entry(),
      isbi2012_entry(),
      dsb2018_entry(),
      object_crops_entry(),
  };
  return entries;
}

namespace {

/// What somebody meant who named no kind of data set that labels pixels.
std::string way_out(const std::string& spec, const std::string& name, const std::vector<std::string>& names) {
  for (const InstanceDatasetEntry& entry : instance_dataset_entries())
    if (entry.name == name)
      return cat("'", name, "' has objects one by one, for models that outline them; ",
                 "crops:CLASS,HEIGHTxWIDTH,MARGIN:", name, ":PATH labels the pixels around each");
  std::error_code ignored;
  if (std::filesystem::is_directory(spec, ignored))
    return cat("A folder of your own is folder:", spec, ". There are: ", join(names));
  return did_you_mean(name, names);
}

}  // namespace

DatasetSpec parse_dataset_spec(const std::string& spec) {
  const size_t colon = spec.find(':');
  const std::string name = spec.substr(0, colon);
  std::vector<std::string> names;
  for (const DatasetEntry& entry : dataset_entries()) {
    names.push_back(entry.name);
    if (entry.name == name && colon != std::string::npos && colon + 1 < spec.size())
      return {&entry, spec.substr(colon + 1)};
  }
  const bool known = std::find(names.begin(), names.end(), name) != names.end();
  throw Error(ErrorKind::usage, {.where = cat("data set '", spec, "'"),
                                 .found = known ? "no path is given" : cat("there is no kind '", name, "'"),
                                 .allowed = "a data set is NAME:PATH, as in camvid:/data/camvid",
                                 .next = known ? "" : way_out(spec, name, names)});
}

std::unique_ptr<Dataset> open_dataset(const std::string& spec, const std::string& split,
                                      const DatasetOptions& options) {
  const DatasetSpec parsed = parse_dataset_spec(spec);
  std::vector<std::string> known = parsed.entry->splits;
  if (known.empty()) known = parsed.entry->splits_in(parsed.root);
  std::set<std::string> seen;
  std::vector<std::unique_ptr<Dataset>> parts;
  for (const std::string& part : parts_of(split)) {
    const bool exists = std::find(known.begin(), known.end(), part) != known.end();
    if (!exists && !(parsed.entry->splits.empty() && part == "all"))
      throw Error(ErrorKind::usage, {.where = spec,
                                     .found = cat("there is no split '", part, "'"),
                                     .allowed = "splits may be joined, as in train+val",
                                     .next = did_you_mean(part, known)});
    if (!seen.insert(part).second)
      throw Error(ErrorKind::usage,
                  {.where = spec, .found = cat("split '", part, "' is named twice in '", split, "'")});
    parts.push_back(open_split(parsed, part, options));
  }
  if (parts.size() == 1) return std::move(parts[0]);
  return std::make_unique<JoinedDataset>(std::move(parts));
}

}  // namespace vitrail
