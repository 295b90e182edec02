#pragma once
// Losses of semantic segmentation: what a batch of logits costs against a batch of label maps.
//
//   Loss loss({.terms = {{LossKind::cross_entropy, 1.0}, {LossKind::lovasz, 0.5}}, .class_weights = weights},
//   11); LossValue value = loss(module.forward({images}), labels);      // labels: u8 or i64 [N, H, W]
//   value.total.backward();
//
// With z the logits of a pixel, p = softmax(z), y its label and w the class weights, over the pixels whose
// label is not `ignore_index`:
//   cross_entropy  -w[y] log p[y]; with smoothing e: (1-e) times that, plus e/C sum_c -w[c] log p[c];
//                  with border weights w[y] + border(pixel) in place of w[y] (U-Net; border_weights.h)
//   ohem           cross-entropy of the hard pixels alone: those with p[y] <= ohem_threshold, or the
//                  ohem_min_kept pixels with the least p[y] where those are fewer (Shrivastava et al. 2016)
//   focal          -w[y] (1 - p[y])^gamma log p[y]                              (Lin et al. 2017)
//   dice           1 - mean over classes c of (2 sum p[c] [y=c] + s) / (sum p[c]^2 + sum [y=c] + s), over the
//                  classes that are in the batch's labels                       (Milletari et al. 2016)
//   lovasz         Lovasz-softmax: the mean over classes present in the batch's labels of the Lovasz
//   extension
//                  of the Jaccard loss at the errors |[y=c] - p[c]|              (Berman et al. 2018)
// Reduction `mean` divides the per-pixel losses' sum by the sum of w[y] (PyTorch's weighted mean; ohem by
// that of the kept pixels); `sum` does not divide (FCN's unnormalised loss) but by the number of images in
// the batch. Dice and Lovasz are means by nature.
//
// A batch whose labels are all ignored costs 0 and has zero gradients. Labels are checked: one that is
// neither a class nor `ignore_index` throws Error(format) with its position.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <torch/torch.h>

#include "vitrail/train/border_weights.h"
#include "vitrail/train/module.h"

namespace vitrail::train {

enum class LossKind { cross_entropy, ohem, focal, dice, lovasz };
enum class Reduction { mean, sum };

std::string_view name_of(LossKind kind);          ///< "cross_entropy", "ohem", ...
LossKind loss_kind_from(std::string_view name);   ///< throws Error(usage) listing the names
std::string_view name_of(Reduction reduction);    ///< "mean", "sum"
Reduction reduction_from(std::string_view name);  ///< throws Error(usage) listing the names

struct LossTerm {
  LossKind kind = LossKind::cross_entropy;
  double weight = 1;
};

struct LossOptions {
  std::vector<LossTerm> terms = {{LossKind::cross_entropy, 1.0}};
  Reduction reduction = Reduction::mean;
  int64_t ignore_index = 255;         ///< pixels with this label cost nothing
  std::vector<double> class_weights;  ///< one per class; empty = 1 for each
  double label_smoothing = 0;         ///< cross_entropy's e, in [0, 1)
  double focal_gamma = 2;
  double ohem_threshold = 0.7;     ///< pixels predicted worse than this are hard
  int64_t ohem_min_kept = 100000;  ///< pixels kept per batch at least
  double dice_smooth = 1;          ///< s: keeps empty classes finite
  BorderOptions border;            ///< of cross_entropy; it goes without label smoothing
  /// Labels are reduced to each output's size, not outputs brought up to the labels (DeepLab; SPEC 6.1).
  bool reduce_labels = false;
  /// Weight of an output of the graph that is training-only, by output name; the rest weigh auxiliary_weight.
  std::map<std::string, double> auxiliary_weights;
  double auxiliary_weight = 0.4;
};

/// Every fault of the options, as text; empty when they are sound.
std::vector<std::string> faults(const LossOptions& options, int64_t classes);

struct LossValue {
  at::Tensor total;    ///< scalar, differentiable
  NamedTensors parts;  ///< detached scalars before weighting: "cross_entropy", "aux.cross_entropy", ...
};

class Loss {
 public:
  /// Throws Error(usage) with every fault of the options.
  Loss(LossOptions options, int64_t classes);

  /// The first of `outputs` is the prediction, the others are auxiliary heads; each f32 or f64 [N, C, h, w].
  /// One whose size is not that of the labels is first resized to it bilinearly (half-pixel centres); with
  /// `reduce_labels` the labels are resized to it instead, each cell's the one at its centre (PIL's nearest).
  /// An auxiliary output [N, C] holds logits of "class c occurs in image n" and costs the mean of their
  /// binary cross-entropies ("se.presence": EncNet's SE loss, SPEC 7.1).
  LossValue operator()(const NamedTensors& outputs, const at::Tensor& labels) const;

  const LossOptions& options() const { return options_; }

 private:
  double weight_of(const std::string& output) const;
  at::Tensor presence(const std::string& name, const at::Tensor& logits, const at::Tensor& labels) const;
  at::Tensor term(LossKind kind, const at::Tensor& logits, const at::Tensor& labels) const;
  bool is_fused(const at::Tensor& logits, const at::Tensor& labels) const;
  at::Tensor fused_cross_entropy(const at::Tensor& logits, const at::Tensor& labels) const;
  at::Tensor cross_entropy(const at::Tensor& logits, const at::Tensor& labels) const;
  at::Tensor bordered_cross_entropy(const at::Tensor& logits, const at::Tensor& labels,
                                    const at::Tensor& valid) const;
  at::Tensor ohem(const at::Tensor& logits, const at::Tensor& labels, const at::Tensor& valid) const;
  at::Tensor focal(const at::Tensor& logits, const at::Tensor& labels, const at::Tensor& valid) const;
  at::Tensor dice(const at::Tensor& logits, const at::Tensor& labels, const at::Tensor& valid) const;
  at::Tensor lovasz(const at::Tensor& logits, const at::Tensor& labels, const at::Tensor& valid) const;
  at::Tensor weights_like(const at::Tensor& logits) const;
  at::Tensor reduced(const at::Tensor& sum, const at::Tensor& weight_sum, const at::Tensor& logits) const;

  LossOptions options_;
  int64_t classes_ = 0;
};

}  // namespace vitrail::train
