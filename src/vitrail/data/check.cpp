#include "vitrail/data/check.h"

#include <algorithm>
#include <mutex>
#include <set>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/data/findings.h"
#include "vitrail/data/inspect_sample.h"

namespace vitrail {
namespace {

namespace finding {
using namespace vitrail::finding;
constexpr FindingKind no_labels{Severity::error, "image-without-labels",
                                "Add a label PNG of the same name, or remove the image"};
constexpr FindingKind no_image{Severity::error, "labels-without-image",
                               "Add the image of the same name, or remove the labels"};
constexpr FindingKind no_channels{Severity::error, "channels-missing",
                                  "Add the file of further channels, or remove the picture"};
constexpr FindingKind channel_count{Severity::error, "channel-count",
                                    "All pictures of a data set must have as many channels"};
constexpr FindingKind broken_split{Severity::error, "broken-split", "Repair the folder or the list"};
constexpr FindingKind masks_0_255{
    Severity::error, "masks-of-0-and-255",
    "255 is ignored, so only class 0 would ever be seen: use label_map to make 255 class 1"};
constexpr FindingKind absent_class{Severity::warning, "class-absent",
                                   "Its metric is undefined in this split, and it is not learnt from it"};
}  // namespace finding

struct Split {
  std::string name;
  FileLayout layout;
  std::vector<SampleFacts> facts;
};

/// Inspects every pair of every split on all threads; what is found stands at its pair's place, so the order
/// in which threads finish does not show. Each label map is counted and dropped, else all would stay in
/// memory.
void inspect(std::vector<Split>& splits, std::vector<SplitStatistics>& statistics,
             const CheckOptions& options) {
  std::vector<std::pair<size_t, size_t>> work;
  for (size_t s = 0; s < splits.size(); ++s) {
    splits[s].facts.resize(splits[s].layout.pairs.size());
    for (size_t i = 0; i < splits[s].layout.pairs.size(); ++i)
      work.emplace_back(s, i);
  }
  std::mutex mutex;
  work_on_threads(static_cast<int64_t>(work.size()), options, [&](int64_t at) {
    const auto [s, i] = work[static_cast<size_t>(at)];
    SampleFacts facts = inspect_sample(splits[s].layout.pairs[i], splits[s].layout);
    PixelCounts counts(static_cast<int64_t>(splits[s].layout.classes.size()));
    if (facts.labels) counts.add(*facts.labels);
    facts.labels.reset();
    std::lock_guard lock(mutex);
    statistics[s].counts.add(counts);
    splits[s].facts[i] = std::move(facts);
  });
}

std::vector<Split> layouts_of(const DatasetSpec& spec, const CheckOptions& options, Findings& findings) {
  std::vector<Split> splits;
  for (const std::string& name : spec.entry->splits_in(spec.root)) {
    try {
      Split split{name, spec.entry->layout(spec.root, name), {}};
      if (!options.label_map.empty()) split.layout.label_map = options.label_map;
      check_label_map(split.layout.label_map, static_cast<int64_t>(split.layout.classes.size()), "label_map");
      splits.push_back(std::move(split));
    } catch (const Error& e) {
      if (e.kind() == ErrorKind::usage) throw;
      findings.add(finding::broken_split, {name, e.what()});
    }
  }
  return splits;
}

void gather(const Split& split, SplitStatistics& statistics, Findings& findings) {
  statistics.name = split.name;
  statistics.samples = static_cast<int64_t>(split.facts.size());
  for (const SampleFacts& facts : split.facts) {
    for (const auto& [kind, found] : facts.findings)
      findings.add(*kind, found);
    if (facts.has_size) ++statistics.image_sizes[facts.size];
    if (statistics.channels.empty()) statistics.channels.resize(facts.sums.size());
    for (size_t c = 0; c < facts.sums.size() && facts.sums.size() == statistics.channels.size(); ++c)
      statistics.channels[c].add(facts.sums[c]);
    if (!facts.image_format.empty()) ++statistics.image_formats[facts.image_format];
    if (!facts.label_format.empty()) ++statistics.label_formats[facts.label_format];
  }
}

/// A file that several lists share is reported once.
void report_unpaired(const std::vector<Split>& splits, Findings& findings) {
  std::set<std::filesystem::path> images, labels, channels;
  for (const Split& split : splits) {
    images.insert(split.layout.images_without_labels.begin(), split.layout.images_without_labels.end());
    labels.insert(split.layout.labels_without_image.begin(), split.layout.labels_without_image.end());
    channels.insert(split.layout.missing_channels.begin(), split.layout.missing_channels.end());
  }
  for (const auto& path : images)
    findings.add(finding::no_labels, {path.string(), ""});
  for (const auto& path : labels)
    findings.add(finding::no_image, {path.string(), ""});
  for (const auto& path : channels)
    findings.add(finding::no_channels, {path.string() + ".*", ""});
}

/// Pictures with another number of channels than most have.
void compare_channels(const std::vector<Split>& splits, Findings& findings) {
  std::map<int64_t, int64_t> pictures;
  for (const Split& split : splits)
    for (const SampleFacts& facts : split.facts)
      if (facts.channels > 0) ++pictures[facts.channels];
  if (pictures.size() < 2) return;
  const int64_t usual = std::max_element(pictures.begin(), pictures.end(), [](const auto& a, const auto& b) {
                          return a.second < b.second;
                        })->first;
  for (const Split& split : splits)
    for (size_t i = 0; i < split.facts.size(); ++i)
      if (const int64_t channels = split.facts[i].channels; channels > 0 && channels != usual)
        findings.add(finding::channel_count,
                     {split.layout.pairs[i].image.string(), cat(channels, " channels; most have ", usual)});
}

bool is_ignored_255(const FileLayout& layout) {
  const auto found = layout.label_map.find(255);
  return layout.label_map.empty() ||
         (found != layout.label_map.end() && found->second == LabelMap::ignore_label);
}

void judge_labels(const Split& split, const SplitStatistics& statistics, Findings& findings) {
  const auto& facts = split.facts;
  if (facts.empty()) {
    if (split.layout.images_without_labels.empty() && split.layout.missing_channels.empty())
      findings.add(finding::broken_split, {"", cat("split ", split.name, " has no picture")});
    return;
  }
  const bool masks =
      !facts.empty() && is_ignored_255(split.layout) && split.layout.classes.size() > 1 &&
      std::all_of(facts.begin(), facts.end(), [](const auto& f) { return f.only_0_and_255; }) &&
      std::any_of(facts.begin(), facts.end(), [](const auto& f) { return f.has_255; });
  if (masks)
    findings.add(finding::masks_0_255,
                 {split.layout.pairs[0].labels.string(), cat("all ", facts.size(), " masks of split ",
                                                             split.name, " hold only the labels 0 and 255")});
  for (size_t c = 0; c < split.layout.classes.size(); ++c)
    if (statistics.counts.pixels[c] == 0)
      findings.add(finding::absent_class, {"", cat("split ", split.name, ": class ", c, " (",
                                                   split.layout.classes[c].name, ") has no pixel")});
}

void find_duplicates(const std::vector<Split>& splits, Findings& findings) {
  std::vector<PictureOfSplit> pictures;
  for (const Split& split : splits)
    for (size_t i = 0; i < split.facts.size(); ++i)
      pictures.push_back({split.name, split.layout.pairs[i].image, split.facts[i].image_hash});
  find_same_pictures(pictures, findings);
}

void weigh(DatasetReport& report) {
  PixelCounts counts(static_cast<int64_t>(report.classes.size()));
  for (const SplitStatistics& split : report.splits)
    if (split.name == "train" && split.samples > 0) {
      report.weights_from = split.name;
      counts = split.counts;
    }
  if (report.weights_from.empty()) {
    std::vector<std::string> names;
    for (const SplitStatistics& split : report.splits) {
      names.push_back(split.name);
      counts.add(split.counts);
    }
    report.weights_from = join(names, "+");
  }
  report.median_frequency = median_frequency_weights(counts);
  report.effective_number = effective_number_weights(counts, effective_number_beta(counts));
}

}  // namespace

std::string_view name_of(Severity severity) {
  switch (severity) {
    case Severity::error: return "error";
    case Severity::warning: return "warning";
    case Severity::note: return "note";
  }
  return "";
}

DatasetReport check_dataset(const std::string& spec, const CheckOptions& options) {
  if (options.threads < 1 || options.threads > 256)
    throw Error(
        ErrorKind::usage,
        {.where = "data set check", .found = cat(options.threads, " threads"), .allowed = "1 to 256"});
  const DatasetSpec parsed = parse_dataset_spec(spec);
  if (parsed.entry->layout == nullptr)
    throw Error(ErrorKind::usage, {.where = spec,
                                   .found = "samples that are made of other data",
                                   .next = "Check the data set that they are made of"});
  Findings findings;
  std::vector<Split> splits = layouts_of(parsed, options, findings);
  DatasetReport report;
  report.dataset = spec;
  report.splits.resize(splits.size());
  if (!splits.empty()) {
    report.classes = splits[0].layout.classes;
    report.label_map = splits[0].layout.label_map;
  }
  for (SplitStatistics& statistics : report.splits)
    statistics.counts = PixelCounts(static_cast<int64_t>(report.classes.size()));
  report_unpaired(splits, findings);
  inspect(splits, report.splits, options);
  for (size_t s = 0; s < splits.size(); ++s) {
    gather(splits[s], report.splits[s], findings);
    judge_labels(splits[s], report.splits[s], findings);
  }
  compare_channels(splits, findings);
  find_duplicates(splits, findings);
  weigh(report);
  report.findings = findings.take();
  return report;
}

}  // namespace vitrail
