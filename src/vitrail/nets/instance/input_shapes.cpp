#include "vitrail/nets/instance/input_shapes.h"

#include "vitrail/base/checked.h"

namespace vitrail {
namespace {

// Image pixels per cell of an input, where that is known.
int64_t stride_of(const Model& model, const std::string& input) {
  const auto* system = std::get_if<RcnnSystem>(&model.info.instance);
  if (system == nullptr || !system->voting()) return 1;
  if (input == "seeds") return system->voting_units.front().stride;
  for (const VotingUnit& unit : system->voting_units)
    if (input.starts_with(unit.name + ".")) return unit.stride;
  return 1;
}

}  // namespace

std::map<std::string, Shape> instance_input_shapes(const Model& model, int64_t height, int64_t width,
                                                   int64_t boxes) {
  const int64_t multiple = model.info.preprocessing.multiple;
  const Pair image{round_up(height, multiple), round_up(width, multiple)};
  std::map<std::string, Shape> shapes;
  for (const Input& input : model.graph.inputs()) {
    Shape shape = model.graph.shape(input.value);
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      if (shape[axis] >= 0) continue;
      shape[axis] = axis > 1                ? ceil_div(image[axis - 2], stride_of(model, input.name))
                    : input.name == "image" ? 1
                                            : boxes;
    }
    shapes[input.name] = shape;
  }
  return shapes;
}

}  // namespace vitrail
