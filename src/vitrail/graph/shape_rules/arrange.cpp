// Making tensors and rearranging their dimensions.

#include <algorithm>
#include <cmath>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/shape_rules/rules.h"

namespace vitrail::shape_rules {

OpResult rule(const op::Constant& op, Inputs in) {
  expect_inputs(in, 0, 0);
  if (!op.value.defined()) fail("no value", "a constant needs one");
  return typed(op.value.shape(), op.value.type());
}

OpResult rule(const op::ConstantOfShape& op, Inputs in) {
  expect_inputs(in, 1, 1);
  if (op.value.defined() && op.value.elements() != 1)
    fail(cat("a value of ", op.value.elements(), " elements"), "one is needed");
  Shape shape;
  for (const Integer size : integers(in[0], "sizes")) {
    if (size && *size < 0) fail(cat("size ", *size), "it must not be below 0");
    shape.push_back(size.value_or(-1));
  }
  return typed(std::move(shape), op.value.type());
}

namespace {

template <class T>
int64_t range_count(Inputs in) {
  const T start = in[0].content.data<T>()[0], limit = in[1].content.data<T>()[0],
          delta = in[2].content.data<T>()[0];
  if (delta == T{0}) fail("a step of 0", "it must not be 0");
  if constexpr (std::is_integral_v<T>) {
    if (delta > 0 ? start >= limit : start <= limit) return 0;
    // The distance of any two i64 fits u64.
    const uint64_t from = static_cast<uint64_t>(int64_t{start}), to = static_cast<uint64_t>(int64_t{limit});
    const uint64_t distance = delta > 0 ? to - from : from - to;
    const uint64_t step = delta > 0 ? static_cast<uint64_t>(int64_t{delta})
                                    : uint64_t{0} - static_cast<uint64_t>(int64_t{delta});
    const uint64_t count = (distance - 1) / step + 1;
    if (count > uint64_t{1} << 40) fail(cat("a range of ", count), "it must be a size");
    return static_cast<int64_t>(count);
  } else {
    const double count =
        std::ceil((static_cast<double>(limit) - static_cast<double>(start)) / static_cast<double>(delta));
    if (!(count < 0x1p40)) fail(cat("a range of ", count), "it must be a size");
    return static_cast<int64_t>(std::max(count, 0.0));
  }
}

}  // namespace

OpResult rule(const op::Range&, Inputs in) {
  expect_inputs(in, 3, 3);
  bool known = true;
  for (const OpInput& input : in) {
    expect_same_type(in[0], input);
    if (input.shape.size() > 1 || (input.shape.size() == 1 && !agree(input.shape[0], 1)))
      fail(cat("an input of shape ", to_string(input.shape)), "scalars are needed");
    known = known && input.content.defined() && !input.known.defined();
  }
  const DataType type = in[0].type;
  int64_t count = -1;
  if (type == DataType::i64)
    count = known ? range_count<int64_t>(in) : -1;
  else if (type == DataType::i32)
    count = known ? range_count<int32_t>(in) : -1;
  else if (type == DataType::f32)
    count = known ? range_count<float>(in) : -1;
  else if (type == DataType::f64)
    count = known ? range_count<double>(in) : -1;
  else
    fail(cat("a range of ", name_of(type)), "i64, i32, f32 or f64 is needed");
  return typed({count}, type);
}

std::pair<size_t, size_t> shape_range(const op::ShapeOf& op, size_t rank) {
  const auto r = static_cast<int64_t>(rank);
  const auto place = [r](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + r : at, 0, r); };
  const int64_t first = place(op.start), last = place(op.end.value_or(r));
  return {static_cast<size_t>(first), static_cast<size_t>(std::max(first, last))};
}

OpResult rule(const op::ShapeOf& op, Inputs in) {
  expect_inputs(in, 1, 1);
  const auto [first, last] = shape_range(op, in[0].shape.size());
  return typed({static_cast<int64_t>(last - first)}, DataType::i64);
}

