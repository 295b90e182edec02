#pragma once
// Files: bounded reading, read-only mapping, and writing that a crash cannot leave half done.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vitrail {

/// All bytes of `path`. Throws Error(file) if it cannot be read, Error(limit) if it is larger than
/// `max_bytes`.
std::string read_file(const std::filesystem::path& path, int64_t max_bytes = int64_t{1} << 31);

/// Replaces `path` with `bytes` atomically: written to a temporary name beside it, fsynced, renamed,
/// directory fsynced. A kill at any instant leaves either the old file or the new one.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

/// The same without waiting for the disk: readers see the old file or the new one, also after a kill, but a
/// power cut may lose it. For results that can be made again; many times faster.
void replace_file(const std::filesystem::path& path, std::string_view bytes);

/// A read-only memory map of a whole file; pages come in as they are touched.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace vitrail
