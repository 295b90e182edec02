#include "vitrail/cli/output.h"

#include <iostream>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail::cli {

void print_json(const nlohmann::ordered_json& json) {
  std::cout << json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << std::endl;
}

void make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!error) return;
  throw Error(ErrorKind::file, {.where = folder.string(),
                                .found = cat("no folder can be made there: ", error.message()),
                                .next = "Choose another place with --out"});
}

}  // namespace vitrail::cli
