#pragma once
// Damaged copies of files, for tests that nothing made of untrusted bytes may crash, hang or be half
// believed.
//
//   Random random(1);
//   for (int i = 0; i < 500; ++i) {
//     write(path, mutated(good_bytes, random));
//     try { check(load(path)); } catch (const Error& e) { /* e.what() names the path */ }
//   }

#include <algorithm>
#include <string>

#include "vitrail/base/random.h"

namespace vitrail {

/// `bytes` with one to three faults of the kinds that disks, networks and attackers make: truncated, bits
/// flipped, bytes overwritten (0, 255 or random), two bytes swapped, a piece removed, doubled or inserted.
/// Half of the faults fall into the first 256 bytes, where formats keep their lengths.
inline std::string mutated(std::string bytes, Random& random) {
  const int64_t faults = random.integer(1, 3);
  for (int64_t fault = 0; fault < faults && !bytes.empty(); ++fault) {
    const auto size = static_cast<int64_t>(bytes.size());
    const int64_t reach = random.chance(0.5) ? std::min<int64_t>(size, 256) : size;
    const auto at = static_cast<size_t>(random.integer(0, reach - 1));
    const auto length = std::min(static_cast<size_t>(random.integer(1, 16)), bytes.size() - at);
    switch (random.integer(0, 7)) {
      case 0: bytes.resize(at); break;
      case 1: bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.integer(0, 7))); break;
      case 2: bytes[at] = static_cast<char>(random.integer(0, 255)); break;
      case 3:
        std::fill_n(bytes.begin() + static_cast<int64_t>(at), length, random.chance(0.5) ? '\0' : '\xff');
        break;
      case 4: std::swap(bytes[at], bytes[static_cast<size_t>(random.integer(0, size - 1))]); break;
      case 5: bytes.erase(at, length); break;
      case 6: bytes.insert(at, bytes.substr(at, length)); break;
      case 7: bytes.insert(at, length, static_cast<char>(random.integer(0, 255))); break;
    }
  }
  return bytes;
}

}  // namespace vitrail
