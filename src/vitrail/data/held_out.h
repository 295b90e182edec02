#pragma once
// A part of a data set that is kept from training, to choose by, where there is no validation split.
//
//   HeldOut parts = hold_out(open_instance_dataset("coco:/data/train.json", ""), 10);
//   parts.rest->size();          // pictures whose id does not divide by 10
//   parts.held_out->size();      // the others: the same ones whenever and wherever

#include <memory>

#include "vitrail/data/instance_dataset.h"

namespace vitrail {

struct HeldOut {
  std::shared_ptr<InstanceDataset> rest, held_out;
};

/// `one_in` is at least 2. Throws Error(usage) where a part would be empty.
HeldOut hold_out(std::unique_ptr<InstanceDataset> whole, int64_t one_in);

}  // namespace vitrail
