// Elements that are found, put or made by their positions: arithmetic of positions in the tensor seen as one
// line.

#include <limits>

#include "vitrail/base/text.h"
#include "vitrail/onnx/checked_proto.h"
#include "vitrail/onnx/scattered.h"

namespace vitrail::onnx_files {
namespace {

using Pairwise = op::Binary::Function;

int64_t resolved_axis(const NodeImport& node, int64_t axis, int64_t rank) {
  if (axis < -rank || axis >= rank) node.refuse(cat("axis ", axis), cat(-rank, "..", rank - 1));
  return axis < 0 ? axis + rank : axis;
}

// Indices that count from the back, from the front.
Operand from_front(const Composing& c, const Operand& indices, const Operand& size) {
  const Operand index = c.cast(indices, DataType::i64);
  const Operand negative = c.binary(Pairwise::less, index, c.node.scalar(0, DataType::i64));
  return c.where(negative, c.plus(index, size), index);
}

void read_scatter_elements(NodeImport& node) {
  const Composing c{node};
  const Operand x = node.operand(0), indices = node.operand(1), updates = node.operand(2);
  const int64_t rank = node.rank(x), axis = resolved_axis(node, node.axis("axis", 0), rank);
  if (node.rank(indices) != rank) node.refuse("indices of another rank", cat("rank ", rank));
  // Where the indices' own rows begin: x's positions, at 0 along the axis.
  const Operand all = c.reshape(c.counting(c.extent(x, 0, rank)), c.sizes(x, 0, rank));
  std::vector<Operand> ends;
  for (int64_t d = 0; d < rank; ++d)
    ends.push_back(d == axis ? node.numbers({1}) : c.sizes(indices, d, d + 1));
  const std::vector<int64_t> zeros(static_cast<size_t>(rank), 0);
  const Operand begin = node.add(op::Slice{}, {all, node.numbers(zeros), c.joined(ends)});
  const Operand index = from_front(c, indices, c.sizes(x, axis, axis + 1));
  emit_scattered(node, x, c.plus(begin, c.times(index, c.extent(x, axis + 1, rank))), updates,
                 scattering_of(node));
}

// indices [..., k] that name elements of x's dimensions first .. first + k - 1, as numbers [...]: what they
// would be if these dimensions were one.
Operand as_one_index(const Composing& c, const Operand& x, const Operand& indices, int64_t first, int64_t k) {
  std::vector<Operand> strides;
  for (int64_t d = first; d < first + k; ++d)
    strides.push_back(c.extent(x, d + 1, first + k));
  const Operand front = from_front(c, indices, c.sizes(x, first, first + k));
  const op::Reduce sum{.function = op::Reduce::Function::sum, .axes = {-1}, .keep_dims = false};
  return c.node.add(sum, {c.times(front, c.joined(strides))});
}

// How many of x's dimensions the indices name, after `batch` of them.
int64_t named_dimensions(NodeImport& node, const Operand& x, const Operand& indices, int64_t batch) {
  const Shape shape = node.shape(indices);
  if (shape.empty()) node.refuse("indices without dimensions", "at least one");
  if (shape.back() < 0) throw Unsupported{"indices whose last size is open"};
  if (shape.back() < 1 || batch + shape.back() > node.rank(x))
    node.refuse(cat("indices of ", to_string(shape), " into ", node.rank(x), " dimensions"),
                "at most as many");
  return shape.back();
}

void read_scatter_nd(NodeImport& node) {
  const Composing c{node};
  const Operand x = node.operand(0), indices = node.operand(1), updates = node.operand(2);
  const int64_t rank = node.rank(x), k = named_dimensions(node, x, indices, 0);
  const Operand inner = c.extent(x, k, rank);  // elements that one index names
  const Operand row = c.reshape(as_one_index(c, x, indices, 0, k), {-1, 1});
  const Operand column = c.reshape(c.counting(inner), {1, -1});
  emit_scattered(node, x, c.plus(c.times(row, inner), column), updates, scattering_of(node));
}

void read_gather_nd(NodeImport& node) {
  const Composing c{node};
  const Operand x = node.operand(0), indices = node.operand(1);
  const int64_t rank = node.rank(x), batch = node.integer("batch_dims", 0, 0, rank - 1);
  const int64_t dims = node.rank(indices) - 1, k = named_dimensions(node, x, indices, batch);
  if (batch > dims) node.refuse(cat("batch_dims ", batch), cat("at most ", dims));
  Operand row = as_one_index(c, x, indices, batch, k);
  if (batch > 0) {  // each entry of the batch is further down in the one dimension that all of them become
    const Operand each = c.reshape(c.counting(c.extent(x, 0, batch)), {-1, 1});
    const Operand count = c.extent(x, 0, batch);
    row = c.plus(c.reshape(row, c.joined({count, node.numbers({-1})})),
                 c.times(each, c.extent(x, batch, batch + k)));
  }
  const std::vector<Operand> lines =
      batch + k == rank ? std::vector<Operand>{node.numbers({-1})}
                        : std::vector<Operand>{node.numbers({-1}), c.sizes(x, batch + k, rank)};
  const Operand made = node.add(op::Gather{.axis = 0}, {c.reshape(x, c.joined(lines)), c.reshape(row, {-1})});
  std::vector<Operand> sizes;
  if (dims > 0) sizes.push_back(c.sizes(indices, 0, dims));
  if (batch + k < rank) sizes.push_back(c.sizes(x, batch + k, rank));
  node.emit(op::Reshape{}, {made, sizes.empty() ? c.no_dimensions() : c.joined(sizes)});
}

void read_one_hot(NodeImport& node) {
  const Composing c{node};
  const Operand indices = node.operand(0);
  const Operand depth = c.reshape(c.cast(node.operand(1), DataType::i64), {1});
  const int64_t rank = node.rank(indices) + 1, axis = resolved_axis(node, node.axis("axis", -1), rank);
  const Operand index = node.add(op::Unsqueeze{.axes = {axis}}, {from_front(c, indices, depth)});
  std::vector<int64_t> along(static_cast<size_t>(rank), 1);
  along[static_cast<size_t>(axis)] = -1;
  const Operand hot = c.binary(Pairwise::equal, index, c.reshape(c.counting(depth), along));
  const Operand values = node.operand(2);
  const auto value = [&](int64_t i) {
    return node.add(op::Gather{.axis = 0}, {values, node.scalar(static_cast<double>(i), DataType::i64)});
  };
  node.emit(op::Where{}, {hot, value(1), value(0)});
}

// Column minus row of each element of the last two dimensions, i64 [H, W].
Operand above_diagonal(const Composing& c, const Operand& x) {
  const int64_t rank = c.node.rank(x);
  if (rank < 2) c.node.refuse(cat("a tensor of ", rank, " dimensions"), "at least two");
  const Operand row = c.reshape(c.counting(c.sizes(x, rank - 2, rank - 1)), {-1, 1});
  return c.minus(c.reshape(c.counting(c.sizes(x, rank - 1, rank)), {1, -1}), row);
}

void read_trilu(NodeImport& node) {
  const Composing c{node};
  const Operand x = node.operand(0);
  const Operand k =
      node.has(1) ? c.reshape(node.operand(1), c.no_dimensions()) : node.scalar(0, DataType::i64);
  const auto kept = node.flag("upper", true) ? Pairwise::greater_or_equal : Pairwise::less_or_equal;
  node.emit(op::Where{}, {c.binary(kept, above_diagonal(c, x), k), x, c.number(0, x)});
}

void read_eye_like(NodeImport& node) {
  const Composing c{node};
  const Operand x = node.operand(0);
  const Operand k =
      node.scalar(static_cast<double>(node.integer("k", 0, -(1 << 30), 1 << 30)), DataType::i64);
  const Operand is_one = c.binary(Pairwise::equal, above_diagonal(c, x), k);
  if (node.attribute("dtype") == nullptr) return node.define(c.cast(is_one, node.type(x)));
  const auto dtype = static_cast<int32_t>(node.integer("dtype", 1, 0, std::numeric_limits<int32_t>::max()));
  const std::optional<DataType> type = computed_type_of(dtype);
  if (!type) throw Unsupported{cat("dtype ", dtype)};
  node.define(c.cast(is_one, *type));
}

void read_hardmax(NodeImport& node) {
  const Composing c{node};
  const Operand x = node.operand(0);
  const int64_t rank = node.rank(x), axis = resolved_axis(node, node.axis("axis", -1), rank);
  if (node.opset() < 13) throw Unsupported{"Hardmax before operator set 13"};
  std::vector<int64_t> along(static_cast<size_t>(rank), 1);
  along[static_cast<size_t>(axis)] = -1;
  const Operand best = node.add(op::ArgMax{.axis = axis, .keep_dims = true}, {x});
  const Operand all = c.reshape(c.counting(c.sizes(x, axis, axis + 1)), along);
  node.define(c.cast(c.binary(Pairwise::equal, best, all), node.type(x)));
}

constexpr OperatorReader kReaders[] = {
    {"EyeLike", "k dtype", 1, 1, read_eye_like},
    {"GatherND", "batch_dims", 2, 2, read_gather_nd},
    {"Hardmax", "axis", 1, 1, read_hardmax, "from operator set 13"},
    {"OneHot", "axis", 3, 3, read_one_hot},
    {"Scatter", "axis", 3, 3, read_scatter_elements},
    {"ScatterElements", "axis reduction", 3, 3, read_scatter_elements},
    {"ScatterND", "reduction", 3, 3, read_scatter_nd},
    {"Trilu", "upper", 1, 2, read_trilu},
};

}  // namespace

Readers position_readers() {
  return kReaders;
}

}  // namespace vitrail::onnx_files
