#pragma once
// What quantisation needs to know about a network's values, measured by running it.

#include <map>

#include "vitrail/quantize/histogram.h"
#include "vitrail/quantize/quantize.h"
#include "vitrail/quantize/rewrite.h"

namespace vitrail {

/// The magnitudes of points.values on the whole calibration set, by value id.
std::map<int32_t, Histogram> histograms_of(const Model& model, const QuantizationPoints& points,
                                           const CalibrationSet& inputs, const QuantizeOptions& options);

/// Codes by value id; the values of a group share theirs.
using Codes = std::map<int32_t, ByteCode>;

/// Noise over signal (of sums of squares) that one set of codes causes.
struct Disturbance {
  std::map<int32_t, double> values;  ///< by value id: in the convolutions that read it, or in itself
  std::map<std::string, double> convolutions;  ///< by name, weights rounded too
};
/// Each value alone is rounded, everything before it stays floats. One result for each of `candidates`.
std::vector<Disturbance> disturbances(const Model& model, const QuantizationPoints& points,
                                      const std::vector<Codes>& candidates, const CalibrationSet& inputs,
                                      const QuantizeOptions& options);

}  // namespace vitrail
