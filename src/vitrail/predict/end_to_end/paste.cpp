#include "vitrail/predict/end_to_end/paste.h"

namespace vitrail {
namespace {

/// 0, 1, 2 ... with this shape.
Value counted(const Expressions& e, const Shape& shape, int64_t count) {
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i)
    values.push_back(static_cast<float>(i));
  return e.numbers(shape, values);
}

/// The weight of each value at each point: its distance taken from 1. `axis` is where the values stand, 1 or
/// 2.
Value weights(const Expressions& e, const Spread& spread, int64_t values, int64_t axis, bool fades) {
  const Value at = fades ? spread.position : e.clip(spread.position, 0, static_cast<double>(values - 1));
  const Shape places = axis == 1 ? Shape{1, values, 1} : Shape{1, 1, values};
  const Value distance = e.absolute(e.subtract(e.unsqueeze(at, {axis}), counted(e, places, values)));
  const Value weight = e.larger(e.subtract(e.number(1), distance), e.number(0));
  return e.multiply(weight, e.cast(e.unsqueeze(spread.seen, {axis}), DataType::f32));
}

Value cut(const Expressions& e, Value x) {
  return e.cast(e.cast(e.clip(x, -1e9, 1e9), DataType::i64), DataType::f32);
}

}  // namespace

Value centres(const Expressions& e, Value side) {
  return e.add(e.cast(e.up_to(side), DataType::f32), e.number(0.5));
}

Value between(const Expressions& e, Value at, Value from, Value to) {
  return e.both(e.greater_or_equal(at, e.unsqueeze(from, {1})), e.less(at, e.unsqueeze(to, {1})));
}

Spread spread(const Expressions& e, Value at, Value from, Value to, int64_t values) {
  const Value size = e.larger(e.subtract(to, from), e.number(1e-6));
  const Value scale = e.divide(e.number(static_cast<double>(values)), size);
  const Value along = e.multiply(e.subtract(at, e.unsqueeze(from, {1})), e.unsqueeze(scale, {1}));
  return {e.subtract(along, e.number(0.5)), between(e, at, from, to)};
}

Spread spread_in_whole_pixels(const Expressions& e, Value at, Value from, Value to, int64_t values) {
  const auto framed = static_cast<double>(values + 2);
  const float enlarged = static_cast<float>(values + 2) / static_cast<float>(values);
  const Value half =
      e.multiply(e.multiply(e.subtract(to, from), e.number(0.5)), e.number(static_cast<double>(enlarged)));
  const Value centre = e.multiply(e.add(to, from), e.number(0.5));
  const Value first = cut(e, e.subtract(centre, half)), last = cut(e, e.add(centre, half));
  const Value extent = e.larger(e.add(e.subtract(last, first), e.number(1)), e.number(1));
  const Value scale = e.divide(e.number(framed), extent);
  const Value along = e.multiply(e.subtract(at, e.unsqueeze(first, {1})), e.unsqueeze(scale, {1}));
  // The frame's first value stands before the mask's.
  return {e.subtract(along, e.number(1.5)), between(e, at, first, e.add(first, extent))};
}

Value pasted(const Expressions& e, Value values, const Spread& down, const Spread& across, bool fades) {
  const Shape shape = e.graph().shape(values);
  const Value rows = weights(e, down, shape.at(1), 2, fades),
              columns = weights(e, across, shape.at(2), 1, fades);
  return e.product(e.product(rows, values), columns);
}

Value mask_of(const Expressions& e, Value values, Value seen_down, Value seen_across,
              const PasteOptions& options) {
  const Value least = e.number(options.threshold);
  const Value set = options.torchvision ? e.greater(values, least) : e.greater_or_equal(values, least);
  const Value seen = e.both(e.unsqueeze(seen_down, {2}), e.unsqueeze(seen_across, {1}));
  return e.cast(e.both(set, seen), DataType::u8);
}

Value pasted_masks(const Expressions& e, Value values, const Spread& down, const Spread& across,
                   const PasteOptions& options) {
  const bool fades = options.fades || options.torchvision;
  return mask_of(e, pasted(e, values, down, across, fades), down.seen, across.seen, options);
}

}  // namespace vitrail
