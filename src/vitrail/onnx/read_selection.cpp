// What is chosen or put in another order by values: how much is chosen is known only when it is computed.

#include <limits>

#include "vitrail/base/text.h"
#include "vitrail/onnx/composing.h"

namespace vitrail::onnx_files {
namespace {

using Function = op::Unary::Function;
using Pairwise = op::Binary::Function;

Operand at(const Composing& c, const Operand& x, const Operand& index) {
  return c.node.add(op::Gather{.axis = 0}, {x, index});
}

// Where a line is not 0, in order: the first of equals come first among the largest.
Operand places_of(const Composing& c, const Operand& line) {
  const Operand mask = c.cast(c.cast(line, DataType::boolean), DataType::f32);
  const op::Reduce sum{.function = op::Reduce::Function::sum, .axes = {0}, .keep_dims = true};
  const Operand count = c.node.add(sum, {c.cast(mask, DataType::i64)});
  return c.node.add(op::TopK{.part = op::TopK::Part::indices, .axis = 0}, {mask, count});
}

void read_non_zero(NodeImport& node) {
  const Composing c{node};
  const Operand x = node.operand(0);
  const int64_t rank = node.rank(x);
  if (rank < 1) throw Unsupported{"a tensor without dimensions"};
  const Operand position = places_of(c, c.reshape(x, {-1}));
  std::vector<Operand> coordinates;
  for (int64_t d = 0; d < rank; ++d) {
    const Operand along = c.divide(position, c.extent(x, d + 1, rank));
    const Operand within = c.binary(Pairwise::modulo, along, c.sizes(x, d, d + 1));
    coordinates.push_back(node.add(op::Unsqueeze{.axes = {0}}, {within}));
  }
  node.define(c.joined(coordinates));
}

void read_compress(NodeImport& node) {
  const Composing c{node};
  const Operand x = node.operand(0), condition = node.operand(1);
  if (node.rank(condition) != 1 || node.type(condition) != DataType::boolean)
    node.refuse(cat("a condition of ", node.rank(condition), " dimensions"), "a list of booleans");
  const Operand chosen = places_of(c, condition);
  if (node.attribute("axis") == nullptr)
    return node.emit(op::Gather{.axis = 0}, {c.reshape(x, {-1}), chosen});
  node.emit(op::Gather{.axis = node.axis("axis", 0)}, {x, chosen});
}

// Each line along time is turned around as far as its length.
void read_reverse_sequence(NodeImport& node) {
  const Composing c{node};
  const Operand x = node.operand(0), lengths = c.cast(node.operand(1), DataType::i64);
  const int64_t time_axis = node.integer("time_axis", 0, 0, 1), rank = node.rank(x);
  if (node.integer("batch_axis", 1, 0, 1) == time_axis)
    node.refuse(cat("time and batch along axis ", time_axis), "0 and 1, or 1 and 0");
  if (rank < 2) node.refuse(cat("a tensor of ", rank, " dimensions"), "at least two");
  const std::vector<int64_t> along =
      time_axis == 0 ? std::vector<int64_t>{-1, 1} : std::vector<int64_t>{1, -1};
  const Operand time = c.reshape(c.counting(c.sizes(x, time_axis, time_axis + 1)), along);
  const Operand length = c.reshape(lengths, {along[1], along[0]});
  const Operand turned = c.minus(c.minus(length, node.numbers({1})), time);
  Operand index = c.where(c.binary(Pairwise::less, time, length), turned, time);
  op::Unsqueeze wider;
  for (int64_t d = 2; d < rank; ++d)
    wider.axes.push_back(d);
  if (!wider.axes.empty()) index = node.add(wider, {index});
  const Operand everywhere = node.add(op::Expand{}, {index, c.sizes(x, 0, rank)});
  node.emit(op::GatherElements{.axis = time_axis}, {x, everywhere});
}

// Positions of a line from its smallest number to its largest; the first of equals comes first.
Operand order_of(const Composing& c, const Operand& line) {
  const op::TopK smallest{.part = op::TopK::Part::indices, .axis = 0, .largest = false};
  return c.node.add(smallest, {line, c.sizes(line, 0, 1)});
}

// What Unique compares, as the rows of a matrix, in their order: by the first column, then by the second ...
Operand order_of_rows(const Composing& c, const Operand& rows, int64_t columns) {
  Operand order = c.counting(c.sizes(rows, 0, 1));
  for (int64_t column = columns - 1; column >= 0; --column) {
    const Operand key =
        c.node.add(op::Gather{.axis = 1}, {rows, c.node.scalar(static_cast<double>(column), DataType::i64)});
    order = at(c, order, order_of(c, at(c, key, order)));
  }
  return order;
}

Operand rows_of(const Composing& c, const Operand& x, bool has_axis, int64_t axis) {
  constexpr int64_t kMostColumns = 64;
  if (!has_axis) return c.reshape(x, {-1, 1});
  op::Transpose to_front{.permutation = {axis}};
  int64_t columns = 1;
  const Shape shape = c.node.shape(x);
  for (size_t d = 0; d < shape.size(); ++d) {
    if (static_cast<int64_t>(d) == axis) continue;
    to_front.permutation.push_back(static_cast<int64_t>(d));
    if (shape[d] < 1 || shape[d] > kMostColumns || (columns *= shape[d]) > kMostColumns)
      throw Unsupported{cat("slices of ", to_string(shape), " along axis ", axis, "; up to ", kMostColumns,
                            " elements are compared")};
  }
  return c.reshape(c.node.add(to_front, {x}), {-1, columns});
}

// Whether each sorted row differs from the one before it.
Operand begins_of(const Composing& c, const Operand& sorted) {
  const Operand i = c.counting(c.sizes(sorted, 0, 1)), zero = c.node.numbers({0});
  const Operand before = c.binary(Pairwise::maximum, c.minus(i, c.node.numbers({1})), zero);
  const Operand same = c.cast(c.binary(Pairwise::equal, at(c, sorted, before), sorted), DataType::f32);
  const op::Reduce all{.function = op::Reduce::Function::min, .axes = {1}, .keep_dims = false};
  const Operand differs = c.unary(Function::logical_not, c.cast(c.node.add(all, {same}), DataType::boolean));
  return c.binary(Pairwise::logical_or, differs, c.binary(Pairwise::equal, i, zero));
}

void read_unique(NodeImport& node) {
  const Composing c{node};
  const Operand x = node.operand(0);
  const bool has_axis = node.attribute("axis") != nullptr, sorted = node.flag("sorted", true);
  const int64_t rank = node.rank(x), given = node.axis("axis", 0), axis = given < 0 ? given + rank : given;
  if (has_axis && (axis < 0 || axis >= rank)) node.refuse(cat("axis ", given), cat(-rank, "..", rank - 1));
  const Operand rows = rows_of(c, x, has_axis, axis);
  const Operand order = order_of_rows(c, rows, has_axis ? node.shape(rows)[1] : 1);
  const Operand begins = begins_of(c, at(c, rows, order)), one = node.numbers({1});
  const Operand starts = places_of(c, begins);
  const Operand count = c.sizes(rows, 0, 1);
  const Operand ends = c.joined(
      {node.add(op::Slice{}, {starts, one, node.numbers({std::numeric_limits<int64_t>::max()})}), count});
  const Operand group = c.minus(node.add(op::CumSum{.axis = 0}, {c.cast(begins, DataType::i64)}), one);
  Operand first = at(c, order, starts), counts = c.minus(ends, starts);
  Operand inverse = at(c, group, order_of(c, order));
  if (!sorted) {  // in the order in which they come first
    const Operand turn = order_of(c, first);
    first = at(c, first, turn);
    counts = at(c, counts, turn);
    inverse = at(c, order_of(c, turn), inverse);
  }
  if (node.wants(0))
    node.emit(op::Gather{.axis = has_axis ? axis : 0}, {has_axis ? x : c.reshape(x, {-1}), first});
  node.define(first, 1);
  node.define(inverse, 2);
  node.define(counts, 3);
}

constexpr OperatorReader kReaders[] = {
    {"Compress", "axis", 2, 2, read_compress},
    {"NonZero", "", 1, 1, read_non_zero},
    {"ReverseSequence", "batch_axis time_axis", 2, 2, read_reverse_sequence},
    {"Unique", "axis sorted", 1, 1, read_unique, "along an axis, of slices of up to 64 elements"},
};

}  // namespace

Readers selection_readers() {
  return kReaders;
}

}  // namespace vitrail::onnx_files
