#include "vitrail/onnx/computed_convolution.h"

#include <set>

#include "vitrail/base/text.h"
#include "vitrail/onnx/composing.h"

namespace vitrail::onnx_files {
namespace {

constexpr int64_t kMostTaps = 1024;

// What one tap of the kernel sees, [N, C, rows, columns].
Operand seen_by(const Composing& c, const op::Conv& conv, const Operand& x, const Pair& tap,
                const Pair& kernel) {
  std::vector<int64_t> starts, ends;
  for (size_t d = 0; d < 2; ++d) {
    starts.push_back(tap[d] * conv.dilations[d]);
    const int64_t beyond = (kernel[d] - 1 - tap[d]) * conv.dilations[d];
    ends.push_back(beyond == 0 ? int64_t{1} << 40 : -beyond);
  }
  const std::vector<int64_t> steps{conv.strides[0], conv.strides[1]};
  return c.node.add(op::Slice{}, {x, c.node.numbers(starts), c.node.numbers(ends), c.node.numbers({2, 3}),
                                  c.node.numbers(steps)});
}

}  // namespace

bool depends_on_inputs(const Graph& graph, const Operand& operand) {
  const auto* value = std::get_if<Value>(&operand);
  if (value == nullptr || !value->exists()) return false;
  std::vector<Value> open{*value};
  std::set<int32_t> seen;
  while (!open.empty()) {
    const Value next = open.back();
    open.pop_back();
    if (!next.exists() || !seen.insert(next.id).second || graph.parameter_of(next) != nullptr) continue;
    const Node* maker = graph.producer_of(next);
    if (maker == nullptr) return true;
    if (std::holds_alternative<op::ShapeOf>(maker->op)) continue;
    open.insert(open.end(), maker->inputs.begin(), maker->inputs.end());
  }
  return false;
}

Operand convolved_by_computed(NodeImport& node, const op::Conv& conv, const std::vector<Operand>& inputs) {
  const Composing c{node};
  const Shape weight = node.shape(inputs[1]);
  const Pair kernel{weight[2], weight[3]};
  if (weight[1] < 0 || kernel[0] < 0 || kernel[1] < 0)
    throw Unsupported{"a kernel that is computed and of open size"};
  if (kernel[0] * kernel[1] > kMostTaps)
    throw Unsupported{cat("a kernel that is computed, of ", kernel[0], "x", kernel[1])};
  if (conv.auto_pad == AutoPad::same_upper || conv.auto_pad == AutoPad::same_lower)
    throw Unsupported{"a kernel that is computed, and SAME padding"};
  const Operand x = node.add(op::Pad{.pads = conv.pads}, {inputs[0]});
  std::vector<Operand> windows;  // [N, groups, C / groups, pixels] each
  Operand first = x;
  for (int64_t row = 0; row < kernel[0]; ++row)
    for (int64_t column = 0; column < kernel[1]; ++column) {
      const Operand seen = seen_by(c, conv, x, {row, column}, kernel);
      if (windows.empty()) first = seen;
      windows.push_back(c.reshape(seen, {0, conv.group, weight[1], -1}));
    }
  const Operand unfolded = windows.size() == 1 ? windows[0] : node.add(op::Concat{.axis = 2}, windows);
  const Operand taps_first = node.add(op::Transpose{.permutation = {0, 2, 3, 1}}, {inputs[1]});
  const Operand matrix = c.reshape(taps_first, {conv.group, -1, kernel[0] * kernel[1] * weight[1]});
  const Operand product = node.add(op::MatMul{}, {matrix, unfolded});  // [N, groups, M / groups, pixels]
  const Operand made =
      c.reshape(product, c.joined({c.sizes(first, 0, 1), c.sizes(inputs[1], 0, 1), c.sizes(first, 2, 4)}));
  if (inputs.size() < 3) return made;
  return c.plus(made, c.reshape(inputs[2], {-1, 1, 1}));
}

}  // namespace vitrail::onnx_files
