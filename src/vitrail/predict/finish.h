#pragma once
// The end of a prediction where the network's logits have not the picture's size: linear resizing
// (half-pixel) to it, fused with the choice of the largest class, or followed by softmax. Runs in an engine
// of its own, so that any size goes.
//
//   Finish finish(Ending::labels, 19, {.threads = 2});
//   Tensor labels = finish.run(logits, 1080, 1920);        // i64 [1, 1, 1080, 1920]

#include "vitrail/engine/engine.h"
#include "vitrail/predict/prediction_graph.h"

namespace vitrail {

class Finish {
 public:
  /// `ending` is labels or probabilities.
  Finish(Ending ending, int64_t classes, const EngineOptions& options);

  /// Logits f32 [1, classes, h, w] as labels i64 [1, 1, H, W] or probabilities f32 [1, classes, H, W].
  Tensor run(const Tensor& logits, int64_t height, int64_t width) const;

 private:
  Engine engine_;
};

}  // namespace vitrail
