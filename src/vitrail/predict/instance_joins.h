#pragma once
// What joins the parts of an instance segmentation network: one implementation per system (ssd_joins.cpp,
// rcnn_joins.cpp), found by what ModelInfo::instance holds. Used by InstancePredictor, which is the place to
// predict from.
//
// A further system is another class here, its function below, and a line in make_joins.

#include <memory>
#include <vector>

#include "vitrail/image/reduced_image.h"
#include "vitrail/predict/instance.h"

namespace vitrail {

/// Thread-safe.
class InstanceJoins {
 public:
  virtual ~InstanceJoins() = default;

  /// The picture's objects, in its pixels, best score first. Adds to seconds.preprocess, network (the parts,
  /// with what joins them) and postprocess (masks into the picture).
  virtual std::vector<FoundInstance> find(const ReducedView& picture, PredictSeconds& seconds) const = 0;

  /// The one size that the network sees, {0, 0} where that depends on the picture.
  virtual ImageSize input_size() const = 0;
  virtual bool has_masks() const = 0;
};

/// `model` lives as long as what is returned; its info.instance holds the system. `choice` narrows the
/// system's own selection. Throws what InstancePredictor throws.
std::unique_ptr<InstanceJoins> make_ssd_joins(const Model& model, const PredictOptions& options,
                                              const InstanceChoice& choice);
std::unique_ptr<InstanceJoins> make_rcnn_joins(const Model& model, const PredictOptions& options,
                                               const InstanceChoice& choice);
/// Throws Error(usage) for a score or a class that cannot be.
void check_choice(const InstanceChoice& choice, const ModelInfo& info);

std::unique_ptr<InstanceJoins> make_joins(const Model& model, const PredictOptions& options,
                                          const InstanceChoice& choice);

}  // namespace vitrail
