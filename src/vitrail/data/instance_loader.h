#pragma once
// Batches for training instance segmentation: loaded, augmented and preprocessed by worker threads ahead of
// the step that needs them. As in loader.h, batch t is a pure function of (seed, t).
//
//   InstanceLoader loader(*dataset, {.colors = recipe.augment, .size = {640, 640}}, preprocessing,
//                         {.batch = 6, .seed = 1}, first_step);
//   InstanceBatch batch = loader.next();

#include <memory>
#include <string>
#include <vector>

#include "vitrail/data/instance_augment.h"
#include "vitrail/data/loader.h"

namespace vitrail {

struct InstanceAugment {
  AugmentOptions common;
  BoxAugmentOptions boxes;
  Extent size;  ///< of the network's input
};

struct InstanceBatch {
  Tensor images;                                 ///< f32 [N, C, H, W], preprocessed
  std::vector<std::vector<Instance>> instances;  ///< by picture; boxes and masks in pixels of the input
  std::vector<std::string> names;
};

class InstanceLoader {
 public:
  /// `dataset` must outlive the loader. Throws Error(usage) for options out of range or an empty data set.
  InstanceLoader(const InstanceDataset& dataset, InstanceAugment augment, Preprocessing preprocessing,
                 const LoaderOptions& options, int64_t first_step = 0);
  ~InstanceLoader();
  /// As Loader::next.
  InstanceBatch next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vitrail
