#pragma once
// A program that answers each line with a line.

#include <cstdio>
#include <string>
#include <vector>

#include <sys/types.h>

namespace vitrail::bench {

class LineProcess {
 public:
  /// Starts words[0], found on PATH, with the rest as its arguments. Throws Error(file).
  explicit LineProcess(const std::vector<std::string>& words);
  ~LineProcess();
  LineProcess(const LineProcess&) = delete;
  LineProcess& operator=(const LineProcess&) = delete;

  /// Throws Error(file) when the program has ended.
  std::string ask(const std::string& line);
  std::string read_line();

 private:
  pid_t pid_ = -1;
  FILE* to_ = nullptr;
  FILE* from_ = nullptr;
  std::string name_;
};

}  // namespace vitrail::bench
