#include "vitrail/weights/zip_archive.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

constexpr uint32_t local_signature = 0x04034b50, central_signature = 0x02014b50, end_signature = 0x06054b50;
constexpr uint32_t end64_signature = 0x06064b50, locator64_signature = 0x07064b50;
constexpr uint64_t local_size = 30, central_size = 46, end_size = 22, locator64_size = 20, end64_size = 56;
constexpr uint64_t most_comment = 65535, most_entries = 1'000'000;
constexpr uint16_t zip64_extra = 1;

class Directory {
 public:
  Directory(std::span<const std::byte> bytes, const std::string& source) : bytes_(bytes), source_(source) {}

  std::map<std::string, std::span<const std::byte>> read() {
    find_end();
    std::map<std::string, std::span<const std::byte>> entries;
    uint64_t at = directory_;
    for (uint64_t i = 0; i < count_; ++i) {
      const Entry entry = central_entry(at);
      if (!entries.emplace(entry.name, data_of(entry)).second)
        fail(cat("entry '", entry.name, "' is there twice"));
    }
    return entries;
  }

 private:
  struct Entry {
    std::string name;
    uint64_t size = 0, stored = 0, offset = 0;
  };

  [[noreturn]] void fail(const std::string& found) const {
    throw Error(ErrorKind::format, {.where = source_,
                                    .found = cat("a damaged zip archive: ", found),
                                    .next = "The file may have been cut short; fetch it again"});
  }

  template <class T>
  T number(uint64_t at) const {
    if (at > bytes_.size() || bytes_.size() - at < sizeof(T))
      fail(cat("a field at ", at, " is beyond its end"));
    T value;
    std::memcpy(&value, bytes_.data() + at, sizeof(T));  // little endian, as every machine we build for
    return value;
  }

  // The end record lies before a comment of unknown length: search for it from the back.
  void find_end() {
    const uint64_t size = bytes_.size();
    if (size < end_size) fail("it is too short");
    const uint64_t least = size - std::min(size, end_size + most_comment);
    for (uint64_t at = size - end_size + 1; at-- > least;)
      if (number<uint32_t>(at) == end_signature && at + end_size + number<uint16_t>(at + 20) == size)
        return read_end(at);
    fail("it has no end record");
  }

  void read_end(uint64_t at) {
    count_ = number<uint16_t>(at + 10);
    directory_ = number<uint32_t>(at + 16);
    const bool has64 = at >= locator64_size && number<uint32_t>(at - locator64_size) == locator64_signature;
    if (has64) {
      const uint64_t end64 = number<uint64_t>(at - locator64_size + 8);
      if (number<uint32_t>(end64) != end64_signature) fail("its zip64 end record is not where it says");
      count_ = number<uint64_t>(end64 + 32);
      directory_ = number<uint64_t>(end64 + 48);
    }
    if (count_ > most_entries || count_ > bytes_.size() / central_size) fail(cat(count_, " entries"));
  }

  std::string text(uint64_t at, uint64_t length) const {
    if (at > bytes_.size() || bytes_.size() - at < length) fail("a name is beyond its end");
    return {reinterpret_cast<const char*>(bytes_.data() + at), static_cast<size_t>(length)};
  }

  Entry central_entry(uint64_t& at) const {
    if (number<uint32_t>(at) != central_signature) fail(cat("no directory entry at ", at));
    const uint64_t name_length = number<uint16_t>(at + 28), extra_length = number<uint16_t>(at + 30);
    Entry entry{.name = text(at + central_size, name_length),
                .size = number<uint32_t>(at + 24),
                .stored = number<uint32_t>(at + 20),
                .offset = number<uint32_t>(at + 42)};
    read_zip64(entry, at + central_size + name_length, extra_length);
    const uint16_t flags = number<uint16_t>(at + 8), method = number<uint16_t>(at + 10);
    if (method != 0 || (flags & 1) != 0)
      throw Error(ErrorKind::unsupported, {.where = cat(source_, ": entry '", entry.name, "'"),
                                           .found = (flags & 1) != 0 ? "it is encrypted" : "it is compressed",
                                           .allowed = "PyTorch stores its entries as they are",
                                           .next = "Save the file again with torch.save"});
    at += central_size + name_length + extra_length + number<uint16_t>(at + 32);
    return entry;
  }

  // Fields of 32 bits that are all ones stand in an extra field, in this order.
  void read_zip64(Entry& entry, uint64_t at, uint64_t length) const {
    const uint64_t end = at + length;
    while (at + 4 <= end) {
      const uint16_t id = number<uint16_t>(at);
      const uint64_t next = at + 4 + number<uint16_t>(at + 2);
      if (next > end) fail("an extra field is longer than its entry says");
      at += 4;
      if (id == zip64_extra)
        for (uint64_t* field : {&entry.size, &entry.stored, &entry.offset})
          if (*field == UINT32_MAX) {
            if (at + 8 > next) fail("a zip64 field is missing");
            *field = number<uint64_t>(at);
            at += 8;
          }
      at = next;
    }
  }

  std::span<const std::byte> data_of(const Entry& entry) const {
    if (entry.size != entry.stored) fail(cat("entry '", entry.name, "' has two sizes"));
    if (number<uint32_t>(entry.offset) != local_signature)
      fail(cat("entry '", entry.name, "' is not where it says"));
    const uint64_t begin =
        entry.offset + local_size + number<uint16_t>(entry.offset + 26) + number<uint16_t>(entry.offset + 28);
    if (begin > bytes_.size() || bytes_.size() - begin < entry.size)
      fail(cat("entry '", entry.name, "' of ", entry.size, " bytes is beyond its end"));
    return bytes_.subspan(static_cast<size_t>(begin), static_cast<size_t>(entry.size));
  }

  std::span<const std::byte> bytes_;
  const std::string& source_;
  uint64_t count_ = 0, directory_ = 0;
};

}  // namespace

bool is_zip(std::span<const std::byte> bytes) {
  uint32_t signature = 0;
  if (bytes.size() >= sizeof(signature)) std::memcpy(&signature, bytes.data(), sizeof(signature));
  return signature == local_signature;
}

ZipArchive::ZipArchive(std::span<const std::byte> bytes, std::string source) : source_(std::move(source)) {
  entries_ = Directory(bytes, source_).read();
}

std::span<const std::byte> ZipArchive::entry(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end())
    throw Error(ErrorKind::format, {.where = source_, .found = cat("no entry '", name, "' in the archive")});
  return found->second;
}

}  // namespace vitrail
