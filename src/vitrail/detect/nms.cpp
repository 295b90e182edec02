#include "vitrail/detect/nms.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "vitrail/base/error.h"
#include "vitrail/base/parallel.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

void require_as_many(size_t found, std::string_view what, size_t boxes) {
  if (found != boxes)
    throw Error(ErrorKind::shape, {.where = "suppression",
                                   .found = cat(found, " ", what),
                                   .allowed = cat("one for each of ", boxes, " boxes")});
}

void require_finite_scores(std::span<const float> scores) {
  for (size_t i = 0; i < scores.size(); ++i)
    if (!std::isfinite(scores[i]))
      throw Error(ErrorKind::numeric, {.where = "suppression",
                                       .found = cat("score ", i, " is ", scores[i]),
                                       .allowed = "finite numbers"});
}

// Indices, largest score first, the first of equals.
std::vector<int64_t> descending(std::span<const float> scores, int64_t count) {
  std::vector<int64_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  const auto before = [&](int64_t a, int64_t b) {
    const float x = scores[static_cast<size_t>(a)], y = scores[static_cast<size_t>(b)];
    return x != y ? x > y : a < b;
  };
  const int64_t kept = std::clamp<int64_t>(count, 0, std::ssize(order));
  std::partial_sort(order.begin(), order.begin() + kept, order.end(), before);
  order.resize(static_cast<size_t>(kept));
  return order;
}

// Kept boxes of one group. IoU is at most the ratio of the two areas, so a box need only be compared with
// those of like area: they lie in the bucket of its area's logarithm, the one below and the one above.
class Kept {
 public:
  explicit Kept(double iou_threshold)
      : threshold_(iou_threshold), width_(iou_threshold > 0.05 ? -std::log(iou_threshold) * 1.001 : 0) {}

  // Whether the box overlaps none that is kept; then it is kept too. One without area overlaps none.
  bool add(const Box& box) {
    if (threshold_ >= 1 || (threshold_ >= 0 && !(box.area() > 0))) return true;
    const int64_t bucket = bucket_of(box);
    for (int64_t near = bucket - 1; near <= bucket + 1; ++near)
      if (const auto found = buckets_.find(near); found != buckets_.end() && overlaps(box, found->second))
        return false;
    buckets_[bucket].push_back(box);
    return true;
  }

 private:
  int64_t bucket_of(const Box& box) const {
    if (!(width_ > 0)) return 0;
    const auto log = [](float from, float to) {
      return std::log(static_cast<double>(to) - static_cast<double>(from));
    };
    return static_cast<int64_t>(std::floor((log(box.x1, box.x2) + log(box.y1, box.y2)) / width_));
  }

  bool overlaps(const Box& box, const std::vector<Box>& others) const {
    return std::any_of(others.begin(), others.end(),
                       [&](const Box& other) { return static_cast<double>(iou(box, other)) > threshold_; });
  }

  double threshold_, width_;
  std::map<int64_t, std::vector<Box>> buckets_;
};

// What is kept of one class. A heap gives the candidates best first (the first of equals): suppression has
// enough long before the last of thousands.
std::vector<Detection> suppressed(std::vector<Detection> candidates, const BoxSelection& selection) {
  const auto after = [](const Detection& a, const Detection& b) {
    return a.score != b.score ? a.score < b.score : a.source > b.source;
  };
  std::make_heap(candidates.begin(), candidates.end(), after);
  int64_t entering = std::ssize(candidates);
  if (selection.before_suppression > 0) entering = std::min(entering, selection.before_suppression);
  Kept kept(selection.iou_threshold);
  std::vector<Detection> found;
  for (; entering > 0 && (selection.per_class <= 0 || std::ssize(found) < selection.per_class); --entering) {
    std::pop_heap(candidates.begin(), candidates.end(), after);
    if (kept.add(candidates.back().box)) found.push_back(candidates.back());
    candidates.pop_back();
  }
  return found;
}

// Largest score first, then class, then row.
void order_and_cut(std::vector<Detection>& found, int64_t total) {
  std::stable_sort(found.begin(), found.end(),
                   [](const Detection& a, const Detection& b) { return a.score > b.score; });
  if (total > 0 && std::ssize(found) > total) found.resize(static_cast<size_t>(total));
}

bool large_enough(const Box& box, double least_side) {
  return box.area() > 0 && static_cast<double>(box.width()) >= least_side &&
         static_cast<double>(box.height()) >= least_side;
}

float sigmoid(float x) {
  return 1 / (1 + std::exp(-x));
}

}  // namespace

std::vector<int64_t> best_of(std::span<const float> scores, int64_t count) {
  require_finite_scores(scores);
  return descending(scores, count);
}

std::vector<int64_t> suppress(std::span<const Box> boxes, std::span<const float> scores, double iou_threshold,
                              int64_t most) {
  const std::vector<int64_t> one_group(boxes.size(), 0);
  return suppress_by_group(boxes, scores, one_group, iou_threshold, most);
}

