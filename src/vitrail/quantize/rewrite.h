#pragma once
// A network with QuantizeLinear and DequantizeLinear where it is to be computed with bytes.

#include <map>
#include <string>
#include <vector>

#include "vitrail/quantize/points.h"

namespace vitrail {

/// How the floats of a value become bytes: round(x / scale), cut off at the type's range.
struct ByteCode {
  float scale = 1;
  DataType type = DataType::i8;  ///< i8, or u8 for what is never negative
};
/// The code whose largest byte stands for `threshold`.
ByteCode byte_code(double threshold, bool never_negative);

/// A weight [M, ...] in signed bytes, each of the M rows with the scale of its largest magnitude.
struct ByteWeight {
  Tensor bytes;   ///< i8 [M, ...]
  Tensor scales;  ///< f32 [M]
};
/// `least` by row: no scale is smaller (a bias in units of input scale x weight scale must fit 32 bits).
ByteWeight byte_weight(const Tensor& weight, const std::vector<float>& least = {});

/// Adds nodes and parameters for quantised values to a graph.
class QuantizeWriter {
 public:
  QuantizeWriter(Graph& graph, Weights& weights) : graph_(graph), weights_(weights) {}

  Value constant(const std::string& name, Tensor tensor);
  /// DequantizeLinear(QuantizeLinear(x)); `name` begins the names of what is added.
  Value through_bytes(Value x, const ByteCode& code, const std::string& name);
  Value weight(const ByteWeight& weight, const std::string& name);
  /// The bias as i32 in units of input scale x weight scale.
  Value bias(const Tensor& bias, float input_scale, const Tensor& weight_scales, const std::string& name);

 private:
  Graph& graph_;
  Weights& weights_;
};

/// `model` (batch normalisation folded, inference only) with its `points` quantised; `codes` by value id, one
/// for each of points.values.
Model with_bytes(const Model& model, const QuantizationPoints& points,
                 const std::map<int32_t, ByteCode>& codes);

}  // namespace vitrail
