#pragma once
// From a picture to a label map: preprocess -> engine -> upsample, argmax -> crop. What `vitrail segment` and
// `evaluate` run.
//
//   SemanticPredictor predictor(read_onnx("models/street.onnx"));
//   LabelMap labels = predictor.predict(read_image("street.jpg"));     // same height and width as the photo
//
// Any picture size goes: sizes that the network cannot take are padded (bottom, right) and cropped back; a
// network of one fixed input size sees the picture resized to it, and its logits are resized back; a picture
// whose pass would need more than `memory_bytes` is cut into overlapping tiles (predict/tiles.h) whose
// probabilities are blended.
//
// Thread-safe: one predictor serves many threads. Engines are built when first needed.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "vitrail/engine/engine.h"
#include "vitrail/graph/model.h"
#include "vitrail/image/image.h"
#include "vitrail/image/preprocess.h"

namespace vitrail {

struct PredictOptions {
  EngineOptions engine;
  int64_t tile = 0;  ///< side of square tiles in pixels (rounded up to the model's multiple) for pictures
                     ///< larger than that; 0 = whole image ...
  int64_t memory_bytes =
      int64_t{2} << 30;  ///< ... unless the estimate of a whole pass exceeds this: then tiles that fit
  int64_t overlap = 64;  ///< pixels shared by neighbouring tiles
  /// {height, width} that pictures are resized to for a network that takes any size, as for one of this fixed
  /// size; multiples of what the network needs. {0, 0}: pictures keep their size.
  Pair input_size{0, 0};
};

/// Where the seconds of a prediction went.
struct PredictSeconds {
  double decode = 0;       ///< from the bytes of a file to pixels; 0 where pixels were given
  double preprocess = 0;   ///< from pixels to the network's input
  double network = 0;      ///< with the fused upsampling and choice of class
  double postprocess = 0;  ///< to labels of the picture's size
};

class SemanticPredictor {
 public:
  /// Throws Error(usage) for a model without metadata (naming the flags that supply it), of another task, or
  /// whose network has another number of channels than the metadata has classes.
  explicit SemanticPredictor(Model model, PredictOptions options = {});
  ~SemanticPredictor();

  /// Class indices at the image's size. Throws Error(limit) when not even the smallest tiles fit
  /// memory_bytes.
  LabelMap predict(const Image& image, PredictSeconds* seconds = nullptr) const;
  /// The same for the bytes of a picture file, `name` in errors; a JPEG is decoded no larger than a network
  /// of fixed size needs. Throws what image_from_bytes throws, too.
  LabelMap predict_file(std::string_view bytes, const std::string& name,
                        PredictSeconds* seconds = nullptr) const;
  /// Class probabilities [classes, H, W] at the image's size.
  Tensor probabilities(const Image& image) const;
  /// The side of the tiles that `predict` cuts an image of this size into; 0 = it goes in one piece.
  int64_t tile_for(int64_t height, int64_t width) const;
  const ModelInfo& info() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vitrail
