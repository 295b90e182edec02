#include "vitrail/data/findings.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

constexpr FindingKind same_in_two_splits{
    Severity::error, "same-image-in-two-splits",
    "Keep it in one split: a figure on pictures seen in training says nothing"};
constexpr FindingKind same_in_one_split{Severity::warning, "same-image-twice", "It counts twice; remove one"};

class ThreadedWork {
 public:
  ThreadedWork(int64_t count, const CheckOptions& options, const std::function<void(int64_t)>& work)
      : count_(count), options_(options), work_(work) {}

  void run() {
    {
      std::vector<std::jthread> threads;
      for (int i = 1; i < options_.threads; ++i)
        threads.emplace_back([this] { work(); });
      work();
    }
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  void work() {
    try {
      for (int64_t i; (i = next_++) < count_ && !stopped_;) {
        work_(i);
        report();
      }
    } catch (...) {
      std::lock_guard lock(mutex_);
      failure_ = std::current_exception();
      stopped_ = true;
    }
  }

  void report() {
    std::lock_guard lock(mutex_);
    ++done_;
    if (!options_.progress || stopped_ || options_.progress(done_, count_)) return;
    stopped_ = true;  // under the lock: the other workers must not ask again
    failure_ = std::make_exception_ptr(Error(
        ErrorKind::cancelled, {.where = "data set check", .found = cat("stopped after ", done_, " files")}));
  }

  int64_t count_;
  const CheckOptions& options_;
  const std::function<void(int64_t)>& work_;
  std::atomic<int64_t> next_ = 0;
  std::atomic<bool> stopped_ = false;
  std::mutex mutex_;
  int64_t done_ = 0;
  std::exception_ptr failure_;
};

}  // namespace

void Findings::add(const FindingKind& kind, Finding found) {
  auto group =
      std::find_if(groups_.begin(), groups_.end(), [&](const auto& g) { return g.kind == kind.name; });
  if (group == groups_.end())
    group = groups_.insert(groups_.end(), {kind.severity, kind.name, kind.next, 0, {}});
  ++group->count;
  if (group->first.size() < FindingGroup::shown) group->first.push_back(std::move(found));
}

std::vector<FindingGroup> Findings::take() {
  std::stable_sort(groups_.begin(), groups_.end(),
                   [](const auto& a, const auto& b) { return a.severity < b.severity; });
  return std::move(groups_);
}

int64_t count_of(const std::vector<FindingGroup>& findings, Severity severity) {
  int64_t count = 0;
  for (const FindingGroup& group : findings)
    if (group.severity == severity) count += group.count;
  return count;
}

void write_findings(std::ostream& out, const std::vector<FindingGroup>& findings) {
  for (const FindingGroup& group : findings) {
    out << name_of(group.severity) << " " << group.kind << ": " << group.count
        << (group.count == 1 ? " case. " : " cases. ") << group.next << ".\n";
    for (const Finding& found : group.first)
      out << "  " << found.file << (found.file.empty() || found.detail.empty() ? "" : ": ") << found.detail
          << "\n";
    if (group.count > static_cast<int64_t>(group.first.size()))
      out << "  ... and " << group.count - static_cast<int64_t>(group.first.size()) << " more\n";
  }
}

void write_totals(std::ostream& out, int64_t errors, int64_t warnings) {
  out << errors << (errors == 1 ? " error, " : " errors, ") << warnings
      << (warnings == 1 ? " warning\n" : " warnings\n");
}

nlohmann::ordered_json findings_json(const std::vector<FindingGroup>& groups) {
  auto findings = nlohmann::ordered_json::array();
  for (const FindingGroup& group : groups) {
    auto first = nlohmann::ordered_json::array();
    for (const Finding& found : group.first)
      first.push_back({{"file", found.file}, {"detail", found.detail}});
    findings.push_back({{"severity", name_of(group.severity)},
                        {"kind", group.kind},
                        {"count", group.count},
                        {"next", group.next},
                        {"first", first}});
  }
  return findings;
}

std::string detail_of(const Error& e) {
  ErrorParts parts = e.parts();
  parts.where.clear();
  parts.next.clear();
  return error_text(parts);
}

std::string size_name(const std::pair<int64_t, int64_t>& size) {
  return cat(size.second, "x", size.first);
}

std::map<std::string, int64_t> size_summary(
    const std::map<std::pair<int64_t, int64_t>, int64_t>& image_sizes) {
  std::vector<std::pair<int64_t, std::string>> sizes;
  for (const auto& [size, count] : image_sizes)
    sizes.emplace_back(count, size_name(size));
  std::sort(sizes.rbegin(), sizes.rend());
  std::map<std::string, int64_t> summary;
  for (size_t i = 0; i < sizes.size(); ++i)
    summary[i < FindingGroup::shown ? sizes[i].second : "other sizes"] += sizes[i].first;
  return summary;
}

void write_counts(std::ostream& out, const char* title, const std::map<std::string, int64_t>& counts) {
  std::vector<std::string> words;
  for (const auto& [name, count] : counts)
    words.push_back(cat(name, " (", count, ")"));
  out << "  " << title << ": " << join(words, "; ") << "\n";
}

void find_same_pictures(const std::vector<PictureOfSplit>& pictures, Findings& findings) {
  std::map<uint64_t, const PictureOfSplit*> seen;
  for (const PictureOfSplit& picture : pictures) {
    if (picture.hash == 0) continue;
    const auto [first, is_new] = seen.try_emplace(picture.hash, &picture);
    if (is_new || read_file(picture.path) != read_file(first->second->path)) continue;
    findings.add(
        first->second->split == picture.split ? same_in_one_split : same_in_two_splits,
        {picture.path.string(), cat("split ", picture.split, " holds the same bytes as ",
                                    first->second->path.string(), " of split ", first->second->split)});
  }
}

void work_on_threads(int64_t count, const CheckOptions& options, const std::function<void(int64_t)>& work) {
  ThreadedWork(count, options, work).run();
}

}  // namespace vitrail
