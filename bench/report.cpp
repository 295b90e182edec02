#include "bench/report.h"

#include <algorithm>
#include <ctime>
#include <fstream>
#include <set>
#include <sstream>

#include <unistd.h>

#include "vitrail/base/quantile.h"
#include "vitrail/base/text.h"

namespace vitrail::bench {
namespace {

std::string milliseconds(const Times& times) {
  if (times.seconds.empty()) return "–";
  const auto at = [&](double share) {
    const double ms = 1e3 * quantile(times.seconds, share);
    return fixed(ms, ms < 10 ? 2 : ms < 100 ? 1 : 0);
  };
  return cat(at(0.5), " (", at(0.1), "–", at(0.9), ")");
}

bool is_int8(const Times& times) {
  return times.name.find("int8") != std::string::npos;
}

/// The fastest other's median over that of one of ours: int8 against int8, floats against floats of 32 bits.
std::string ratio(const Row& row, const Times& ours) {
  double fastest = 0;
  for (const Times& times : row.times)
    if (const double m = median(times.seconds);
        !times.ours && is_int8(times) == is_int8(ours) && m > 0 && (fastest == 0 || m < fastest))
      fastest = m;
  const double own = median(ours.seconds);
  return fastest > 0 && own > 0 ? cat("**", fixed(fastest / own, 2), "**") : "–";
}

/// Of those that agree least with the first one, among the others that compute in floats.
std::string agreement(const Row& row) {
  double least = 1;
  for (const Times& times : row.times)
    if (!times.ours && !is_int8(times) && !times.seconds.empty()) least = std::min(least, times.agreement);
  return percent(least, 3);
}

std::vector<std::string> contestants(const std::vector<Row>& rows, int threads) {
  std::vector<std::string> names;
  for (const Row& row : rows)
    if (row.threads == threads)
      for (const Times& times : row.times)
        if (std::find(names.begin(), names.end(), times.name) == names.end()) names.push_back(times.name);
  return names;
}

const Times* find(const Row& row, const std::string& name) {
  for (const Times& times : row.times)
    if (times.name == name) return &times;
  return nullptr;
}

void table(std::ostringstream& out, const Report& report, int threads) {
  const std::vector<std::string> names = contestants(report.rows, threads);
  out << "\n## " << threads << (threads == 1 ? " thread" : " threads") << "\n\n| ms | " << join(names, " | ")
      << " | fastest other f32 ÷ f32 | ÷ bf16 | fastest other int8 ÷ int8 | agreement | of bf16 |\n|---|";
  for (size_t i = 0; i < names.size() + 5; ++i)
    out << "---|";
  out << "\n";
  for (const Row& row : report.rows) {
    if (row.threads != threads) continue;
    out << "| **" << row.key << "** " << row.title << " |";
    for (const std::string& name : names)
      out << " " << (find(row, name) ? milliseconds(*find(row, name)) : "–") << " |";
    const Times& bf16 = row.times.at(1);
    const Times* bytes = find(row, "Vitrail int8");
    out << " " << ratio(row, row.times.at(0)) << " | " << ratio(row, bf16) << " | "
        << (bytes ? ratio(row, *bytes) : "–") << " | " << agreement(row) << " | "
        << (bf16.seconds.empty() ? "–" : percent(bf16.agreement, 3)) << " |\n";
  }
}

void failures(std::ostringstream& out, const Report& report) {
  std::set<std::string> lines;
  for (const Row& row : report.rows)
    for (const Times& times : row.times)
      if (!times.reason.empty())
        lines.insert(cat("- ", times.name, " could not run ", row.key, ": ", times.reason));
  if (!lines.empty()) out << "\n";
  for (const std::string& line : lines)
    out << line << "\n";
}

}  // namespace

std::string machine() {
  std::ifstream in("/proc/cpuinfo");
  std::string model, features;
  for (std::string line; std::getline(in, line);) {
    const size_t colon = line.find(": ");
    if (colon == std::string::npos) continue;
    if (model.empty() && line.starts_with("model name")) model = line.substr(colon + 2);
    if (!features.empty() || !line.starts_with("flags")) continue;
    std::istringstream flags(line.substr(colon + 2));
    for (std::string flag; flags >> flag;)
      for (const char* const wanted : {"avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16"})
        if (flag == wanted) features += " " + flag;
  }
  return cat(model, ", ", sysconf(_SC_NPROCESSORS_ONLN), " cores,", features);
}

std::string markdown(const Report& report) {
  std::ostringstream out;
  const std::time_t now = std::time(nullptr);
  char date[32] = "";
  std::strftime(date, sizeof date, "%Y-%m-%d %H:%M UTC", std::gmtime(&now));
  out << "# Engines side by side\n\n"
      << "Written by `" << report.command << "` on " << date << ".\n\nMachine: " << machine() << ". ";
  for (size_t i = 0; i < report.versions.size(); ++i)
    out << (i ? ", " : "") << report.versions[i].first << " " << report.versions[i].second;
  out << ". Other work when it began: a load average of " << fixed(report.load_before, 1)
      << (report.load_before > 0.5 ? "; the times are not this machine's best, and the ratios are rough" : "")
      << ".\n\nOne run of the whole network, from the input in memory to the labels, in milliseconds: the "
         "median of the runs that count and, in brackets, their 10th and 90th percentile. In each round all "
         "contestants take turns, after warm-up: a pause of 30 ms, one run that does not count, and then "
         "three that do (one where the fastest takes 50 ms or more). A contestant much slower than the "
         "fastest one takes part in fewer rounds. Agreement is the share of outputs equal to ours at f32 "
         "(labels), or within 1e-3 of the largest (features; 1e-2 for bf16): of the other at f32 that agrees "
         "least, and of ours at bf16. Weights are random, which is hard on bf16: near ties abound.\n";
  std::set<int, std::greater<>> threads;
  for (const Row& row : report.rows)
    threads.insert(row.threads);
  for (const int count : threads)
    table(out, report, count);
  failures(out, report);
  if (!report.peak_bytes.empty())
    out << "\n## Peak memory of a process with our engine alone\n\n| network | MB |\n|---|---|\n";
  for (const auto& [name, bytes] : report.peak_bytes)
    out << "| " << name << " | " << fixed(bytes / 1e6, 0) << " |\n";
  return out.str();
}

}  // namespace vitrail::bench
