#include "vitrail/train/instance_evaluation.h"

#include <algorithm>
#include <array>

#include <ATen/Parallel.h>

#include "vitrail/base/text.h"
#include "vitrail/image/instance_overlay.h"
#include "vitrail/predict/evaluate_instances.h"
#include "vitrail/predict/instance_drawing.h"

namespace vitrail::train {
namespace {

constexpr float shown_score = 0.4f;  // of a find that pictures show

/// How well the objects of one picture were found, for choosing pictures to show; nothing without objects.
std::optional<double> mean_overlap(const InstanceSample& sample, const std::vector<FoundInstance>& found,
                                   bool masks) {
  double sum = 0;
  int64_t objects = 0;
  for (const Instance& truth : sample.instances) {
    if (truth.crowd) continue;
    double best = 0;
    for (const FoundInstance& each : found) {
      if (each.class_index != truth.class_index || each.score < shown_score) continue;
      if (masks && each.mask.height == 0) continue;  // it went to no branch
      best =
          std::max(best, masks ? iou(each.mask, truth.mask) : static_cast<double>(iou(each.box, truth.box)));
    }
    sum += best;
    ++objects;
  }
  return objects == 0 ? std::nullopt : std::optional(sum / static_cast<double>(objects));
}

std::vector<DrawnInstance> drawn_truth(const InstanceSample& sample, const std::vector<ClassInfo>& classes) {
  std::vector<DrawnInstance> drawn;
  const std::vector<Rgb> colors = instance_colors(static_cast<int64_t>(sample.instances.size()));
  for (size_t i = 0; i < sample.instances.size(); ++i) {
    const Instance& each = sample.instances[i];
    const std::string& name = classes.at(static_cast<size_t>(each.class_index)).name;
    drawn.push_back({.mask = each.mask,
                     .box = {each.box.x1, each.box.y1, each.box.x2, each.box.y2},
                     .label = each.crowd ? name + " (crowd)" : name,
                     .color = colors[i]});
  }
  return drawn;
}

constexpr std::array<const char*, 12> summary_names{"AP",        "AP50",     "AP75",      "AP small",
                                                    "AP medium", "AP large", "AR 1",      "AR 10",
                                                    "AR 100",    "AR small", "AR medium", "AR large"};

}  // namespace

JudgedInstances::JudgedInstances(Model model, const InstanceDataset& dataset)
    : dataset_(dataset),
      predictor_(std::move(model), PredictOptions{.engine = {.threads = at::get_num_threads()}}) {}

EvaluationPoint JudgedInstances::evaluate(int64_t images, const GoOn& go_on) {
  const int64_t size = dataset_.size(), total = images == 0 ? size : std::min(images, size);
  InstanceEvaluateOptions options{.progress = go_on};
  for (int64_t i = 0; i < total; ++i)
    options.pictures.push_back(i * size / total);
  scores_.clear();
  size_t position = 0;
  options.found = [&](const InstanceSample& sample, const std::vector<FoundInstance>& found) {
    const int64_t index = options.pictures[position++];
    if (const auto right = mean_overlap(sample, found, predictor_.has_masks()))
      scores_.push_back({index, *right});
  };
  InstanceEvaluation evaluation = vitrail::evaluate(predictor_, dataset_, options);
  boxes_ = std::move(evaluation.boxes);
  masks_ = std::move(evaluation.masks);

  EvaluationPoint point;
  const auto add = [&](const char* what, const CocoScores& scores) {
    point.figures.push_back({cat(what, "_ap50"), scores.average_precision({.threshold = 0})});
    point.figures.push_back({cat(what, "_ap"), scores.average_precision({})});
  };
  if (masks_) add("mask", *masks_);
  add("box", *boxes_);
  point.class_figure = masks_ ? "mask_ap50" : "box_ap50";
  for (int64_t c = 0; c < boxes_->classes(); ++c)
    point.class_scores.push_back(
        (masks_ ? *masks_ : *boxes_).average_precision({.threshold = 0, .class_index = c}));
  return point;
}

std::vector<ReportPicture> JudgedInstances::pictures(int64_t count) const {
  const int64_t size = dataset_.size();
  std::vector<ReportPicture> result;
  for (int64_t i = 0; i < std::min(count, size); ++i)
    result.push_back(picture(i * size / std::min(count, size), std::nullopt));
  return result;
}

ReportPicture JudgedInstances::picture(int64_t index, std::optional<double> right) const {
  const InstanceSample sample = dataset_.load(index);
  std::vector<FoundInstance> found = predictor_.predict(sample.image);
  std::erase_if(found, [](const FoundInstance& each) { return each.score < shown_score; });
  return {sample.name, right ? cat("objects covered ", percent(*right, 0)) : "",
          instance_overlay(sample.image, drawn_instances(found, dataset_.classes())),
          instance_overlay(sample.image, drawn_truth(sample, dataset_.classes()), {.labels = false})};
}

std::string JudgedInstances::note() const {
  std::vector<std::string> figures;
  const auto add = [&](const char* what, const CocoScores& scores) {
    figures.push_back(cat(what, " AP50 ", percent(scores.average_precision({.threshold = 0})), ", AP ",
                          percent(scores.average_precision({}))));
  };
  if (masks_) add("masks", *masks_);
  add("boxes", *boxes_);
  return cat("COCO: ", join(figures, "; "));
}

std::string JudgedInstances::table() const {
  std::string text = "                masks    boxes\n";
  for (size_t i = 0; i < summary_names.size(); ++i) {
    const auto cell = [&](const std::optional<CocoScores>& scores) {
      const std::string figure = scores ? percent(scores->summary()[i], 2, "") : "-";
      return std::string(9 - std::min<size_t>(figure.size(), 8), ' ') + figure;
    };
    std::string name = summary_names[i];
    name.resize(12, ' ');
    text += cat(name, cell(masks_), cell(boxes_), "\n");
  }
  return text;
}

void JudgedInstances::fill(ReportData& report, int64_t pictures) const {
  ReportTable figures{"COCO's figures", cat(report.split, ". In percent."), {"", "masks", "boxes"}, {}};
  for (size_t i = 0; i < summary_names.size(); ++i)
    figures.rows.push_back({summary_names[i], masks_ ? percent(masks_->summary()[i], 1, "") : "-",
                            percent(boxes_->summary()[i], 1, "")});
  report.tables.push_back(std::move(figures));

  ReportTable classes{
      "Classes", "In percent.", {"class", "mask AP50", "mask AP", "box AP50", "box AP", "objects"}, {}};
  for (int64_t c = 0; c < boxes_->classes(); ++c) {
    const auto figure = [&](const std::optional<CocoScores>& scores, std::optional<size_t> threshold) {
      return scores ? percent(scores->average_precision({.threshold = threshold, .class_index = c}), 1, "")
                    : "-";
    };
    classes.rows.push_back({dataset_.classes()[static_cast<size_t>(c)].name, figure(masks_, 0),
                            figure(masks_, std::nullopt), figure(boxes_, 0), figure(boxes_, std::nullopt),
                            cat(boxes_->true_objects(c))});
  }
  report.tables.push_back(std::move(classes));

  std::vector<PictureScore> order = scores_;
  std::stable_sort(order.begin(), order.end(),
                   [](const PictureScore& a, const PictureScore& b) { return a.right < b.right; });
  const size_t count = std::min(order.size(), static_cast<size_t>(pictures));
  for (size_t i = 0; i < count; ++i) {
    report.worst.push_back(picture(order[i].index, order[i].right));
    const PictureScore& best = order[order.size() - 1 - i];
    report.best.push_back(picture(best.index, best.right));
  }
}

}  // namespace vitrail::train
