#pragma once
// Where a network is quantised: which convolutions compute with bytes, and which values are therefore rounded
// to 8 bits.

#include <set>
#include <string>
#include <vector>

#include "vitrail/graph/model.h"

namespace vitrail {

struct QuantizationPoints {
  std::vector<const Node*> convolutions;  ///< in the graph's order; their inputs and weights become bytes
  std::vector<Value> values;              ///< rounded to bytes, in the order in which they are made
  /// By value id: the representative of the values that share one scale (what a pool reads and makes, the
  /// parts of a concatenation), -1 for values that are not rounded.
  std::vector<int32_t> group;

  bool is_rounded(Value value) const { return group[static_cast<size_t>(value.id)] >= 0; }
};

/// Every Conv of constant f32 weights on a map, but those named in `keep`. A sum that a quantised convolution
/// reads has both its terms rounded too, so that it can be computed with bytes.
/// `model` outlives the result.
QuantizationPoints quantization_points(const Model& model, const std::set<std::string>& keep);

/// Whether the value cannot be negative, by what makes it: then its bytes are unsigned.
bool is_never_negative(const Graph& graph, Value value);

}  // namespace vitrail
