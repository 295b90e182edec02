#include "vitrail/cli/short_waits.h"

#include <cstdlib>

#include <unistd.h>

namespace vitrail::cli {

void wait_shortly(char** argv) {
  if (std::getenv("GOMP_SPINCOUNT") || std::getenv("OMP_WAIT_POLICY")) return;
  if (setenv("GOMP_SPINCOUNT", "1000", 1) == 0) execv("/proc/self/exe", argv);
}

}  // namespace vitrail::cli
