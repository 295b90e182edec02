#include "vitrail/predict/evaluate_instances.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <set>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/predict/evaluate.h"
#include "vitrail/predict/load_ahead.h"

namespace vitrail {
namespace {

using Clock = std::chrono::steady_clock;

std::vector<FoundObject> finds_of(const std::vector<FoundInstance>& found, bool only_masks) {
  std::vector<FoundObject> objects;
  for (const FoundInstance& instance : found) {
    if (only_masks && instance.mask.counts.empty()) continue;
    const Box& box = instance.box;
    objects.push_back(
        {.class_index = instance.class_index,
         .box_xywh = {box.x1, box.y1, double{box.x2} - double{box.x1}, double{box.y2} - double{box.y1}},
         .mask = instance.mask,
         .score = instance.score});
  }
  return objects;
}

/// One evaluator for each kind of overlap.
class Judges {
 public:
  Judges(int64_t classes, bool has_masks, const InstanceEvaluateOptions& options)
      : boxes_(classes, with(options.coco, OverlapOf::boxes)) {
    if (has_masks) masks_.emplace(classes, with(options.coco, OverlapOf::masks));
    if (has_masks && options.boundaries)
      boundaries_.emplace(classes, with(options.coco, OverlapOf::boundaries));
  }

  void add(int64_t id, const std::vector<TrueObject>& truth, const std::vector<FoundInstance>& found) {
    // Pictures of several splits may share a number; equal scores are then ordered as if they had others.
    while (!ids_.insert(id).second)
      ++id;
    boxes_.add(id, truth, finds_of(found, false));
    if (!masks_) return;
    const std::vector<FoundObject> masked = finds_of(found, true);
    masks_->add(id, truth, masked);
    if (boundaries_) boundaries_->add(id, truth, masked);
  }

  InstanceEvaluation evaluation() const {
    InstanceEvaluation result{.boxes = boxes_.scores(), .masks = {}, .boundaries = {}};
    if (masks_) result.masks = masks_->scores();
    if (boundaries_) result.boundaries = boundaries_->scores();
    return result;
  }

 private:
  static CocoOptions with(CocoOptions options, OverlapOf overlap) {
    options.overlap = overlap;
    return options;
  }

  CocoEvaluator boxes_;
  std::optional<CocoEvaluator> masks_, boundaries_;
  std::set<int64_t> ids_;
};

}  // namespace

std::vector<TrueObject> true_objects(const InstanceSample& sample, const std::vector<int64_t>& class_of) {
  std::vector<TrueObject> objects;
  for (const Instance& instance : sample.instances)
    if (const int64_t index = class_of[static_cast<size_t>(instance.class_index)]; index >= 0)
      objects.push_back({.class_index = index,
                         .box_xywh = instance.box_xywh,
                         .mask = instance.mask,
                         .crowd = instance.crowd,
                         .area = instance.area,
                         .id = instance.id});
  return objects;
}

std::vector<int64_t> model_classes_of(const InstanceDataset& dataset, const std::vector<ClassInfo>& classes) {
  std::vector<int64_t> class_of(dataset.classes().size(), -1);
  std::vector<std::string> names;
  for (const ClassInfo& c : dataset.classes())
    names.push_back(c.name);
  for (size_t i = 0; i < classes.size(); ++i) {
    const auto found = std::find_if(names.begin(), names.end(), [&](const std::string& name) {
      return is_same_class_name(name, classes[i].name);
    });
    if (found == names.end())
      throw Error(ErrorKind::usage,
                  {.where = "evaluation",
                   .found = cat("the model's class '", classes[i].name, "' is not in the data set"),
                   .allowed = "a data set that has all of the model's classes, by name",
                   .next = did_you_mean(classes[i].name, names)});
    class_of[static_cast<size_t>(found - names.begin())] = static_cast<int64_t>(i);
  }
  return class_of;
}

InstanceEvaluation evaluate(const InstancePredictor& predictor, const InstanceDataset& dataset,
                            const InstanceEvaluateOptions& options) {
  return evaluate([&](const Image& image) { return predictor.predict(image); }, predictor.has_masks(),
                  predictor.info().classes, dataset, options);
}

InstanceEvaluation evaluate(const FindInstances& find, bool has_masks, const std::vector<ClassInfo>& classes,
                            const InstanceDataset& dataset, const InstanceEvaluateOptions& options) {
  const std::vector<int64_t> class_of = model_classes_of(dataset, classes);
  std::vector<int64_t> pictures = options.pictures;
  if (pictures.empty()) {
    pictures.resize(static_cast<size_t>(dataset.size()));
    std::iota(pictures.begin(), pictures.end(), 0);
  }
  const auto total = static_cast<int64_t>(pictures.size());
  Judges judges(static_cast<int64_t>(classes.size()), has_masks, options);
  double seconds = 0;
  int64_t done = 0;
  load_ahead(dataset, pictures, [&](int64_t, const InstanceSample& sample) {
    const Clock::time_point start = Clock::now();
    const std::vector<FoundInstance> found = find(sample.image);
    if (done > 0) seconds += std::chrono::duration<double>(Clock::now() - start).count();
    ++done;
    judges.add(sample.id, true_objects(sample, class_of), found);
    if (options.found) options.found(sample, found);
    if (options.progress && !options.progress(done, total))
      throw Error(ErrorKind::cancelled,
                  {.where = "evaluation", .found = cat("cancelled after ", done, " images")});
  });
  InstanceEvaluation result = judges.evaluation();
  result.images = total;
  result.predict_seconds = seconds;
  if (seconds > 0) result.images_per_second = static_cast<double>(total - 1) / seconds;
  return result;
}

}  // namespace vitrail