std::vector<int64_t> suppress_by_group(std::span<const Box> boxes, std::span<const float> scores,
                                       std::span<const int64_t> groups, double iou_threshold, int64_t most) {
  require_as_many(scores.size(), "scores", boxes.size());
  require_as_many(groups.size(), "groups", boxes.size());
  require_finite(boxes, "suppression");
  require_finite_scores(scores);
  std::map<int64_t, Kept> kept_of;
  std::vector<int64_t> kept;
  for (const int64_t i : descending(scores, std::ssize(scores))) {
    if (most > 0 && std::ssize(kept) == most) break;
    Kept& group = kept_of.try_emplace(groups[static_cast<size_t>(i)], iou_threshold).first->second;
    if (group.add(boxes[static_cast<size_t>(i)])) kept.push_back(i);
  }
  return kept;
}

Tensor class_scores(const Tensor& logits, bool softmax) {
  if (logits.shape().empty() || logits.shape().back() < 1)
    throw Error(ErrorKind::shape, {.where = "class logits",
                                   .found = to_string(logits.shape()),
                                   .allowed = "[..., classes + 1], the background first"});
  Shape shape = logits.shape();
  const int64_t columns = shape.back();
  shape.back() -= 1;
  Tensor scores = Tensor::empty(DataType::f32, shape);
  const float* from = logits.data<float>().data();
  float* to = scores.data<float>().data();
  for (const float* const end = from + logits.elements(); from < end; from += columns) {
    if (!softmax) {
      to = std::transform(from + 1, from + columns, to, sigmoid);
      continue;
    }
    const float largest = *std::max_element(from, from + columns);
    const auto power = [&](float logit) { return std::exp(logit - largest); };
    float sum = 0;
    for (int64_t c = 0; c < columns; ++c)
      sum += power(from[c]);
    to = std::transform(from + 1, from + columns, to, [&](float logit) { return power(logit) / sum; });
  }
  return scores;
}

std::vector<Detection> choose(std::span<const Box> boxes, std::span<const float> scores, int64_t classes,
                              const BoxSelection& selection, double least_side) {
  const int64_t rows = classes > 0 ? std::ssize(scores) / classes : 0;
  const bool own_boxes = std::ssize(boxes) != rows;
  if (rows * classes != std::ssize(scores) || (own_boxes && boxes.size() != scores.size()))
    throw Error(ErrorKind::shape, {.where = "choice of boxes",
                                   .found = cat(boxes.size(), " boxes and ", scores.size(), " scores"),
                                   .allowed = cat("a score for each box and each of ", classes, " classes")});
  require_finite(boxes, "choice of boxes");
  require_finite_scores(scores);
  std::vector<std::vector<Detection>> of_class(static_cast<size_t>(classes));
  parallel_for(classes, 1, [&](int64_t c) {
    std::vector<Detection> candidates;
    for (int64_t row = 0; row < rows; ++row) {
      const float score = scores[static_cast<size_t>(row * classes + c)];
      const Box& box = boxes[static_cast<size_t>(own_boxes ? row * classes + c : row)];
      if (score > static_cast<float>(selection.score_threshold) && large_enough(box, least_side))
        candidates.push_back({box, c, score, row});
    }
    of_class[static_cast<size_t>(c)] = suppressed(std::move(candidates), selection);
  });
  std::vector<Detection> found;
  for (const std::vector<Detection>& some : of_class)
    found.insert(found.end(), some.begin(), some.end());
  order_and_cut(found, selection.total);
  return found;
}

std::vector<Detection> choose_boxes(const Tensor& codes, const Tensor& scores, std::span<const Box> anchors,
                                    const BoxCoding& coding, const BoxSelection& selection, Extent image,
                                    double least_side) {
  if (scores.shape().size() != 2 || scores.size(0) != std::ssize(anchors))
    throw Error(ErrorKind::shape, {.where = "choice of boxes",
                                   .found = cat("scores ", to_string(scores.shape())),
                                   .allowed = cat("[", anchors.size(), ",classes], a row for each anchor")});
  std::vector<Box> boxes = decode_all(codes.data<float>(), anchors, coding);
  for (Box& box : boxes)
    box = clipped(box, static_cast<float>(image.width), static_cast<float>(image.height));
  return choose(boxes, scores.data<float>(), scores.size(1), selection, least_side);
}

std::vector<Detection> choose_proposals(const std::vector<ProposalLevel>& levels, const BoxCoding& coding,
                                        const BoxSelection& selection, Extent image, double least_side) {
  std::vector<Detection> found;
  int64_t before = 0;
  for (const ProposalLevel& level : levels) {
    require_as_many(level.objectness.size(), "objectness logits", level.anchors.size());
    require_as_many(level.codes.size() / 4, "codes", level.anchors.size());
    const int64_t entering =
        selection.before_suppression > 0 ? selection.before_suppression : std::ssize(level.anchors);
    Kept kept(selection.iou_threshold);
    int64_t count = 0;
    for (const int64_t i : best_of(level.objectness, entering)) {
      if (selection.per_class > 0 && count == selection.per_class) break;
      const auto row = static_cast<size_t>(i);
      const Box box =
          clipped(decode_all(level.codes.subspan(4 * row, 4), level.anchors.subspan(row, 1), coding)[0],
                  static_cast<float>(image.width), static_cast<float>(image.height));
      const float score = sigmoid(level.objectness[row]);
      if (score < static_cast<float>(selection.score_threshold) || !large_enough(box, least_side)) continue;
      if (!kept.add(box)) continue;
      found.push_back({box, 0, score, before + i});
      ++count;
    }
    before += std::ssize(level.anchors);
  }
  order_and_cut(found, selection.total);
  return found;
}

}  // namespace vitrail
