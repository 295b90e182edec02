#pragma once
// Is this data set what training will take it for? What `vitrail check-dataset NAME:PATH` runs.
//
//   DatasetReport report = check_dataset("folder:/data/mine");
//   std::cout << to_text(report);
//   return report.errors() > 0 ? 1 : 0;
//
// Every file is read and decoded. Errors would stop training or falsify a figure (a pair without its other
// half, a damaged file, sizes that differ, labels out of range, masks of 0 and 255, one picture in two
// splits); warnings deserve a look; notes are good to know.

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "vitrail/data/channel_sums.h"
#include "vitrail/data/class_weights.h"
#include "vitrail/data/dataset.h"

namespace vitrail {

enum class Severity { error, warning, note };
std::string_view name_of(Severity severity);

/// One thing that was found, in one file (or in a split or class, where `file` is empty).
struct Finding {
  std::string file;
  std::string detail;
};

/// All findings of one kind: how many, and the first five.
struct FindingGroup {
  static constexpr size_t shown = 5;

  Severity severity = Severity::error;
  std::string kind;  ///< stable, for programs: "label-out-of-range"
  std::string next;  ///< what to do about it
  int64_t count = 0;
  std::vector<Finding> first;
};

struct SplitStatistics {
  std::string name;
  int64_t samples = 0;
  PixelCounts counts;
  std::map<std::pair<int64_t, int64_t>, int64_t> image_sizes;  ///< {height, width} -> images
  std::map<std::string, int64_t> image_formats;                ///< "jpeg, 3 channels, 8 bits" -> images
  std::vector<ChannelSum> channels;              ///< of the pictures that have as many as the first
  std::map<std::string, int64_t> label_formats;  ///< "palette, 8 bits" -> masks
};

struct DatasetReport {
  std::string dataset;  ///< NAME:PATH as given
  std::vector<ClassInfo> classes;
  std::map<int64_t, int64_t> label_map;
  std::vector<FindingGroup> findings;  ///< errors first
  std::vector<SplitStatistics> splits;
  std::string weights_from;  ///< the split that the weights are computed from: "train", else all joined
  std::vector<double> median_frequency;
  std::vector<double> effective_number;

  int64_t errors() const;  ///< findings of severity error, also those that are not shown
  int64_t warnings() const;
};

struct CheckOptions {
  std::map<int64_t, int64_t> label_map;  ///< replaces the data set's own when not empty
  int threads = 2;
  /// Called with (files done, files in all), from one thread at a time; returning false stops the check with
  /// Error(cancelled).
  std::function<bool(int64_t, int64_t)> progress;
};

/// Checks every split in the folder. Throws Error(usage) for an unknown name and Error(file) or Error(format)
/// where the folder is not a data set at all (no folder images, a class table that cannot be read); whatever
/// is wrong inside becomes a finding.
DatasetReport check_dataset(const std::string& spec, const CheckOptions& options = {});

std::string to_text(const DatasetReport& report);
std::string to_json(const DatasetReport& report);

}  // namespace vitrail
