// Mask R-CNN as one graph (SPEC 10): proposals, class and box of each, masks in crops or by votes.

#include <algorithm>

#include "vitrail/base/text.h"
#include "vitrail/graph/inlined.h"
#include "vitrail/graph/part.h"
#include "vitrail/predict/end_to_end/paste.h"
#include "vitrail/predict/end_to_end/proposals.h"
#include "vitrail/predict/end_to_end/votes.h"
#include "vitrail/predict/end_to_end/whole.h"
#include "vitrail/predict/rcnn_parts.h"

namespace vitrail {
namespace {

/// What was found: [D], and where in a picture.
struct Found {
  BoxColumns boxes;
  Value scores, classes;
};

class WholeRcnn {
 public:
  WholeRcnn(const Model& model, const RcnnSystem& system, Extent size, const InstanceChoice& choice)
      : model_(model),
        system_(system),
        size_(size),
        choice_(choice),
        classes_(wanted_classes(choice, model.info)),
        e_(whole_.graph) {}

  Model build() {
    check_levels();
    run_trunk();
    std::vector<ProposalRows> levels;
    for (const int64_t stride : system_.proposal_strides)
      levels.push_back({said_.at(cat("objectness_", stride)), said_.at(cat("rpn_codes_", stride))});
    const Found found = choose(whole_proposals(e_, levels, system_, sides_));
    finish_whole(model_, size_,
                 {.boxes = stacked(e_, found.boxes),
                  .scores = found.scores,
                  .classes = found.classes,
                  .masks = choice_.masks ? masks_of(found) : Value{}},
                 whole_);
    whole_.info.preprocessing.multiple = 1;  // the graph pads
    if (size_.height == 0)
      whole_.info.notes["end_to_end"] += cat("; pictures are resized to a short side of ", system_.short_side,
                                             ", a long one of at most ", system_.long_side);
    return std::move(whole_);
  }

 private:
  void check_levels() const {
    const std::vector<AnchorLevel>& levels = system_.anchors.levels;
    const bool fit =
        levels.size() == system_.proposal_strides.size() &&
        std::none_of(levels.begin(), levels.end(), [](const AnchorLevel& l) { return l.sizes.empty(); });
    if (!fit || levels.empty() || system_.strides.empty())
      refuse_whole(cat("anchors of ", levels.size(), " levels for ", system_.proposal_strides.size(),
                       " maps, crops of ", system_.strides.size()),
                   "anchors for each map that proposes boxes, and a map to crop");
  }

  void run_trunk() {
    const std::vector<std::string> names = rcnn_trunk_outputs(system_, choice_.masks);
    const Graph trunk = part_of(model_.graph, names);
    const auto channels = static_cast<int64_t>(model_.info.preprocessing.mean.size());
    const auto side = [](int64_t pixels) { return pixels > 0 ? pixels : -1; };
    const Value image = whole_.graph.input("image", {1, channels, side(size_.height), side(size_.width)});
    sides_.picture = {e_.size(image, 2), e_.size(image, 3)};
    const std::vector<Value> values =
        inlined(whole_.graph, trunk, {{trunk.inputs().at(0).name, padded(image)}});
    for (size_t i = 0; i < names.size(); ++i)
      said_[names[i]] = values[i];
    for (const int64_t stride : system_.strides)
      maps_.push_back(said_.at(cat("features_", stride)));
  }

  /// At bottom and right, to what the network's maps divide by.
  Value padded(Value image) {
    sides_.input = sides_.picture;
    const int64_t multiple = model_.info.preprocessing.multiple;
    if (multiple <= 1) return image;
    const auto whole = [&](Value side) {
      const Value parts = e_.divide(e_.add(side, e_.integer(multiple - 1)), e_.integer(multiple));
      return e_.multiply(parts, e_.integer(multiple));
    };
    sides_.input = {whole(sides_.picture.height), whole(sides_.picture.width)};
    const Value more = whole_.graph.add(op::Pad{.pads = {0, 0, multiple - 1, multiple - 1}}, {image});
    return whole_.graph.add(
        op::Slice{}, {more, e_.integers({0, 0}), e_.concat({sides_.input.height, sides_.input.width}, 0),
                      e_.integers({2, 3})});
  }

