#pragma once
// What was measured, as Markdown.

#include <map>
#include <string>
#include <vector>

namespace vitrail::bench {

struct Times {
  std::string name;  ///< of the contestant
  bool ours = false;
  std::vector<double> seconds;  ///< of every counted round; empty where it could not run ...
  std::string reason;           ///< ... and why
  double agreement = 1;         ///< share of its outputs that are the first contestant's
};

struct Row {
  std::string key, title;
  int threads = 0;
  std::vector<Times> times;  ///< ours first, at f32
};

struct Report {
  std::string command;
  double load_before = 0;  ///< other work on the machine when it began, in busy threads (the load average)
  std::vector<std::pair<std::string, std::string>> versions;
  std::vector<Row> rows;
  std::vector<std::pair<std::string, double>> peak_bytes;  ///< of a process that does nothing else, by case
};

/// Medians in milliseconds with the middle four fifths of the rounds, and how many times longer the fastest
/// other one takes; with the machine and the date.
std::string markdown(const Report& report);

/// "AMD EPYC, 2 cores, avx2 avx512f avx512_bf16 avx512_vnni", from /proc/cpuinfo.
std::string machine();

}  // namespace vitrail::bench
