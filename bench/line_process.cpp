#include "bench/line_process.h"

#include <csignal>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vitrail/base/error.h"

extern char** environ;

namespace vitrail::bench {

LineProcess::LineProcess(const std::vector<std::string>& words) : name_(words.at(0)) {
  std::signal(SIGPIPE, SIG_IGN);  // a program that ended shows when it is read from
  int in[2] = {-1, -1}, out[2] = {-1, -1};
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
    throw Error(ErrorKind::file, {.where = name_, .found = "no pipe"});
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  std::vector<std::string> copy = words;
  std::vector<char*> argv;
  for (std::string& word : copy)
    argv.push_back(word.data());
  argv.push_back(nullptr);
  const int failed = posix_spawnp(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(in[0]);
  close(out[1]);
  to_ = fdopen(in[1], "w");
  from_ = fdopen(out[0], "r");
  if (failed != 0) {
    pid_ = -1;
    throw Error(ErrorKind::file, {.where = name_, .found = "it cannot be started", .next = "Install it"});
  }
}

LineProcess::~LineProcess() {
  if (to_) std::fclose(to_);
  if (from_) std::fclose(from_);
  if (pid_ > 0) waitpid(pid_, nullptr, 0);
}

std::string LineProcess::ask(const std::string& line) {
  std::fputs((line + "\n").c_str(), to_);
  std::fflush(to_);
  return read_line();
}

std::string LineProcess::read_line() {
  std::string line;
  for (int c = std::fgetc(from_); c != '\n'; c = std::fgetc(from_)) {
    if (c == EOF) throw Error(ErrorKind::file, {.where = name_, .found = "it ended: " + line});
    line += static_cast<char>(c);
  }
  return line;
}

}  // namespace vitrail::bench
