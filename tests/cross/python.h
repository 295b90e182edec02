#pragma once
// The Python that has torchvision (Debian: python3-torchvision), an outside oracle.

#include <cstdlib>
#include <string>

namespace vitrail {

/// The first one, or Debian's where another one stands before it; "" where there is none.
inline std::string python_with_torchvision() {
  for (const std::string python : {"python3", "/usr/bin/python3"})
    if (std::system((python + " -c 'import torchvision' >/dev/null 2>&1").c_str()) == 0) return python;
  return "";
}

}  // namespace vitrail
