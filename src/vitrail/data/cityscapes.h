#pragma once
// Cityscapes: street scenes of 50 cities at 2048x1024, 19 evaluated classes; 2975 train, 500 val, 1525 test,
// and 19998 coarsely labelled (train_extra).
//
//   PATH/leftImg8bit/SPLIT/CITY/CITY_SEQ_FRAME_leftImg8bit.png
//   PATH/gtFine/SPLIT/CITY/CITY_SEQ_FRAME_gtFine_labelIds.png      (gtCoarse for train_extra)
//
// The files hold label ids 0..33; networks learn train ids 0..18 (the label map), and what is submitted are
// label ids again:
//
//   LabelMap submission = cityscapes_label_ids(prediction);     // road 0 -> 7 ...
//   write_label_map(out / "CITY_SEQ_FRAME_pred.png", submission);
//
// Test labels are withheld: that split has images to predict, not figures. Source: cityscapesScripts'
// label table. Research.

#include "vitrail/data/dataset.h"

namespace vitrail {

DatasetEntry cityscapes_entry();

/// Label id (0..33) of each train id (0..18).
const std::vector<int64_t>& cityscapes_label_id_of_class();

/// Class indices as the label ids that the evaluation server and the official scripts want; the ignore label
/// becomes 0 (unlabeled). Throws Error(format) for an index above 18.
LabelMap cityscapes_label_ids(const LabelMap& classes);

}  // namespace vitrail
