#pragma once
// Sizes that ONNX wants as tensors: constants where the file's sizes are fixed, Shape, Slice and Concat nodes
// where they are found only when the file runs. Internal to onnx/.

#include <map>
#include <string>

#include "vitrail/graph/op.h"
#include "vitrail/onnx/writer.h"

namespace vitrail::onnx_files {

/// A value of the file: its name there and its shape, -1 where it depends on the input.
struct NamedValue {
  std::string name;
  Shape shape;
};

class ShapeNodes {
 public:
  explicit ShapeNodes(OnnxWriter& writer) : writer_(writer) {}

  /// An i64 tensor {N, C, height, width} with `x`'s N and C, and the H and W of `size` (a reference).
  std::string with_size_of(const NamedValue& x, const NamedValue& reference, const std::string& name);
  /// The same for a given size.
  std::string with_size(const NamedValue& x, const Pair& size, const std::string& name);
  /// The same for the value `size` of the file, i64 {height, width}.
  std::string with_computed_size(const NamedValue& x, const std::string& size, const std::string& name);
  /// An i64 tensor {top + H, left + W} of the reference's H and W.
  std::string window_end(const NamedValue& reference, int64_t top, int64_t left, const std::string& name);

 private:
  std::string sizes(const NamedValue& value, int64_t first, const std::string& name);

  OnnxWriter& writer_;
  std::map<std::string, std::string> written_;  ///< "value[first:first+2]" -> name, so that each is computed
                                                ///< once
};

}  // namespace vitrail::onnx_files
