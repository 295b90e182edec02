#include "vitrail/base/text.h"
#include "vitrail/engine/passes/passes.h"

namespace vitrail::engine_detail {
namespace {

const std::vector<int64_t> swap_last = {0, 2, 1}, to_pixels = {0, 2, 3, 1}, to_planes = {0, 3, 1, 2};

bool transposes(const Layer& layer, const std::vector<int64_t>& permutation) {
  const auto* transpose = std::get_if<op::Transpose>(&layer.op);
  return transpose != nullptr && transpose->permutation == permutation;
}

bool reshapes(const Layer& layer) {
  return std::holds_alternative<op::Reshape>(layer.op) || std::holds_alternative<op::Flatten>(layer.op) ||
         std::holds_alternative<op::Squeeze>(layer.op) || std::holds_alternative<op::Unsqueeze>(layer.op);
}

// [N,C,H,W] and [N,C,H W]
bool joins_pixels(const Shape& map, const Shape& sequence) {
  return map.size() == 4 && sequence.size() == 3 && map[0] == sequence[0] && map[1] == sequence[1] &&
         map[2] * map[3] == sequence[2];
}

// `first` and `second`, of which only `second` reads `first`, in the other order: `between` is the new value
// from the one to the other.
void exchange(Network& network, Layer& first, Layer& second, const Op& first_op, const Op& second_op,
              Shape between) {
  const ValueId value = network.add_value(cat(first.name, ".exchanged"), std::move(between));
  network.value(value).type = network.value(second.output).type;
  first.op = first_op;
  first.inputs = {first.inputs[0]};
  first.output = value;
  second.op = second_op;
  second.inputs = {value};
}

}  // namespace

void free_transposes(Network& network) {
  const std::vector<int64_t> uses = use_counts(network), maker = producers(network);
  for (Layer& second : network.layers) {
    if (second.inputs.empty() || second.inputs[0] == no_value) continue;
    const auto between = static_cast<size_t>(second.inputs[0]);
    if (between >= maker.size() || maker[between] < 0 || uses[between] != 1) continue;
    Layer& first = network.layers[static_cast<size_t>(maker[between])];
    const Shape before = network.shape(first.inputs[0]), middle = network.shape(second.inputs[0]),
                after = network.shape(second.output);
    if (reshapes(first) && transposes(second, swap_last) && joins_pixels(before, middle))
      exchange(network, first, second, op::Transpose{to_pixels}, op::Reshape{},
               {before[0], before[2], before[3], before[1]});
    else if (transposes(first, swap_last) && reshapes(second) && joins_pixels(after, middle))
      exchange(network, first, second, op::Reshape{}, op::Transpose{to_planes},
               {after[0], after[2], after[3], after[1]});
  }
}

}  // namespace vitrail::engine_detail
