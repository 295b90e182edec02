#include "vitrail/predict/end_to_end.h"

#include <algorithm>
#include <numeric>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/detect/anchors.h"
#include "vitrail/detect/branches.h"
#include "vitrail/detect/predicted_maps.h"
#include "vitrail/graph/expressions.h"
#include "vitrail/graph/inlined.h"
#include "vitrail/graph/part.h"
#include "vitrail/predict/instance_joins.h"
#include "vitrail/predict/whole_masks.h"
#include "vitrail/quantize/fold_batch_norm.h"

namespace vitrail {
namespace {

/// Columns [1, A, 1] of boxes.
struct Corners {
  Value x1, y1, x2, y2;
};

class Whole {
 public:
  Whole(const Model& model, const SsdSystem& system, Extent size, const InstanceChoice& choice)
      : model_(model), system_(system), size_(size), choice_(choice), e_(whole_.graph) {
    classes_ = choice.classes;
    std::sort(classes_.begin(), classes_.end());
    classes_.erase(std::unique(classes_.begin(), classes_.end()), classes_.end());
    if (classes_.empty()) {
      classes_.resize(model.info.classes.size());
      std::iota(classes_.begin(), classes_.end(), 0);
    }
  }

  Model build() {
    run_trunk();
    const Corners corners = decoded();
    const Chosen chosen = choose(corners);
    Graph& graph = whole_.graph;
    graph.output("boxes", chosen.boxes);
    graph.output("scores", chosen.scores);
    graph.output("classes", chosen.classes);
    if (has_masks()) {
      WholeMasks masks(model_, system_, size_, e_);
      graph.output("masks", masks.of(chosen.boxes, chosen.classes, maps_));
    }
    whole_.weights = weights_of(graph, model_.weights);
    describe();
    return std::move(whole_);
  }

 private:
  struct Chosen {
    Value boxes, scores, classes;
  };

  bool has_masks() const { return choice_.masks && !system_.branches.empty(); }

  void run_trunk() {
    std::vector<std::string> names = {"box_codes", "class_logits"};
    if (has_masks())
      for (const int64_t stride : system_.crop_strides)
        names.push_back(cat("features_", stride));
    const Graph trunk = part_of(model_.graph, names);
    const auto channels = static_cast<int64_t>(model_.info.preprocessing.mean.size());
    const Value image = whole_.graph.input("image", {1, channels, size_.height, size_.width});
    maps_ = inlined(whole_.graph, trunk, {{trunk.inputs().at(0).name, image}});
    codes_ = maps_[0];
    logits_ = maps_[1];
    maps_.erase(maps_.begin(), maps_.begin() + 2);
    anchors_ = anchors_of(system_.anchors, predicted_maps(trunk, size_), size_);
  }

  /// A number for each anchor, [1, A, 1].
  template <class Function>
  Value of_anchors(const Function& function) const {
    std::vector<float> values;
    for (const Box& anchor : anchors_)
      values.push_back(static_cast<float>(function(anchor)));
    return e_.numbers({1, count(), 1}, values);
  }

  int64_t count() const { return static_cast<int64_t>(anchors_.size()); }

  /// Centre and half the side along one axis, whose codes are columns `at` and 2 + `at`.
  template <class Low, class High>
  std::array<Value, 2> decoded_axis(int64_t at, double image_side, const Low& low, const High& high) const {
    const std::array<double, 4>& scales = system_.coding.scales;
    const auto column = [&](int64_t i) { return e_.part(codes_, 2, i, i + 1); };
    const double centre_scale = scales[static_cast<size_t>(at)],
                 size_scale = scales[static_cast<size_t>(2 + at)];
    const Value side = of_anchors([&](const Box& a) { return (high(a) - low(a)) / centre_scale; });
    const Value middle = of_anchors([&](const Box& a) { return (high(a) + low(a)) / 2; });
    const Value centre = e_.add(e_.multiply(column(at), side), middle);
    const Value log = e_.smaller(e_.multiply(column(2 + at), e_.number(1 / size_scale)),
                                 e_.number(system_.coding.largest_log));
    const Value half =
        e_.multiply(e_.exp(log), of_anchors([&](const Box& a) { return (high(a) - low(a)) / 2; }));
    return {e_.clip(e_.subtract(centre, half), 0, image_side), e_.clip(e_.add(centre, half), 0, image_side)};
  }

  Corners decoded() const {
    const int64_t y = system_.coding.y_first ? 0 : 1, x = 1 - y;
    const auto wide = [](float v) { return static_cast<double>(v); };
    const auto [y1, y2] = decoded_axis(
        y, static_cast<double>(size_.height), [&](const Box& a) { return wide(a.y1); },
        [&](const Box& a) { return wide(a.y2); });
    const auto [x1, x2] = decoded_axis(
        x, static_cast<double>(size_.width), [&](const Box& a) { return wide(a.x1); },
        [&](const Box& a) { return wide(a.x2); });
    return {x1, y1, x2, y2};
  }

