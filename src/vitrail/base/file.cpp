#include "vitrail/base/file.h"

#include <cerrno>
#include <cstring>
#include <fstream>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

[[noreturn]] void throw_file_error(const std::filesystem::path& path, std::string_view did) {
  throw Error(ErrorKind::file, {.where = path.string(), .found = cat(did, ": ", std::strerror(errno))});
}

// Closes on scope exit, so that an exception between open and close leaks nothing.
struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

int64_t regular_file_size(int fd, const std::filesystem::path& path) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) throw_file_error(path, "cannot be examined");
  if (!S_ISREG(status.st_mode))
    throw Error(ErrorKind::file, {.where = path.string(), .found = "not a regular file"});
  return status.st_size;
}

void write_all(int fd, std::string_view bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_file_error(path, "cannot be written");
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace

std::string read_file(const std::filesystem::path& path, int64_t max_bytes) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0) throw_file_error(path, "cannot be opened");
  const int64_t size = regular_file_size(file.fd, path);
  if (size > max_bytes)
    throw Error(ErrorKind::limit, {.where = path.string(),
                                   .found = cat(size, " bytes"),
                                   .allowed = cat("at most ", max_bytes, " are read")});
  std::string bytes(static_cast<size_t>(size), '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = ::read(file.fd, bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw_file_error(path, "cannot be read");
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

namespace {

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : ".";
}

void replace(const std::filesystem::path& path, std::string_view bytes, bool flush) {
  std::string temporary = (folder_of(path) / (path.filename().string() + ".XXXXXX")).string();
  const Descriptor file{::mkostemp(temporary.data(), O_CLOEXEC)};
  if (file.fd < 0) throw_file_error(path, "cannot be created");
  try {
    write_all(file.fd, bytes, path);
    if (::fchmod(file.fd, 0644) != 0 || (flush && ::fsync(file.fd) != 0))
      throw_file_error(path, "cannot be flushed");
    if (::rename(temporary.c_str(), path.c_str()) != 0) throw_file_error(path, "cannot be replaced");
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
}

}  // namespace

void replace_file(const std::filesystem::path& path, std::string_view bytes) {
  replace(path, bytes, false);
}

void write_file_atomically(const std::filesystem::path& path, std::string_view bytes) {
  replace(path, bytes, true);
  const Descriptor folder{::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (folder.fd >= 0) ::fsync(folder.fd);
}

MappedFile::MappedFile(const std::filesystem::path& path) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0) throw_file_error(path, "cannot be opened");
  size_ = static_cast<size_t>(regular_file_size(file.fd, path));
  if (size_ == 0) return;
  void* mapped = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (mapped == MAP_FAILED) throw_file_error(path, "cannot be mapped");
  data_ = static_cast<const std::byte*>(mapped);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

}  // namespace vitrail
