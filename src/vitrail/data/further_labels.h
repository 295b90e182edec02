#pragma once
// Several kinds of labels of the same pictures, for a network with an output for each: SIFT Flow's objects
// and its geometry (Long et al. 2015; SPEC 2.1).
//
//   std::vector<std::unique_ptr<Dataset>> others;
//   others.push_back(open_dataset("sift-flow-geo:/data/sift-flow", "test"));
//   auto data = with_further_labels(open_dataset("sift-flow:/data/sift-flow", "test"), std::move(others));
//   data->load(0).labels;       // 33 classes
//   data->load(0).further[0];   // sky, horizontal, vertical

#include <memory>
#include <vector>

#include "vitrail/data/dataset.h"

namespace vitrail {

/// Throws Error(usage) naming the first picture that two data sets do not share.
void check_same_pictures(const Dataset& first, const Dataset& other);

/// `first`, whose samples carry as further labels what `others` say about the same pictures, in that order.
/// Throws what check_same_pictures throws; `load` throws Error(shape) for labels of another size.
std::unique_ptr<Dataset> with_further_labels(std::unique_ptr<Dataset> first,
                                             std::vector<std::unique_ptr<Dataset>> others);

}  // namespace vitrail
