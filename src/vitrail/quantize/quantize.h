#pragma once
// From a network of floats to one of bytes, after training: 8-bit weights and maps, 32-bit sums.
//
//   CalibrationSet pictures{64, [&](int64_t i) { return preprocess(data->load(i).image,
//   model.info.preprocessing); }}; QuantizedModel small = quantized(model, pictures, {.score = [&](const
//   Model& m) { return mean_iou(m); }}); write_onnx("small.onnx", small.model);
//
// The result says in standard operators what is a byte: QuantizeLinear and DequantizeLinear around
// convolutions. Weights are signed bytes with a scale for each output channel, maps are bytes with one scale,
// unsigned where a value is never negative; there are no zero points. Our engine and other runtimes compute
// such convolutions with bytes; whoever cannot, computes the same function with floats.
//
// Each map's scale is found from its values on the calibration set: where to cut off is tried at several
// percentiles and by entropy (histogram.h), and what disturbs the convolutions that read the map least is
// taken. Convolutions that lose most stay floats, until the score is near enough to the float network's.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "vitrail/engine/engine.h"
#include "vitrail/graph/model.h"

namespace vitrail {

/// Inputs of the network as it will see them: f32 [1, C, H, W], preprocessed.
struct CalibrationSet {
  int64_t count = 0;
  std::function<Tensor(int64_t index)> load;
};

enum class CalibrationMethod {
  automatic,   ///< per map the percentile or entropy that disturbs the convolutions behind it least
  percentile,  ///< cut off at QuantizeOptions::percentile
  entropy,     ///< cut off where the distribution keeps most of its information
};
CalibrationMethod calibration_method_from(std::string_view name);  ///< throws Error(usage) listing the names

struct QuantizeOptions {
  CalibrationMethod method = CalibrationMethod::automatic;
  double percentile = 99.99;      ///< of |value|, in (0, 100]
  std::vector<std::string> keep;  ///< names of convolutions that stay floats
  int64_t compared = 8;           ///< calibration inputs on which the layers' errors are measured
  /// A score of a model, higher is better (mean IoU in points, on pictures that were not calibrated on).
  /// Where there is none, no layer is kept for its sake.
  std::function<double(const Model& model)> score;
  double max_loss = 1;  ///< what the score may lose, in its own unit
  /// Called as work goes on; returning false cancels (Error(cancelled)).
  std::function<bool(const std::string& stage, int64_t done, int64_t total)> progress;
  EngineOptions engine;
};

/// What became of one convolution.
struct QuantizedLayer {
  std::string name;
  double noise_db =
      0;              ///< signal to noise of its result with its own bytes and everything before it in floats
  bool kept = false;  ///< computed with floats ...
  std::string reason;  ///< ... and why
};

struct QuantizedModel {
  Model model;
  std::vector<QuantizedLayer> layers;
  std::optional<double> score_before, score_after;
};

/// Batch normalisation is folded first. Throws Error(usage) for an empty calibration set, unusable options, a
/// name in `keep` that is no convolution, or a network without one that could be quantised.
QuantizedModel quantized(const Model& model, const CalibrationSet& inputs,
                         const QuantizeOptions& options = {});

}  // namespace vitrail
