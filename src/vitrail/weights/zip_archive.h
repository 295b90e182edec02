#pragma once
// The stored entries of a zip archive, as spans of its bytes: all that PyTorch's files need. (A library such
// as libzip would copy every entry and decompress what nobody asked for; stored entries are a table of
// offsets.)
//
//   ZipArchive archive(file.bytes(), "resnet50.pth");
//   std::span<const std::byte> pickle = archive.entry("archive/data.pkl");

#include <cstddef>
#include <map>
#include <span>
#include <string>

namespace vitrail {

class ZipArchive {
 public:
  /// Reads the central directory, with zip64. Every offset and length is checked against the bytes before it
  /// is used; throws Error(format) naming `source` for an archive that is damaged, Error(unsupported) for an
  /// entry that is compressed or encrypted. Checksums are not compared (PyTorch can leave them out). The
  /// bytes must outlive the archive.
  ZipArchive(std::span<const std::byte> bytes, std::string source);

  /// Throws Error(format) where there is no such entry.
  std::span<const std::byte> entry(const std::string& name) const;
  const std::map<std::string, std::span<const std::byte>>& entries() const { return entries_; }

 private:
  std::string source_;
  std::map<std::string, std::span<const std::byte>> entries_;
};

/// Whether the bytes begin as a zip archive does.
bool is_zip(std::span<const std::byte> bytes);

}  // namespace vitrail
