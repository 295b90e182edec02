#include "vitrail/metrics/cityscapes_ap.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

constexpr double endless = std::numeric_limits<double>::infinity();
constexpr CityscapesRange ranges[] = {CityscapesRange::all, CityscapesRange::within_100m,
                                      CityscapesRange::within_50m};

/// Scores with what they stand for, and objects that nothing was found of.
struct Judgement {
  std::vector<std::pair<double, bool>> scores;  // right or wrong
  int64_t missed = 0;
};

/// The step integral over the curve from the lowest score on.
double integral(Judgement& judged) {
  std::sort(judged.scores.begin(), judged.scores.end());
  const auto all = static_cast<double>(judged.scores.size());
  double right_in_all = 0;
  for (const auto& [score, right] : judged.scores)
    right_in_all += right ? 1 : 0;
  std::vector<double> precision, recall;
  double right_below = 0;
  for (size_t i = 0; i < judged.scores.size(); ++i) {
    const bool is_new = i == 0 || judged.scores[i].first != judged.scores[i - 1].first;
    if (is_new) {
      const double right = right_in_all - right_below;
      precision.push_back(right / (all - static_cast<double>(i)));
      recall.push_back(right / (right_in_all + static_cast<double>(judged.missed)));
    }
    right_below += judged.scores[i].second ? 1 : 0;
  }
  if (precision.empty()) return 0;
  precision.push_back(precision.back());
  recall.push_back(0);
  double sum = 0;
  for (size_t i = 0; i < recall.size(); ++i) {
    const double before = recall[i == 0 ? 0 : i - 1], behind = i + 1 < recall.size() ? recall[i + 1] : 0;
    sum += precision[i] * (before - behind) / 2;
  }
  return sum;
}

void check_class(int64_t class_index, int64_t classes) {
  if (class_index < 0 || class_index >= classes)
    throw Error(ErrorKind::usage, {.where = "Cityscapes' average precision",
                                   .found = cat("class ", class_index),
                                   .allowed = cat("0..", classes - 1)});
}

void check_size(const Rle& mask, const Rle& frame) {
  if (mask.height != frame.height || mask.width != frame.width)
    throw Error(ErrorKind::shape, {.where = "Cityscapes' average precision",
                                   .found = cat("a mask of ", mask.width, "x", mask.height),
                                   .allowed = cat("the frame has ", frame.width, "x", frame.height)});
}

}  // namespace

/// Overlap that must be passed, and which objects count.
struct CityscapesApEvaluator::Rule {
  double overlap, least_pixels, furthest, least_density;

  Rule(CityscapesRange range, size_t index) : overlap(0.5 + static_cast<double>(index) * 0.05) {
    const bool all = range == CityscapesRange::all;
    least_pixels = all ? 100 : 1000;
    furthest = all ? endless : range == CityscapesRange::within_100m ? 100 : 50;
    least_density = all ? -endless : 0.5;
  }

  bool is_left_out(const True& object) const {
    return object.pixels < least_pixels || object.distance > furthest ||
           object.stereo_density < least_density;
  }
  bool is_met(double common, double a, double b) const { return common / (a + b - common) > overlap; }
};

CityscapesApEvaluator::CityscapesApEvaluator(int64_t classes)
    : classes_(classes), frames_(static_cast<size_t>(classes)) {}