  /// Behind the boxes stands the whole picture: not every runtime computes with no crops at all.
  BoxColumns with_spare(const BoxColumns& boxes) const {
    const Value zero = e_.numbers({1}, {0});
    const auto behind = [&](Value column, Value spare) { return e_.concat({column, spare}, 0); };
    return {behind(boxes.x1, zero), behind(boxes.y1, zero),
            behind(boxes.x2, e_.cast(sides_.picture.width, DataType::f32)),
            behind(boxes.y2, e_.cast(sides_.picture.height, DataType::f32))};
  }

  Value in_order(Value rows, Value place) const { return place.exists() ? e_.rows(rows, place) : rows; }

  /// Indices into columns of which the background may have the first.
  Value wanted_columns(bool background) const {
    std::vector<int64_t> columns;
    for (const int64_t index : classes_)
      columns.push_back(index + (background ? 1 : 0));
    return e_.integers(columns);
  }

  void check_columns(Value value, int64_t expected, const char* what) const {
    if (const int64_t columns = e_.graph().shape(value).at(1); columns != expected)
      refuse_whole(cat(columns, " ", what, " for ", model_.info.classes.size(), " classes"), cat(expected),
                   "Name as many classes as the network has (--classes)");
  }

  int64_t all_classes() const { return std::ssize(model_.info.classes); }
  int64_t before_classes() const { return system_.background_columns ? 1 : 0; }

  /// Of each row the wanted classes' codes, [R, classes, 4]; [R, 1, 4] where all classes share a box.
  Value codes_of(Value said) const {
    const int64_t columns = system_.class_specific_boxes ? all_classes() + before_classes() : 1;
    check_columns(said, 4 * columns, "numbers of a box");
    const Value codes = e_.reshape(said, {-1, columns, 4});
    if (!system_.class_specific_boxes) return codes;
    return e_.rows(codes, wanted_columns(system_.background_columns), 1);
  }

  /// [R, classes]
  Value scores_of(Value logits) const {
    check_columns(logits, all_classes() + 1, "columns");
    return e_.rows(e_.graph().add(op::Softmax{.axis = 1}, {logits}), wanted_columns(true), 1);
  }

  Found choose(const WholeProposals& proposals) const {
    const BoxColumns rows = with_spare(proposals.boxes);
    const RoiCrops seen = roi_crops(e_, maps_, rows, system_, system_.box_crop, sides_.input);
    const std::vector<Value> said = inlined(e_.graph(), part_of(model_.graph, {"class_logits", "box_codes"}),
                                            {{"box_crops", seen.crops}});
    const Value logits = in_order(said[0], seen.place), codes = in_order(said[1], seen.place);
    const BoxColumns boxes = clipped(
        e_, decoded(e_, codes_of(codes), 2, unsqueezed(e_, centred(e_, rows), {1, 2}), system_.box_coding),
        e_.cast(sides_.picture.width, DataType::f32), e_.cast(sides_.picture.height, DataType::f32));
    const int64_t each = system_.class_specific_boxes ? std::ssize(classes_) : 1;
    const Value proposed = e_.unsqueeze(e_.less(e_.numbered(rows.x1), proposals.count), {1});
    const Value large = e_.reshape(large_enough(e_, boxes, system_.smallest_detection), {-1, each});
    const Value scores = e_.where(e_.both(proposed, large), scores_of(logits), e_.number(-1));
    return best_of(boxes, scores, e_.add(proposals.count, e_.integer(1)));
  }

