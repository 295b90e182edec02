#pragma once
// The layers of a detector that have rows for each class, taken over for other classes; internal to weights/.

#include <optional>
#include <string>
#include <vector>

#include "vitrail/base/tensor.h"

namespace vitrail {

/// How the rows of a class predictor lie: for each of `outer` the background's and the classes' rows, `inner`
/// of each.
struct ClassRows {
  int64_t outer = 1;  ///< anchors of a cell: SSD's predictors are [anchors (classes + 1), C, kh, kw]
  int64_t inner = 1;  ///< numbers per class: box codes of Mask R-CNN are [(classes + 1) 4, C]
};

/// How the rows of the parameter of this name lie, for one that has rows by class: of TensorFlow's and
/// torchvision's detectors. `rows` are the network's, for `classes` classes. Nothing for other parameters.
std::optional<ClassRows> class_rows_of(const std::string& parameter, int64_t rows, int64_t classes);

/// The rows of `tensor`, trained on COCO (80 classes in the order of their ids, or rows for every id up to
/// 90), for the classes of these names. One that COCO does not have gets the mean of the rows of all that it
/// has: an object of some kind. Nothing where the tensor was trained on something else.
std::optional<Tensor> coco_rows(const Tensor& tensor, const ClassRows& rows,
                                const std::vector<std::string>& classes);

/// Those that COCO does not have.
std::vector<std::string> unknown_to_coco(const std::vector<std::string>& classes);

}  // namespace vitrail
