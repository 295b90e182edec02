#include "vitrail/train/folder_lock.h"

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail::train {

FolderLock::FolderLock(const std::filesystem::path& folder) {
  if (folder.empty()) throw Error(ErrorKind::usage, {.found = "no output folder given"});
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    throw Error(ErrorKind::file,
                {.where = folder.string(), .found = cat("cannot be created: ", error.message())});
  const auto path = folder / ".lock";
  descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor_ < 0)
    throw Error(ErrorKind::file,
                {.where = path.string(), .found = cat("cannot be created: ", std::strerror(errno))});
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    ::close(descriptor_);
    throw Error(ErrorKind::file, {.where = folder.string(),
                                  .found = "another process is training into this folder",
                                  .next = "Wait for it, or choose another --out"});
  }
}

FolderLock::~FolderLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

FolderLock::FolderLock(FolderLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

}  // namespace vitrail::train
