#pragma once
// The programs that lie beside vitrail, each with libraries that take long to load and that most commands do
// without: vitrail-train (LibTorch), vitrail-video (OpenCV's video input and output). Each is vitrail with
// those linked.

#include <string>

#include "vitrail/cli/command.h"

namespace vitrail::cli {

/// Becomes `program COMMAND arguments...`. Returns never: throws Error(file) where it cannot be started.
[[noreturn]] void hand_over(const std::string& program, const std::string& command,
                            const Arguments& arguments);

}  // namespace vitrail::cli
