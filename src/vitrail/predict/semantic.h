#pragma once
// From a picture to a label map: preprocess -> engine -> upsample, argmax -> crop. What `vitrail segment` and
// `evaluate` run.
//
//   SemanticPredictor predictor(read_onnx("models/street.onnx"));
//   LabelMap labels = predictor.predict(read_image("street.jpg"));     // same height and width as the photo
//
// Thread-safe: one predictor serves many threads.

#include <memory>
#include <string>
#include <vector>

#include "vitrail/engine/engine.h"
#include "vitrail/graph/model.h"
#include "vitrail/image/image.h"
#include "vitrail/image/preprocess.h"

namespace vitrail {

struct PredictOptions {
  EngineOptions engine;
  int64_t tile = 0;  ///< side of square tiles in pixels, blended where they overlap; 0 = whole image ...
  int64_t memory_bytes =
      int64_t{2} << 30;  ///< ... unless the estimate of a whole pass exceeds this: then tiles
  int64_t overlap = 64;  ///< pixels shared by neighbouring tiles
};

class SemanticPredictor {
 public:
  /// Throws Error(usage) for a model without metadata (naming the flags that supply it) or of another task.
  explicit SemanticPredictor(Model model, PredictOptions options = {});
  ~SemanticPredictor();

  LabelMap predict(const Image& image) const;
  /// Class probabilities [classes, H, W] at the image's size.
  Tensor probabilities(const Image& image) const;
  const ModelInfo& info() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vitrail
