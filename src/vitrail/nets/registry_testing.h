#pragma once
// For tests with a case for every network: how they are called and printed.

#include <cctype>
#include <ostream>
#include <string>

#include <gtest/gtest.h>

#include "vitrail/nets/registry.h"

namespace vitrail {

inline void PrintTo(const NetEntry& entry, std::ostream* out) {
  *out << entry.name;
}

inline std::string test_name(const testing::TestParamInfo<NetEntry>& info) {
  std::string name = info.param.name;
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
}

}  // namespace vitrail