  Found best_of(const BoxColumns& boxes, Value scores, Value rows) const {
    const bool own_boxes = system_.class_specific_boxes;
    const BoxSelection& s = system_.detections;
    const Value by_class = e_.unsqueeze(e_.transpose(scores, {1, 0}), {own_boxes ? 1 : 0});
    const Value candidates = e_.transpose(suppression_boxes(e_, boxes, 2), {1, 0, 2});
    const Chosen best = chosen(e_, candidates, best_rows(e_, by_class, s.before_suppression, rows), rows, s,
                               std::max(s.score_threshold, choice_.least_score), most_objects(s, choice_));
    const Value index =
        own_boxes ? e_.add(e_.multiply(best.row, e_.integer(std::ssize(classes_))), best.group) : best.row;
    return {.boxes = columns_of(e_, e_.rows(e_.reshape(corners(e_, boxes, 2), {-1, 4}), index)),
            .scores = best.score,
            .classes = e_.rows(e_.integers(classes_), best.group)};
  }

  Value masks_of(const Found& found) const {
    const BoxColumns rows = with_spare(found.boxes);
    const RoiCrops seen = roi_crops(e_, maps_, rows, system_, system_.mask_crop, sides_.input);
    const char* const name = system_.voting() ? "seed_logits" : "mask_logits";
    const Value said = inlined(e_.graph(), part_of(model_.graph, {name}), {{"mask_crops", seen.crops}}).at(0);
    const Value spare = e_.concat({found.classes, e_.integers({0})}, 0);
    const Value place = seen.place.exists() ? seen.place : e_.numbered(spare);
    if (!system_.voting()) return cropped_masks(found, said, place);
    const Value scores = of_class(said, place, spare, 1);
    return voted_masks(e_, model_, {.said = said_, .scores = scores, .spare = rows, .found = found.boxes},
                       sides_);
  }

  /// From [n, columns, m, m] for each class its own column of its row: [D, m, m]. `before`: columns in front.
  Value of_class(Value said, Value rows, Value classes, int64_t before) const {
    const Shape shape = e_.graph().shape(said);
    const Value column = e_.add(classes, e_.integer(before));
    const Value index = e_.add(e_.multiply(rows, e_.integer(shape.at(1))), column);
    return e_.rows(e_.reshape(said, {-1, shape.at(2), shape.at(3)}), index);
  }

  Value cropped_masks(const Found& found, Value said, Value place) const {
    const Shape shape = e_.graph().shape(said);
    const Value own = e_.rows(place, e_.numbered(found.classes));
    const bool specific = system_.class_specific_masks;
    check_columns(said, specific ? all_classes() + before_classes() : 1, "masks of an object");
    const Value logits = specific ? of_class(said, own, found.classes, before_classes())
                                  : e_.rows(e_.reshape(said, {-1, shape[2], shape[3]}), own);
    const auto along = [&](Value side, Value from, Value to, int64_t values) {
      const Value at = centres(e_, side);
      return system_.torchvision ? spread_in_whole_pixels(e_, at, from, to, values)
                                 : spread(e_, at, from, to, values);
    };
    return pasted_masks(e_, e_.sigmoid(logits),
                        along(sides_.picture.height, found.boxes.y1, found.boxes.y2, shape[2]),
                        along(sides_.picture.width, found.boxes.x1, found.boxes.x2, shape[3]),
                        {.threshold = system_.mask_threshold, .torchvision = system_.torchvision});
  }

  const Model& model_;
  const RcnnSystem& system_;
  Extent size_;
  InstanceChoice choice_;
  std::vector<int64_t> classes_;  ///< those that are wanted
  mutable Model whole_;
  Expressions e_;
  PictureSides sides_;
  std::map<std::string, Value> said_;  ///< the trunk's outputs
  std::vector<Value> maps_;            ///< that are cropped, by the system's strides
};

}  // namespace

Model whole_rcnn(const Model& model, const RcnnSystem& system, Extent size, const InstanceChoice& choice) {
  return WholeRcnn(model, system, size, choice).build();
}

}  // namespace vitrail
