#include "vitrail/data/instance_dataset.h"

#include <algorithm>
#include <set>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/data/coco.h"
#include "vitrail/data/penn_fudan.h"
#include "vitrail/data/published_instances.h"

namespace vitrail {
namespace {

/// Several splits one after the other, "train+val".
class JoinedInstances : public InstanceDataset {
 public:
  explicit JoinedInstances(std::vector<std::unique_ptr<InstanceDataset>> parts) : parts_(std::move(parts)) {
    for (const auto& part : parts_)
      size_ += part->size();
  }

  int64_t size() const override { return size_; }
  InstanceSample load(int64_t index) const override { return at(index)->load(index); }
  InstanceSample annotations(int64_t index) const override { return at(index)->annotations(index); }
  std::string name(int64_t index) const override { return at(index)->name(index); }
  std::filesystem::path image_path(int64_t index) const override { return at(index)->image_path(index); }
  const std::vector<ClassInfo>& classes() const override { return parts_[0]->classes(); }
  int64_t category_of(int64_t class_index) const override { return parts_[0]->category_of(class_index); }

 private:
  /// The part that holds `index`, which becomes an index into that part.
  const InstanceDataset* at(int64_t& index) const {
    size_t part = 0;
    for (; part + 1 < parts_.size() && index >= parts_[part]->size(); ++part)
      index -= parts_[part]->size();
    return parts_[part].get();
  }

  std::vector<std::unique_ptr<InstanceDataset>> parts_;
  int64_t size_ = 0;
};

/// "train+val" as {"train", "val"}; the only split there is for "".
std::vector<std::string> named_splits(const std::string& spec, const std::string& joined,
                                      const std::vector<std::string>& known) {
  if (joined.empty() && known.size() == 1) return known;
  std::vector<std::string> splits;
  std::set<std::string> seen;
  for (size_t from = 0; from <= joined.size();) {
    const size_t plus = std::min(joined.find('+', from), joined.size());
    splits.push_back(joined.substr(from, plus - from));
    from = plus + 1;
  }
  for (const std::string& split : splits) {
    if (std::find(known.begin(), known.end(), split) == known.end())
      throw Error(ErrorKind::usage,
                  {.where = spec,
                   .found = split.empty() ? "no split is named" : cat("there is no split '", split, "'"),
                   .allowed = "splits may be joined, as in train+val",
                   .next = did_you_mean(split, known)});
    if (!seen.insert(split).second)
      throw Error(ErrorKind::usage,
                  {.where = spec, .found = cat("split '", split, "' is named twice in '", joined, "'")});
  }
  return splits;
}

}  // namespace

bool have_same_classes(const InstanceDataset& a, const InstanceDataset& b) {
  if (a.classes().size() != b.classes().size()) return false;
  for (size_t c = 0; c < a.classes().size(); ++c)
    if (a.category_of(static_cast<int64_t>(c)) != b.category_of(static_cast<int64_t>(c)) ||
        a.classes()[c].name != b.classes()[c].name)
      return false;
  return true;
}

const std::vector<InstanceDatasetEntry>& instance_dataset_entries() {
  static const std::vector<InstanceDatasetEntry> entries = {
      coco_entry(),
      penn_fudan_entry(),
      dsb2018_instances_entry(),
      cityscapes_instances_entry(),
  };
  return entries;
}

InstanceDatasetSpec parse_instance_dataset_spec(const std::string& spec) {
  const size_t colon = spec.find(':');
  const std::string name = spec.substr(0, colon);
  std::vector<std::string> names;
  for (const InstanceDatasetEntry& entry : instance_dataset_entries()) {
    names.push_back(entry.name);
    if (entry.name == name && colon != std::string::npos && colon + 1 < spec.size())
      return {&entry, spec.substr(colon + 1)};
  }
  const bool known = std::find(names.begin(), names.end(), name) != names.end();
  throw Error(ErrorKind::usage,
              {.where = cat("data set '", spec, "'"),
               .found = known ? "no path is given" : cat("there is no kind '", name, "' with instances"),
               .allowed = "a data set is NAME:PATH, as in coco:/data/coco/instances_val.json",
               .next = known ? "" : did_you_mean(name, names)});
}

std::unique_ptr<InstanceDataset> open_instance_dataset(const std::string& spec, const std::string& split) {
  const InstanceDatasetSpec parsed = parse_instance_dataset_spec(spec);
  std::vector<std::unique_ptr<InstanceDataset>> parts;
  for (const std::string& part : named_splits(spec, split, parsed.entry->splits_in(parsed.root))) {
    parts.push_back(parsed.entry->open(parsed.root, part));
    if (!have_same_classes(*parts[0], *parts.back()))
      throw Error(ErrorKind::format,
                  {.where = spec, .found = cat("split ", part, " has other classes than those before it")});
  }
  if (parts.size() == 1) return std::move(parts[0]);
  return std::make_unique<JoinedInstances>(std::move(parts));
}

}  // namespace vitrail
