#pragma once
// The two kinds of networks that end_to_end.h makes one graph of, and what both have. Private to it.

#include <vector>

#include "vitrail/detect/box.h"
#include "vitrail/graph/model.h"
#include "vitrail/predict/instance.h"

namespace vitrail {

/// `size` has sides of 32 pixels' multiples where there are masks.
Model whole_ssd(const Model& model, const SsdSystem& system, Extent size, const InstanceChoice& choice);
/// A `size` of 0 x 0: a picture of any size.
Model whole_rcnn(const Model& model, const RcnnSystem& system, Extent size, const InstanceChoice& choice);

/// What may be found, ascending; all classes where the choice names none.
std::vector<int64_t> wanted_classes(const InstanceChoice& choice, const ModelInfo& info);
/// How many objects at most, 0: any number.
int64_t most_objects(const BoxSelection& selection, const InstanceChoice& choice);

/// What a graph from end to end gives: boxes [D, 4], scores and classes [D], and masks [D, H, W] or none.
struct WholeOutputs {
  Value boxes, scores, classes, masks;
};

/// Adds the outputs, takes over the weights that the graph of `whole` reads, and says what it gives.
void finish_whole(const Model& model, Extent size, const WholeOutputs& outputs, Model& whole);

[[noreturn]] void refuse_whole(const std::string& found, const std::string& allowed,
                               const std::string& next = "");

}  // namespace vitrail
