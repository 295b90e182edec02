#include "vitrail/predict/evaluate_results.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/data/coco_results.h"
#include "vitrail/predict/evaluate_instances.h"

namespace vitrail {
namespace {

/// Results by picture, each with its place in the file.
class ResultsByPicture {
 public:
  ResultsByPicture(const std::filesystem::path& path, const InstanceDataset& dataset)
      : file_(path.string()), results_(read_coco_results(path)) {
    for (size_t c = 0; c < dataset.classes().size(); ++c)
      class_of_category_[dataset.category_of(static_cast<int64_t>(c))] = static_cast<int64_t>(c);
    for (size_t i = 0; i < results_.size(); ++i)
      places_[results_[i].image_id].push_back(i);
  }

  /// What was found in a picture, which is then done with.
  std::vector<FoundObject> take(const InstanceSample& sample) {
    std::vector<FoundObject> found;
    const auto places = places_.find(sample.id);
    if (places == places_.end()) return found;
    for (const size_t i : places->second) {
      const CocoResult& result = results_[i];
      if (result.mask) check_size(i, *result.mask, sample.image);
      const auto known = class_of_category_.find(result.category_id);
      if (known == class_of_category_.end()) {
        ++of_other_categories_;
        continue;
      }
      found.push_back({.class_index = known->second,
                       .box_xywh = result.bbox,
                       .mask = result.mask.value_or(Rle{}),
                       .score = result.score});
    }
    places_.erase(places);
    return found;
  }

  void check_all_taken(int64_t pictures) const {
    if (places_.empty()) return;
    const auto& [id, places] = *places_.begin();
    throw Error(ErrorKind::format, {.where = cat(file_, ": [", places[0], "].image_id"),
                                    .found = cat(id, " is no picture of the data set"),
                                    .allowed = cat("it has ", pictures, " pictures"),
                                    .next = "Give the data set that the results were made on"});
  }

  bool have_masks() const {
    return std::any_of(results_.begin(), results_.end(),
                       [](const CocoResult& result) { return result.mask.has_value(); });
  }
  int64_t size() const { return static_cast<int64_t>(results_.size()); }
  int64_t of_other_categories() const { return of_other_categories_; }

 private:
  void check_size(size_t place, const Rle& mask, const Image& image) const {
    if (mask.height != image.height || mask.width != image.width)
      throw Error(ErrorKind::format,
                  {.where = cat(file_, ": [", place, "].segmentation.size"),
                   .found = cat("[", mask.height, ", ", mask.width, "] (height, width)"),
                   .allowed = cat("the picture has [", image.height, ", ", image.width, "]")});
  }

  std::string file_;
  std::vector<CocoResult> results_;
  std::map<int64_t, int64_t> class_of_category_;
  std::map<int64_t, std::vector<size_t>> places_;
  int64_t of_other_categories_ = 0;
};

std::vector<FoundObject> with_masks(std::vector<FoundObject> found) {
  std::erase_if(found, [](const FoundObject& object) { return object.mask.counts.empty(); });
  return found;
}

}  // namespace

ResultsEvaluation evaluate_results(const std::filesystem::path& path, const InstanceDataset& dataset,
                                   const ResultsOptions& options) {
  ResultsByPicture results(path, dataset);
  const auto classes = static_cast<int64_t>(dataset.classes().size());
  const auto evaluator = [&](OverlapOf overlap) {
    return CocoEvaluator(classes, {.overlap = overlap, .id_zero_is_unmatched = options.id_zero_is_unmatched});
  };
  CocoEvaluator boxes = evaluator(OverlapOf::boxes);
  std::optional<CocoEvaluator> masks, boundaries;
  if (results.have_masks()) masks = evaluator(OverlapOf::masks);
  if (masks && options.boundaries) boundaries = evaluator(OverlapOf::boundaries);

  std::vector<int64_t> same(static_cast<size_t>(classes));
  std::iota(same.begin(), same.end(), 0);
  for (int64_t i = 0; i < dataset.size(); ++i) {
    const InstanceSample sample = dataset.annotations(i);
    const std::vector<TrueObject> truth = true_objects(sample, same);
    const std::vector<FoundObject> found = results.take(sample);
    boxes.add(sample.id, truth, found);
    if (!masks) continue;
    const std::vector<FoundObject> masked = with_masks(found);
    masks->add(sample.id, truth, masked);
    if (boundaries) boundaries->add(sample.id, truth, masked);
  }
  results.check_all_taken(dataset.size());

  ResultsEvaluation evaluation{.boxes = boxes.scores(), .masks = {}, .boundaries = {}};
  if (masks) evaluation.masks = masks->scores();
  if (boundaries) evaluation.boundaries = boundaries->scores();
  evaluation.images = dataset.size();
  evaluation.results = results.size();
  evaluation.of_other_categories = results.of_other_categories();
  return evaluation;
}

}  // namespace vitrail
