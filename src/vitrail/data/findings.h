#pragma once
// What the checkers found, gathered by kind. Internal to data/.

#include <filesystem>
#include <ostream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "vitrail/base/error.h"
#include "vitrail/data/check.h"

namespace vitrail {

/// A kind of finding, with its severity and the advice that goes with it.
struct FindingKind {
  Severity severity;
  const char* name;
  const char* next;
};

class Findings {
 public:
  void add(const FindingKind& kind, Finding found);
  /// Errors first, else in the order in which each kind was first met.
  std::vector<FindingGroup> take();

 private:
  std::vector<FindingGroup> groups_;
};

int64_t count_of(const std::vector<FindingGroup>& findings, Severity severity);
void write_findings(std::ostream& out, const std::vector<FindingGroup>& findings);
/// "1 error, 2 warnings"
void write_totals(std::ostream& out, int64_t errors, int64_t warnings);
nlohmann::ordered_json findings_json(const std::vector<FindingGroup>& findings);

/// The error's text without the file's name, which a finding carries beside it.
std::string detail_of(const Error& e);

/// "640x480" of {height, width}, and the five most frequent sizes, the others as a number.
std::string size_name(const std::pair<int64_t, int64_t>& size);
std::map<std::string, int64_t> size_summary(const std::map<std::pair<int64_t, int64_t>, int64_t>& sizes);
void write_counts(std::ostream& out, const char* title, const std::map<std::string, int64_t>& counts);

/// One picture file of one split; `hash` of its bytes, 0 where it cannot be read.
struct PictureOfSplit {
  std::string split;
  std::filesystem::path path;
  uint64_t hash = 0;
};
/// Pictures whose bytes are the same, in two splits (an error) or in one (a warning).
void find_same_pictures(const std::vector<PictureOfSplit>& pictures, Findings& findings);

/// work(i) for every i in [0, count) on options.threads threads; options.progress after each. What the first
/// failing call throws is thrown here, and no further call begun.
void work_on_threads(int64_t count, const CheckOptions& options, const std::function<void(int64_t)>& work);

}  // namespace vitrail
