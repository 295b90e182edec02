#include "vitrail/metrics/coco_eval.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/metrics/object_overlap.h"

namespace vitrail {
namespace {

constexpr size_t recall_steps = 101;
constexpr double smallest_step = 2.220446049250313e-16;  // numpy's spacing(1)

/// numpy's linspace(0, 1, 101) and linspace(0.5, 0.95, 10): their roundings decide ties.
std::array<double, recall_steps> make_recalls() {
  std::array<double, recall_steps> recalls{};
  for (size_t i = 0; i < recall_steps; ++i)
    recalls[i] = static_cast<double>(i) * 0.01;
  recalls.back() = 1;
  return recalls;
}

std::array<double, coco_thresholds> make_thresholds() {
  std::array<double, coco_thresholds> thresholds{};
  const double step = (0.95 - 0.5) / (coco_thresholds - 1);
  for (size_t i = 0; i < coco_thresholds; ++i)
    thresholds[i] = static_cast<double>(i) * step + 0.5;
  thresholds.back() = 0.95;
  return thresholds;
}

bool is_within(double area, CocoArea range) {
  const auto [low, high] = limits_of(range);
  return area >= low && area <= high;
}

double area_of(const FoundObject& object, OverlapOf overlap) {
  if (overlap == OverlapOf::boxes) return object.box_xywh[2] * object.box_xywh[3];
  return static_cast<double>(area(object.mask));
}

struct Curve {
  double precision = 0;  // mean over the recall steps
  double recall = 0;     // of all finds
};

/// Precision at the recall steps, for finds whose `right` is set against those that are wrong; best first.
Curve curve_of(const std::vector<bool>& right, int64_t true_objects) {
  static const std::array<double, recall_steps> recalls = make_recalls();
  std::vector<double> precision, recall;
  double rights = 0, wrongs = 0;
  for (const bool is_right : right) {
    (is_right ? rights : wrongs) += 1;
    recall.push_back(rights / static_cast<double>(true_objects));
    precision.push_back(rights / (wrongs + rights + smallest_step));
  }
  for (size_t i = precision.size(); i-- > 1;)
    precision[i - 1] = std::max(precision[i - 1], precision[i]);
  Curve curve;
  for (size_t step = 0, at = 0; step < recall_steps; ++step) {
    while (at < recall.size() && recall[at] < recalls[step])
      ++at;
    if (at == recall.size()) break;
    curve.precision += precision[at];
  }
  curve.precision /= static_cast<double>(recall_steps);
  if (!recall.empty()) curve.recall = recall.back();
  return curve;
}

template <class Object>
std::vector<const Object*> of_class(const std::vector<Object>& objects, int64_t class_index) {
  std::vector<const Object*> result;
  for (const Object& object : objects)
    if (object.class_index == class_index) result.push_back(&object);
  return result;
}

void check_class(int64_t image_id, int64_t class_index, int64_t classes) {
  if (class_index < 0 || class_index >= classes)
    throw Error(ErrorKind::usage, {.where = cat("evaluation of picture ", image_id),
                                   .found = cat("class ", class_index),
                                   .allowed = cat("0..", classes - 1)});
}

void check_finite(int64_t image_id, const char* what, double value) {
  if (!std::isfinite(value))
    throw Error(ErrorKind::numeric, {.where = cat("evaluation of picture ", image_id),
                                     .found = cat("a ", what, " of ", value),
                                     .allowed = "finite numbers"});
}

}  // namespace

std::string_view name_of(OverlapOf overlap) {
  switch (overlap) {
    case OverlapOf::boxes: return "boxes";
    case OverlapOf::masks: return "masks";
    case OverlapOf::boundaries: return "boundaries";
  }
  return "";
}

std::string_view name_of(CocoArea area) {
  switch (area) {
    case CocoArea::all: return "all";
    case CocoArea::small: return "small";
    case CocoArea::medium: return "medium";
    case CocoArea::large: return "large";
  }
  return "";
}

std::array<double, 2> limits_of(CocoArea area) {
  constexpr double small = 32 * 32, large = 96 * 96, endless = 1e5 * 1e5;
  switch (area) {
    case CocoArea::all: return {0, endless};
    case CocoArea::small: return {0, small};
    case CocoArea::medium: return {small, large};
    case CocoArea::large: return {large, endless};
  }
  return {};
}

const std::array<double, coco_thresholds>& coco_iou_thresholds() {
  static const std::array<double, coco_thresholds> thresholds = make_thresholds();
  return thresholds;
}

CocoEvaluator::CocoEvaluator(int64_t classes, const CocoOptions& options)
    : classes_(classes), options_(options), cells_(static_cast<size_t>(classes) * coco_areas.size()) {}

std::vector<CocoEvaluator::Cell>& CocoEvaluator::cells(int64_t class_index, size_t area) {
  return cells_[static_cast<size_t>(class_index) * coco_areas.size() + area];
}

void CocoEvaluator::add(int64_t image_id, const std::vector<TrueObject>& truth,
                        const std::vector<FoundObject>& found) {
  std::vector<bool> present(static_cast<size_t>(classes_));
  for (const TrueObject& object : truth) {
    check_class(image_id, object.class_index, classes_);
    check_finite(image_id, "true area", object.area);
    for (const double side : object.box_xywh)
      check_finite(image_id, "true box", side);
    present[static_cast<size_t>(object.class_index)] = true;
  }
  for (const FoundObject& object : found) {
    check_class(image_id, object.class_index, classes_);
    check_finite(image_id, "score", object.score);
    for (const double side : object.box_xywh)
      check_finite(image_id, "found box", side);
    present[static_cast<size_t>(object.class_index)] = true;
  }
  const auto place = std::lower_bound(image_ids_.begin(), image_ids_.end(), image_id);
  if (place != image_ids_.end() && *place == image_id)
    throw Error(ErrorKind::usage,
                {.where = "evaluation", .found = cat("picture ", image_id, " a second time")});

  std::vector<std::pair<size_t, Cell>> added;
  for (int64_t c = 0; c < classes_; ++c) {
    if (!present[static_cast<size_t>(c)]) continue;
    const std::vector<const TrueObject*> true_ones = of_class(truth, c);
    std::vector<const FoundObject*> best = of_class(found, c);
    std::stable_sort(best.begin(), best.end(),
                     [](const auto* a, const auto* b) { return a->score > b->score; });
    best.resize(std::min<size_t>(best.size(), coco_most_found.back()));
    const std::vector<double> overlaps =
        object_overlaps(image_id, best, true_ones, options_.overlap, options_.boundary_width);
    for (size_t a = 0; a < coco_areas.size(); ++a)
      added.emplace_back(static_cast<size_t>(c) * coco_areas.size() + a,
                         match(image_id, true_ones, best, overlaps, coco_areas[a]));
  }
  for (auto& [at, cell] : added)
    cells_[at].push_back(std::move(cell));
  image_ids_.insert(place, image_id);
}

CocoEvaluator::Cell CocoEvaluator::match(int64_t image_id, const std::vector<const TrueObject*>& truth,
                                         const std::vector<const FoundObject*>& found,
                                         const std::vector<double>& overlaps, CocoArea range) const {
  std::vector<bool> is_ignored;
  for (const TrueObject* object : truth)
    is_ignored.push_back(object->crowd || !is_within(object->area, range));
  std::vector<size_t> order(truth.size());  // those that count come first
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_partition(order.begin(), order.end(), [&](size_t i) { return !is_ignored[i]; });

  Cell cell{image_id, std::count(is_ignored.begin(), is_ignored.end(), false), {}};
  for (const FoundObject* object : found)
    cell.finds.push_back({object->score, 0, 0});
  for (size_t t = 0; t < coco_thresholds; ++t) {
    std::vector<bool> taken(truth.size());
    for (size_t f = 0; f < found.size(); ++f) {
      double best = std::min(coco_iou_thresholds()[t], 1 - 1e-10);
      std::optional<size_t> partner;
      for (const size_t i : order) {
        if (taken[i] && !truth[i]->crowd) continue;
        if (partner && !is_ignored[*partner] && is_ignored[i]) break;
        const double overlap = overlaps[f * truth.size() + i];
        if (overlap < best) continue;
        best = overlap;
        partner = i;
      }
      const auto bit = static_cast<uint16_t>(1 << t);
      bool is_matched = false;
      if (partner) {
        taken[*partner] = true;
        is_matched = truth[*partner]->id != 0 || !options_.id_zero_is_unmatched;
        if (is_ignored[*partner]) cell.finds[f].excused |= bit;
      }
      if (is_matched)
        cell.finds[f].right |= bit;
      else if (!is_within(area_of(*found[f], options_.overlap), range))
        cell.finds[f].excused |= bit;
    }
  }
  return cell;
}

CocoScores CocoEvaluator::scores() const {
  CocoScores scores(classes_);
  scores.images_ = static_cast<int64_t>(image_ids_.size());
  scores.overlap_ = options_.overlap;
  for (int64_t c = 0; c < classes_; ++c)
    for (size_t a = 0; a < coco_areas.size(); ++a) {
      std::vector<Cell> cells = cells_[static_cast<size_t>(c) * coco_areas.size() + a];
      std::stable_sort(cells.begin(), cells.end(),
                       [](const Cell& x, const Cell& y) { return x.image_id < y.image_id; });
      accumulate(cells, c, a, scores);
    }
  return scores;
}

void CocoEvaluator::accumulate(const std::vector<Cell>& cells, int64_t class_index, size_t area,
                               CocoScores& scores) {
  int64_t true_objects = 0, found_objects = 0;
  for (const Cell& cell : cells) {
    true_objects += cell.true_objects;
    found_objects += static_cast<int64_t>(cell.finds.size());
  }
  scores.true_[static_cast<size_t>(class_index) * coco_areas.size() + area] = true_objects;
  if (area == 0) scores.found_[static_cast<size_t>(class_index)] = found_objects;
  if (true_objects == 0) return;
  for (size_t m = 0; m < coco_most_found.size(); ++m) {
    std::vector<Find> finds;
    for (const Cell& cell : cells)
      finds.insert(finds.end(), cell.finds.begin(),
                   cell.finds.begin() + std::min<int64_t>(coco_most_found[m], std::ssize(cell.finds)));
    std::stable_sort(finds.begin(), finds.end(),
                     [](const Find& a, const Find& b) { return a.score > b.score; });
    for (size_t t = 0; t < coco_thresholds; ++t) {
      std::vector<bool> right;
      // A find that is excused stands for nothing, but the precision of those before it does not change.
      for (const Find& find : finds)
        if ((find.excused >> t & 1) == 0) right.push_back((find.right >> t & 1) != 0);
      const Curve curve = curve_of(right, true_objects);
      const size_t at = scores.place(t, class_index, area, m);
      scores.precision_[at] = curve.precision;
      scores.recall_[at] = curve.recall;
    }
  }
}

CocoScores::CocoScores(int64_t classes) : classes_(classes) {
  const size_t cells = static_cast<size_t>(classes) * coco_areas.size();
  precision_.assign(cells * coco_thresholds * coco_most_found.size(), -1);
  recall_ = precision_;
  true_.resize(cells);
  found_.resize(static_cast<size_t>(classes));
}

size_t CocoScores::place(size_t threshold, int64_t class_index, size_t area, size_t most) const {
  return ((threshold * static_cast<size_t>(classes_) + static_cast<size_t>(class_index)) * coco_areas.size() +
          area) *
             coco_most_found.size() +
         most;
}

std::optional<double> CocoScores::mean(const std::vector<double>& values, const CocoFigure& figure) const {
  const auto most = std::find(coco_most_found.begin(), coco_most_found.end(), figure.most_found);
  if (most == coco_most_found.end())
    throw Error(ErrorKind::usage, {.where = "COCO's figures",
                                   .found = cat(figure.most_found, " finds per picture"),
                                   .allowed = join(coco_most_found)});
  if (figure.class_index) check_class(0, *figure.class_index, classes_);
  const int64_t first = figure.class_index.value_or(0), last = figure.class_index.value_or(classes_ - 1);
  const size_t from = figure.threshold.value_or(0), to = figure.threshold.value_or(coco_thresholds - 1);
  double sum = 0;
  int64_t count = 0;
  for (size_t t = from; t <= to; ++t)
    for (int64_t c = first; c <= last; ++c) {
      const double value = values[place(t, c, static_cast<size_t>(figure.area),
                                        static_cast<size_t>(most - coco_most_found.begin()))];
      if (value < 0) continue;
      sum += value;
      ++count;
    }
  if (count == 0) return std::nullopt;
  return sum / static_cast<double>(count);
}

std::optional<double> CocoScores::average_precision(const CocoFigure& figure) const {
  return mean(precision_, figure);
}

std::optional<double> CocoScores::average_recall(const CocoFigure& figure) const {
  return mean(recall_, figure);
}

std::array<std::optional<double>, 12> CocoScores::summary() const {
  return {average_precision({}),
          average_precision({.threshold = 0}),
          average_precision({.threshold = 5}),
          average_precision({.area = CocoArea::small}),
          average_precision({.area = CocoArea::medium}),
          average_precision({.area = CocoArea::large}),
          average_recall({.most_found = 1}),
          average_recall({.most_found = 10}),
          average_recall({.most_found = 100}),
          average_recall({.area = CocoArea::small}),
          average_recall({.area = CocoArea::medium}),
          average_recall({.area = CocoArea::large})};
}

std::array<std::optional<double>, 10> CocoScores::at_threshold(size_t threshold) const {
  return {average_precision({.threshold = threshold}),
          average_precision({.threshold = threshold, .area = CocoArea::small}),
          average_precision({.threshold = threshold, .area = CocoArea::medium}),
          average_precision({.threshold = threshold, .area = CocoArea::large}),
          average_recall({.threshold = threshold, .most_found = 1}),
          average_recall({.threshold = threshold, .most_found = 10}),
          average_recall({.threshold = threshold, .most_found = 100}),
          average_recall({.threshold = threshold, .area = CocoArea::small}),
          average_recall({.threshold = threshold, .area = CocoArea::medium}),
          average_recall({.threshold = threshold, .area = CocoArea::large})};
}

int64_t CocoScores::true_objects(int64_t class_index, CocoArea area) const {
  return true_.at(static_cast<size_t>(class_index) * coco_areas.size() + static_cast<size_t>(area));
}

int64_t CocoScores::found_objects(int64_t class_index) const {
  return found_.at(static_cast<size_t>(class_index));
}

}  // namespace vitrail
