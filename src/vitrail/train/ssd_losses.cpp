#include "vitrail/train/ssd_losses.h"

#include <algorithm>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/detect/box_coding.h"
#include "vitrail/detect/sampling.h"

namespace vitrail::train {
namespace {

double share_inside(const Box& box, const Box& region) {
  const double width = std::min(box.x2, region.x2) - std::max(box.x1, region.x1),
               height = std::min(box.y2, region.y2) - std::max(box.y1, region.y1);
  return width > 0 && height > 0 && box.area() > 0 ? width * height / static_cast<double>(box.area()) : 0;
}

at::Tensor index_tensor(const std::vector<int64_t>& values) {
  return torch::tensor(values, at::kLong);
}

}  // namespace

SsdLoss::SsdLoss(SsdSystem system, std::vector<Box> anchors, SsdLossOptions options)
    : system_(std::move(system)), anchors_(std::move(anchors)), options_(options) {}

std::vector<int64_t> SsdLoss::matched(const SsdObjects& objects) const {
  std::vector<int64_t> match = options_.matching == SsdLossOptions::Matching::argmax
                                   ? match_best(anchors_, objects.boxes, options_.match_iou)
                                   : match_bipartite(anchors_, objects.boxes, options_.match_iou);
  for (size_t a = 0; a < match.size(); ++a)
    if (match[a] == background)
      for (const Box& crowd : objects.crowds)
        if (share_inside(anchors_[a], crowd) >= options_.crowd_share) match[a] = ignored;
  return match;
}

SsdLoss::Chosen SsdLoss::chosen(std::vector<int64_t> match, const float* losses, const float* codes) const {
  Chosen result;
  result.matched = std::count_if(match.begin(), match.end(), [](int64_t m) { return m >= 0; });
  const std::span<const float> cost(losses, match.size());
  Sampled sampled;
  switch (options_.mining) {
    case SsdLossOptions::Mining::suppression:
      sampled = mined_by_suppression(cost, decode_all({codes, 4 * match.size()}, anchors_, system_.coding),
                                     match, {.ratio = options_.negatives, .least = options_.least_negatives});
      break;
    case SsdLossOptions::Mining::hardest:
      sampled = hard_negatives(cost, match, options_.negatives, options_.least_negatives);
      break;
    case SsdLossOptions::Mining::none:
      sampled = hard_negatives(cost, match, 0, static_cast<int64_t>(match.size()));
      break;
  }
  result.objects = std::move(sampled.objects);
  result.negatives = std::move(sampled.negatives);
  result.match = std::move(match);
  return result;
}

at::Tensor SsdLoss::class_losses(const at::Tensor& logits, const at::Tensor& columns) const {
  if (system_.softmax_scores)
    return at::nll_loss(at::log_softmax(logits, -1).flatten(0, 1), columns.flatten(), {}, at::Reduction::None)
        .view_as(columns);
  const at::Tensor targets = at::zeros_like(logits).scatter_(2, columns.unsqueeze(2), 1);
  return at::binary_cross_entropy_with_logits(logits, targets, {}, {}, at::Reduction::None).sum(2);
}

LossValue SsdLoss::operator()(const at::Tensor& codes, const at::Tensor& logits,
                              std::span<const SsdObjects> objects) const {
  const auto pictures = static_cast<int64_t>(objects.size()), anchors = static_cast<int64_t>(anchors_.size());
  if (codes.dim() != 3 || logits.dim() != 3 || codes.size(0) != pictures || codes.size(1) != anchors ||
      codes.size(2) != 4 || logits.size(0) != pictures || logits.size(1) != anchors)
    throw Error(ErrorKind::shape, {.where = "SSD loss",
                                   .found = cat("codes ", to_string(Shape(codes.sizes().vec())), ", logits ",
                                                to_string(Shape(logits.sizes().vec()))),
                                   .allowed = cat(pictures, " pictures of ", anchors, " anchors")});
  std::vector<std::vector<int64_t>> matches;
  at::Tensor columns = at::zeros({pictures, anchors}, at::kLong);
  for (int64_t i = 0; i < pictures; ++i) {
    const SsdObjects& picture = objects[static_cast<size_t>(i)];
    matches.push_back(matched(picture));
    int64_t* column = columns[i].data_ptr<int64_t>();
    for (size_t a = 0; a < matches.back().size(); ++a)
      if (const int64_t m = matches.back()[a]; m >= 0)
        column[a] = picture.classes[static_cast<size_t>(m)] + 1;
  }
  const at::Tensor losses = class_losses(logits, columns);
  const at::Tensor cost = losses.detach().to(at::kFloat).contiguous(),
                   said = codes.detach().to(at::kFloat).contiguous();
  std::vector<int64_t> counting, responsible;
  std::vector<float> targets;
  int64_t matched_anchors = 0;
  for (int64_t i = 0; i < pictures; ++i) {
    const SsdObjects& picture = objects[static_cast<size_t>(i)];
    const Chosen one = chosen(std::move(matches[static_cast<size_t>(i)]),
                              cost.data_ptr<float>() + i * anchors, said.data_ptr<float>() + i * anchors * 4);
    matched_anchors += one.matched;
    for (const int64_t a : one.objects) {
      const auto anchor = static_cast<size_t>(a);
      responsible.push_back(i * anchors + a);
      const auto code =
          encode(picture.boxes[static_cast<size_t>(one.match[anchor])], anchors_[anchor], system_.coding);
      targets.insert(targets.end(), code.begin(), code.end());
    }
    for (const int64_t a : one.negatives)
      counting.push_back(i * anchors + a);
  }
  counting.insert(counting.end(), responsible.begin(), responsible.end());
  const auto share = 1 / static_cast<double>(std::max<int64_t>(matched_anchors, 1));
  const at::Tensor classes = losses.flatten().index_select(0, index_tensor(counting)).sum() * share;
  const at::Tensor wanted = torch::tensor(targets, at::kFloat).view({-1, 4}).to(codes.scalar_type());
  const at::Tensor boxes = at::huber_loss(codes.flatten(0, 1).index_select(0, index_tensor(responsible)),
                                          wanted, at::Reduction::Sum, options_.huber_delta) *
                           share;
  return {options_.box_weight * boxes + options_.class_weight * classes,
          {{"boxes", boxes.detach()}, {"classes", classes.detach()}}};
}

}  // namespace vitrail::train
