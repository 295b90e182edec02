// Shape arithmetic: the nodes that compute sizes, followed symbolically.

#include <algorithm>
#include <limits>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/onnx/checked_proto.h"
#include "vitrail/onnx/node_import.h"

namespace vitrail::onnx_files {
namespace {

constexpr int64_t kFarEnd = std::numeric_limits<int32_t>::max();  // "to the end", as exporters write it
constexpr int64_t kMostSize = int64_t{1} << 40;
constexpr int64_t kAny = std::numeric_limits<int64_t>::max();

// Python's slice bound: negative counts from the end, then clamped.
int64_t clamped(int64_t at, int64_t length) {
  if (at < 0) at = at < -length ? 0 : at + length;
  return std::clamp<int64_t>(at, 0, length);
}

struct Window {
  SizeTerms starts, ends;
  std::vector<int64_t> axes;
};

SizeTerms terms_of(const std::vector<int64_t>& numbers) {
  SizeTerms terms;
  for (const int64_t number : numbers)
    terms.push_back({.number = number});
  return terms;
}

Window window_of(const NodeImport& node) {
  Window window;
  if (node.opset() < 10) {
    window.starts = terms_of(node.integers("starts"));
    window.ends = terms_of(node.integers("ends"));
    window.axes = node.integers("axes");
  } else {
    if (node.proto().attribute_size() > 0) throw Unsupported{"starts and ends are attributes"};
    window.starts = node.sizes(1);
    window.ends = node.sizes(2);
    if (node.has(3)) window.axes = node.known_sizes(3);
    if (node.has(4))
      for (const int64_t step : node.known_sizes(4))
        if (step != 1) throw Unsupported{cat("step ", step)};
  }
  if (window.axes.empty())
    for (size_t axis = 0; axis < window.starts.size(); ++axis)
      window.axes.push_back(static_cast<int64_t>(axis));
  if (window.starts.size() != window.ends.size() || window.starts.size() != window.axes.size())
    throw Error(ErrorKind::format, {.where = node.where(),
                                    .found = cat(window.starts.size(), " starts, ", window.ends.size(),
                                                 " ends and ", window.axes.size(), " axes"),
                                    .allowed = "as many of each"});
  return window;
}

void slice_sizes(NodeImport& node, const Window& window) {
  const SizeTerms all = node.sizes(0);
  const auto length = static_cast<int64_t>(all.size());
  if (window.axes != std::vector<int64_t>{0} && window.axes != std::vector<int64_t>{-1})
    throw Unsupported{"a list of sizes has one axis"};
  const std::optional<int64_t> start = node.known(window.starts[0]), end = node.known(window.ends[0]);
  if (!start || !end) throw Unsupported{"its bounds depend on the input's size"};
  const int64_t first = clamped(*start, length), last = std::max(first, clamped(*end, length));
  node.define(SizeTerms(all.begin() + first, all.begin() + last));
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

// Rows or columns that are cut before and after; Pad's negative amounts.
struct Cut {
  int64_t before = 0, after = 0;
};

Cut cut_of(const NodeImport& node, Value x, size_t axis, const SizeTerm& start, const SizeTerm& end) {
  const int64_t size = node.graph().shape(x).at(axis);
  const std::optional<int64_t> first = node.known(start);
  if (!first) throw Unsupported{"its start depends on the input's size"};
  Cut cut{.before = *first};
  if (*first < 0) {
    if (size < 0) throw Unsupported{"its start counts from an end that depends on the input's size"};
    cut.before = clamped(*first, size);
  }
  const std::optional<int64_t> last = node.known(end);
  if (end.of == x && end.axis == axis && end.number <= 0)
    cut.after = -end.number;
  else if (last && *last >= kFarEnd)
    cut.after = 0;
  else if (last && *last < 0)
    cut.after = -*last;
  else if (last && size >= 0)
    cut.after = size - clamped(*last, size);
  else
    throw Unsupported{"its end depends on the input's size"};
  if (cut.before > kMostSize || cut.after > kMostSize)
    throw Error(ErrorKind::format, {.where = node.where(), .found = "bounds beyond any tensor"});
  return cut;
}

void slice_tensor(NodeImport& node, const Window& window) {
  const Value x = node.tensor(0);
  if (const auto crop = as_crop(window)) return node.emit(crop->first, {x, crop->second});
  if (node.graph().shape(x).size() != 4) throw Unsupported{"a tensor of other than four dimensions"};
  op::Pad pad;
  for (size_t i = 0; i < window.axes.size(); ++i) {
    const int64_t axis = window.axes[i] < 0 ? window.axes[i] + 4 : window.axes[i];
    if (axis < 0 || axis > 3)
      throw Error(ErrorKind::format, {.where = node.where(), .found = cat("axis ", window.axes[i])});
    const auto at = static_cast<size_t>(axis);
    const Cut cut = cut_of(node, x, at, window.starts[i], window.ends[i]);
    if (at < 2) {
      if (cut.before != 0 || cut.after != 0) throw Unsupported{"it cuts along the batch or the channels"};
      continue;
    }
    pad.pads[at - 2] = -cut.before;
    pad.pads[at] = -cut.after;
  }
  node.emit(pad, {x});
}

Tensor tensor_of_constant(const NodeImport& node, const onnx::AttributeProto& attribute) {
  const std::string& name = attribute.name();
  if (name == "value" && attribute.type() == onnx::AttributeProto::TENSOR)
    return tensor_from_proto(attribute.t(), node.where());
  if (name == "value_int" && attribute.type() == onnx::AttributeProto::INT)
    return Tensor::from<int64_t>({}, std::vector<int64_t>{attribute.i()});
  if (name == "value_float" && attribute.type() == onnx::AttributeProto::FLOAT)
    return Tensor::from<float>({}, std::vector<float>{attribute.f()});
  if (name == "value_ints" && attribute.type() == onnx::AttributeProto::INTS)
    return Tensor::from<int64_t>({attribute.ints_size()},
                                 std::vector<int64_t>(attribute.ints().begin(), attribute.ints().end()));
  if (name == "value_floats" && attribute.type() == onnx::AttributeProto::FLOATS)
    return Tensor::from<float>({attribute.floats_size()},
                               std::vector<float>(attribute.floats().begin(), attribute.floats().end()));
  throw Unsupported{cat("the attribute '", printable(name), "'")};
}

}  // namespace

void read_shape(NodeImport& node) {
  const Value x = node.tensor(0);
  const auto rank = static_cast<int64_t>(node.graph().shape(x).size());
  SizeTerms terms;
  const int64_t first = clamped(node.integer("start", 0, -kAny, kAny), rank);
  const int64_t last = clamped(node.integer("end", rank, -kAny, kAny), rank);
  for (int64_t axis = first; axis < last; ++axis)
    terms.push_back({.of = x, .axis = static_cast<size_t>(axis)});
  node.define(std::move(terms));
}

void read_gather(NodeImport& node) {
  node.expect_integer("axis", 0);
  const SizeTerms from = node.sizes(0);
  const auto length = static_cast<int64_t>(from.size());
  SizeTerms picked;
  for (const int64_t index : node.known_sizes(1)) {
    if (index < -length || index >= length)
      throw Error(ErrorKind::format, {.where = node.where(),
                                      .found = cat("index ", index),
                                      .allowed = cat("the list has ", length, " sizes")});
    picked.push_back(from[static_cast<size_t>(index < 0 ? index + length : index)]);
  }
  node.define(std::move(picked));
}

// A size stays a list of one when it loses or gains its only dimension.
void read_squeeze(NodeImport& node) {
  const SizeTerms terms = node.sizes(0);
  if (terms.size() != 1) throw Unsupported{cat("a list of ", terms.size(), " sizes")};
  node.define(terms);
}

void read_cast(NodeImport& node) {
  const int64_t to = node.integer("to", 0, 0, kAny);
  if (to != onnx::TensorProto::INT64 && to != onnx::TensorProto::INT32)
    throw Unsupported{cat("a change to element type ", to)};
  node.define(node.sizes(0));
}

void read_constant(NodeImport& node) {
  if (node.proto().attribute_size() != 1)
    throw Error(ErrorKind::format, {.where = node.where(),
                                    .found = cat(node.proto().attribute_size(), " values"),
                                    .allowed = "exactly one is needed"});
  node.define(tensor_of_constant(node, node.proto().attribute(0)));
}

void read_size_concat(NodeImport& node) {
  const int64_t axis = node.integer("axis", 0, -1, kAny);
  if (axis > 0) throw Unsupported{"a list of sizes has one axis"};
  SizeTerms all;
  for (int i = 0; i < node.count(); ++i)
    for (const SizeTerm& term : node.sizes(i))
      all.push_back(term);
  node.define(std::move(all));
}

void read_size_sum(NodeImport& node, int64_t sign) {
  SizeTerms a = node.sizes(0), b = node.sizes(1);
  const size_t length = std::max(a.size(), b.size());
  if ((a.size() != length && a.size() != 1) || (b.size() != length && b.size() != 1))
    throw Error(ErrorKind::format,
                {.where = node.where(), .found = cat(a.size(), " and ", b.size(), " sizes")});
  SizeTerms sum;
  for (size_t i = 0; i < length; ++i) {
    SizeTerm left = a[a.size() == 1 ? 0 : i], right = b[b.size() == 1 ? 0 : i];
    if (right.of.exists() && sign > 0) std::swap(left, right);
    if (right.of.exists()) throw Unsupported{"it combines two sizes of the input"};
    left.number = checked_add(left.number, checked_mul(sign, right.number, node.where()), node.where());
    sum.push_back(left);
  }
  node.define(std::move(sum));
}

void read_slice(NodeImport& node) {
  const Window window = window_of(node);
  if (node.is_size_list(0))
    slice_sizes(node, window);
  else
    slice_tensor(node, window);
}

}  // namespace vitrail::onnx_files
