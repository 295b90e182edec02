#include "vitrail/train/rcnn_losses.h"

#include <algorithm>
#include <map>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/detect/box_coding.h"
#include "vitrail/detect/paste.h"
#include "vitrail/detect/sampling.h"

namespace vitrail::train {
namespace {

at::Tensor index_tensor(const std::vector<int64_t>& values) {
  return torch::tensor(values, at::kLong);
}

// Sum over all numbers. PyTorch's smooth_l1_loss refuses a beta of 0 in some versions.
at::Tensor smooth_l1(const at::Tensor& found, const at::Tensor& wanted, double beta) {
  if (beta > 0) return at::smooth_l1_loss(found, wanted, at::Reduction::Sum, beta);
  return (found - wanted).abs().sum();
}

at::Tensor codes_tensor(const std::vector<float>& values, const at::Tensor& like) {
  return torch::tensor(values, at::kFloat).view({-1, 4}).to(like.scalar_type());
}

void append(std::vector<float>& values, const std::array<float, 4>& code) {
  values.insert(values.end(), code.begin(), code.end());
}

[[noreturn]] void refuse(const std::string& where, const std::string& found, const std::string& allowed) {
  throw Error(ErrorKind::shape, {.where = where, .found = found, .allowed = allowed});
}

// Which of `columns` numbers or maps per row belongs to the object's class.
int64_t column_of(int64_t class_index, bool specific, const RcnnSystem& system) {
  return specific ? class_index + (system.background_columns ? 1 : 0) : 0;
}

}  // namespace

std::vector<RcnnObjects> rcnn_objects(std::span<const std::vector<Instance>> instances) {
  std::vector<RcnnObjects> all;
  for (const std::vector<Instance>& picture : instances) {
    RcnnObjects& objects = all.emplace_back();
    for (const Instance& each : picture) {
      if (each.crowd || !(each.box.area() > 0)) continue;
      objects.boxes.push_back(each.box);
      objects.classes.push_back(each.class_index);
      objects.masks.push_back(each.mask);
    }
  }
  return all;
}

LossValue proposal_loss(const at::Tensor& objectness, const at::Tensor& codes, std::span<const Box> anchors,
                        std::span<const RcnnObjects> objects, const RcnnSystem& system,
                        const RcnnLossOptions& options, Random& random) {
  const auto pictures = static_cast<int64_t>(objects.size()), count = static_cast<int64_t>(anchors.size());
  if (objectness.sizes() != at::IntArrayRef{pictures, count} ||
      codes.sizes() != at::IntArrayRef{pictures, count, 4})
    refuse("proposal loss",
           cat("objectness ", to_string(Shape(objectness.sizes().vec())), ", codes ",
               to_string(Shape(codes.sizes().vec()))),
           cat(pictures, " pictures of ", count, " anchors"));
  std::vector<int64_t> sampled, matched;
  std::vector<float> targets, codes_wanted;
  for (int64_t i = 0; i < pictures; ++i) {
    const RcnnObjects& picture = objects[static_cast<size_t>(i)];
    const std::vector<int64_t> match = match_thresholds(anchors, picture.boxes, options.proposal_match);
    const Sampled chosen =
        balanced_sample(match, options.proposal_samples, options.proposal_object_share, random);
    for (const int64_t a : chosen.objects) {
      const auto anchor = static_cast<size_t>(a);
      matched.push_back(i * count + a);
      append(codes_wanted,
             encode(picture.boxes[static_cast<size_t>(match[anchor])], anchors[anchor], system.rpn_coding));
      sampled.push_back(i * count + a);
      targets.push_back(1);
    }
    for (const int64_t a : chosen.negatives) {
      sampled.push_back(i * count + a);
      targets.push_back(0);
    }
  }
  const double share = 1 / static_cast<double>(std::max<int64_t>(options.proposal_samples * pictures, 1));
  const at::Tensor is_object = torch::tensor(targets, at::kFloat).to(objectness.scalar_type());
  const at::Tensor logits = objectness.flatten().index_select(0, index_tensor(sampled));
  const at::Tensor found =
      at::binary_cross_entropy_with_logits(logits, is_object, {}, {}, at::Reduction::Sum) * share;
  const at::Tensor boxes = smooth_l1(codes.flatten(0, 1).index_select(0, index_tensor(matched)),
                                     codes_tensor(codes_wanted, codes), options.proposal_beta) *
                           share;
  return {options.objectness * found + options.proposal_boxes * boxes,
          {{"objectness", found.detach()}, {"rpn_boxes", boxes.detach()}}};
}

RoiBatch RoiBatch::with_objects() const {
  RoiBatch some;
  for (size_t i = 0; i < boxes.size(); ++i) {
    if (object[i] < 0) continue;
    some.boxes.push_back(boxes[i]);
    some.images.push_back(images[i]);
    some.object.push_back(object[i]);
  }
  return some;
}

RoiBatch sampled_rois(std::span<const std::vector<Box>> proposals, std::span<const RcnnObjects> objects,
                      const RcnnLossOptions& options, Random& random) {
  RoiBatch batch;
  const MatchThresholds thresholds{
      .foreground = options.box_match, .background = options.box_match, .force_best = false};
  for (size_t i = 0; i < objects.size(); ++i) {
    std::vector<Box> boxes = proposals[i];
    if (options.add_objects) boxes.insert(boxes.end(), objects[i].boxes.begin(), objects[i].boxes.end());
    const std::vector<int64_t> match = match_thresholds(boxes, objects[i].boxes, thresholds);
    const Sampled chosen = balanced_sample(match, options.box_samples, options.box_object_share, random);
    for (const std::vector<int64_t>* part : {&chosen.objects, &chosen.negatives})
      for (const int64_t p : *part) {
        batch.boxes.push_back(boxes[static_cast<size_t>(p)]);
        batch.images.push_back(static_cast<int64_t>(i));
        batch.object.push_back(match[static_cast<size_t>(p)]);
      }
  }
  return batch;
}

LossValue box_loss(const at::Tensor& class_logits, const at::Tensor& box_codes, const RoiBatch& rois,
                   std::span<const RcnnObjects> objects, const RcnnSystem& system,
                   const RcnnLossOptions& options) {
  const auto count = static_cast<int64_t>(rois.boxes.size());
  if (class_logits.dim() != 2 || box_codes.dim() != 2 || class_logits.size(0) != count ||
      box_codes.size(0) != count || box_codes.size(1) % 4 != 0)
    refuse("box loss",
           cat("class_logits ", to_string(Shape(class_logits.sizes().vec())), ", box_codes ",
               to_string(Shape(box_codes.sizes().vec()))),
           cat("a row for each of ", count, " proposals"));
  if (count == 0) {
    const at::Tensor nothing = class_logits.sum() + box_codes.sum();
    return {nothing, {{"classes", nothing.detach()}, {"boxes", nothing.detach()}}};
  }
  const int64_t columns = box_codes.size(1) / 4;
  std::vector<int64_t> labels, rows;
  std::vector<float> wanted;
  for (size_t r = 0; r < rois.boxes.size(); ++r) {
    if (rois.object[r] < 0) {
      labels.push_back(0);
      continue;
    }
    const RcnnObjects& picture = objects[static_cast<size_t>(rois.images[r])];
    const auto object = static_cast<size_t>(rois.object[r]);
    labels.push_back(picture.classes[object] + 1);
    rows.push_back(static_cast<int64_t>(r) * columns +
                   column_of(picture.classes[object], system.class_specific_boxes, system));
    append(wanted, encode(picture.boxes[object], rois.boxes[r], system.box_coding));
  }
  const at::Tensor classes = at::nll_loss(at::log_softmax(class_logits, 1), index_tensor(labels));
  const at::Tensor boxes =
      smooth_l1(box_codes.reshape({count * columns, 4}).index_select(0, index_tensor(rows)),
                codes_tensor(wanted, box_codes), options.box_beta) /
      static_cast<double>(count);
  return {options.classes * classes + options.boxes * boxes,
          {{"classes", classes.detach()}, {"boxes", boxes.detach()}}};
}

at::Tensor crop_mask_loss(const at::Tensor& logits, const RoiBatch& rois,
                          std::span<const RcnnObjects> objects, const RcnnSystem& system) {
  const auto count = static_cast<int64_t>(rois.boxes.size());
  if (logits.dim() != 4 || logits.size(0) != count)
    refuse("mask loss", to_string(Shape(logits.sizes().vec())),
           cat("a row for each of ", count, " proposals"));
  if (count == 0) return logits.sum();
  const Extent grid{logits.size(2), logits.size(3)};
  std::vector<int64_t> rows;
  std::vector<float> targets;
  std::map<std::pair<int64_t, int64_t>, Mask> decoded;  // many proposals share an object
  for (size_t r = 0; r < rois.boxes.size(); ++r) {
    const RcnnObjects& picture = objects[static_cast<size_t>(rois.images[r])];
    const auto object = static_cast<size_t>(rois.object[r]);
    Mask& mask = decoded[{rois.images[r], rois.object[r]}];
    if (mask.pixels.empty()) mask = decode_rle(picture.masks[object]);
    rows.push_back(static_cast<int64_t>(r) * logits.size(1) +
                   column_of(picture.classes[object], system.class_specific_masks, system));
    for (const float share : crop_mask(mask, rois.boxes[r], grid))
      targets.push_back(share >= 0.5f ? 1.0f : 0.0f);
  }
  const at::Tensor wanted =
      torch::tensor(targets, at::kFloat).view({count, grid.height, grid.width}).to(logits.scalar_type());
  return at::binary_cross_entropy_with_logits(logits.flatten(0, 1).index_select(0, index_tensor(rows)),
                                              wanted);
}

}  // namespace vitrail::train
