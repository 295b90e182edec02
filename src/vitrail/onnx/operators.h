#pragma once
// The operators that ONNX files may be made of, from the tables that read them.

#include <string>
#include <vector>

namespace vitrail {

struct OnnxOperator {
  std::string type;  ///< "Conv", "vitrail.Encoding"
  std::string note;  ///< its limits; empty: all of it is read
};

/// All of them, by name; ours last.
std::vector<OnnxOperator> onnx_operators();
/// The same as a table for docs/operators.md.
std::string onnx_operators_markdown();

/// The first and last operator set that is read.
inline constexpr int kLeastOnnxOpset = 6;
inline constexpr int kMostOnnxOpset = 21;

}  // namespace vitrail
