#include "vitrail/detect/matching.h"

#include <algorithm>

#include "vitrail/base/parallel.h"

namespace vitrail {
namespace {

constexpr int64_t anchors_per_thread = 4096;

// IoU of objects (rows) and anchors (columns), with what is best along both.
struct Overlaps {
  std::span<const Box> anchors, objects;
  std::vector<float> table;
  std::vector<int64_t> best_object;   // of each anchor, the first of equals
  std::vector<float> best_of_anchor;  // its IoU
  std::vector<int64_t> best_anchor;   // of each object, the first of equals; -1: it overlaps none

  Overlaps(std::span<const Box> anchors_, std::span<const Box> objects_)
      : anchors(anchors_), objects(objects_), table(iou_table(objects_, anchors_)) {
    best_object.assign(anchors.size(), 0);
    best_of_anchor.assign(anchors.size(), 0);
    for (size_t o = 0; o < objects.size(); ++o)
      for (size_t a = 0; a < anchors.size(); ++a)
        if (at(o, a) > best_of_anchor[a]) {
          best_of_anchor[a] = at(o, a);
          best_object[a] = static_cast<int64_t>(o);
        }
    for (size_t o = 0; o < objects.size(); ++o)
      best_anchor.push_back(best_free_anchor(o, {}));
  }

  float at(size_t object, size_t anchor) const { return table[object * anchors.size() + anchor]; }

  // The first anchor of largest IoU that is not `taken` (empty: none is); -1 where there is no overlap.
  int64_t best_free_anchor(size_t object, const std::vector<int64_t>& taken) const {
    int64_t best = -1;
    float most = 0;
    for (size_t a = 0; a < anchors.size(); ++a)
      if (at(object, a) > most && (taken.empty() || taken[a] < 0)) {
        most = at(object, a);
        best = static_cast<int64_t>(a);
      }
    return best;
  }

  // In float, so that an IoU of 0.7 is at least 0.7.
  bool at_least(size_t anchor, double threshold) const {
    return best_of_anchor[anchor] > 0 && best_of_anchor[anchor] >= static_cast<float>(threshold);
  }

  // Each anchor's best object where their IoU is at least `threshold`.
  std::vector<int64_t> above(double threshold) const {
    std::vector<int64_t> match(anchors.size(), background);
    for (size_t a = 0; a < anchors.size(); ++a)
      if (at_least(a, threshold)) match[a] = best_object[a];
    return match;
  }
};

}  // namespace

std::vector<float> iou_table(std::span<const Box> objects, std::span<const Box> anchors) {
  require_finite(objects, "objects");
  require_finite(anchors, "anchors");
  std::vector<float> table(objects.size() * anchors.size());
  parallel_ranges(std::ssize(anchors), anchors_per_thread, [&](int64_t begin, int64_t end, int) {
    for (size_t o = 0; o < objects.size(); ++o)
      for (int64_t a = begin; a < end; ++a)
        table[o * anchors.size() + static_cast<size_t>(a)] = iou(objects[o], anchors[static_cast<size_t>(a)]);
  });
  return table;
}

std::vector<int64_t> match_best(std::span<const Box> anchors, std::span<const Box> objects, double threshold,
                                bool last_wins) {
  const Overlaps overlaps(anchors, objects);
  std::vector<int64_t> match = overlaps.above(threshold);
  const auto force = [&](size_t object) {
    if (const int64_t anchor = overlaps.best_anchor[object]; anchor >= 0)
      match[static_cast<size_t>(anchor)] = static_cast<int64_t>(object);
  };
  // Whoever comes last stays.
  for (size_t i = 0; i < objects.size(); ++i)
    force(last_wins ? i : objects.size() - 1 - i);
  return match;
}

std::vector<int64_t> match_bipartite(std::span<const Box> anchors, std::span<const Box> objects,
                                     double threshold) {
  const Overlaps overlaps(anchors, objects);
  std::vector<int64_t> best = overlaps.best_anchor, forced(anchors.size(), background);
  const auto better = [&](size_t one, size_t other) {
    const float a = overlaps.at(one, static_cast<size_t>(best[one]));
    const float b = overlaps.at(other, static_cast<size_t>(best[other]));
    return a != b ? a > b : best[one] < best[other];
  };
  std::vector<bool> done(objects.size(), false);
  for (;;) {
    size_t next = objects.size();
    for (size_t o = 0; o < objects.size(); ++o)
      if (!done[o] && best[o] >= 0 && (next == objects.size() || better(o, next))) next = o;
    if (next == objects.size()) break;
    const int64_t taken = best[next];
    forced[static_cast<size_t>(taken)] = static_cast<int64_t>(next);
    done[next] = true;
    for (size_t o = 0; o < objects.size(); ++o)
      if (!done[o] && best[o] == taken) best[o] = overlaps.best_free_anchor(o, forced);
  }
  std::vector<int64_t> match = overlaps.above(threshold);
  for (size_t a = 0; a < anchors.size(); ++a)
    if (forced[a] >= 0) match[a] = forced[a];
  return match;
}

std::vector<int64_t> match_thresholds(std::span<const Box> anchors, std::span<const Box> objects,
                                      const MatchThresholds& thresholds) {
  const Overlaps overlaps(anchors, objects);
  std::vector<int64_t> match = overlaps.above(thresholds.foreground);
  for (size_t a = 0; a < anchors.size(); ++a)
    if (match[a] == background && overlaps.at_least(a, thresholds.background)) match[a] = ignored;
  if (!thresholds.force_best) return match;
  for (size_t o = 0; o < objects.size(); ++o) {
    if (overlaps.best_anchor[o] < 0) continue;
    const float most = overlaps.at(o, static_cast<size_t>(overlaps.best_anchor[o]));
    for (size_t a = 0; a < anchors.size(); ++a)
      if (overlaps.at(o, a) == most) match[a] = overlaps.best_object[a];
  }
  return match;
}

}  // namespace vitrail
