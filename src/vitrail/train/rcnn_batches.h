#pragma once
// Batches for training Mask R-CNN: pictures keep their aspect, so that each has a size of its own, and lie in
// the top left corner of the batch's tensor; loaded by worker threads ahead of the step that needs them. As
// in data/loader.h, batch t is a pure function of (seed, t).
//
//   RcnnLoader loader(*dataset, model.info, recipe.augment, {.batch = 2, .seed = 1}, first_step);
//   RcnnBatch batch = loader.next();
//
// Of the augmentation zoom, flip and colours are used. The zoom (augment.scales, scale_min ... scale_max, or
// short_side_min ... short_side_max in pixels) changes the short side that the network asks for: detectron2's
// 640, 672
// ... 800 are scales 0.8, 0.84 ... 1 of 800.

#include <memory>
#include <string>
#include <vector>

#include "vitrail/data/augment.h"
#include "vitrail/data/instance_dataset.h"
#include "vitrail/data/loader.h"

namespace vitrail::train {

struct RcnnBatch {
  Tensor images;              ///< f32 [N, C, H, W], preprocessed; H and W are those of the largest
  std::vector<Extent> sizes;  ///< of the pictures themselves
  std::vector<std::vector<Instance>> instances;  ///< by picture, in its pixels
  std::vector<std::string> names;
};

class RcnnLoader {
 public:
  /// `dataset` must outlive the loader; info.instance is an RcnnSystem. Throws Error(usage) for options out
  /// of range or an empty data set.
  RcnnLoader(const InstanceDataset& dataset, const ModelInfo& info, AugmentOptions augment,
             const LoaderOptions& options, int64_t first_step = 0);
  ~RcnnLoader();
  RcnnBatch next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vitrail::train
