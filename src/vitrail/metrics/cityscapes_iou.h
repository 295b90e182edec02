#pragma once
// What Cityscapes publishes beside the IoU of the 19 classes (SPEC 12): the IoU of 7 categories, in which a
// bus taken for a truck is right, and the instance-level iIoU, in which a far, small car counts as much as a
// near one.
//
//   CityscapesInstances instances;                       // image after image, over the whole set
//   instances.add(read_label_map(".._instanceIds.png").labels, prediction.labels);
//   CityscapesScores s = cityscapes_scores(matrix, instances);
//   s.categories[6].name == "vehicle"; s.mean_category_iou; s.mean_instance_iou;
//
// Category IoU is tp / (tp + fp + fn) with every pixel of the category's classes alike. iIoU weighs each true
// pixel of an instance by (mean size of its class's instances) / (size of this one):
//   iIoU = itp / (itp + fp + ifn), itp and ifn weighted sums over instances, fp plain pixels of the matrix.
// It exists for the 8 classes and the 2 categories (human, vehicle) that have instances; groups of objects
// (ids below 1000) count in the IoU alone. Source: cityscapesScripts' evalPixelLevelSemanticLabeling.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "vitrail/metrics/confusion.h"

namespace vitrail {

inline constexpr int64_t cityscapes_class_count = 19;
inline constexpr int64_t cityscapes_category_count = 7;

/// Sums over instances. Classes are indices 0..18 (train ids), as in the confusion matrix.
class CityscapesInstances {
 public:
  /// One image at full size: gtFine's instanceIds (1000 * label id + number; smaller values are no instance)
  /// and predicted class indices. Throws Error(shape) for unlike sizes.
  void add(std::span<const uint16_t> instance_ids, std::span<const uint16_t> prediction);

  struct Sum {
    double right = 0, wrong = 0;  ///< weighted pixels: itp, ifn
  };
  const Sum& of_class(int64_t index) const { return classes_.at(static_cast<size_t>(index)); }
  const Sum& of_category(int64_t index) const { return categories_.at(static_cast<size_t>(index)); }
  int64_t images() const { return images_; }

 private:
  std::array<Sum, cityscapes_class_count> classes_;
  std::array<Sum, cityscapes_category_count> categories_;
  int64_t images_ = 0;
};

/// Nothing where a figure is not defined: no pixels, or a class without instances.
struct CityscapesScores {
  struct Category {
    std::string_view name;
    std::optional<double> iou, instance_iou;
  };
  std::vector<Category> categories;  ///< flat, construction, object, nature, sky, human, vehicle
  std::vector<std::optional<double>> class_instance_iou;  ///< by class index
  /// Means over what is defined, as the official script takes them.
  std::optional<double> mean_category_iou, mean_instance_iou, mean_category_instance_iou;
};

/// Without an image in `instances` the instance figures are undefined. Throws Error(usage) for a matrix that
/// is not of the 19 classes.
CityscapesScores cityscapes_scores(const ConfusionMatrix& matrix, const CityscapesInstances& instances);

}  // namespace vitrail
