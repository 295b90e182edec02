#pragma once
// The Penn-Fudan pedestrians: 170 street pictures with 345 outlined people.

#include "vitrail/data/instance_dataset.h"

namespace vitrail {

InstanceDatasetEntry penn_fudan_entry();

}  // namespace vitrail
