#pragma once
// What the C interface's functions share: the model behind a handle, and pixels of the caller's as ours.

#include <optional>

#include "vitrail/capi/vitrail.h"
#include "vitrail/predict/instance.h"
#include "vitrail/predict/semantic.h"

struct vitrail_model {
  // One of them, as the file's task says.
  std::optional<vitrail::SemanticPredictor> labels;
  std::optional<vitrail::InstancePredictor> objects;

  const vitrail::ModelInfo& info() const { return labels ? labels->info() : objects->info(); }
};

namespace vitrail::capi {

/// Throws Error(usage) for another task's model, naming the function that takes it.
const SemanticPredictor& label_predictor(const vitrail_model* model, const char* where);
const InstancePredictor& object_predictor(const vitrail_model* model, const char* where);

Image image_of(const vitrail_image& given);

/// A stride in elements, 0 being `width`.
int64_t checked_stride(int64_t stride, int64_t width, const char* where);

}  // namespace vitrail::capi
