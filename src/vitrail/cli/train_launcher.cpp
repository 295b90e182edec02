// `vitrail train` in the program that does without LibTorch: hands over to vitrail-train, which lies beside
// it. Loading LibTorch takes longer than segmenting a picture does, so only training pays for it.

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <unistd.h>

#include "vitrail/base/error.h"
#include "vitrail/cli/command.h"

namespace vitrail::cli {

int train_command(CLI::App&, const Arguments& arguments) {
  const std::filesystem::path program =
      std::filesystem::canonical("/proc/self/exe").parent_path() / "vitrail-train";
  std::vector<std::string> words = {program.string(), "train"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  execv(program.c_str(), argv.data());  // returns only where it failed
  throw Error(ErrorKind::file, {.where = program.string(),
                                .found = std::strerror(errno),
                                .next = "Build or install it: it comes with vitrail, and does the training"});
}

}  // namespace vitrail::cli
