#include "vitrail/metrics/confusion.h"

#include <algorithm>
#include <array>
#include <utility>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

constexpr int64_t max_classes = 4096;

constexpr std::array<std::pair<AbsentClasses, std::string_view>, 5> conventions{{
    {AbsentClasses::skipped, "skipped"},
    {AbsentClasses::zero, "zero"},
    {AbsentClasses::one, "one"},
    {AbsentClasses::truth_only, "truth_only"},
    {AbsentClasses::undefined, "undefined"},
}};

// Refuses the first label that is neither a class nor `ignore`, before anything is counted.
void check_labels(std::span<const uint16_t> labels, int64_t classes, uint16_t ignore, std::string_view what) {
  const auto bad = std::find_if(labels.begin(), labels.end(),
                                [=](uint16_t label) { return label >= classes && label != ignore; });
  if (bad == labels.end()) return;
  throw Error(ErrorKind::format, {.where = cat(what, ", pixel ", bad - labels.begin()),
                                  .found = cat("label ", *bad),
                                  .allowed = cat(classes, " classes are declared (0..", classes - 1, "), ",
                                                 ignore, " is ignored"),
                                  .next = "Map it with label_map, or declare more classes"});
}

std::optional<double> ratio(int64_t part, int64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

ClassScores class_scores(const ConfusionMatrix& matrix, int64_t c) {
  ClassScores s;
  s.truth_pixels = matrix.truth_pixels(c);
  s.predicted_pixels = matrix.predicted_pixels(c);
  const int64_t hits = matrix.at(c, c);
  const int64_t either = s.truth_pixels + s.predicted_pixels - hits;
  s.iou = ratio(hits, either);
  s.accuracy = s.recall = ratio(hits, s.truth_pixels);
  s.precision = ratio(hits, s.predicted_pixels);
  s.f1 = ratio(2 * hits, s.truth_pixels + s.predicted_pixels);
  return s;
}

// What class `s` adds to the mean under `convention`: nothing where it is left out of the mean.
std::optional<double> counted_iou(const ClassScores& s, AbsentClasses convention) {
  switch (convention) {
    case AbsentClasses::zero: return s.iou.value_or(0);
    case AbsentClasses::one: return s.iou.value_or(1);
    case AbsentClasses::truth_only: return s.truth_pixels > 0 ? s.iou : std::nullopt;
    case AbsentClasses::skipped:
    case AbsentClasses::undefined: break;
  }
  return s.iou;
}

std::optional<double> mean_iou(const std::vector<ClassScores>& classes, AbsentClasses convention) {
  double sum = 0;
  int64_t counted = 0;
  for (const ClassScores& s : classes) {
    const std::optional<double> iou = counted_iou(s, convention);
    if (!iou && convention == AbsentClasses::undefined) return std::nullopt;
    if (!iou) continue;
    sum += *iou;
    ++counted;
  }
  if (counted == 0) return std::nullopt;
  return sum / static_cast<double>(counted);
}

}  // namespace

ConfusionMatrix::ConfusionMatrix(int64_t classes) : classes_(classes) {
  if (classes < 1 || classes > max_classes)
    throw Error(ErrorKind::usage, {.where = "confusion matrix",
                                   .found = cat(classes, " classes"),
                                   .allowed = cat("between 1 and ", max_classes)});
  counts_.assign(static_cast<size_t>(classes * (classes + 1)), 0);
}

void ConfusionMatrix::add(std::span<const uint16_t> truth, std::span<const uint16_t> prediction,
                          uint16_t ignore) {
  if (truth.size() != prediction.size())
    throw Error(ErrorKind::shape,
                {.where = "confusion matrix",
                 .found = cat(prediction.size(), " predicted pixels for ", truth.size(), " true ones"),
                 .allowed = "the two label maps must have the same size",
                 .next = "Resize the prediction to the truth with nearest neighbours"});
  check_labels(truth, classes_, ignore, "truth");
  check_labels(prediction, classes_, ignore, "prediction");
  for (size_t i = 0; i < truth.size(); ++i) {
    if (truth[i] == ignore) continue;
    const int64_t column = prediction[i] == ignore ? classes_ : prediction[i];
    ++counts_[static_cast<size_t>(truth[i] * (classes_ + 1) + column)];
  }
}

void ConfusionMatrix::merge(const ConfusionMatrix& other) {
  if (other.classes_ != classes_)
    throw Error(ErrorKind::shape, {.where = "confusion matrix",
                                   .found = cat("a matrix of ", other.classes_, " classes"),
                                   .allowed = cat("only one of ", classes_, " classes can be merged")});
  for (size_t i = 0; i < counts_.size(); ++i)
    counts_[i] += other.counts_[i];
}

int64_t ConfusionMatrix::truth_pixels(int64_t c) const {
  int64_t sum = 0;
  for (int64_t p = 0; p <= classes_; ++p)
    sum += at(c, p);
  return sum;
}

int64_t ConfusionMatrix::predicted_pixels(int64_t c) const {
  int64_t sum = 0;
  for (int64_t t = 0; t < classes_; ++t)
    sum += at(t, c);
  return sum;
}

int64_t ConfusionMatrix::pixels() const {
  int64_t sum = 0;
  for (const int64_t count : counts_)
    sum += count;
  return sum;
}

std::string_view name_of(AbsentClasses convention) {
  return conventions[static_cast<size_t>(convention)].second;
}

AbsentClasses absent_classes_from(std::string_view name) {
  std::vector<std::string> names;
  for (const auto& [value, known] : conventions) {
    if (known == name) return value;
    names.emplace_back(known);
  }
  throw Error(ErrorKind::usage, {.where = "convention for absent classes",
                                 .found = cat("'", name, "' is not known"),
                                 .next = did_you_mean(name, names)});
}

SegmentationScores scores(const ConfusionMatrix& matrix, AbsentClasses convention) {
  SegmentationScores result{.convention = convention};
  const int64_t pixels = matrix.pixels();
  int64_t hits = 0, present = 0;
  double accuracies = 0;
  for (int64_t c = 0; c < matrix.classes(); ++c) {
    const ClassScores& s = result.per_class.emplace_back(class_scores(matrix, c));
    hits += matrix.at(c, c);
    if (s.truth_pixels == 0) continue;
    ++present;
    accuracies += *s.accuracy;
    result.frequency_weighted_iou +=
        static_cast<double>(s.truth_pixels) / static_cast<double>(pixels) * *s.iou;
  }
  result.pixel_accuracy = ratio(hits, pixels).value_or(0);
  if (present > 0) result.mean_accuracy = accuracies / static_cast<double>(present);
  result.mean_iou = mean_iou(result.per_class, convention);
  return result;
}

}  // namespace vitrail
