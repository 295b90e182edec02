#pragma once

#include <algorithm>
#include <cstdint>

namespace vitrail::onnx_files {

/// Python's slice bound: negative counts from the end, then clamped to 0..length.
constexpr int64_t clamped_bound(int64_t at, int64_t length) {
  if (at < 0) at = at < -length ? 0 : at + length;
  return std::clamp<int64_t>(at, 0, length);
}

}  // namespace vitrail::onnx_files
