// Joining, choosing, reducing and multiplying along axes.

#include <algorithm>
#include <cstdint>

#include "vitrail/base/checked.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/shape_rules/rules.h"

namespace vitrail::shape_rules {

OpResult rule(const op::Concat& op, Inputs in) {
  if (in.empty()) fail("no inputs", "at least one is needed");
  expect_inputs(in, in.size(), in.size());
  Shape out = in[0].shape;
  const size_t axis = resolved_axis(op.axis, out.size());
  for (size_t i = 1; i < in.size(); ++i) {
    const Shape& part = in[i].shape;
    expect_same_type(in[0], in[i]);
    if (part.size() != out.size())
      fail(cat(to_string(in[0].shape), " and ", to_string(part)), "the ranks must be equal");
    for (size_t d = 0; d < out.size(); ++d) {
      if (d == axis) {
        out[d] = out[d] < 0 || part[d] < 0 ? -1 : checked_add(out[d], part[d], "Concat");
      } else if (!agree(out[d], part[d])) {
        fail(cat(to_string(in[0].shape), " and ", to_string(part)),
             cat("every size but that of axis ", axis, " must be equal"));
      } else {
        out[d] = std::max(out[d], part[d]);
      }
    }
  }
  return typed(out, in[0].type);
}

OpResult rule(const op::Slice&, Inputs in) {
  expect_inputs(in, 3, 5);
  Shape out = in[0].shape;
  if (given(in, 3) && (!in[3].content.defined() || in[3].known.defined())) {
    integers(in[3], "axes");
    return typed(Shape(out.size(), -1), in[0].type);  // any of them may be cut
  }
  for (const SliceAxis& cut : slice_axes(in))
    out[cut.axis] = cut.count;
  return typed(out, in[0].type);
}

std::vector<SliceAxis> slice_axes(Inputs in) {
  const Shape& x = in[0].shape;
  const std::vector<Integer> starts = integers(in[1], "starts"), ends = integers(in[2], "ends");
  std::vector<int64_t> axes(starts.size());
  for (size_t i = 0; i < axes.size(); ++i)
    axes[i] = static_cast<int64_t>(i);
  if (given(in, 3)) {
    axes.clear();
    for (const Integer axis : integers(in[3], "axes"))
      axes.push_back(axis.value_or(0));
  }
  std::vector<Integer> steps(starts.size(), 1);
  if (given(in, 4)) steps = integers(in[4], "steps");
  if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size())
    fail(cat(starts.size(), " starts, ", ends.size(), " ends, ", axes.size(), " axes, ", steps.size(),
             " steps"),
         "as many of each are needed");
  resolved_axes(axes, x.size());  // each once
  std::vector<SliceAxis> result;
  for (size_t i = 0; i < axes.size(); ++i) {
    SliceAxis cut{.axis = resolved_axis(axes[i], x.size())};
    const int64_t size = x[cut.axis];
    if (steps[i] && *steps[i] == 0) fail("a step of 0", "it must not be 0");
    if (size == 0) {
      cut.count = 0;
    } else if (size > 0 && starts[i] && ends[i] && steps[i]) {
      const bool down = *steps[i] < 0;
      const auto place = [size](int64_t at, int64_t least, int64_t most) {
        return std::clamp(at < 0 ? at + size : at, least, most);
      };
      cut.step = std::max(*steps[i], -INT64_MAX);  // its negative must exist
      cut.start = place(*starts[i], 0, down ? size - 1 : size);
      const int64_t end = place(*ends[i], down ? -1 : 0, down ? size - 1 : size);
      const int64_t distance = down ? cut.start - end : end - cut.start;
      cut.count = distance <= 0 ? 0 : (distance - 1) / (down ? -cut.step : cut.step) + 1;
    }
    result.push_back(cut);
  }
  return result;
}

OpResult rule(const op::Gather& op, Inputs in) {
  expect_inputs(in, 2, 2);
  if (in[1].type != DataType::i64 && in[1].type != DataType::i32)
    fail(cat("indices of ", name_of(in[1].type)), "i64 or i32 is needed");
  Shape out = in[0].shape;
  const auto at = out.begin() + static_cast<std::ptrdiff_t>(resolved_axis(op.axis, out.size()));
  const auto next = out.erase(at);
  out.insert(next, in[1].shape.begin(), in[1].shape.end());
  return typed(out, in[0].type);
}

