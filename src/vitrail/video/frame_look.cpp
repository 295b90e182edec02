// What networks say about frames, as they are painted.

#include <algorithm>
#include <memory>

#include "vitrail/base/text.h"
#include "vitrail/image/instance_overlay.h"
#include "vitrail/image/overlay.h"
#include "vitrail/predict/instance_drawing.h"
#include "vitrail/video/segment_video.h"

namespace vitrail {
namespace {

/// Gives each object a number, the same one as long as it is found where it was in the frame before.
class Tracker {
 public:
  std::vector<int64_t> numbers_of(const std::vector<FoundInstance>& found) {
    std::vector<int64_t> numbers(found.size(), -1);
    std::vector<bool> taken(before_.size());
    for (size_t i = 0; i < found.size(); ++i)
      numbers[i] = take(found[i], taken);
    for (int64_t& number : numbers)
      if (number < 0) number = lowest_free(numbers);
    before_.clear();
    for (size_t i = 0; i < found.size(); ++i)
      before_.push_back({found[i].box, found[i].class_index, numbers[i]});
    return numbers;
  }

 private:
  struct Seen {
    Box box;
    int64_t class_index = 0, number = 0;
  };

  /// The number of the object of the frame before that overlaps most; -1 where none does by a third.
  int64_t take(const FoundInstance& instance, std::vector<bool>& taken) const {
    constexpr float same = 1.0f / 3;
    size_t best = before_.size();
    float most = same;
    for (size_t i = 0; i < before_.size(); ++i)
      if (!taken[i] && before_[i].class_index == instance.class_index &&
          iou(before_[i].box, instance.box) > most) {
        best = i;
        most = iou(before_[i].box, instance.box);
      }
    if (best == before_.size()) return -1;
    taken[best] = true;
    return before_[best].number;
  }

  /// That no object has, and, where that goes, that none had a frame ago: a newcomer looks new.
  int64_t lowest_free(const std::vector<int64_t>& numbers) const {
    for (int64_t number = 0;; ++number)
      if (std::find(numbers.begin(), numbers.end(), number) == numbers.end() &&
          std::none_of(before_.begin(), before_.end(),
                       [&](const Seen& seen) { return seen.number == number; }))
        return number;
  }

  std::vector<Seen> before_;
};

}  // namespace

FrameLook semantic_look(const SemanticPredictor& predictor, double opacity,
                        std::function<void(int64_t frame, const LabelMap& labels)> labels) {
  std::vector<NamedColor> classes;
  for (const ClassInfo& c : predictor.info().classes)
    classes.push_back({c.name, c.color});
  return [&predictor, opacity, labels = std::move(labels), classes = std::move(classes),
          frames = std::make_shared<int64_t>(0)](const Image& frame) -> FramePaint {
    return
        [opacity, labels, classes, map = predictor.predict(frame), index = (*frames)++](const Image& shown) {
          Image painted = overlay(shown, map, classes, {.opacity = opacity, .legend = false});
          if (labels) labels(index, map);
          return painted;
        };
  };
}

FrameLook instance_look(const InstancePredictor& predictor, double opacity,
                        std::function<void(int64_t frame, const std::vector<FoundInstance>& found)> found) {
  struct State {
    Tracker tracker;
    std::vector<Rgb> colors = instance_colors(64);
    int64_t frames = 0;
  };
  const auto state = std::make_shared<State>();
  return [&predictor, opacity, found = std::move(found), state](const Image& frame) -> FramePaint {
    std::vector<FoundInstance> objects = predictor.predict(frame);
    std::vector<DrawnInstance> drawn = drawn_instances(objects, predictor.info().classes);
    const std::vector<int64_t> numbers = state->tracker.numbers_of(objects);
    for (size_t i = 0; i < drawn.size(); ++i)
      drawn[i].color = state->colors[static_cast<size_t>(numbers[i]) % state->colors.size()];
    return [opacity, found, objects = std::move(objects), drawn = std::move(drawn),
            index = state->frames++](Image shown) {
      shown = instance_overlay(std::move(shown), drawn, {.opacity = opacity});
      if (found) found(index, objects);
      return shown;
    };
  };
}

}  // namespace vitrail
