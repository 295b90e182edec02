#pragma once
// The Python that has torchvision (Debian: python3-torchvision), an outside oracle.

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "vitrail/base/text.h"

namespace vitrail {

/// The first one, or Debian's where another one stands before it; "" where there is none.
inline std::string python_with_torchvision() {
  for (const std::string python : {"python3", "/usr/bin/python3"})
    if (std::system((python + " -c 'import torchvision' >/dev/null 2>&1").c_str()) == 0) return python;
  return "";
}

/// Runs tests/torchvision/SCRIPT FOLDER ARGUMENTS PICTURES. A test without Python is skipped before.
inline void run_torchvision(const std::string& script, const std::filesystem::path& folder,
                            const std::string& arguments,
                            const std::vector<std::filesystem::path>& pictures) {
  const auto path = std::filesystem::path(VITRAIL_SOURCE_DIR) / "tests/torchvision" / script;
  std::string command =
      cat(python_with_torchvision(), " '", path.string(), "' '", folder.string(), "' ", arguments);
  for (const std::filesystem::path& picture : pictures)
    command += cat(" '", picture.string(), "'");
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
}

}  // namespace vitrail
