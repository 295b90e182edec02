#pragma once
// Semantic segmentation metrics from one streaming confusion matrix (SPEC 12), every published convention by
// name.
//
//   ConfusionMatrix matrix(19);
//   matrix.add(truth, prediction);                                   // image after image, over the whole set
//   SegmentationScores s = scores(matrix, AbsentClasses::skipped);   // s.mean_iou, s.per_class[3].iou ...

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vitrail {

/// n[truth][prediction] over all pixels whose truth is a class. Pixels whose truth is the ignore label count
/// nowhere.
class ConfusionMatrix {
 public:
  explicit ConfusionMatrix(int64_t classes);
  /// Adds one image. Throws Error(shape) for unlike sizes, Error(format) for a truth that is neither a class
  /// nor `ignore`, or a prediction that is not a class (a predicted ignore label counts as wrong for its true
  /// class).
  void add(std::span<const uint16_t> truth, std::span<const uint16_t> prediction, uint16_t ignore = 255);
  void merge(const ConfusionMatrix& other);

  int64_t classes() const { return classes_; }
  int64_t at(int64_t truth, int64_t prediction) const {
    return counts_[static_cast<size_t>(truth * (classes_ + 1) + prediction)];
  }
  int64_t unpredicted(int64_t truth) const {
    return at(truth, classes_);
  }  ///< truth pixels whose prediction was the ignore label
  int64_t truth_pixels(int64_t c) const;
  int64_t predicted_pixels(int64_t c) const;
  int64_t pixels() const;

 private:
  int64_t classes_;
  std::vector<int64_t> counts_;  // classes x (classes + 1), the last column for "no class predicted"
};

/// How a class without pixels enters the mean IoU. One matrix gives five published figures (STYLE: "the mean
/// IoU trap").
enum class AbsentClasses {
  skipped,     ///< left out if in neither truth nor prediction (mmseg, FCN, Cityscapes): the default
  zero,        ///< counts 0 (FastFCN, PyTorch-Encoding, ADE20K's script, semseg)
  one,         ///< counts 1 where in neither (PaddleSeg)
  truth_only,  ///< only classes present in the truth count (detectron2, kazuto's DeepLab)
  undefined,   ///< the mean is undefined when a class is absent from both (torchvision's NaN)
};
std::string_view name_of(AbsentClasses convention);
AbsentClasses absent_classes_from(std::string_view name);  ///< throws Error(usage) listing the names

struct ClassScores {
  std::optional<double> iou, accuracy, precision, recall, f1;  ///< nothing where undefined: print "absent"
  int64_t truth_pixels = 0, predicted_pixels = 0;
};

struct SegmentationScores {
  AbsentClasses convention = AbsentClasses::skipped;
  double pixel_accuracy = 0;
  double mean_accuracy = 0;        ///< over classes present in the truth
  std::optional<double> mean_iou;  ///< nothing under `undefined` when a class is absent
  double frequency_weighted_iou = 0;
  std::vector<ClassScores> per_class;
};
SegmentationScores scores(const ConfusionMatrix& matrix, AbsentClasses convention = AbsentClasses::skipped);

}  // namespace vitrail
