// An SSD as one graph: trunk, decoding, suppression; masks.h adds its branches.

#include "vitrail/base/text.h"
#include "vitrail/detect/anchors.h"
#include "vitrail/detect/predicted_maps.h"
#include "vitrail/graph/inlined.h"
#include "vitrail/graph/part.h"
#include "vitrail/predict/end_to_end/boxes.h"
#include "vitrail/predict/end_to_end/masks.h"
#include "vitrail/predict/end_to_end/whole.h"

namespace vitrail {
namespace {

class WholeSsd {
 public:
  WholeSsd(const Model& model, const SsdSystem& system, Extent size, const InstanceChoice& choice)
      : model_(model),
        system_(system),
        size_(size),
        choice_(choice),
        classes_(wanted_classes(choice, model.info)),
        e_(whole_.graph) {}

  Model build() {
    run_trunk();
    WholeOutputs outputs = choose(decoded_boxes());
    if (has_masks())
      outputs.masks = WholeMasks(model_, system_, size_, e_).of(outputs.boxes, outputs.classes, maps_);
    finish_whole(model_, size_, outputs, whole_);
    return std::move(whole_);
  }

 private:
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

  BoxColumns decoded_boxes() const {
    const auto wide = [](float v) { return static_cast<double>(v); };
    const CentredColumns anchors{.y = of_anchors([&](const Box& a) { return (wide(a.y1) + wide(a.y2)) / 2; }),
                                 .x = of_anchors([&](const Box& a) { return (wide(a.x1) + wide(a.x2)) / 2; }),
                                 .height = of_anchors([&](const Box& a) { return wide(a.y2) - wide(a.y1); }),
                                 .width = of_anchors([&](const Box& a) { return wide(a.x2) - wide(a.x1); })};
    return clipped(e_, decoded(e_, codes_, 2, anchors, system_.coding),
                   e_.number(static_cast<double>(size_.width)), e_.number(static_cast<double>(size_.height)));
  }

  /// [1, classes, A]: what may be chosen; below 0 what may not.
  Value scores_of(const BoxColumns& boxes) const {
    const Value all =
        system_.softmax_scores ? whole_.graph.add(op::Softmax{.axis = 2}, {logits_}) : e_.sigmoid(logits_);
    std::vector<int64_t> columns;
    for (const int64_t index : classes_)
      columns.push_back(index + 1);  // behind the background
    const Value wanted = e_.rows(all, e_.integers(columns), 2);
    const Value real = e_.where(large_enough(e_, boxes, 0), wanted, e_.number(-1));
    const int64_t most = system_.selection.before_suppression;
    return best_rows(e_, e_.transpose(real, {0, 2, 1}), most < count() ? most : 0, e_.integers({count()}));
  }

  WholeOutputs choose(const BoxColumns& boxes) const {
    const BoxSelection& s = system_.selection;
    const Chosen best = chosen(e_, suppression_boxes(e_, boxes, 2), scores_of(boxes), e_.integers({count()}),
                               s, std::max(s.score_threshold, choice_.least_score), most_objects(s, choice_));
    return {.boxes = e_.rows(e_.reshape(corners(e_, boxes, 2), {-1, 4}), best.row),
            .scores = best.score,
            .classes = e_.rows(e_.integers(classes_), best.group),
            .masks = {}};
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

}  // namespace

Model whole_ssd(const Model& model, const SsdSystem& system, Extent size, const InstanceChoice& choice) {
  return WholeSsd(model, system, size, choice).build();
}

}  // namespace vitrail
