#include "vitrail/data/check_instances.h"

#include <iomanip>
#include <mutex>
#include <sstream>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/data/coco.h"
#include "vitrail/data/inspect_instances.h"

namespace vitrail {
namespace {

using Json = nlohmann::ordered_json;

constexpr FindingKind broken_split{Severity::error, "broken-split", "Repair the file or the folder"};
constexpr FindingKind absent_class{Severity::warning, "class-absent",
                                   "Its figures are undefined in this split, and it is not learnt from it"};
constexpr FindingKind other_classes{Severity::error, "other-classes",
                                    "All splits must have the same categories"};
constexpr FindingKind no_objects{Severity::note, "pictures-without-objects",
                                 "What is found in them is wrong in any case"};

struct Split {
  std::string name;
  std::unique_ptr<InstanceDataset> dataset;
  std::vector<SampleFacts> pictures;
  std::vector<ObjectFacts> objects;
};

/// COCO's files are read to the end whatever is wrong in them.
std::unique_ptr<InstanceDataset> open_coco_leniently(const std::filesystem::path& json, Findings& findings) {
  CocoFile file = read_coco_file(json, [&](const CocoFault& fault) {
    ErrorParts parts = fault.parts;
    parts.next.clear();
    const std::string prefix = json.string() + ": ";
    if (parts.where.starts_with(prefix)) parts.where.erase(0, prefix.size());
    findings.add(kind_of(fault), {json.string(), error_text(parts)});
  });
  inspect_coco(json, file, findings);
  return coco_dataset(json, std::move(file));
}

std::vector<Split> open_splits(const InstanceDatasetSpec& spec, Findings& findings) {
  std::vector<Split> splits;
  for (const std::string& name : spec.entry->splits_in(spec.root)) {
    if (spec.entry->name == "penn-fudan" && name == "all") continue;  // train and val are all of it
    try {
      std::unique_ptr<InstanceDataset> dataset;
      if (spec.entry->name == "coco") {
        for (const auto& [split, json] : coco_files(spec.root))
          if (split == name) dataset = open_coco_leniently(json, findings);
      } else {
        dataset = spec.entry->open(spec.root, name);
      }
      splits.push_back({name, std::move(dataset), {}, {}});
    } catch (const Error& e) {
      if (e.kind() == ErrorKind::usage) throw;
      findings.add(broken_split, {name, e.what()});
    }
  }
  return splits;
}

void inspect(std::vector<Split>& splits, const CheckOptions& options) {
  std::vector<std::pair<Split*, int64_t>> work;
  for (Split& split : splits) {
    split.pictures.resize(static_cast<size_t>(split.dataset->size()));
    split.objects.resize(split.pictures.size());
    for (int64_t i = 0; i < split.dataset->size(); ++i)
      work.emplace_back(&split, i);
  }
  work_on_threads(static_cast<int64_t>(work.size()), options, [&](int64_t at) {
    const auto [split, i] = work[static_cast<size_t>(at)];
    SampleFacts& facts = split->pictures[static_cast<size_t>(i)];
    inspect_picture({split->dataset->name(i), split->dataset->image_path(i), ""}, facts);
    split->objects[static_cast<size_t>(i)] = inspect_objects(*split->dataset, i, facts);
  });
}

InstanceSplitStatistics gather(const Split& split, Findings& findings) {
  InstanceSplitStatistics s;
  s.name = split.name;
  const size_t classes = split.dataset->classes().size();
  s.objects_of_class.resize(classes);
  s.images_of_class.resize(classes);
  for (size_t i = 0; i < split.pictures.size(); ++i) {
    const SampleFacts& picture = split.pictures[i];
    const ObjectFacts& objects = split.objects[i];
    for (const auto& [kind, found] : picture.findings)
      findings.add(*kind, found);
    ++s.images;
    if (picture.has_size) ++s.image_sizes[picture.size];
    if (!picture.image_format.empty()) ++s.image_formats[picture.image_format];
    s.objects += objects.objects;
    s.crowds += objects.crowds;
    s.small += objects.small;
    s.medium += objects.medium;
    s.large += objects.large;
    if (objects.is_read && objects.objects + objects.crowds == 0) ++s.images_without_objects;
    for (size_t c = 0; c < classes; ++c) {
      s.objects_of_class[c] += objects.objects_of_class[c];
      s.images_of_class[c] += objects.objects_of_class[c] > 0 ? 1 : 0;
    }
  }
  for (size_t c = 0; c < classes; ++c)
    if (s.objects_of_class[c] == 0)
      findings.add(absent_class, {"", cat("split ", s.name, ": class ", c, " (",
                                          split.dataset->classes()[c].name, ") has no object")});
  if (s.images_without_objects > 0)
    findings.add(no_objects, {"", cat("split ", s.name, ": ", s.images_without_objects, " of ", s.images)});
  return s;
}

void compare_classes(const std::vector<Split>& splits, Findings& findings) {
  for (size_t i = 1; i < splits.size(); ++i)
    if (!have_same_classes(*splits[0].dataset, *splits[i].dataset))
      findings.add(other_classes,
                   {"", cat("split ", splits[i].name, " has other classes than split ", splits[0].name)});
}

void write_classes(std::ostream& out, const InstanceReport& report) {
  size_t width = 8;
  for (const ClassInfo& info : report.classes)
    width = std::max(width, info.name.size() + 8);
  out << "\nObjects (and pictures that have one)\n"
      << std::left << "  " << std::setw(static_cast<int>(width)) << "class";
  for (const InstanceSplitStatistics& split : report.splits)
    out << std::right << std::setw(20) << split.name;
  for (size_t c = 0; c < report.classes.size(); ++c) {
    out << "\n  " << std::left << std::setw(static_cast<int>(width))
        << cat(report.categories[c], " ", report.classes[c].name);
    for (const InstanceSplitStatistics& split : report.splits)
      out << std::right << std::setw(20)
          << (c < split.objects_of_class.size()
                  ? cat(split.objects_of_class[c], " (", split.images_of_class[c], ")")
                  : std::string("absent"));
  }
  out << "\n\n";
}

Json split_json(const InstanceSplitStatistics& split, const std::vector<ClassInfo>& classes) {
  Json sizes = Json::array(), of_class = Json::array();
  for (const auto& [size, count] : split.image_sizes)
    sizes.push_back({{"height", size.first}, {"width", size.second}, {"images", count}});
  for (size_t c = 0; c < std::min(classes.size(), split.objects_of_class.size()); ++c)
    of_class.push_back({{"class", classes[c].name},
                        {"objects", split.objects_of_class[c]},
                        {"images", split.images_of_class[c]}});
  return {{"name", split.name},
          {"images", split.images},
          {"images_without_objects", split.images_without_objects},
          {"objects", split.objects},
          {"crowds", split.crowds},
          {"small", split.small},
          {"medium", split.medium},
          {"large", split.large},
          {"image_sizes", sizes},
          {"image_formats", split.image_formats},
          {"classes", of_class}};
}

}  // namespace

InstanceReport check_instances(const std::string& spec, const CheckOptions& options) {
  const InstanceDatasetSpec parsed = parse_instance_dataset_spec(spec);
  Findings findings;
  std::vector<Split> splits = open_splits(parsed, findings);
  InstanceReport report;
  report.dataset = spec;
  if (!splits.empty()) {
    report.classes = splits[0].dataset->classes();
    for (size_t c = 0; c < report.classes.size(); ++c)
      report.categories.push_back(splits[0].dataset->category_of(static_cast<int64_t>(c)));
  }
  compare_classes(splits, findings);
  inspect(splits, options);
  std::vector<PictureOfSplit> pictures;
  for (const Split& split : splits) {
    report.splits.push_back(gather(split, findings));
    for (int64_t i = 0; i < split.dataset->size(); ++i)
      pictures.push_back(
          {split.name, split.dataset->image_path(i), split.pictures[static_cast<size_t>(i)].image_hash});
  }
  find_same_pictures(pictures, findings);
  report.findings = findings.take();
  return report;
}

int64_t InstanceReport::errors() const {
  return count_of(findings, Severity::error);
}
int64_t InstanceReport::warnings() const {
  return count_of(findings, Severity::warning);
}

std::string to_text(const InstanceReport& report) {
  std::ostringstream out;
  out << report.dataset << ": " << report.classes.size() << " classes\n";
  for (const InstanceSplitStatistics& split : report.splits) {
    out << "\nSplit " << split.name << ": " << split.images << " pictures, " << split.objects
        << " objects (small " << split.small << ", medium " << split.medium << ", large " << split.large
        << "), " << split.crowds << " crowds\n";
    write_counts(out, "image sizes", size_summary(split.image_sizes));
    write_counts(out, "image files", split.image_formats);
  }
  if (!report.splits.empty()) write_classes(out, report);
  write_findings(out, report.findings);
  write_totals(out, report.errors(), report.warnings());
  return out.str();
}

std::string to_json(const InstanceReport& report) {
  Json splits = Json::array(), classes = Json::array();
  for (const InstanceSplitStatistics& split : report.splits)
    splits.push_back(split_json(split, report.classes));
  for (size_t c = 0; c < report.classes.size(); ++c)
    classes.push_back({{"name", report.classes[c].name}, {"category", report.categories[c]}});
  const Json json{{"dataset", report.dataset},
                  {"errors", report.errors()},
                  {"warnings", report.warnings()},
                  {"classes", classes},
                  {"findings", findings_json(report.findings)},
                  {"splits", splits}};
  // File names need not be UTF-8; a report must not fail for it.
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace vitrail