OpResult rule(const op::Reshape& op, Inputs in) {
  expect_inputs(in, 2, 2);
  const Shape& x = in[0].shape;
  const std::vector<Integer> sizes = integers(in[1], "sizes");
  Shape out(sizes.size(), -1);
  Integer rest;          // position of the -1
  bool unknown = false;  // is another size of the result unknown?
  Shape uncopied;        // sizes of x that do not reappear as copies
  std::vector<bool> copied(x.size(), false);
  int64_t product = 1;  // of the result's sizes that are not copies
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (!sizes[i]) {
      unknown = true;
    } else if (*sizes[i] == -1) {
      if (rest) fail("more than one size of -1", "one can be left to find out");
      rest = static_cast<int64_t>(i);
    } else if (*sizes[i] == 0 && !op.allow_zero) {
      if (i >= x.size()) fail(cat("size ", i, " is 0"), cat(to_string(x), " has no such size to copy"));
      out[i] = x[i];
      copied[i] = true;
    } else if (*sizes[i] < 0) {
      fail(cat("size ", *sizes[i]), "-1 or more");
    } else {
      out[i] = *sizes[i];
      product = checked_mul(product, out[i], "Reshape");
    }
  }
  for (size_t d = 0; d < x.size(); ++d)
    if (!copied[d]) uncopied.push_back(x[d]);
  if (unknown || !is_known(uncopied)) return typed(out, in[0].type);
  const int64_t elements = element_count(uncopied);
  if (rest ? (product == 0 || elements % product != 0) : elements != product)
    fail(cat(to_string(x), " as ", to_string(out)), "the number of elements must stay the same");
  if (rest) out[static_cast<size_t>(*rest)] = elements / product;
  return typed(out, in[0].type);
}

OpResult rule(const op::Flatten& op, Inputs in) {
  expect_inputs(in, 1, 1);
  const Shape& x = in[0].shape;
  const auto rank = static_cast<int64_t>(x.size());
  if (op.axis < -rank || op.axis > rank)
    fail(cat("axis ", op.axis, " of ", to_string(x)), cat("-", rank, "..", rank));
  const auto axis = static_cast<std::ptrdiff_t>(op.axis < 0 ? op.axis + rank : op.axis);
  const auto product = [](const Shape& sizes) { return is_known(sizes) ? element_count(sizes) : -1; };
  return typed({product({x.begin(), x.begin() + axis}), product({x.begin() + axis, x.end()})}, in[0].type);
}

OpResult rule(const op::Squeeze& op, Inputs in) {
  expect_inputs(in, 1, 1);
  const Shape& x = in[0].shape;
  std::vector<bool> goes(x.size(), false);
  for (const size_t axis : resolved_axes(op.axes, x.size())) {
    if (!agree(x[axis], 1)) fail(cat("axis ", axis, " of ", to_string(x)), "only sizes of 1 can go");
    goes[axis] = true;
  }
  if (op.axes.empty() && !is_known(x))
    throw Error(ErrorKind::unsupported, {.found = cat("which sizes of ", to_string(x), " are 1 is not known"),
                                         .allowed = "the rank of every tensor must be known",
                                         .next = "Name the axes"});
  Shape out;
  for (size_t d = 0; d < x.size(); ++d)
    if (!goes[d] && !(op.axes.empty() && x[d] == 1)) out.push_back(x[d]);
  return typed(out, in[0].type);
}

OpResult rule(const op::Unsqueeze& op, Inputs in) {
  expect_inputs(in, 1, 1);
  Shape out = in[0].shape;
  for (const size_t axis : resolved_axes(op.axes, out.size() + op.axes.size()))
    out.insert(out.begin() + static_cast<std::ptrdiff_t>(axis), 1);
  return typed(out, in[0].type);
}

OpResult rule(const op::Transpose& op, Inputs in) {
  expect_inputs(in, 1, 1);
  const Shape& x = in[0].shape;
  Shape out(x.rbegin(), x.rend());
  if (!op.permutation.empty()) {
    if (op.permutation.size() != x.size() ||
        std::any_of(op.permutation.begin(), op.permutation.end(), [](int64_t d) { return d < 0; }))
      fail(cat("permutation ", join(op.permutation), " of ", to_string(x)), "each dimension is named once");
    resolved_axes(op.permutation, x.size());
    for (size_t d = 0; d < x.size(); ++d)
      out[d] = x[static_cast<size_t>(op.permutation[d])];
  }
  return typed(out, in[0].type);
}

OpResult rule(const op::Expand&, Inputs in) {
  expect_inputs(in, 2, 2);
  Shape target;
  for (const Integer size : integers(in[1], "sizes")) {
    if (size && *size < 0) fail(cat("size ", *size), "it must not be below 0");
    target.push_back(size.value_or(-1));
  }
  return typed(broadcast(in[0].shape, target), in[0].type);
}

OpResult rule(const op::Tile&, Inputs in) {
  expect_inputs(in, 2, 2);
  Shape out = in[0].shape;
  const std::vector<Integer> repeats = integers(in[1], "repeats");
  if (repeats.size() != out.size())
    fail(cat(repeats.size(), " repeats for ", to_string(out)), "one per dimension is needed");
  for (size_t d = 0; d < out.size(); ++d) {
    if (repeats[d] && *repeats[d] < 0) fail(cat("repeat ", *repeats[d]), "it must not be below 0");
    out[d] = out[d] < 0 || !repeats[d] ? -1 : checked_mul(out[d], *repeats[d], "Tile");
  }
  return typed(out, in[0].type);
}

}  // namespace vitrail::shape_rules