OpResult rule(const op::GatherElements& op, Inputs in) {
  expect_inputs(in, 2, 2);
  if (in[1].type != DataType::i64 && in[1].type != DataType::i32)
    fail(cat("indices of ", name_of(in[1].type)), "i64 or i32 is needed");
  const Shape &x = in[0].shape, &indices = in[1].shape;
  const size_t axis = resolved_axis(op.axis, x.size());
  bool fits = x.size() == indices.size();
  for (size_t d = 0; fits && d < x.size(); ++d)
    fits = d == axis || x[d] < 0 || indices[d] <= x[d];
  if (!fits)
    fail(cat("input ", to_string(x), " and indices ", to_string(indices)),
         cat("the ranks must be equal, and no size but that of axis ", axis, " larger than the input's"));
  return typed(indices, in[0].type);
}

OpResult rule(const op::ArgMax& op, Inputs in) {
  expect_inputs(in, 1, 1);
  expect_number(in[0]);
  Shape out = in[0].shape;
  const size_t axis = resolved_axis(op.axis, out.size());
  if (out[axis] == 0)
    fail(cat("axis ", op.axis, " of ", to_string(out)), "there must be something to choose");
  if (op.keep_dims)
    out[axis] = 1;
  else
    out.erase(out.begin() + static_cast<std::ptrdiff_t>(axis));
  return typed(out, DataType::i64);
}

OpResult rule(const op::TopK& op, Inputs in) {
  expect_inputs(in, 2, 2);
  expect_number(in[0]);
  if (in[1].type != DataType::i64) fail(cat("k of ", name_of(in[1].type)), "i64 is needed");
  const std::vector<Integer> k = integers(in[1], "k");
  if (k.size() != 1) fail(cat(k.size(), " numbers as k"), "one is needed");
  Shape out = in[0].shape;
  const size_t axis = resolved_axis(op.axis, out.size());
  if (k[0] && (*k[0] < 0 || (out[axis] >= 0 && *k[0] > out[axis])))
    fail(cat("the best ", *k[0], " of ", to_string(out), " along axis ", axis), "there are not so many");
  out[axis] = k[0].value_or(-1);
  return typed(out, op.part == op::TopK::Part::indices ? DataType::i64 : in[0].type);
}

OpResult rule(const op::Reduce& op, Inputs in) {
  using F = op::Reduce::Function;
  expect_inputs(in, 1, 1);
  expect_number(in[0]);
  const bool needs_float = op.function == F::l2 || op.function == F::log_sum || op.function == F::log_sum_exp;
  if (needs_float) expect_float(in[0]);
  const Shape& x = in[0].shape;
  std::vector<bool> goes(x.size(), op.axes.empty());
  for (const size_t axis : resolved_axes(op.axes, x.size()))
    goes[axis] = true;
  Shape out;
  for (size_t d = 0; d < x.size(); ++d) {
    if (goes[d] && x[d] == 0 && (op.function == F::max || op.function == F::min || op.function == F::mean))
      fail(cat(to_string(x), " along axis ", d), "there must be something to reduce");
    if (!goes[d])
      out.push_back(x[d]);
    else if (op.keep_dims)
      out.push_back(1);
  }
  return typed(out, in[0].type);
}

OpResult rule(const op::CumSum& op, Inputs in) {
  expect_inputs(in, 1, 1);
  expect_number(in[0]);
  resolved_axis(op.axis, in[0].shape.size());
  return same(in[0]);
}

OpResult rule(const op::MatMul&, Inputs in) {
  expect_inputs(in, 2, 2);
  expect_number(in[0]);
  expect_same_type(in[0], in[1]);
  Shape a = in[0].shape, b = in[1].shape;
  if (a.empty() || b.empty())
    fail(cat(to_string(a), " times ", to_string(b)), "scalars have no dimension to sum over");
  const bool row = a.size() == 1, column = b.size() == 1;
  if (row) a.insert(a.begin(), 1);
  if (column) b.push_back(1);
  if (!agree(a.back(), b[b.size() - 2]))
    fail(cat(to_string(in[0].shape), " times ", to_string(in[1].shape)),
         "the first's last size must be the second's last but one");
  Shape out = broadcast({a.begin(), a.end() - 2}, {b.begin(), b.end() - 2});
  if (!row) out.push_back(a[a.size() - 2]);
  if (!column) out.push_back(b.back());
  return typed(out, in[0].type);
}

}  // namespace vitrail::shape_rules
