#include "process.h"

#include <filesystem>
#include <stdexcept>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vitrail/base/file.h"

extern char** environ;

namespace vitrail::testing {
namespace {

struct OutputFiles {
  std::filesystem::path folder;
  OutputFiles() {
    std::string name = (std::filesystem::temp_directory_path() / "vitrail-cli-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    folder = name;
  }
  ~OutputFiles() { std::filesystem::remove_all(folder); }
};

}  // namespace

Result vitrail(const std::vector<std::string>& arguments) {
  const OutputFiles files;
  const std::string out = files.folder / "out", err = files.folder / "err";
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), O_WRONLY | O_CREAT, 0600);
  posix_spawn_file_actions_addopen(&actions, 2, err.c_str(), O_WRONLY | O_CREAT, 0600);

  std::vector<std::string> words = {VITRAIL_PROGRAM};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words)
    argv.push_back(word.data());
  argv.push_back(nullptr);

  pid_t child = 0;
  const int failed = posix_spawn(&child, VITRAIL_PROGRAM, &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw std::runtime_error("cannot start " VITRAIL_PROGRAM);
  int status = 0;
  waitpid(child, &status, 0);
  return {.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          .out = read_file(out),
          .err = read_file(err)};
}

}  // namespace vitrail::testing
