#include "vitrail/detect/predicted_maps.h"

#include "vitrail/base/error.h"
#include "vitrail/graph/shape_inference.h"

namespace vitrail {
namespace {

constexpr const char* output_name = "box_codes";

[[noreturn]] void refuse(const char* found) {
  throw Error(ErrorKind::unsupported,
              {.where = output_name,
               .found = found,
               .allowed = "maps of codes, transposed, reshaped to rows and concatenated along them"});
}

Value output_of(const Graph& trunk) {
  for (const Output& output : trunk.outputs())
    if (output.name == output_name) return output.value;
  refuse("no such output");
}

/// What the node that makes `value` reads first, if that node is an `Operator`.
template <class Operator>
Value behind(const Graph& graph, Value value) {
  const Node* node = graph.producer_of(value);
  if (node == nullptr || !std::holds_alternative<Operator>(node->op)) refuse("another way to make rows");
  return node->inputs.at(0);
}

}  // namespace

std::vector<Extent> predicted_maps(const Graph& trunk, Extent image) {
  const Node* rows = trunk.producer_of(output_of(trunk));
  if (rows == nullptr || !std::holds_alternative<op::Concat>(rows->op)) refuse("no concatenation");
  if (trunk.inputs().size() != 1) refuse("a graph that has not one input");
  Shape input = trunk.shape(trunk.inputs()[0].value);
  if (input.size() != 4) refuse("an input that is no image");
  input[0] = 1;
  input[2] = image.height;
  input[3] = image.width;
  const ShapeTable shapes = infer_shapes(trunk, input);
  std::vector<Extent> maps;
  for (const Value level : rows->inputs) {
    const Value cells = behind<op::Reshape>(trunk, level);
    const Shape& map = shapes[behind<op::Transpose>(trunk, cells)];
    if (map.size() != 4) refuse("a map that is not N x C x H x W");
    maps.push_back({map[2], map[3]});
  }
  return maps;
}

}  // namespace vitrail
