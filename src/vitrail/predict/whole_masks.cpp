#include "vitrail/predict/whole_masks.h"

#include <map>

#include "vitrail/base/text.h"
#include "vitrail/detect/branches.h"
#include "vitrail/graph/inlined.h"
#include "vitrail/graph/part.h"

namespace vitrail {
namespace {

constexpr double unit = branch_stride;

/// 0.5, 1.5, 2.5 ...
std::vector<float> centres(int64_t count) {
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i)
    values.push_back(static_cast<float>(i) + 0.5f);
  return values;
}

}  // namespace

WholeMasks::Columns WholeMasks::columns_of(Value boxes) const {
  const auto column = [&](int64_t i) { return e_.reshape(e_.part(boxes, 1, i, i + 1), {-1}); };
  return {column(0), column(1), column(2), column(3)};
}

WholeMasks::Columns WholeMasks::some(const Columns& all, Value indices) const {
  return {e_.rows(all.x1, indices), e_.rows(all.y1, indices), e_.rows(all.x2, indices),
          e_.rows(all.y2, indices)};
}

/// The cells that boxes touch, as numbers of cells; at least one.
WholeMasks::Columns WholeMasks::cells_of(const Columns& b) const {
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
std::vector<Value> WholeMasks::fitting(const Columns& cells) const {
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

WholeMasks::Taken WholeMasks::taken_by(Value fits, int64_t most) const {
  Taken taken;
  taken.rank = e_.rank(fits);
  taken.whether = e_.both(fits, e_.less(taken.rank, e_.integer(most)));
  // Not every runtime computes with no crops at all: a branch without boxes gets one whose mask nobody reads.
  taken.count = e_.larger(e_.count(taken.whether), e_.integers({1}));
  const Value order = e_.cast(e_.numbered(taken.rank), DataType::f32);
  const Value first = e_.where(taken.whether, e_.subtract(e_.number(0), order), e_.number(-1e9));
  taken.indices = e_.top_indices(first, taken.count);
  return taken;
}

Value WholeMasks::rois(const Columns& b) const {
  return e_.concat(
      {e_.unsqueeze(b.x1, {1}), e_.unsqueeze(b.y1, {1}), e_.unsqueeze(b.x2, {1}), e_.unsqueeze(b.y2, {1})},
      1);
}

/// TensorFlow's crop of twice the size, one sample at each of its cells, the largest of each 2 x 2:
/// RoiAlign's samples lie in the middle of its bins, so its boxes begin half a bin before the first sample.
Value WholeMasks::pooled_crop(Value map, int64_t stride, Pair grid, const Columns& regions) const {
  const auto axis = [&](Value from, Value to, int64_t side, int64_t cells) {
    const double samples = static_cast<double>(2 * cells);
    const double scale = (static_cast<double>(side / stride) - 1) / static_cast<double>(side);
    const Value step = e_.multiply(e_.subtract(to, from), e_.number(scale / (samples - 1)));
    const Value first = e_.add(e_.multiply(from, e_.number(scale)), e_.number(0.5));
    const Value begin = e_.subtract(first, e_.multiply(step, e_.number(0.5)));
    return std::pair{begin, e_.add(begin, e_.multiply(step, e_.number(samples)))};
  };
  const auto [x1, x2] = axis(regions.x1, regions.x2, size_.width, grid[1]);
  const auto [y1, y2] = axis(regions.y1, regions.y2, size_.height, grid[0]);
  const Value sampled =
      e_.graph().add(op::RoiAlign{.height = 2 * grid[0], .width = 2 * grid[1], .sampling_ratio = 1},
                     {map, rois({x1, y1, x2, y2}), e_.cast(e_.multiply(x1, e_.number(0)), DataType::i64)});
  return e_.graph().add(op::MaxPool{}, {sampled});
}

Value WholeMasks::crop(Value map, int64_t stride, const BranchSystem& branch, const Columns& regions) const {
  const int64_t times = branch_stride / stride;
  const Pair grid{branch.height * times, branch.width * times};
  if (branch.resizes && !system_.encompassing) return pooled_crop(map, stride, grid, regions);
  const Value image = e_.cast(e_.multiply(regions.x1, e_.number(0)), DataType::i64);
  const Value exact = e_.graph().add(op::RoiAlign{.height = grid[0],
                                                  .width = grid[1],
                                                  .sampling_ratio = 1,
                                                  .spatial_scale = 1 / static_cast<double>(stride)},
                                     {map, rois(regions), image});
  if (!branch.resizes) return exact;
  const auto spans = [&](Value from, Value to, int64_t cells) {
    return e_.equal(e_.subtract(to, from), e_.number(unit * static_cast<double>(cells)));
  };
  const Value fits =
      e_.both(spans(regions.y1, regions.y2, branch.height), spans(regions.x1, regions.x2, branch.width));
  return e_.where(e_.reshape(fits, {-1, 1, 1, 1}), exact, pooled_crop(map, stride, grid, regions));
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

Value WholeMasks::coverage(const Columns& boxes, const Columns& regions, Pair grid) const {
  const Value down = covered(boxes.y1, boxes.y2, regions.y1, regions.y2, grid[0]);
  const Value across = covered(boxes.x1, boxes.x2, regions.x1, regions.x2, grid[1]);
  return e_.multiply(e_.unsqueeze(down, {1, 3}), e_.unsqueeze(across, {1, 2}));
}

/// Logits [n, 1, h, w].
Value WholeMasks::branch_masks(const BranchSystem& branch, const Columns& boxes, const Columns& regions,
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

/// Which pixels of a side have their centre in [low, high): bool [n, side].
Value WholeMasks::inside(Value low, Value high, int64_t side) const {
  const Value at = e_.numbers({1, side}, centres(side));
  return e_.both(e_.greater_or_equal(at, e_.unsqueeze(low, {1})), e_.less(at, e_.unsqueeze(high, {1})));
}

/// The whole picture as a box in each mask: RoiAlign then samples the mask at the centre of every pixel.
Value WholeMasks::pasted(Value masks, const Columns& boxes, const Columns& regions) const {
  const Shape shape = e_.graph().shape(masks);
  const auto axis = [&](Value from, Value to, int64_t side, int64_t cells) {
    const Value scale = e_.divide(e_.number(static_cast<double>(cells)), e_.subtract(to, from));
    const Value begin = e_.multiply(e_.subtract(e_.number(0), from), scale);
    return std::pair{begin, e_.add(begin, e_.multiply(scale, e_.number(static_cast<double>(side))))};
  };
  const auto [x1, x2] = axis(regions.x1, regions.x2, size_.width, shape[3]);
  const auto [y1, y2] = axis(regions.y1, regions.y2, size_.height, shape[2]);
  const Value logits =
      e_.graph().add(op::RoiAlign{.height = size_.height, .width = size_.width, .sampling_ratio = 1},
                     {masks, rois({x1, y1, x2, y2}), e_.numbered(x1)});
  const Value set = e_.greater_or_equal(e_.reshape(logits, {-1, size_.height, size_.width}),
                                        e_.number(system_.mask_threshold));
  const Value rows = e_.unsqueeze(inside(boxes.y1, boxes.y2, size_.height), {2});
  const Value columns = e_.unsqueeze(inside(boxes.x1, boxes.x2, size_.width), {1});
  return e_.cast(e_.both(e_.both(set, rows), columns), DataType::u8);
}

Value WholeMasks::of(Value found_boxes, Value found_classes, const std::vector<Value>& maps) {
  // Behind the boxes stands one that no branch takes, so that there is always something to crop.
  const Value boxes = e_.concat({found_boxes, e_.numbers({1, 4}, {0, 0, static_cast<float>(size_.width),
                                                                  static_cast<float>(size_.height)})},
                                0);
  const Value classes = e_.concat({found_classes, e_.integers({0})}, 0);
  const Value found = e_.numbered(found_classes);
  const Value real = e_.less(e_.numbered(classes), e_.count(e_.equal(found, found)));
  const Columns all = columns_of(boxes), cells = cells_of(all);
  const auto pixels = [&](Value cell) { return e_.multiply(cell, e_.number(unit)); };
  const Columns regions =
      system_.encompassing ? Columns{pixels(cells.x1), pixels(cells.y1), pixels(cells.x2), pixels(cells.y2)}
                           : all;
  const std::vector<Value> fits = fitting(cells);
  std::vector<Value> parts;
  Value before = e_.integers({0}), place, any;
  for (size_t b = 0; b < fits.size(); ++b) {
    const BranchSystem& branch = system_.branches[b];
    const Taken taken = taken_by(e_.both(fits[b], real), branch.most_boxes);
    const Columns own = some(all, taken.indices), seen = some(regions, taken.indices);
    const Value masks = branch_masks(branch, own, seen, e_.rows(classes, taken.indices), maps);
    parts.push_back(pasted(masks, own, seen));
    const Value here = e_.where(taken.whether, e_.add(taken.rank, before), e_.integer(0));
    place = place.exists() ? e_.add(place, here) : here;
    any = any.exists() ? e_.either(any, taken.whether) : taken.whether;
    before = e_.add(before, taken.count);
  }
  // Boxes that no branch takes have the empty mask behind all others.
  parts.push_back(e_.graph().add(op::ConstantOfShape{Tensor::zeros(DataType::u8, {1})},
                                 {e_.integers({1, size_.height, size_.width})}));
  return e_.rows(e_.concat(parts, 0), e_.rows(e_.where(any, place, before), found));
}

}  // namespace vitrail
