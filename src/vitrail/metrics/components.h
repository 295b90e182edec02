#pragma once
// Objects counted in label maps: a semantic network's connected components against labelled instances
// (nuclei, cells: the Data Science Bowl's figure).
//
//   ComponentScores total;
//   total.add(match_components(components(prediction, height, width, 1), instances));
//   total.average_precision();     // at IoU 0.5

#include <cstdint>
#include <span>
#include <vector>

namespace vitrail {

/// 1, 2 ... for the 8-connected components of the pixels whose label is `wanted`, in order of their first
/// pixel; 0 elsewhere. Throws Error(shape) when `labels` is not height x width.
std::vector<int32_t> components(std::span<const uint16_t> labels, int64_t height, int64_t width,
                                uint16_t wanted);

/// Objects of one image. An object of the prediction is right when it overlaps one of the truth by an IoU
/// above the threshold; from 0.5 on no object can have two partners.
struct ComponentMatch {
  int64_t right = 0;
  int64_t predicted = 0;
  int64_t true_objects = 0;
};
/// `predicted` and `truth`: object numbers per pixel, 0 = background. Throws Error(shape) for unlike sizes,
/// Error(usage) for a threshold below 0.5.
ComponentMatch match_components(std::span<const int32_t> predicted, std::span<const int32_t> truth,
                                double threshold = 0.5);

/// Over a data set.
class ComponentScores {
 public:
  void add(const ComponentMatch& image);
  /// Mean over images of TP / (TP + FP + FN): the Data Science Bowl 2018's precision at one threshold. An
  /// image without objects on either side counts 1.
  double average_precision() const;
  double precision() const;  ///< of all objects together
  double recall() const;
  double f1() const;
  int64_t images() const { return images_; }
  const ComponentMatch& total() const { return total_; }

 private:
  int64_t images_ = 0;
  double sum_ = 0;
  ComponentMatch total_;
};

}  // namespace vitrail
