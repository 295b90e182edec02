#pragma once
// Several networks that decide together: their scores are averaged. They may see the same picture, or each
// its own of the same scene: FCN's two networks on NYUDv2, colour and depth (Long et al. 2015; SPEC 2.1).
//
//   Ensemble both({read_onnx("color.onnx"), read_onnx("hha.onnx")}, Ensemble::mean_of_scores());
//   LabelMap labels = both.predict({&color, &hha});      // two pictures of one size
//   LabelMap labels = both.predict({&color, &color});    // two opinions about one

#include <deque>
#include <vector>

#include "vitrail/predict/protocol.h"

namespace vitrail {

class Ensemble {
 public:
  /// The networks' logits themselves are averaged, whole images at a time; any other protocol's votes are.
  static TestProtocol mean_of_scores();

  /// Throws Error(usage) for no model and for models of unlike classes, and what ProtocolPredictor throws.
  Ensemble(std::vector<Model> models, const TestProtocol& protocol, const EngineOptions& options = {});

  /// One picture for each model, in their order. Throws Error(shape) for pictures of unlike size,
  /// Error(usage) for as many as there are no models.
  LabelMap predict(const std::vector<const Image*>& images) const;
  const ModelInfo& info() const { return members_.front().info(); }
  int64_t size() const { return static_cast<int64_t>(members_.size()); }

 private:
  std::deque<ProtocolPredictor> members_;  // they cannot be moved
};

}  // namespace vitrail