void CityscapesApEvaluator::add(const std::vector<CityscapesTrueObject>& truth,
                                const std::vector<CityscapesFoundObject>& found, const Rle& void_pixels) {
  for (const auto& object : truth)
    check_class(object.class_index, classes_), check_size(object.mask, void_pixels);
  for (const auto& object : found)
    check_class(object.class_index, classes_), check_size(object.mask, void_pixels);
  for (int64_t c = 0; c < classes_; ++c) {
    Frame frame;
    std::vector<const Rle*> masks;
    for (const CityscapesTrueObject& object : truth) {
      if (object.class_index != c) continue;
      has_distances_ = has_distances_ || object.distance.has_value();
      frame.truth.push_back({static_cast<double>(area(object.mask)), object.group,
                             object.distance.value_or(-1), object.stereo_density});
      masks.push_back(&object.mask);
    }
    for (const CityscapesFoundObject& object : found) {
      const int64_t pixels = area(object.mask);
      if (object.class_index != c || pixels == 0) continue;
      Found entry{static_cast<double>(pixels),
                  object.score,
                  static_cast<double>(common_area(object.mask, void_pixels)),
                  {}};
      for (size_t t = 0; t < masks.size(); ++t)
        if (const int64_t common = common_area(object.mask, *masks[t]); common > 0)
          entry.common.emplace_back(t, static_cast<double>(common));
      frame.found.push_back(std::move(entry));
    }
    if (!frame.truth.empty() || !frame.found.empty())
      frames_[static_cast<size_t>(c)].push_back(std::move(frame));
  }
}

std::optional<double> CityscapesApEvaluator::precision_of(const std::vector<Frame>& frames,
                                                          const Rule& rule) {
  bool has_truth = false, has_found = false;
  Judgement judged;
  for (const Frame& frame : frames) {
    has_found = has_found || !frame.found.empty();
    std::vector<std::vector<double>> scores_of(frame.truth.size());
    for (const Found& found : frame.found) {
      bool is_partner = false;
      double forgiven = found.on_void;
      for (const auto& [t, common] : found.common) {
        const True& truth = frame.truth[t];
        if (rule.is_met(common, truth.pixels, found.pixels)) {
          is_partner = true;
          if (!truth.group && !rule.is_left_out(truth)) scores_of[t].push_back(found.score);
        }
        // A group that is too small is forgiven twice, as there.
        forgiven += (truth.group ? common : 0) + (rule.is_left_out(truth) ? common : 0);
      }
      if (!is_partner && forgiven / found.pixels <= rule.overlap)
        judged.scores.emplace_back(found.score, false);
    }
    for (size_t t = 0; t < frame.truth.size(); ++t) {
      if (frame.truth[t].group || rule.is_left_out(frame.truth[t])) continue;
      has_truth = true;
      std::vector<double>& scores = scores_of[t];
      std::sort(scores.rbegin(), scores.rend());
      judged.missed += scores.empty() ? 1 : 0;
      for (size_t i = 0; i < scores.size(); ++i)
        judged.scores.emplace_back(scores[i], i == 0);
    }
  }
  if (!has_truth) return std::nullopt;
  return has_found ? integral(judged) : 0;
}

CityscapesApScores CityscapesApEvaluator::scores() const {
  CityscapesApScores scores;
  scores.classes_ = classes_;
  scores.has_distances_ = has_distances_;
  for (const CityscapesRange range : ranges)
    for (const std::vector<Frame>& frames : frames_)
      for (size_t o = 0; o < cityscapes_overlaps; ++o)
        scores.values_.push_back(range == CityscapesRange::all || has_distances_
                                     ? precision_of(frames, Rule(range, o))
                                     : std::nullopt);
  return scores;
}

std::optional<double> CityscapesApScores::average_precision(CityscapesRange range,
                                                            std::optional<size_t> overlap,
                                                            std::optional<int64_t> class_index) const {
  if (class_index) check_class(*class_index, classes_);
  double sum = 0;
  int64_t count = 0;
  for (int64_t c = 0; c < classes_; ++c) {
    if (class_index && c != *class_index) continue;
    for (size_t o = 0; o < cityscapes_overlaps; ++o) {
      if (overlap && o != *overlap) continue;
      const size_t at =
          (static_cast<size_t>(range) * static_cast<size_t>(classes_) + static_cast<size_t>(c)) *
              cityscapes_overlaps +
          o;
      if (!values_[at]) continue;
      sum += *values_[at];
      ++count;
    }
  }
  if (count == 0) return std::nullopt;
  return sum / static_cast<double>(count);
}

}  // namespace vitrail
