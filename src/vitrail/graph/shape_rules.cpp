// One shape rule per operator. A rule sees shapes whose sizes may be -1 (unknown) and passes the unknown on.

#include <algorithm>
#include <cmath>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/shape_inference.h"

namespace vitrail {
namespace {

using Shapes = std::span<const Shape>;

[[noreturn]] void fail(const std::string& found, const std::string& allowed) {
  throw Error(ErrorKind::shape, {.found = found, .allowed = allowed});
}

void expect_inputs(Shapes inputs, size_t least, size_t most) {
  if (inputs.size() < least || inputs.size() > most)
    fail(cat(inputs.size(), " inputs"),
         least == most ? cat(least, " are needed") : cat(least, " to ", most, " are needed"));
}

void expect_rank4(const Shape& shape, const char* what = "input") {
  if (shape.size() != 4) fail(cat(what, " is ", to_string(shape)), "it must be N x C x H x W");
}

bool agree(int64_t a, int64_t b) {
  return a < 0 || b < 0 || a == b;
}

bool given(Shapes inputs, size_t i) {
  return i < inputs.size() && !inputs[i].empty();
}

int64_t known_or_unknown(int64_t size, int64_t value) {
  return size < 0 ? -1 : value;
}

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

void expect_bias(Shapes inputs, int64_t channels) {
  if (given(inputs, 2) && (inputs[2].size() != 1 || !agree(inputs[2][0], channels)))
    fail(cat("bias is ", to_string(inputs[2])), cat("it must hold ", channels, " values"));
}

Shape rule(const op::Conv& conv, Shapes in) {
  expect_inputs(in, 2, 3);
  expect_rank4(in[0]);
  expect_rank4(in[1], "weight");
  const Shape& x = in[0];
  const Shape& weight = in[1];
  expect_groups(conv.group, weight[0], "output");
  if (!agree(x[1], weight[1] * conv.group))
    fail(cat("input ", to_string(x), " and weight ", to_string(weight), " in ", conv.group, " groups"),
         cat("the weight reads ", weight[1] * conv.group, " channels"));
  expect_bias(in, weight[0]);
  const Pair kernel{weight[2], weight[3]};
  const Pair out = window_outputs(x, kernel, conv.strides, conv.dilations, conv.pads, conv.auto_pad, false);
  return {x[0], weight[0], out[0], out[1]};
}

Shape rule(const op::ConvTranspose& conv, Shapes in) {
  expect_inputs(in, 2, 3);
  expect_rank4(in[0]);
  expect_rank4(in[1], "weight");
  const Shape& x = in[0];
  const Shape& weight = in[1];
  expect_groups(conv.group, weight[0], "input");
  if (!agree(x[1], weight[0]))
    fail(cat("input ", to_string(x), " and weight ", to_string(weight)),
         cat("the weight reads ", weight[0], " channels"));
  const int64_t channels = checked_mul(weight[1], conv.group, "ConvTranspose");
  expect_bias(in, channels);
  expect_positive_window({weight[2], weight[3]}, conv.strides, conv.dilations);
  Shape out{x[0], channels, -1, -1};
  for (size_t d = 0; d < 2; ++d) {
    if (x[2 + d] < 0) continue;
    out[2 + d] = (x[2 + d] - 1) * conv.strides[d] + (weight[2 + d] - 1) * conv.dilations[d] + 1 -
                 conv.pads[d] - conv.pads[d + 2] + conv.output_padding[d];
    if (out[2 + d] < 1)
      fail(cat("input ", to_string(x), " padded away"), "the output needs at least one row and column");
  }
  return out;
}

Shape rule(const op::BatchNormalization& norm, Shapes in) {
  expect_inputs(in, 5, 5);
  if (in[0].size() < 2) fail(cat("input is ", to_string(in[0])), "it needs a channel dimension");
  if (!(norm.epsilon > 0)) fail(cat("epsilon ", norm.epsilon), "it must be above 0");
  for (size_t i = 1; i < 5; ++i)
    if (in[i].size() != 1 || !agree(in[i][0], in[0][1]))
      fail(cat("input ", to_string(in[0]), " and a statistic of ", to_string(in[i])),
           "one value per channel is needed");
  return in[0];
}

Shape broadcast(const Shape& a, const Shape& b) {
  const size_t rank = std::max(a.size(), b.size());
  Shape out(rank);
  for (size_t i = 0; i < rank; ++i) {
    const int64_t x = i + a.size() < rank ? 1 : a[i + a.size() - rank];
    const int64_t y = i + b.size() < rank ? 1 : b[i + b.size() - rank];
    if (x == 1 || y == 1)
      out[i] = x == 1 ? y : x;
    else if (agree(x, y))
      out[i] = std::max(x, y);  // a known size beats an unknown one
    else
      fail(cat(to_string(a), " and ", to_string(b)), "the sizes must be equal, or 1");
  }
  return out;
}

Shape rule_elementwise(Shapes in) {
  expect_inputs(in, 2, 2);
  return broadcast(in[0], in[1]);
}
Shape rule(const op::Add&, Shapes in) {
  return rule_elementwise(in);
}
Shape rule(const op::Mul&, Shapes in) {
  return rule_elementwise(in);
}

size_t resolved_axis(int64_t axis, const Shape& shape) {
  const auto rank = static_cast<int64_t>(shape.size());
  if (axis < -rank || axis >= rank)
    fail(cat("axis ", axis, " of ", to_string(shape)), cat("-", rank, "..", rank - 1));
  return static_cast<size_t>(axis < 0 ? axis + rank : axis);
}

Shape rule(const op::Concat& concat, Shapes in) {
  if (in.empty()) fail("no inputs", "at least one is needed");
  Shape out = in[0];
  const size_t axis = resolved_axis(concat.axis, out);
  for (size_t i = 1; i < in.size(); ++i) {
    if (in[i].size() != out.size())
      fail(cat(to_string(in[0]), " and ", to_string(in[i])), "the ranks must be equal");
    for (size_t d = 0; d < out.size(); ++d) {
      if (d == axis) {
        out[d] = out[d] < 0 || in[i][d] < 0 ? -1 : checked_add(out[d], in[i][d], "Concat");
      } else if (!agree(out[d], in[i][d])) {
        fail(cat(to_string(in[0]), " and ", to_string(in[i])),
             cat("every size but that of axis ", axis, " must be equal"));
      } else {
        out[d] = std::max(out[d], in[i][d]);
      }
    }
  }
  return out;
}

template <class Pool>
Shape rule_pool(const Pool& pool, Shapes in) {
  expect_inputs(in, 1, 1);
  expect_rank4(in[0]);
  for (size_t d = 0; d < 2; ++d)
    if (pool.auto_pad == AutoPad::explicit_pads &&
        (pool.pads[d] >= pool.kernel[d] || pool.pads[d + 2] >= pool.kernel[d]))
      fail(cat("pads ", pool.pads[d], "+", pool.pads[d + 2]),
           cat("they must be smaller than the kernel ", pool.kernel[d]));
  const Pair out =
      window_outputs(in[0], pool.kernel, pool.strides, {1, 1}, pool.pads, pool.auto_pad, pool.ceil_mode);
  return {in[0][0], in[0][1], out[0], out[1]};
}
Shape rule(const op::MaxPool& pool, Shapes in) {
  return rule_pool(pool, in);
}
Shape rule(const op::AveragePool& pool, Shapes in) {
  return rule_pool(pool, in);
}

Shape rule(const op::GlobalAveragePool&, Shapes in) {
  expect_inputs(in, 1, 1);
  expect_rank4(in[0]);
  return {in[0][0], in[0][1], 1, 1};
}

Shape rule(const op::Resize& resize, Shapes in) {
  expect_inputs(in, 1, 2);
  expect_rank4(in[0]);
  Shape out = in[0];
  const bool has_reference = given(in, 1);
  if (static_cast<int>(has_reference) + static_cast<int>(resize.scales.has_value()) +
          static_cast<int>(resize.sizes.has_value()) !=
      1)
    fail("the target size is given more or less than once",
         "exactly one of a reference, scales and sizes is needed");
  if (has_reference) expect_rank4(in[1], "reference");
  for (size_t d = 0; d < 2; ++d) {
    if (has_reference) {
      out[2 + d] = in[1][2 + d];
    } else if (resize.sizes) {
      out[2 + d] = (*resize.sizes)[d];
    } else {
      const double scaled = std::floor(static_cast<double>(in[0][2 + d]) * (*resize.scales)[d]);
      if (!((*resize.scales)[d] > 0) || !(scaled < 0x1p40))
        fail(cat("scale ", (*resize.scales)[d]), "it must be above 0 and the result a size");
      out[2 + d] = known_or_unknown(in[0][2 + d], static_cast<int64_t>(scaled));
    }
    if (out[2 + d] == 0 || out[2 + d] < -1)
      fail(cat(to_string(in[0]), " resized to ", out[2 + d]), "at least 1 is needed");
  }
  return out;
}

Shape rule(const op::Crop& crop, Shapes in) {
  expect_inputs(in, 2, 2);
  expect_rank4(in[0]);
  expect_rank4(in[1], "reference");
  const Pair offset{crop.top, crop.left};
  Shape out = in[0];
  for (size_t d = 0; d < 2; ++d) {
    out[2 + d] = in[1][2 + d];
    if (offset[d] < 0) fail(cat("offset ", offset[d]), "it must not be negative");
    if (in[0][2 + d] >= 0 && in[1][2 + d] >= 0 && offset[d] + in[1][2 + d] > in[0][2 + d])
      fail(cat("a window of ", to_string(in[1]), " at (", crop.top, ",", crop.left, ")"),
           cat("it must lie inside ", to_string(in[0])));
  }
  return out;
}

Shape rule(const op::Pad& pad, Shapes in) {
  expect_inputs(in, 1, 1);
  expect_rank4(in[0]);
  Shape out = in[0];
  for (size_t d = 0; d < 2; ++d) {
    const int64_t before = pad.pads[d], after = pad.pads[d + 2], size = in[0][2 + d];
    if (size < 0) {
      out[2 + d] = -1;
      continue;
    }
    if (pad.mode == op::PadMode::reflect && std::max(before, after) >= size)
      fail(cat("reflecting ", before, "+", after, " around size ", size),
           "the padding must be smaller than the size");
    out[2 + d] = checked_add(size, checked_add(before, after, "Pad"), "Pad");
    if (out[2 + d] < 1 || size + std::min<int64_t>(before, 0) + std::min<int64_t>(after, 0) < 1)
      fail(cat("size ", size, " padded by ", before, "+", after), "at least 1 must remain");
  }
  return out;
}

Shape rule(const op::Softmax& softmax, Shapes in) {
  expect_inputs(in, 1, 1);
  resolved_axis(softmax.axis, in[0]);
  return in[0];
}

Shape rule(const op::ArgMax& argmax, Shapes in) {
  expect_inputs(in, 1, 1);
  const size_t axis = resolved_axis(argmax.axis, in[0]);
  Shape out = in[0];
  if (argmax.keep_dims)
    out[axis] = 1;
  else
    out.erase(out.begin() + static_cast<std::ptrdiff_t>(axis));
  return out;
}

template <class Unary>
Shape rule(const Unary&, Shapes in) {
  expect_inputs(in, 1, 1);
  return in[0];
}

}  // namespace

std::vector<OpResult> op_results(const Op& op, std::span<const Shape> inputs,
                                 std::span<const DataType> types, std::span<const Tensor>) {
  OpResult result;
  result.shape = std::visit([&](const auto& typed) { return rule(typed, inputs); }, op);
  result.type = std::holds_alternative<op::ArgMax>(op) ? DataType::i64 : types.front();
  return {result};
}

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
