#include "vitrail/predict/end_to_end/masks.h"

#include <map>

#include "vitrail/base/text.h"
#include "vitrail/detect/branches.h"
#include "vitrail/graph/inlined.h"
#include "vitrail/graph/part.h"
#include "vitrail/predict/end_to_end/paste.h"

namespace vitrail {
namespace {

constexpr double unit = branch_stride;

/// Of the boxes that fit the branch, those that it takes: the best `most`.
Value first_of(const Expressions& e, Value fits, int64_t most) {
  return e.both(fits, e.less(e.rank(fits), e.integer(most)));
}

}  // namespace

/// The cells that boxes touch, as numbers of cells; at least one.
BoxColumns WholeMasks::cells_of(const BoxColumns& b) const {
  const auto begin = [&](Value from, int64_t side) {
    return e_.clip(e_.floor(e_.divide(from, e_.number(unit))), 0, static_cast<double>(side) / unit - 1);
  };
  const auto end = [&](Value to, Value first, int64_t side) {
    return e_.clip(e_.larger(e_.ceil(e_.divide(to, e_.number(unit))), e_.add(first, e_.number(1))), 0,
                   static_cast<double>(side) / unit);
  };
  const Value x1 = begin(b.x1, size_.width), y1 = begin(b.y1, size_.height);
  return {x1, y1, end(b.x2, x1, size_.width), end(b.y2, y1, size_.height)};
}

/// For each branch which boxes are its own, as assign_branches() says: bool [D].
std::vector<Value> WholeMasks::fitting(const BoxColumns& cells) const {
  const Value height = e_.subtract(cells.y2, cells.y1), width = e_.subtract(cells.x2, cells.x1);
  const bool exact = system_.choice == SsdSystem::Choice::exact;
  Value none_yet = e_.greater(height, e_.number(0));  // true for all
  std::vector<Value> fits;
  for (size_t b = 0; b < system_.branches.size(); ++b) {
    const BranchSystem& branch = system_.branches[b];
    const Value h = e_.number(static_cast<double>(branch.height)),
                w = e_.number(static_cast<double>(branch.width));
    const bool rest = exact && branch.resizes && b + 1 == system_.branches.size();
    Value own = none_yet;
    if (system_.choice != SsdSystem::Choice::single && !rest)
      own = e_.both(none_yet, exact ? e_.both(e_.equal(height, h), e_.equal(width, w))
                                    : e_.both(e_.greater_or_equal(height, h), e_.greater_or_equal(width, w)));
    none_yet = e_.both(none_yet, e_.negated(own));
    fits.push_back(own);
  }
  return fits;
}

Value WholeMasks::resized_crop(Value map, int64_t stride, Pair grid, const BoxColumns& regions) const {
  const auto scale = [&](int64_t side) {
    return e_.number((static_cast<double>(side / stride) - 1) / static_cast<double>(side));
  };
  return pooled_crop(e_, map, regions, grid, scale(size_.height), scale(size_.width));
}

Value WholeMasks::crop(Value map, int64_t stride, const BranchSystem& branch,
                       const BoxColumns& regions) const {
  const int64_t times = branch_stride / stride;
  const Pair grid{branch.height * times, branch.width * times};
  if (branch.resizes && !system_.encompassing) return resized_crop(map, stride, grid, regions);
  const Value exact = e_.graph().add(op::RoiAlign{.height = grid[0],
                                                  .width = grid[1],
                                                  .sampling_ratio = 1,
                                                  .spatial_scale = 1 / static_cast<double>(stride)},
                                     {map, stacked(e_, regions), first_image(e_, regions)});
  if (!branch.resizes) return exact;
  const auto spans = [&](Value from, Value to, int64_t cells) {
    return e_.equal(e_.subtract(to, from), e_.number(unit * static_cast<double>(cells)));
  };
  const Value fits =
      e_.both(spans(regions.y1, regions.y2, branch.height), spans(regions.x1, regions.x2, branch.width));
  return e_.where(e_.reshape(fits, {-1, 1, 1, 1}), exact, resized_crop(map, stride, grid, regions));
}

/// Shares of the parts of [begin, end) that [from, to) covers: [n, parts].
Value WholeMasks::covered(Value from, Value to, Value begin, Value end, int64_t parts) const {
  std::vector<float> starts;
  for (int64_t i = 0; i < parts; ++i)
    starts.push_back(static_cast<float>(i));
  const Value step =
      e_.unsqueeze(e_.multiply(e_.subtract(end, begin), e_.number(1 / static_cast<double>(parts))), {1});
  const Value low = e_.add(e_.unsqueeze(begin, {1}), e_.multiply(step, e_.numbers({1, parts}, starts)));
  const Value overlap = e_.subtract(e_.smaller(e_.unsqueeze(to, {1}), e_.add(low, step)),
                                    e_.larger(e_.unsqueeze(from, {1}), low));
  return e_.divide(e_.larger(overlap, e_.number(0)), step);
}

Value WholeMasks::coverage(const BoxColumns& boxes, const BoxColumns& regions, Pair grid) const {
  const Value down = covered(boxes.y1, boxes.y2, regions.y1, regions.y2, grid[0]);
  const Value across = covered(boxes.x1, boxes.x2, regions.x1, regions.x2, grid[1]);
  return e_.multiply(e_.unsqueeze(down, {1, 3}), e_.unsqueeze(across, {1, 2}));
}

/// Logits [n, 1, h, w].
Value WholeMasks::branch_masks(const BranchSystem& branch, const BoxColumns& boxes, const BoxColumns& regions,
                               Value classes, const std::vector<Value>& maps) const {
  std::map<std::string, Value> inputs;
  for (size_t i = 0; i < maps.size(); ++i)
    inputs[cat(branch.name, ".crop_", system_.crop_strides[i])] =
        crop(maps[i], system_.crop_strides[i], branch, regions);
  if (system_.box_conditioned) {
    const int64_t times = branch_stride / system_.crop_strides.back();
    inputs[branch.name + ".crop_box"] =
        coverage(boxes, regions, {branch.height * times, branch.width * times});
  }
  const Value said = inlined(e_.graph(), part_of(model_.graph, {branch.name + ".masks"}), inputs).at(0);
  const Shape shape = e_.graph().shape(said);
  if (shape[1] == 1) return said;
  const Value rows = e_.add(e_.multiply(e_.numbered(classes), e_.integer(shape[1])), classes);
  return e_.unsqueeze(e_.rows(e_.reshape(said, {-1, shape[2], shape[3]}), rows), {1});
}

Value WholeMasks::pasted(Value masks, const BoxColumns& boxes, const BoxColumns& regions) const {
  const Shape shape = e_.graph().shape(masks);
  const auto along = [&](Value from, Value to, Value low, Value high, int64_t side, int64_t values) {
    const Value at = centres(e_, e_.integers({side}));
    return Spread{spread(e_, at, from, to, values).position, between(e_, at, low, high)};
  };
  const Spread down = along(regions.y1, regions.y2, boxes.y1, boxes.y2, size_.height, shape[2]);
  const Spread across = along(regions.x1, regions.x2, boxes.x1, boxes.x2, size_.width, shape[3]);
  return pasted_masks(e_, e_.reshape(masks, {-1, shape[2], shape[3]}), down, across,
                      {.threshold = system_.mask_threshold, .fades = false});
}

Value WholeMasks::of(Value found_boxes, Value found_classes, const std::vector<Value>& maps) {
  // Behind the boxes stands one that no branch takes, so that there is always something to crop.
  const Value boxes = e_.concat({found_boxes, e_.numbers({1, 4}, {0, 0, static_cast<float>(size_.width),
                                                                  static_cast<float>(size_.height)})},
                                0);
  const Value classes = e_.concat({found_classes, e_.integers({0})}, 0);
  const Value found = e_.numbered(found_classes);
  const Value real = e_.less(e_.numbered(classes), e_.count(e_.equal(found, found)));
  const BoxColumns all = columns_of(e_, boxes), cells = cells_of(all);
  const auto pixels = [&](Value cell) { return e_.multiply(cell, e_.number(unit)); };
  const BoxColumns regions = system_.encompassing ? BoxColumns{pixels(cells.x1), pixels(cells.y1),
                                                               pixels(cells.x2), pixels(cells.y2)}
                                                  : all;
  const std::vector<Value> fits = fitting(cells);
  std::vector<Value> parts;
  Value before = e_.integers({0}), place, any;
  for (size_t b = 0; b < fits.size(); ++b) {
    const BranchSystem& branch = system_.branches[b];
    const Taken own_rows = taken(e_, first_of(e_, e_.both(fits[b], real), branch.most_boxes));
    const BoxColumns own = some_of(e_, all, own_rows.indices), seen = some_of(e_, regions, own_rows.indices);
    const Value masks = branch_masks(branch, own, seen, e_.rows(classes, own_rows.indices), maps);
    parts.push_back(pasted(masks, own, seen));
    const Value here = e_.where(own_rows.whether, e_.add(own_rows.rank, before), e_.integer(0));
    place = place.exists() ? e_.add(place, here) : here;
    any = any.exists() ? e_.either(any, own_rows.whether) : own_rows.whether;
    before = e_.add(before, own_rows.count);
  }
  // Boxes that no branch takes have the empty mask behind all others.
  parts.push_back(e_.graph().add(op::ConstantOfShape{Tensor::zeros(DataType::u8, {1})},
                                 {e_.integers({1, size_.height, size_.width})}));
  return e_.rows(e_.concat(parts, 0), e_.rows(e_.where(any, place, before), found));
}

}  // namespace vitrail
