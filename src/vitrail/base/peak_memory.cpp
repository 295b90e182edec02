#include "vitrail/base/peak_memory.h"

#include <fstream>
#include <string>

namespace vitrail {

int64_t peak_resident_bytes() {
  // Not getrusage: its figure is inherited from the process that started this one.
  std::ifstream status("/proc/self/status");
  int64_t kilobytes = 0;
  for (std::string word; status >> word;)
    if (word == "VmHWM:" && status >> kilobytes) return kilobytes * 1024;
  return 0;
}

}  // namespace vitrail
