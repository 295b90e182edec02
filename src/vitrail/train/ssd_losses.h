#pragma once
// The losses of SSD (SPEC 11.1, 11.2): which anchors answer for which objects, which count, and what their
// codes and scores cost.
//
//   SsdLoss loss(system, anchors_of(...), {640, 640}, {});
//   LossValue value = loss(outputs box_codes [N,A,4], class_logits [N,A,C+1], objects of N pictures);
//   value.total.backward();                                         // parts: "boxes", "classes"
//
// With one row of class logits z per anchor, t its target (1 in the column of its object's class + 1, or in
// column 0, the background) and over the anchors that count:
//   classes   sigmoid: sum over the columns of the binary cross-entropy of z and t (TensorFlow's default);
//             softmax: cross-entropy                               (the model's scores say which)
//   boxes     Huber loss of code - target, summed over the four numbers, over the matched ones alone
// Each is divided by the number of matched anchors in the batch (1 where there is none), before mining.
//
// Anchors that lie in a crowd for at least `crowd_share` of their area, and match nothing, do not count.

#include <span>
#include <string>
#include <vector>

#include <torch/torch.h>

#include "vitrail/detect/matching.h"
#include "vitrail/graph/instance_system.h"
#include "vitrail/train/losses.h"

namespace vitrail::train {

struct SsdLossOptions {
  enum class Matching { argmax, bipartite } matching = Matching::argmax;  ///< TensorFlow's, Caffe's
  /// Which background anchors count: TensorFlow's choice by suppression, the hardest (Caffe's), or all.
  enum class Mining { suppression, hardest, none } mining = Mining::suppression;
  double match_iou = 0.5;
  double negatives = 3;         ///< mined background anchors for each matched one ...
  int64_t least_negatives = 0;  ///< ... of a picture, at least this many
  double huber_delta = 1;
  double crowd_share = 0.5;
  double box_weight = 1, class_weight = 1;
};

/// What is in one picture, in pixels of the network's input.
struct SsdObjects {
  std::vector<Box> boxes;
  std::vector<int64_t> classes;  ///< 0 = the first class; as many as boxes
  std::vector<Box> crowds;
};

class SsdLoss {
 public:
  SsdLoss(SsdSystem system, std::vector<Box> anchors, SsdLossOptions options);

  /// Throws Error(shape) where outputs, anchors and objects do not fit.
  LossValue operator()(const at::Tensor& codes, const at::Tensor& logits,
                       std::span<const SsdObjects> objects) const;

 private:
  /// The anchors of one picture that count.
  struct Chosen {
    std::vector<int64_t> match;
    std::vector<int64_t> objects, negatives;  ///< anchors
    int64_t matched = 0;
  };
  std::vector<int64_t> matched(const SsdObjects& objects) const;
  Chosen chosen(std::vector<int64_t> match, const float* losses, const float* codes) const;
  at::Tensor class_losses(const at::Tensor& logits, const at::Tensor& columns) const;

  SsdSystem system_;
  std::vector<Box> anchors_;
  SsdLossOptions options_;
};

}  // namespace vitrail::train
