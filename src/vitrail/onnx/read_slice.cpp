// Parts of tensors: Slice, Split, Gather.

#include <algorithm>
#include <limits>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/onnx/node_import.h"
#include "vitrail/onnx/python_slice.h"

namespace vitrail::onnx_files {
namespace {

constexpr int64_t kFarEnd = std::numeric_limits<int32_t>::max();  // "to the end", as exporters write it
constexpr int64_t kMostSize = int64_t{1} << 40;

struct Window {
  std::vector<SizeTerm> starts, ends;
  std::vector<int64_t> axes;
};

std::vector<SizeTerm> terms_of(const std::vector<int64_t>& numbers) {
  std::vector<SizeTerm> terms;
  for (const int64_t number : numbers)
    terms.push_back({.number = number});
  return terms;
}

// The window, where its bounds are sizes and numbers and its steps are 1.
std::optional<Window> window_of(NodeImport& node) {
  Window window;
  if (node.opset() < 10) {
    window.starts = terms_of(node.integers("starts"));
    window.ends = terms_of(node.integers("ends"));
    window.axes = node.integers("axes");
  } else {
    if (node.proto().attribute_size() > 0) throw Unsupported{"starts and ends are attributes"};
    const std::optional<SizeList> starts = node.size_list(1), ends = node.size_list(2);
    if (!starts || !ends) return std::nullopt;
    window.starts = starts->terms;
    window.ends = ends->terms;
    if (node.has(3)) window.axes = node.known_sizes(3);
    if (node.has(4))
      for (const int64_t step : node.known_sizes(4))
        if (step != 1) return std::nullopt;
  }
  if (window.axes.empty())
    for (size_t axis = 0; axis < window.starts.size(); ++axis)
      window.axes.push_back(static_cast<int64_t>(axis));
  if (window.starts.size() != window.ends.size() || window.starts.size() != window.axes.size())
    node.refuse(
        cat(window.starts.size(), " starts, ", window.ends.size(), " ends and ", window.axes.size(), " axes"),
        "as many of each");
  return window;
}

bool slice_sizes(NodeImport& node, const Window& window) {
  if (!node.is_symbolic(0) || window.axes.size() != 1 || (window.axes[0] != 0 && window.axes[0] != -1))
    return false;
  SizeList list = std::get<SizeList>(node.input(0));
  const auto length = static_cast<int64_t>(list.terms.size());
  const std::optional<int64_t> start = node.known(window.starts[0]), end = node.known(window.ends[0]);
  if (!start || !end || list.scalar) return false;
  const int64_t first = clamped_bound(*start, length), last = std::max(first, clamped_bound(*end, length));
  list.terms = {list.terms.begin() + first, list.terms.begin() + last};
  node.define(FileValue(std::move(list)));
  return true;
}

// Whether the window is `reference`'s H and W from a fixed corner on: a Crop.
std::optional<std::pair<op::Crop, Value>> as_crop(const Window& window) {
  if (window.axes != std::vector<int64_t>{2, 3}) return std::nullopt;
  const SizeTerm &top = window.starts[0], &left = window.starts[1];
  const SizeTerm &bottom = window.ends[0], &right = window.ends[1];
  const bool fixed_corner = !top.of.exists() && !left.of.exists() && top.number >= 0 && left.number >= 0;
  const bool one_reference =
      bottom.of.exists() && bottom.of == right.of && bottom.axis == 2 && right.axis == 3;
  if (!fixed_corner || !one_reference || bottom.number != top.number || right.number != left.number)
    return std::nullopt;
  return std::pair{op::Crop{.top = top.number, .left = left.number}, bottom.of};
}

// Rows or columns that are cut before and after: Pad's negative amounts.
struct Cut {
  int64_t before = 0, after = 0;
};

std::optional<Cut> cut_of(const NodeImport& node, Value x, size_t axis, const SizeTerm& start,
                          const SizeTerm& end) {
  const int64_t size = node.graph().shape(x).at(axis);
  const std::optional<int64_t> first = node.known(start), last = node.known(end);
  if (!first || (*first < 0 && size < 0)) return std::nullopt;
  Cut cut{.before = *first < 0 ? clamped_bound(*first, size) : *first};
  if (end.of == x && end.axis == axis && end.number <= 0)
    cut.after = -end.number;
  else if (last && *last >= kFarEnd)
    cut.after = 0;
  else if (last && *last < 0)
    cut.after = -*last;
  else if (last && size >= 0)
    cut.after = size - clamped_bound(*last, size);
  else
    return std::nullopt;
  if (cut.before > kMostSize || cut.after > kMostSize) return std::nullopt;
  if (size >= 0 && cut.before + cut.after >= size) return std::nullopt;  // nothing remains
  return cut;
}

// Cuts along H and W alone are a Pad with negative amounts, which trains and has a fast kernel.
bool slice_map(NodeImport& node, const Window& window) {
  const auto* held = std::get_if<Value>(&node.input(0));
  if (held == nullptr) return false;
  const Value x = *held;
  if (node.graph().shape(x).size() != 4 || node.graph().type(x) != DataType::f32) return false;
  if (const auto crop = as_crop(window)) {
    node.emit(crop->first, {x, crop->second});
    return true;
  }
  op::Pad pad;
  for (size_t i = 0; i < window.axes.size(); ++i) {
    const int64_t axis = window.axes[i] < 0 ? window.axes[i] + 4 : window.axes[i];
    if (axis < 2 || axis > 3) return false;
    const auto at = static_cast<size_t>(axis);
    const std::optional<Cut> cut = cut_of(node, x, at, window.starts[i], window.ends[i]);
    if (!cut) return false;
    pad.pads[at - 2] = -cut->before;
    pad.pads[at] = -cut->after;
  }
  node.emit(pad, {x});
  return true;
}

void read_slice(NodeImport& node) {
  const std::optional<Window> window = window_of(node);
  if (window && (slice_sizes(node, *window) || slice_map(node, *window))) return;
  std::vector<Operand> inputs{node.operand(0)};
  if (node.opset() < 10) {
    inputs.push_back(node.numbers(node.integers("starts")));
    inputs.push_back(node.numbers(node.integers("ends")));
    if (!node.integers("axes").empty()) inputs.push_back(node.numbers(node.integers("axes")));
  } else {
    for (int i = 1; i < node.count(); ++i)
      inputs.push_back(node.optional_operand(i));
  }
  node.emit(op::Slice{}, std::move(inputs));
}

// Where the parts begin and end, as lists of one number: from given sizes, or equal ones.
std::vector<Operand> split_bounds(NodeImport& node, const Operand& x, int64_t axis, int64_t parts) {
  std::vector<int64_t> lengths = node.opset() < 13 ? node.integers("split") : std::vector<int64_t>{};
  if (node.opset() >= 13 && node.has(1)) lengths = node.known_sizes(1);
  const int64_t size = node.shape(x)[static_cast<size_t>(axis)];
  std::vector<Operand> bounds{node.numbers({0})};
  if (lengths.empty() && size < 0) {  // the last part is smaller where the size does not divide
    Operand length = node.add(op::ShapeOf{.start = axis, .end = axis + 1}, {x});
    length = node.add(op::Add{}, {length, node.numbers({parts - 1})});
    length = node.add(op::Binary{.function = op::Binary::Function::divide}, {length, node.numbers({parts})});
    for (int64_t i = 1; i < parts; ++i)
      bounds.push_back(node.add(op::Mul{}, {length, node.numbers({i})}));
    bounds.push_back(node.numbers({kMostSize}));
    return bounds;
  }
  if (lengths.empty()) lengths.assign(static_cast<size_t>(parts), ceil_div(size, parts));
  if (static_cast<int64_t>(lengths.size()) != parts)
    node.refuse(cat(lengths.size(), " lengths for ", parts, " parts"), "one for each");
  int64_t end = 0;
  for (const int64_t length : lengths) {
    if (length < 0) node.refuse(cat("a part of ", length), "0 or more");
    end = checked_add(end, length, node.where());
    bounds.push_back(node.numbers({end}));
  }
  return bounds;
}

void read_split(NodeImport& node) {
  const Operand x = node.operand(0);
  const int64_t rank = node.rank(x);
  int64_t axis = node.axis("axis", 0);
  if (axis < -rank || axis >= rank) node.refuse(cat("axis ", axis), cat(-rank, "..", rank - 1));
  if (axis < 0) axis += rank;
  const int64_t parts = node.proto().output_size();
  if (parts < 1) node.refuse("no outputs", "at least one");
  node.expect_integer("num_outputs", parts);
  const std::vector<Operand> bounds = split_bounds(node, x, axis, parts);
  for (int64_t i = 0; i < parts; ++i)
    if (node.wants(static_cast<int>(i)))
      node.emit(op::Slice{},
                {x, bounds[static_cast<size_t>(i)], bounds[static_cast<size_t>(i) + 1], node.numbers({axis})},
                static_cast<int>(i));
}

// Sizes that are picked from a list.
bool gather_sizes(NodeImport& node) {
  const std::optional<SizeList> indices = node.size_list(1);
  const int64_t axis = node.axis("axis", 0);
  if (!node.is_symbolic(0) || node.is_symbolic(1) || !indices || (axis != 0 && axis != -1)) return false;
  const SizeList& from = std::get<SizeList>(node.input(0));
  if (from.scalar) return false;
  const auto length = static_cast<int64_t>(from.terms.size());
  SizeList picked{.terms = {}, .scalar = indices->scalar, .type = from.type};
  for (const SizeTerm& index : indices->terms) {
    if (index.number < -length || index.number >= length)
      node.refuse(cat("index ", index.number), cat("the list has ", length, " sizes"));
    picked.terms.push_back(
        from.terms[static_cast<size_t>(index.number < 0 ? index.number + length : index.number)]);
  }
  node.define(FileValue(std::move(picked)));
  return true;
}

void read_gather(NodeImport& node) {
  if (gather_sizes(node)) return;
  node.emit(op::Gather{.axis = node.axis("axis", 0)}, {node.operand(0), node.operand(1)});
}

void read_gather_elements(NodeImport& node) {
  node.emit(op::GatherElements{.axis = node.axis("axis", 0)}, {node.operand(0), node.operand(1)});
}

constexpr OperatorReader kReaders[] = {
    {"Gather", "axis", 2, 2, read_gather},
    {"GatherElements", "axis", 2, 2, read_gather_elements},
    {"Slice", "starts ends axes", 1, 5, read_slice},
    {"Split", "axis split num_outputs", 1, 2, read_split, "into parts of known sizes, or equal ones"},
};

}  // namespace

Readers slice_readers() {
  return kReaders;
}

}  // namespace vitrail::onnx_files