  /// [1, classes, A]: what may be chosen; below 0 what may not.
  Value scores(const Corners& c) const {
    const Value all = system_.softmax_scores ? whole_.graph.add(op::Softmax{.axis = 2}, {logits_})
                                             : whole_.graph.add(op::Sigmoid{}, {logits_});
    std::vector<int64_t> columns;
    for (const int64_t index : classes_)
      columns.push_back(index + 1);  // behind the background
    const Value wanted = e_.rows(all, e_.integers(columns), 2);
    const Value area = e_.smaller(e_.subtract(c.x2, c.x1), e_.subtract(c.y2, c.y1));
    const Value real = e_.where(e_.greater(area, e_.number(0)), wanted, e_.number(-1));
    const Value by_class = whole_.graph.add(op::Transpose{{0, 2, 1}}, {real});
    const int64_t most = system_.selection.before_suppression;
    if (most <= 0 || most >= count()) return by_class;
    const Value best = whole_.graph.add(op::TopK{.part = op::TopK::Part::values, .axis = 2},
                                        {by_class, e_.integers({most})});
    return e_.where(e_.less(by_class, e_.part(best, 2, most - 1, most)), e_.number(-1), by_class);
  }

  Chosen choose(const Corners& c) const {
    const BoxSelection& s = system_.selection;
    const Value by_class = scores(c);
    const Value kept =
        whole_.graph.add(op::NonMaxSuppression{},
                         {e_.concat({c.y1, c.x1, c.y2, c.x2}, 2), by_class,
                          e_.integer(s.per_class > 0 ? s.per_class : count()), e_.number(s.iou_threshold),
                          e_.number(std::max(s.score_threshold, choice_.least_score))});
    const auto column = [&](int64_t i) { return e_.reshape(e_.part(kept, 1, i, i + 1), {-1}); };
    const Value class_of = column(1), row_of = column(2);
    const Value place = e_.add(e_.multiply(class_of, e_.integer(count())), row_of);
    const Value score_of = e_.rows(e_.reshape(by_class, {-1}), place);
    // All of them, as far as the scores tell: so nothing takes their number for known before they are.
    Value most = e_.count(e_.greater(score_of, e_.number(-1)));
    int64_t total = s.total;
    if (choice_.most > 0) total = total > 0 ? std::min(total, choice_.most) : choice_.most;
    if (total > 0) most = e_.smaller(most, e_.integers({total}));
    const Value best = e_.top_indices(score_of, most);
    const Value corners = e_.reshape(e_.concat({c.x1, c.y1, c.x2, c.y2}, 2), {-1, 4});
    return {.boxes = e_.rows(corners, e_.rows(row_of, best)),
            .scores = e_.top_values(score_of, most),
            .classes = e_.rows(e_.integers(classes_), e_.rows(class_of, best))};
  }

  void describe() {
    whole_.info = model_.info;
    whole_.info.preprocessing.height = size_.height;
    whole_.info.preprocessing.width = size_.width;
    whole_.info.instance = {};
    whole_.info.notes["end_to_end"] =
        cat("boxes [D,4] (x1, y1, x2, y2 in pixels of the input), scores [D], classes [D]",
            has_masks() ? ", masks [D,H,W]" : "");
  }

  const Model& model_;
  const SsdSystem& system_;
  Extent size_;
  InstanceChoice choice_;
  std::vector<int64_t> classes_;  ///< those that are wanted
  mutable Model whole_;
  Expressions e_;
  Value codes_, logits_;
  std::vector<Value> maps_;  ///< that are cropped, by the system's crop_strides
  std::vector<Box> anchors_;
};

[[noreturn]] void refuse(const std::string& found, const std::string& allowed, const std::string& next = "") {
  throw Error(ErrorKind::unsupported,
              {.where = "export from end to end", .found = found, .allowed = allowed, .next = next});
}

}  // namespace

Model end_to_end(const Model& model, Pair size, const InstanceChoice& choice) {
  const auto* system = std::get_if<SsdSystem>(&model.info.instance);
  if (system == nullptr)
    refuse(model.info.task == Task::instance ? "a network of region proposals"
                                             : "a semantic segmentation network",
           "an SSD, with or without branches",
           "Export it without --end-to-end: then it is in documented parts");
  if (system->from_anchors) refuse("crops taken from anchors", "crops of the boxes themselves");
  if (size[0] == 0) size = {model.info.preprocessing.height, model.info.preprocessing.width};
  const bool masks = choice.masks && !system->branches.empty();
  if (size[0] < 1 || size[1] < 1 || (masks && (size[0] % branch_stride != 0 || size[1] % branch_stride != 0)))
    refuse(cat("an input of ", size[0], "x", size[1]), "sides that are multiples of 32",
           "Say it: --input HEIGHTxWIDTH");
  check_choice(choice, model.info);
  // Folded here, in double: a runtime that folds in float loses digits where statistics are large.
  const Model flat = folded(model);
  return Whole(flat, *system, {size[0], size[1]}, choice).build();
}

}  // namespace vitrail
