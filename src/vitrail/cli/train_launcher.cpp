// `vitrail train` in the programs without LibTorch.

#include "vitrail/cli/launcher.h"

namespace vitrail::cli {

int train_command(CLI::App&, const Arguments& arguments) {
  hand_over("vitrail-train", "train", arguments);
}

}  // namespace vitrail::cli
