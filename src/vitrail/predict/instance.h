#pragma once
// From a picture to its objects: preprocess -> trunk -> boxes -> crops -> branches -> masks. What `vitrail
// segment` and `evaluate` run for instance segmentation networks.
//
//   InstancePredictor predictor(read_onnx("models/people.onnx"));
//   for (const FoundInstance& person : predictor.predict(read_image("street.jpg")))
//     use(person.box, person.score, decode_rle(person.mask));
//
// Boxes and masks are in pixels of the picture, whatever size the network sees it at. Boxes that are not
// wanted (by score, class or number) are left out before any mask is computed, so a choice saves time.
//
// Thread-safe: one predictor serves many threads. Engines are built when first needed.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "vitrail/detect/box.h"
#include "vitrail/image/image_file.h"
#include "vitrail/image/rle.h"
#include "vitrail/predict/semantic.h"

namespace vitrail {

struct FoundInstance {
  Box box;                  ///< in pixels of the picture, inside of it
  int64_t class_index = 0;  ///< into ModelInfo::classes
  float score = 0;          ///< 0..1
  /// Of the picture's size, inside the box. 0 x 0 where there is none: the network gives boxes alone, or none
  /// of its branches takes this box.
  Rle mask;
  friend bool operator==(const FoundInstance&, const FoundInstance&) = default;
};

/// Which of the objects that a network finds are wanted.
struct InstanceChoice {
  double least_score = 0;        ///< beside what the network's own selection asks for
  std::vector<int64_t> classes;  ///< class indices; empty: all
  int64_t most = 0;              ///< the best of the picture; 0 = as the network's selection says
  bool masks = true;             ///< false: boxes alone, from any network
};

class InstancePredictor {
 public:
  /// Throws Error(usage) for a model of another task, without metadata or without what joins its parts, for
  /// options that instance networks do not have (tiles), and for classes that the model has not;
  /// Error(unsupported) for parts that are missing.
  explicit InstancePredictor(Model model, PredictOptions options = {}, InstanceChoice choice = {});
  ~InstancePredictor();

  /// Best score first. Throws Error(shape) for a picture without pixels.
  std::vector<FoundInstance> predict(const Image& image, PredictSeconds* seconds = nullptr) const;
  /// The same for the bytes of a picture file, `name` in errors; a JPEG is decoded no larger than the network
  /// needs. `size`, where given, becomes the picture's.
  std::vector<FoundInstance> predict_file(std::string_view bytes, const std::string& name,
                                          PredictSeconds* seconds = nullptr, ImageSize* size = nullptr) const;
  const ModelInfo& info() const;
  /// Whether its objects have masks.
  bool has_masks() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vitrail
