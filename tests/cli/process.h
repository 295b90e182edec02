#pragma once
// Starting programs as a user does, and what they leave behind.

#include <string>
#include <vector>

namespace vitrail::testing {

struct Result {
  int status = -1;  ///< exit status; 128 + the signal's number for a program that a signal ended
  std::string out;
  std::string err;
};

/// Runs build/vitrail with these arguments, standard output and error captured (so neither is a terminal).
Result vitrail(const std::vector<std::string>& arguments);

}  // namespace vitrail::testing
