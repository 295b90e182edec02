// What is put is put by MaxUnpool, whose indices are positions in the whole tensor and of which each is to
// come once. So updates of one position are brought side by side by sorting, and combined before.

#include "vitrail/onnx/scattered.h"

#include <set>

#include "vitrail/base/text.h"

namespace vitrail::onnx_files {
namespace {

using Pairwise = op::Binary::Function;

// Positions and what belongs there, each a line.
struct Updates {
  Operand positions, values;
};

Operand combined(const Composing& c, Scattering how, const Operand& a, const Operand& b) {
  switch (how) {
    case Scattering::added: return c.plus(a, b);
    case Scattering::multiplied: return c.times(a, b);
    case Scattering::larger: return c.binary(Pairwise::maximum, a, b);
    case Scattering::smaller: return c.binary(Pairwise::minimum, a, b);
    case Scattering::replaced: break;
  }
  return a;
}

Operand at(const Composing& c, const Operand& line, const Operand& index) {
  return c.node.add(op::Gather{.axis = 0}, {line, index});
}

bool come_once(const Operand& positions) {
  const auto* constant = std::get_if<FileConstant>(&positions);
  if (constant == nullptr) return false;
  const auto values = constant->tensor.data<int64_t>();
  return std::set<int64_t>(values.begin(), values.end()).size() == values.size();
}

// As many updates, each position's combined in one; the others are put `nowhere`. Sorted by their positions,
// update i is that of the last 1, 2, 4, 8 ... up to i that share its position, as many as there may be.
Updates merged(const Composing& c, const Updates& updates, Scattering how, const Operand& nowhere) {
  if (come_once(updates.positions)) return updates;
  NodeImport& node = c.node;
  const int64_t known = node.shape(updates.positions)[0];
  const int64_t most = known >= 0 ? known : int64_t{1} << 31;
  const Operand count = c.sizes(updates.positions, 0, 1), one = node.numbers({1});
  const auto sorted = [&](op::TopK::Part part) {
    return node.add(op::TopK{.part = part, .axis = 0, .largest = false}, {updates.positions, count});
  };
  const Operand position = sorted(op::TopK::Part::values), i = c.counting(count);
  Operand value = at(c, updates.values, sorted(op::TopK::Part::indices));
  for (int64_t reach = 1; reach < most; reach *= 2) {
    const Operand back = c.minus(i, node.numbers({reach}));
    const Operand before = c.binary(Pairwise::maximum, back, node.numbers({0}));
    const Operand shares = c.binary(Pairwise::logical_and, c.binary(Pairwise::equal, back, before),
                                    c.binary(Pairwise::equal, at(c, position, before), position));
    value = c.where(shares, combined(c, how, at(c, value, before), value), value);
  }
  const Operand after = c.binary(Pairwise::minimum, c.plus(i, one), c.minus(count, one));
  const Operand goes_on = c.binary(Pairwise::logical_and, c.binary(Pairwise::greater, after, i),
                                   c.binary(Pairwise::equal, at(c, position, after), position));
  return {c.where(goes_on, nowhere, position), value};
}

// x as a line, with the updates in it.
Operand put_into(const Composing& c, const Operand& x, const Updates& updates, Scattering how) {
  NodeImport& node = c.node;
  const std::vector<int64_t> line{1, 1, 1, -1};
  const Operand all = c.reshape(x, line), end = c.sizes(all, 3, 4);
  const Updates once = how == Scattering::replaced ? updates : merged(c, updates, how, end);
  const Operand positions = c.reshape(once.positions, line), values = c.reshape(once.values, line);
  const bool has_nowhere = how != Scattering::replaced;
  const Operand none = c.reshape(c.number(0, x), {1, 1, 1, 1});
  const Operand longer = has_nowhere ? node.add(op::Concat{.axis = 3}, {all, none}) : all;
  const auto spread = [&](const Operand& what) {
    const Operand made = node.add(op::MaxUnpool{}, {what, positions, longer});
    return has_nowhere ? node.add(op::Slice{}, {made, node.numbers({0}), end, node.numbers({3})}) : made;
  };
  const Operand put = spread(values);
  if (how == Scattering::added) return c.plus(all, put);
  const Operand hit = spread(node.add(op::Expand{}, {node.scalar(1), c.sizes(positions, 0, 4)}));
  const Operand made = how == Scattering::replaced ? put : combined(c, how, all, put);
  return c.where(c.cast(hit, DataType::boolean), made, all);
}

}  // namespace

Scattering scattering_of(const NodeImport& node) {
  static constexpr EnumNames<Scattering, 5> kNames{{{Scattering::replaced, "none"},
                                                    {Scattering::added, "add"},
                                                    {Scattering::multiplied, "mul"},
                                                    {Scattering::larger, "max"},
                                                    {Scattering::smaller, "min"}}};
  return node.choice(kNames, "reduction", Scattering::replaced);
}

void emit_scattered(NodeImport& node, const Operand& x, const Operand& positions, const Operand& updates,
                    Scattering how) {
  if (node.type(x) != node.type(updates)) node.refuse("updates of another type", "x's type");
  const Composing c{node};
  const bool is_truth = node.type(x) == DataType::boolean;
  const DataType type = is_truth ? DataType::u8 : node.type(x);
  const Updates lines{c.reshape(positions, {-1}), c.reshape(c.cast(updates, type), {-1})};
  const int64_t wanted = node.shape(lines.positions)[0], found = node.shape(lines.values)[0];
  if (wanted >= 0 && found >= 0 && wanted != found)
    node.refuse(cat(found, " updates of ", wanted, " elements"), "one for each");
  const Operand made = put_into(c, c.cast(x, type), lines, how);
  const Operand sizes = c.sizes(x, 0, node.rank(x));
  if (!is_truth) return node.emit(op::Reshape{}, {made, sizes});
  node.emit(op::Cast{.to = DataType::boolean}, {c.reshape(made, sizes)});
}

}  // namespace vitrail::onnx_files
