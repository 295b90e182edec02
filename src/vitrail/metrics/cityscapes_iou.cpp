#include "vitrail/metrics/cityscapes_iou.h"

#include <algorithm>
#include <map>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

constexpr std::array<std::string_view, cityscapes_category_count> category_names = {
    "flat", "construction", "object", "nature", "sky", "human", "vehicle"};

struct CityscapesClass {
  int64_t label_id;
  size_t category;
  double mean_size = 0;  // pixels of an instance in the training set; 0 = the class has no instances
};

constexpr std::array<CityscapesClass, cityscapes_class_count> classes = {{
    {7, 0},                     // road
    {8, 0},                     // sidewalk
    {11, 1},                    // building
    {12, 1},                    // wall
    {13, 1},                    // fence
    {17, 2},                    // pole
    {19, 2},                    // traffic light
    {20, 2},                    // traffic sign
    {21, 3},                    // vegetation
    {22, 3},                    // terrain
    {23, 4},                    // sky
    {24, 5, 3462.4756337644},   // person
    {25, 5, 3930.4788056518},   // rider
    {26, 6, 12794.0202738185},  // car
    {27, 6, 27855.1264367816},  // truck
    {28, 6, 35732.1511111111},  // bus
    {31, 6, 67583.7075812274},  // train
    {32, 6, 6298.7200839748},   // motorcycle
    {33, 6, 4672.3249222261},   // bicycle
}};

constexpr uint16_t ids_per_label = 1000;

/// The class whose instances have this label id, or none.
std::optional<size_t> class_with_instances(int64_t label_id) {
  for (size_t c = 0; c < classes.size(); ++c)
    if (classes[c].label_id == label_id && classes[c].mean_size > 0) return c;
  return std::nullopt;
}

bool is_in_category(uint16_t predicted, size_t category) {
  return predicted < classes.size() && classes[predicted].category == category;
}

std::optional<double> ratio(double right, double wrong) {
  return right + wrong > 0 ? std::optional(right / (right + wrong)) : std::nullopt;
}

/// Sums of the matrix over pairs (truth, prediction) of classes.
template <class Chosen>
double pixels(const ConfusionMatrix& matrix, Chosen chosen) {
  int64_t sum = 0;
  for (size_t g = 0; g < classes.size(); ++g)
    for (size_t p = 0; p < classes.size(); ++p)
      if (chosen(g, p)) sum += matrix.at(static_cast<int64_t>(g), static_cast<int64_t>(p));
  return static_cast<double>(sum);
}

void add_mean(std::optional<double>& mean, const std::vector<std::optional<double>>& values) {
  double sum = 0;
  int64_t count = 0;
  for (const auto& value : values)
    if (value) {
      sum += *value;
      ++count;
    }
  if (count > 0) mean = sum / static_cast<double>(count);
}

CityscapesScores::Category category_scores(const ConfusionMatrix& matrix,
                                           const CityscapesInstances& instances, size_t category) {
  const auto inside = [&](size_t c) { return classes[c].category == category; };
  const double right = pixels(matrix, [&](size_t g, size_t p) { return inside(g) && inside(p); });
  const double false_positives = pixels(matrix, [&](size_t g, size_t p) { return !inside(g) && inside(p); });
  double truth = 0;
  for (size_t c = 0; c < classes.size(); ++c)
    if (inside(c)) truth += static_cast<double>(matrix.truth_pixels(static_cast<int64_t>(c)));
  const CityscapesInstances::Sum& sum = instances.of_category(static_cast<int64_t>(category));
  CityscapesScores::Category scores{.name = category_names[category],
                                    .iou = ratio(right, truth - right + false_positives)};
  const bool has_instances = std::any_of(classes.begin(), classes.end(), [&](const CityscapesClass& c) {
    return c.category == category && c.mean_size > 0;
  });
  if (has_instances && instances.images() > 0)
    scores.instance_iou = ratio(sum.right, sum.wrong + false_positives);
  return scores;
}

}  // namespace

void CityscapesInstances::add(std::span<const uint16_t> instance_ids, std::span<const uint16_t> prediction) {
  if (instance_ids.size() != prediction.size())
    throw Error(ErrorKind::shape, {.where = "Cityscapes instances",
                                   .found = cat(prediction.size(), " predicted pixels"),
                                   .allowed = cat(instance_ids.size(), ", as the instances have")});
  struct Pixels {
    double all = 0, right = 0, right_category = 0;
  };
  std::map<uint16_t, Pixels> seen;
  for (size_t i = 0; i < instance_ids.size(); ++i) {
    const uint16_t id = instance_ids[i];
    if (id <= ids_per_label) continue;
    const auto c = class_with_instances(id / ids_per_label);
    if (!c) continue;
    Pixels& pixels = seen[id];
    pixels.all += 1;
    if (prediction[i] == *c) pixels.right += 1;
    if (is_in_category(prediction[i], classes[*c].category)) pixels.right_category += 1;
  }
  for (const auto& [id, pixels] : seen) {
    const size_t c = *class_with_instances(id / ids_per_label);
    const double weight = classes[c].mean_size / pixels.all;
    classes_[c].right += weight * pixels.right;
    classes_[c].wrong += weight * (pixels.all - pixels.right);
    Sum& category = categories_[classes[c].category];
    category.right += weight * pixels.right_category;
    category.wrong += weight * (pixels.all - pixels.right_category);
  }
  ++images_;
}

CityscapesScores cityscapes_scores(const ConfusionMatrix& matrix, const CityscapesInstances& instances) {
  if (matrix.classes() != cityscapes_class_count)
    throw Error(ErrorKind::usage, {.where = "Cityscapes' scores",
                                   .found = cat(matrix.classes(), " classes"),
                                   .allowed = cat("its ", cityscapes_class_count, " train ids")});
  CityscapesScores scores;
  std::vector<std::optional<double>> category_ious, category_instance_ious;
  for (size_t k = 0; k < category_names.size(); ++k) {
    scores.categories.push_back(category_scores(matrix, instances, k));
    category_ious.push_back(scores.categories.back().iou);
    category_instance_ious.push_back(scores.categories.back().instance_iou);
  }
  for (size_t c = 0; c < classes.size(); ++c) {
    scores.class_instance_iou.emplace_back();
    if (classes[c].mean_size == 0 || instances.images() == 0) continue;
    const double false_positives = pixels(matrix, [&](size_t g, size_t p) { return g != c && p == c; });
    const CityscapesInstances::Sum& sum = instances.of_class(static_cast<int64_t>(c));
    scores.class_instance_iou.back() = ratio(sum.right, sum.wrong + false_positives);
  }
  add_mean(scores.mean_category_iou, category_ious);
  add_mean(scores.mean_instance_iou, scores.class_instance_iou);
  add_mean(scores.mean_category_instance_iou, category_instance_ious);
  return scores;
}

}  // namespace vitrail
