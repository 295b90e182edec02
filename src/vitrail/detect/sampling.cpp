#include "vitrail/detect/sampling.h"

#include <algorithm>
#include <cmath>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/detect/nms.h"

namespace vitrail {
namespace {

void require_one_each(size_t found, std::span<const int64_t> match, std::string_view what) {
  if (found != match.size())
    throw Error(ErrorKind::shape, {.where = "anchor sampling",
                                   .found = cat(found, " ", what),
                                   .allowed = cat("one for each of ", match.size(), " anchors")});
}

[[noreturn]] void refuse(const std::string& found, const std::string& allowed) {
  throw Error(ErrorKind::usage, {.where = "anchor sampling", .found = found, .allowed = allowed});
}

int64_t negatives_allowed(int64_t objects, double ratio, int64_t least) {
  if (!(ratio >= 0 && ratio <= 1e6)) refuse(cat(ratio, " negatives per object"), "0 to 1e6");
  return std::max(least, static_cast<int64_t>(std::floor(ratio * static_cast<double>(objects))));
}

std::vector<int64_t> indices_where(std::span<const int64_t> match, bool (*wanted)(int64_t)) {
  std::vector<int64_t> indices;
  for (size_t a = 0; a < match.size(); ++a)
    if (wanted(match[a])) indices.push_back(static_cast<int64_t>(a));
  return indices;
}
bool is_object(int64_t match) {
  return match >= 0;
}
bool is_background(int64_t match) {
  return match == background;
}

template <class T>
std::vector<T> picked(std::span<const T> values, const std::vector<int64_t>& indices) {
  std::vector<T> chosen;
  for (const int64_t i : indices)
    chosen.push_back(values[static_cast<size_t>(i)]);
  return chosen;
}

void keep_random(std::vector<int64_t>& indices, int64_t count, Random& random) {
  random.shuffle(indices);
  if (std::ssize(indices) > count) indices.resize(static_cast<size_t>(count));
}

}  // namespace

Sampled hard_negatives(std::span<const float> losses, std::span<const int64_t> match, double ratio,
                       int64_t least) {
  require_one_each(losses.size(), match, "losses");
  Sampled result{.objects = indices_where(match, is_object), .negatives = {}};
  const std::vector<int64_t> candidates = indices_where(match, is_background);
  const std::vector<float> of_candidates = picked(losses, candidates);
  for (const int64_t i : best_of(of_candidates, negatives_allowed(std::ssize(result.objects), ratio, least)))
    result.negatives.push_back(candidates[static_cast<size_t>(i)]);
  return result;
}

Sampled mined_by_suppression(std::span<const float> losses, std::span<const Box> boxes,
                             std::span<const int64_t> match, const SuppressionMining& options) {
  require_one_each(losses.size(), match, "losses");
  require_one_each(boxes.size(), match, "boxes");
  const std::vector<int64_t> candidates = indices_where(match, [](int64_t m) { return m != ignored; });
  Sampled result;
  std::vector<int64_t> negatives;
  for (const int64_t i :
       suppress(picked(boxes, candidates), picked(losses, candidates), options.iou_threshold, options.most)) {
    const int64_t anchor = candidates[static_cast<size_t>(i)];
    (is_object(match[static_cast<size_t>(anchor)]) ? result.objects : negatives).push_back(anchor);
  }
  const int64_t allowed = negatives_allowed(std::ssize(result.objects), options.ratio, options.least);
  negatives.resize(static_cast<size_t>(std::min(allowed, static_cast<int64_t>(negatives.size()))));
  std::sort(result.objects.begin(), result.objects.end());
  result.negatives = std::move(negatives);
  return result;
}

Sampled balanced_sample(std::span<const int64_t> match, int64_t count, double object_share, Random& random) {
  if (count < 0 || !(object_share >= 0 && object_share <= 1))
    refuse(cat(count, " anchors, a share of ", object_share), "a count from 0 on, a share of 0 to 1");
  Sampled result{.objects = indices_where(match, is_object),
                 .negatives = indices_where(match, is_background)};
  const auto most_objects = static_cast<int64_t>(static_cast<double>(count) * object_share);
  keep_random(result.objects, most_objects, random);
  std::sort(result.objects.begin(), result.objects.end());
  keep_random(result.negatives, count - std::ssize(result.objects), random);
  return result;
}

}  // namespace vitrail
