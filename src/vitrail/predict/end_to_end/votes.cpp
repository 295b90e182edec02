#include "vitrail/predict/end_to_end/votes.h"

#include <limits>

#include "vitrail/graph/inlined.h"
#include "vitrail/graph/part.h"
#include "vitrail/predict/end_to_end/paste.h"
#include "vitrail/predict/rcnn_parts.h"

namespace vitrail {
namespace {

/// Whether any of a row is true: [n, P] -> [n, 1].
Value any_of(const Expressions& e, Value condition) {
  const Value most = e.graph().add(op::Reduce{.function = op::Reduce::Function::max, .axes = {1}},
                                   {e.cast(condition, DataType::f32)});
  return e.greater(most, e.number(0));
}

/// Cells whose centres lie in a box see it; a box between the cells is seen by the one nearest to its middle.
Spread seed_spread(const Expressions& e, Value cells, int64_t stride, Value from, Value to, int64_t values) {
  const double step = static_cast<double>(stride);
  const Value numbers = e.cast(e.up_to(cells), DataType::f32);
  const Value at = e.add(e.multiply(numbers, e.number(step)), e.number(0.5));
  Spread inside = spread(e, at, from, to, values);
  const Value middle = e.multiply(e.add(from, to), e.number(0.5));
  const Value nearest =
      e.floor(e.add(e.divide(e.subtract(middle, e.number(0.5)), e.number(step)), e.number(0.5)));
  const Value last = e.cast(e.subtract(cells, e.integer(1)), DataType::f32);
  const Value cell = e.unsqueeze(e.smaller(e.larger(nearest, e.number(0)), last), {1});
  inside.seen = e.either(inside.seen, e.both(e.negated(any_of(e, inside.seen)), e.equal(numbers, cell)));
  return inside;
}

/// [1, D + 1, h, w] on the first unit's map.
Value seeds(const Expressions& e, const RcnnSystem& system, const SeededObjects& objects,
            const Sides& input) {
  const int64_t stride = system.voting_units.front().stride;
  const Shape shape = e.graph().shape(objects.scores);
  const auto along = [&](Value side, Value from, Value to, int64_t values) {
    return seed_spread(e, e.divide(side, e.integer(stride)), stride, from, to, values);
  };
  const BoxColumns& b = objects.spare;
  return e.unsqueeze(pasted(e, objects.scores, along(input.height, b.y1, b.y2, shape.at(1)),
                            along(input.width, b.x1, b.x2, shape.at(2)), false),
                     {0});
}

/// The finest map, [1, D + 1, h, w], at every pixel of the picture: [D + 1, H, W]. Its cell i stands for
/// pixel stride * i.
Value enlarged(const Expressions& e, Value map, const PictureSides& sides) {
  const Value wide =
      e.graph().add(op::Resize{.mode = op::ResizeMode::linear, .coordinates = op::CoordinateMode::asymmetric},
                    {map, Value{}, e.concat({sides.input.height, sides.input.width}, 0)});
  const Value cut = e.graph().add(
      op::Slice{}, {wide, e.integers({0, 0}), e.concat({sides.picture.height, sides.picture.width}, 0),
                    e.integers({2, 3})});
  return e.graph().add(op::Squeeze{{0}}, {cut});
}

}  // namespace

Value voted_masks(const Expressions& e, const Model& model, const SeededObjects& objects,
                  const PictureSides& sides) {
  const auto& system = std::get<RcnnSystem>(model.info.instance);
  const Graph part = part_of(model.graph, {"mask_logits"});
  std::map<std::string, Value> inputs;
  for (const Input& input : part.inputs())
    inputs[input.name] = input.name == "seeds" ? seeds(e, system, objects, sides.input)
                                               : objects.said.at(voting_output(input.name));
  const Value logits = inlined(e.graph(), part, inputs).at(0);
  const Value found = e.rows(logits, e.numbered(objects.found.x1), 1);
  const Value at_rows = centres(e, sides.picture.height), at_columns = centres(e, sides.picture.width);
  return mask_of(
      e, enlarged(e, e.sigmoid(found), sides), between(e, at_rows, objects.found.y1, objects.found.y2),
      between(e, at_columns, objects.found.x1, objects.found.x2), {.threshold = system.mask_threshold});
}

}  // namespace vitrail
