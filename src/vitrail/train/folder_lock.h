#pragma once
// One training run per folder: a lock that the system releases when the process ends, however it ends.

#include <filesystem>

namespace vitrail::train {

class FolderLock {
 public:
  /// Creates `folder` if need be and locks it. Throws Error(file) if it cannot be created, or if another
  /// process holds it.
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace vitrail::train
