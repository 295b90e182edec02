#pragma once
// ADE20K scene parsing (ADEChallengeData2016): 150 classes, 20210 training and 2000 validation images.
//
//   PATH (or PATH/ADEChallengeData2016)/images/{training,validation}/*.jpg
//   .../annotations/{training,validation}/*.png     0 = other (ignored), 1..150
//
// Class = label - 1, by label map. Source: Zhou et al. 2017. Research.

#include "vitrail/data/dataset.h"

namespace vitrail {

DatasetEntry ade20k_entry();

}  // namespace vitrail
