// Padding, by amounts that are known or computed.

#include <algorithm>

#include "vitrail/base/text.h"
#include "vitrail/onnx/composing.h"
#include "vitrail/onnx/read_volumes.h"

namespace vitrail::onnx_files {
namespace {

constexpr int64_t kMostPad = 1 << 20;

// Two amounts for each dimension of x: {before..., after...}.
std::vector<int64_t> pad_amounts(NodeImport& node, int64_t rank) {
  std::vector<int64_t> amounts = node.opset() < 11 ? node.integers("pads") : node.known_sizes(1);
  if (node.has(3)) {
    const std::vector<int64_t> axes = node.known_sizes(3);
    if (amounts.size() != 2 * axes.size()) node.refuse(cat(amounts.size(), " pads"), "two for each axis");
    std::vector<int64_t> all(static_cast<size_t>(2 * rank), 0);
    for (size_t i = 0; i < axes.size(); ++i) {
      const int64_t axis = axes[i] < 0 ? axes[i] + rank : axes[i];
      if (axis < 0 || axis >= rank) node.refuse(cat("axis ", axes[i]), cat("of ", rank));
      all[static_cast<size_t>(axis)] = amounts[i];
      all[static_cast<size_t>(axis + rank)] = amounts[i + axes.size()];
    }
    amounts = std::move(all);
  }
  if (static_cast<int64_t>(amounts.size()) != 2 * rank)
    node.refuse(cat(amounts.size(), " pads for ", rank, " dimensions"), "two for each");
  for (const int64_t amount : amounts)
    if (amount < -kMostPad || amount > kMostPad)
      node.refuse(cat("pads ", amount), cat("within -", kMostPad, "..", kMostPad));
  return amounts;
}

std::vector<int64_t> swapped(int64_t a, int64_t b) {
  std::vector<int64_t> permutation{0, 1, 2, 3};
  std::swap(permutation[static_cast<size_t>(a)], permutation[static_cast<size_t>(b)]);
  return permutation;
}

// Our Pad works along H and W; N and C are swapped with them while they are padded.
void emit_pads(NodeImport& node, op::Pad pad, Operand x, std::vector<int64_t> amounts, int64_t missing) {
  amounts.insert(amounts.begin() + static_cast<int64_t>(amounts.size() / 2), static_cast<size_t>(missing), 0);
  amounts.insert(amounts.begin(), static_cast<size_t>(missing), 0);
  const auto amount = [&](int64_t axis) {
    return Pair{amounts[static_cast<size_t>(axis)], amounts[static_cast<size_t>(axis + 4)]};
  };
  const Pair none{0, 0};
  for (int64_t axis = 0; axis < 2; ++axis) {
    if (amount(axis) == none) continue;
    op::Pad along = pad;
    along.pads = {amount(axis)[0], 0, amount(axis)[1], 0};
    const op::Transpose swap{.permutation = swapped(axis, 2)};
    x = node.add(swap, {node.add(along, {node.add(swap, {x})})});
  }
  pad.pads = {amount(2)[0], amount(3)[0], amount(2)[1], amount(3)[1]};
  if (missing == 0) return node.emit(pad, {x});
  std::vector<int64_t> axes;
  for (int64_t axis = 0; axis < missing; ++axis)
    axes.push_back(axis);
  node.emit(op::Squeeze{.axes = axes}, {node.add(pad, {x})});
}

// For each position along the padded dimension, which of x's it shows; i64 [n]. Beyond x's last reflection
// there is nothing to show, as ONNX has it.
Operand shown_position(const Composing& c, const Operand& position, const Operand& size, op::PadMode mode) {
  using Pairwise = op::Binary::Function;
  const Operand zero = c.node.numbers({0}), last = c.minus(size, c.node.numbers({1}));
  Operand shown = position;
  if (mode == op::PadMode::reflect) {
    const auto distance = [&](const Operand& from) { return c.unary(op::Unary::Function::abs, from); };
    shown = c.minus(last, distance(c.minus(last, distance(position))));
  }
  return c.binary(Pairwise::maximum, c.binary(Pairwise::minimum, shown, last), zero);
}

// Pads by amounts that are computed: each dimension is gathered by positions.
Operand padded_along(const Composing& c, const op::Pad& pad, const Operand& x, int64_t axis,
                     const Operand& before, const Operand& after) {
  using Pairwise = op::Binary::Function;
  const Operand size = c.sizes(x, axis, axis + 1);
  const Operand count = c.plus(size, c.plus(before, after));
  const Operand position = c.minus(c.counting(count), before);
  const Operand shown = shown_position(c, position, size, pad.mode);
  const Operand found = c.node.add(op::Gather{.axis = axis}, {x, shown});
  if (pad.mode != op::PadMode::constant) return found;
  std::vector<int64_t> along(static_cast<size_t>(c.node.rank(x)), 1);
  along[static_cast<size_t>(axis)] = -1;
  const Operand inside = c.reshape(c.binary(Pairwise::equal, shown, position), along);
  return c.where(inside, found, c.number(pad.value, x));
}

void emit_computed_pads(NodeImport& node, const op::Pad& pad) {
  const Composing c{node};
  Operand x = node.operand(0);
  const Operand amounts = node.operand(1);
  const int64_t rank = node.rank(x);
  std::vector<int64_t> axes;
  if (node.has(3))
    axes = node.known_sizes(3);
  else
    for (int64_t axis = 0; axis < rank; ++axis)
      axes.push_back(axis);
  const auto count = static_cast<int64_t>(axes.size());
  for (int64_t i = 0; i < count; ++i) {
    const int64_t axis = axes[static_cast<size_t>(i)] + (axes[static_cast<size_t>(i)] < 0 ? rank : 0);
    if (axis < 0 || axis >= rank) node.refuse(cat("axis ", axis), cat("of ", rank));
    const auto amount = [&](int64_t at) {
      return node.add(op::Gather{.axis = 0}, {amounts, node.numbers({at})});
    };
    x = padded_along(c, pad, x, axis, amount(i), amount(i + count));
  }
  node.emit(op::Identity{}, {x});
}

bool are_known(NodeImport& node, int input) {
  if (const auto list = node.size_list(input))
    return std::all_of(list->terms.begin(), list->terms.end(),
                       [&](const SizeTerm& term) { return node.known(term).has_value(); });
  const auto* value = std::get_if<Value>(&node.input(input));
  return value == nullptr || node.graph().content(*value).defined();
}

void read_pad(NodeImport& node) {
  op::Pad pad{.mode = node.choice(kPadModes, "mode", op::PadMode::constant)};
  pad.value = node.opset() < 11 ? node.real("value", 0) : node.number(2, 0);
  Operand x = node.operand(0);
  const int64_t rank = node.rank(x);
  if (node.opset() >= 11 && !are_known(node, 1)) return emit_computed_pads(node, pad);
  const std::vector<int64_t> amounts = pad_amounts(node, rank);
  if (is_volume(node, x) && amounts[0] == 0 && amounts[1] == 0 && amounts[5] == 0 && amounts[6] == 0)
    return node.define(padded_volume(node, pad, x, amounts));
  if (rank < 1 || rank > 4) {
    if (node.opset() < 11) throw Unsupported{cat("a tensor of ", rank, " dimensions")};
    return emit_computed_pads(node, pad);
  }
  if (rank < 4) {
    std::vector<int64_t> axes;
    for (int64_t axis = 0; axis < 4 - rank; ++axis)
      axes.push_back(axis);
    x = node.add(op::Unsqueeze{.axes = axes}, {x});
  }
  emit_pads(node, pad, std::move(x), amounts, 4 - rank);
}

constexpr OperatorReader kReaders[] = {
    {"Pad", "pads value mode", 1, 4, read_pad,
     "by known amounts before operator set 11 in up to four dimensions"},
};

}  // namespace

Readers padding_readers() {
  return kReaders;
}

}  // namespace vitrail::onnx_files
