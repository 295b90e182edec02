#include "vitrail/cli/launcher.h"

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <unistd.h>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail::cli {

void hand_over(const std::string& program, const std::string& command, const Arguments& arguments) {
  const std::filesystem::path path = std::filesystem::canonical("/proc/self/exe").parent_path() / program;
  std::vector<std::string> words = {path.string(), command};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  execv(path.c_str(), argv.data());  // returns only where it failed
  throw Error(ErrorKind::file, {.where = path.string(),
                                .found = std::strerror(errno),
                                .next = cat("Build or install it: `vitrail ", command, "` needs it")});
}

}  // namespace vitrail::cli
