// Convolution and pooling.

#include <algorithm>

#include "vitrail/base/checked.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/shape_rules/rules.h"

namespace vitrail {
namespace shape_rules {
namespace {

void expect_positive_window(const Pair& kernel, const Pair& strides, const Pair& dilations) {
  for (size_t d = 0; d < 2; ++d)
    if (kernel[d] < 1 || strides[d] < 1 || dilations[d] < 1)
      fail(cat("kernel ", kernel[d], ", stride ", strides[d], ", dilation ", dilations[d]),
           "each must be at least 1");
}

// Output size of a sliding window over one dimension; -1 stays -1.
int64_t window_output(int64_t in, int64_t kernel, int64_t stride, int64_t dilation, int64_t pad_before,
                      int64_t pad_after, bool ceil_mode) {
  if (in < 0) return -1;
  const int64_t extent = (kernel - 1) * dilation + 1;
  const int64_t room = in + pad_before + pad_after - extent;
  if (room < 0)
    fail(cat("size ", in, " padded by ", pad_before, "+", pad_after),
         cat("at least ", extent, " is needed for the window"));
  if (in == 0) fail("windows over padding alone", "the input must not be empty");
  int64_t out = (ceil_mode ? ceil_div(room, stride) : room / stride) + 1;
  if (ceil_mode && (out - 1) * stride >= in + pad_before) --out;  // a window may not start beyond the input
  return out;
}

Pair window_outputs(const Shape& x, const Pair& kernel, const Pair& strides, const Pair& dilations,
                    const Pads& pads, AutoPad auto_pad, bool ceil_mode) {
  expect_positive_window(kernel, strides, dilations);
  Pair out{-1, -1};
  for (size_t d = 0; d < 2; ++d) {
    const int64_t in = x[2 + d];
    if (auto_pad == AutoPad::same_upper || auto_pad == AutoPad::same_lower)
      out[d] = known_or_unknown(in, ceil_div(in, strides[d]));
    else if (auto_pad == AutoPad::valid)
      out[d] = window_output(in, kernel[d], strides[d], dilations[d], 0, 0, ceil_mode);
    else
      out[d] = window_output(in, kernel[d], strides[d], dilations[d], pads[d], pads[d + 2], ceil_mode);
  }
  return out;
}

void expect_groups(int64_t group, int64_t channels, const char* which) {
  if (group < 1 || channels % group != 0)
    fail(cat("group ", group, " for ", channels, " ", which, " channels"), "the groups must divide them");
}

struct Convolved {
  const Shape &x, &weight;
};
/// What every convolution reads: a float map and a weight of rank 4, perhaps a bias.
Convolved convolved(Inputs in) {
  expect_inputs(in, 2, 3);
  expect_float(in[0]);
  expect_rank4(in[0].shape);
  expect_rank4(in[1].shape, "weight");
  return {in[0].shape, in[1].shape};
}

void expect_bias(Inputs inputs, int64_t channels) {
  if (given(inputs, 2) && (inputs[2].shape.size() != 1 || !agree(inputs[2].shape[0], channels)))
    fail(cat("bias is ", to_string(inputs[2].shape)), cat("it must hold ", channels, " values"));
}

}  // namespace

OpResult rule(const op::Conv& op, Inputs in) {
  const auto [x, weight] = convolved(in);
  expect_groups(op.group, weight[0], "output");
  if (!agree(x[1], weight[1] * op.group))
    fail(cat("input ", to_string(x), " and weight ", to_string(weight), " in ", op.group, " groups"),
         cat("the weight reads ", weight[1] * op.group, " channels"));
  expect_bias(in, weight[0]);
  const Pair kernel{weight[2], weight[3]};
  const Pair out = window_outputs(x, kernel, op.strides, op.dilations, op.pads, op.auto_pad, false);
  return typed({x[0], weight[0], out[0], out[1]}, in[0].type);
}

OpResult rule(const op::ConvTranspose& op, Inputs in) {
  const auto [x, weight] = convolved(in);
  expect_groups(op.group, weight[0], "input");
  if (!agree(x[1], weight[0]))
    fail(cat("input ", to_string(x), " and weight ", to_string(weight)),
         cat("the weight reads ", weight[0], " channels"));
  const int64_t channels = checked_mul(weight[1], op.group, "ConvTranspose");
  expect_bias(in, channels);
  expect_positive_window({weight[2], weight[3]}, op.strides, op.dilations);
  Shape out{x[0], channels, -1, -1};
  for (size_t d = 0; d < 2; ++d) {
    if (x[2 + d] < 0) continue;
    if (x[2 + d] == 0) fail(cat("input ", to_string(x)), "it must not be empty");
    out[2 + d] = (x[2 + d] - 1) * op.strides[d] + (weight[2 + d] - 1) * op.dilations[d] + 1 - op.pads[d] -
                 op.pads[d + 2] + op.output_padding[d];
    if (out[2 + d] < 1)
      fail(cat("input ", to_string(x), " padded away"), "the output needs at least one row and column");
  }
  return typed(out, in[0].type);
}

namespace {

template <class Pool>
Shape pooled(const Pool& pool, Inputs in, const Pair& dilations, AutoPad auto_pad) {
  expect_inputs(in, 1, 1);
  expect_number(in[0]);
  const Shape& x = in[0].shape;
  expect_rank4(x);
  expect_positive_window(pool.kernel, pool.strides, dilations);
  for (size_t d = 0; d < 2; ++d) {
    const int64_t extent = checked_add(checked_mul(pool.kernel[d] - 1, dilations[d], "window"), 1, "window");
    if (auto_pad == AutoPad::explicit_pads && (pool.pads[d] >= extent || pool.pads[d + 2] >= extent))
      fail(cat("pads ", pool.pads[d], "+", pool.pads[d + 2]),
           cat("they must be smaller than the window's ", extent));
  }
  const Pair out =
      window_outputs(x, pool.kernel, pool.strides, dilations, pool.pads, auto_pad, pool.ceil_mode);
  return {x[0], x[1], out[0], out[1]};
}

OpResult to_one_by_one(Inputs in) {
  expect_inputs(in, 1, 1);
  expect_number(in[0]);
  expect_rank4(in[0].shape);
  return typed({in[0].shape[0], in[0].shape[1], 1, 1}, in[0].type);
}

}  // namespace

OpResult rule(const op::MaxPool& op, Inputs in) {
  Shape shape = pooled(op, in, op.dilations, op.auto_pad);
  return typed(std::move(shape), in[0].type);
}
OpResult rule(const op::AveragePool& op, Inputs in) {
  Shape shape = pooled(op, in, {1, 1}, op.auto_pad);
  expect_float(in[0]);
  return typed(std::move(shape), in[0].type);
}
OpResult rule(const op::MaxPoolIndices& op, Inputs in) {
  return typed(pooled(op, in, {1, 1}, AutoPad::explicit_pads), DataType::i64);
}

OpResult rule(const op::MaxUnpool&, Inputs in) {
  expect_inputs(in, 3, 3);
  const Shape &x = in[0].shape, &indices = in[1].shape, &reference = in[2].shape;
  expect_rank4(x);
  expect_rank4(reference, "reference");
  if (in[1].type != DataType::i64) fail(cat("indices of ", name_of(in[1].type)), "i64 is needed");
  if (!agree(x, indices))
    fail(cat("input ", to_string(x), " and indices ", to_string(indices)), "their shapes must be equal");
  if (!agree(x[0], reference[0]) || !agree(x[1], reference[1]))
    fail(cat("input ", to_string(x), " and reference ", to_string(reference)),
         "they must have as many images and channels");
  return typed({std::max(x[0], reference[0]), std::max(x[1], reference[1]), reference[2], reference[3]},
               in[0].type);
}

OpResult rule(const op::GlobalAveragePool&, Inputs in) {
  return to_one_by_one(in);
}
OpResult rule(const op::GlobalMaxPool&, Inputs in) {
  return to_one_by_one(in);
}

OpResult rule(const op::AdaptivePool& op, Inputs in) {
  OpResult result = to_one_by_one(in);
  for (size_t d = 0; d < 2; ++d) {
    if (op.bins[d] < 1) fail(cat(op.bins[d], " bins"), "at least 1 is needed");
    if (in[0].shape[2 + d] == 0) fail(cat("input is ", to_string(in[0].shape)), "it must not be empty");
    result.shape[2 + d] = op.bins[d];
  }
  return result;
}

OpResult rule(const op::LRN& op, Inputs in) {
  expect_inputs(in, 1, 1);
  expect_float(in[0]);
  if (in[0].shape.size() < 2) fail(cat("input is ", to_string(in[0].shape)), "it needs a channel dimension");
  if (op.size < 1) fail(cat("size ", op.size), "at least 1 is needed");
  return same(in[0]);
}

}  // namespace shape_rules

Pads resolved_pads(AutoPad auto_pad, const Pads& pads, const Pair& input, const Pair& kernel,
                   const Pair& strides, const Pair& dilations) {
  if (auto_pad == AutoPad::explicit_pads) return pads;
  if (auto_pad == AutoPad::valid) return {0, 0, 0, 0};
  Pads resolved{};
  for (size_t d = 0; d < 2; ++d) {
    const int64_t out = ceil_div(input[d], strides[d]);
    const int64_t total =
        std::max<int64_t>((out - 1) * strides[d] + (kernel[d] - 1) * dilations[d] + 1 - input[d], 0);
    const int64_t small = total / 2;
    resolved[d] = auto_pad == AutoPad::same_upper ? small : total - small;
    resolved[d + 2] = total - resolved[d];
  }
  return resolved;
}

}  // namespace vitrail
