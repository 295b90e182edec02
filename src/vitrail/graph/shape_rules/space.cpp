// Resizing, cropping, boxes, and our own operators.

#include <algorithm>
#include <cmath>

#include "vitrail/base/checked.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/shape_rules/rules.h"

namespace vitrail::shape_rules {
namespace {

int64_t scaled(int64_t size, double scale) {
  const double result = std::floor(static_cast<double>(size) * scale);
  if (!(scale > 0) || !(result < 0x1p40))
    fail(cat("scale ", scale), "it must be above 0 and the result a size");
  return known_or_unknown(size, static_cast<int64_t>(result));
}

// A size that is given beside a scale is what the scale makes, rounded either way.
void expect_about(int64_t size, double exact) {
  if (!(std::abs(static_cast<double>(size) - exact) <= 1))
    fail(cat("size ", size), cat("about ", exact, ", as the scale says"));
}

// How much of the input, along one axis, a scale is applied to.
double extent(const op::Resize& op, size_t axis) {
  if (op.coordinates != op::CoordinateMode::tf_crop_and_resize || !op.roi) return 1;
  return (*op.roi)[axis + 2] - (*op.roi)[axis];
}

// H and W from a computed input: i64 [2] sizes or f32 [2] scales.
Pair computed_target(const op::Resize& op, const Shape& x, const OpInput& target) {
  if (target.shape.size() != 1 || !agree(target.shape[0], 2))
    fail(cat("target of shape ", to_string(target.shape)), "two numbers, for H and W, are needed");
  Pair out{-1, -1};
  if (target.type != DataType::f32) {
    const std::vector<Integer> sizes = integers(
        {.shape = {2}, .type = target.type, .content = target.content, .known = target.known}, "sizes");
    for (size_t d = 0; d < 2; ++d) {
      if (sizes[d] && *sizes[d] < 1) fail(cat("size ", *sizes[d]), "at least 1 is needed");
      out[d] = sizes[d].value_or(-1);
    }
    return out;
  }
  for (size_t d = 0; d < 2 && target.content.defined(); ++d)
    if (!target.known.defined() || target.known.raw()[d] != std::byte{0})
      out[d] = scaled(x[2 + d], extent(op, d) * double{target.content.data<float>()[d]});
  return out;
}

}  // namespace

OpResult rule(const op::Resize& op, Inputs in) {
  expect_inputs(in, 1, 3);
  const Shape& x = in[0].shape;
  expect_rank4(x);
  expect_number(in[0]);
  const bool reference = given(in, 1), target = given(in, 2);
  if (int{reference} + int{target} + int{op.scales.has_value() || op.sizes.has_value()} != 1)
    fail("the target size is given more or less than once",
         "exactly one of a reference, a computed target, and scales or sizes is needed");
  if (op.antialias && op.mode == op::ResizeMode::nearest)
    fail("antialias of nearest", "linear and cubic have it");
  if (reference) expect_rank4(in[1].shape, "reference");
  const Pair computed = target ? computed_target(op, x, in[2]) : Pair{-1, -1};
  if (op.coordinates != op::CoordinateMode::tf_crop_and_resize && op.roi)
    fail("a region of interest", "only tf_crop_and_resize reads it");
  Shape out = x;
  for (size_t d = 0; d < 2; ++d) {
    out[2 + d] = reference  ? in[1].shape[2 + d]
                 : target   ? computed[d]
                 : op.sizes ? (*op.sizes)[d]
                            : scaled(x[2 + d], extent(op, d) * (*op.scales)[d]);
    if (op.sizes && op.scales && x[2 + d] >= 0)
      expect_about(out[2 + d], static_cast<double>(x[2 + d]) * (*op.scales)[d]);
    if (x[2 + d] == 0 || out[2 + d] == 0 || out[2 + d] < -1)
      fail(cat(to_string(x), " resized to ", out[2 + d]), "at least 1 is needed on both sides");
  }
  return typed(out, in[0].type);
}

OpResult rule(const op::Crop& op, Inputs in) {
  expect_inputs(in, 2, 2);
  const Shape &x = in[0].shape, &reference = in[1].shape;
  expect_rank4(x);
  expect_rank4(reference, "reference");
  Shape out = x;
  const Pair corner{op.top, op.left};
  for (size_t d = 0; d < 2; ++d) {
    out[2 + d] = reference[2 + d];
    if (corner[d] < 0 || (x[2 + d] >= 0 && reference[2 + d] >= 0 && corner[d] + reference[2 + d] > x[2 + d]))
      fail(cat("a window of ", to_string(reference), " at (", op.top, ",", op.left, ")"),
           cat("it must lie inside ", to_string(x)));
  }
  return typed(out, in[0].type);
}

OpResult rule(const op::Pad& op, Inputs in) {
  expect_inputs(in, 1, 1);
  expect_rank4(in[0].shape);
  Shape out = in[0].shape;
  for (size_t d = 0; d < 2; ++d) {
    const int64_t before = op.pads[d], after = op.pads[d + 2], size = in[0].shape[2 + d];
    if (size < 0) {
      out[2 + d] = -1;
      continue;
    }
    if (op.mode == op::PadMode::reflect && std::max(before, after) >= size)
      fail(cat("reflecting ", before, "+", after, " around size ", size),
           "the padding must be smaller than the size");
    out[2 + d] = checked_add(size, checked_add(before, after, "Pad"), "Pad");
    if (out[2 + d] < 1 || size + std::min<int64_t>(before, 0) + std::min<int64_t>(after, 0) < 1)
      fail(cat("size ", size, " padded by ", before, "+", after), "at least 1 must remain");
  }
  return typed(out, in[0].type);
}

OpResult rule(const op::DepthToSpace& op, Inputs in) {
  expect_inputs(in, 1, 1);
  expect_rank4(in[0].shape);
  if (op.block < 1 || op.block > 0x10000) fail(cat("block ", op.block), "1..65536");
  Shape out = in[0].shape;
  const int64_t area = op.block * op.block;
  if (out[1] >= 0 && out[1] % area != 0)
    fail(cat(out[1], " channels into blocks of ", op.block, "x", op.block),
         cat("a multiple of ", area, " is needed"));
  out[1] = known_or_unknown(out[1], out[1] / area);
  for (size_t d = 2; d < 4; ++d)
    out[d] = out[d] < 0 ? -1 : checked_mul(out[d], op.block, "DepthToSpace");
  return typed(out, in[0].type);
}

OpResult rule(const op::SpaceToDepth& op, Inputs in) {
  expect_inputs(in, 1, 1);
  expect_rank4(in[0].shape);
  if (op.block < 1 || op.block > 0x10000) fail(cat("block ", op.block), "1..65536");
  Shape out = in[0].shape;
  out[1] = out[1] < 0 ? -1 : checked_mul(out[1], op.block * op.block, "SpaceToDepth");
  for (size_t d = 2; d < 4; ++d) {
    if (out[d] >= 0 && out[d] % op.block != 0)
      fail(cat("size ", out[d], " in blocks of ", op.block), "the blocks must fill it");
    out[d] = known_or_unknown(out[d], out[d] / op.block);
  }
  return typed(out, in[0].type);
}

OpResult rule(const op::RoiAlign& op, Inputs in) {
  expect_inputs(in, 3, 3);
  expect_rank4(in[0].shape);
  expect_float(in[0]);
  const Shape &boxes = in[1].shape, &images = in[2].shape;
  if (boxes.size() != 2 || !agree(boxes[1], 4)) fail(cat("boxes are ", to_string(boxes)), "R x 4 is needed");
  expect_same_type(in[0], in[1]);
  if (images.size() != 1 || !agree(images[0], boxes[0]))
    fail(cat("images of the boxes ", to_string(boxes), " are ", to_string(images)), "one per box is needed");
  if (in[2].type != DataType::i64) fail(cat("images of ", name_of(in[2].type)), "i64 is needed");
  if (op.height < 1 || op.width < 1 || op.sampling_ratio < 0 || !(op.spatial_scale > 0))
    fail(cat(op.height, "x", op.width, " bins, sampling ratio ", op.sampling_ratio, ", scale ",
             op.spatial_scale),
         "bins and scale must be positive");
  return typed({std::max(boxes[0], images[0]), in[0].shape[1], op.height, op.width}, in[0].type);
}

OpResult rule(const op::GridSample&, Inputs in) {
  expect_inputs(in, 2, 2);
  const Shape &x = in[0].shape, &grid = in[1].shape;
  expect_rank4(x);
  expect_float(in[0]);
  expect_same_type(in[0], in[1]);
  if (grid.size() != 4 || !agree(grid[3], 2) || !agree(grid[0], x[0]))
    fail(cat("input ", to_string(x), " and grid ", to_string(grid)),
         "N x C x H x W and N x h x w x 2 are needed");
  if (x[2] == 0 || x[3] == 0) fail(cat("input is ", to_string(x)), "it must not be empty");
  return typed({std::max(x[0], grid[0]), x[1], grid[1], grid[2]}, in[0].type);
}

OpResult rule(const op::NonMaxSuppression&, Inputs in) {
  expect_inputs(in, 2, 5);
  const Shape &boxes = in[0].shape, &scores = in[1].shape;
  if (boxes.size() != 3 || scores.size() != 3 || !agree(boxes[2], 4) || !agree(boxes[0], scores[0]) ||
      !agree(boxes[1], scores[2]))
    fail(cat("boxes ", to_string(boxes), " and scores ", to_string(scores)),
         "N x B x 4 and N x C x B are needed");
  expect_float(in[0], "boxes");
  expect_float(in[1], "scores");
  for (size_t i = 2; i < in.size(); ++i) {
    if (!in[i].present) continue;
    if (in[i].shape.size() > 1 || (in[i].shape.size() == 1 && !agree(in[i].shape[0], 1)))
      fail(cat("input ", i, " of shape ", to_string(in[i].shape)), "one number is needed");
    const DataType wanted = i == 2 ? DataType::i64 : DataType::f32;
    if (in[i].type != wanted)
      fail(cat("input ", i, " of ", name_of(in[i].type)), cat(name_of(wanted), " is needed"));
  }
  // ONNX: without `most per class` nothing is chosen.
  if (!given(in, 2)) return typed({0, 3}, DataType::i64);
  if (!in[1].content.defined() || in[1].known.defined()) return typed({-1, 3}, DataType::i64);
  const int64_t images = std::max(boxes[0], scores[0]), candidates = std::max(boxes[1], scores[2]);
  if (images < 0 || candidates < 0 || scores[1] < 0) return typed({-1, 3}, DataType::i64);
  int64_t per_class = candidates;
  if (in[2].content.defined() && !in[2].known.defined())
    per_class = std::clamp<int64_t>(in[2].content.data<int64_t>()[0], 0, candidates);
  return typed({checked_product({images, scores[1], per_class}, "NonMaxSuppression"), 3}, DataType::i64);
}

OpResult rule(const op::DynamicDeconvolution& op, Inputs in) {
  expect_inputs(in, 2, 3);
  expect_float(in[0]);
  expect_same_type(in[0], in[1]);
  const Shape &m = in[0].shape, &v = in[1].shape;
  expect_rank4(m, "evidence");
  expect_rank4(v, "votes");
  if (op.stride != 1 && op.stride != 2) fail(cat("stride ", op.stride), "1 or 2");
  if (!agree(v[1], 9)) fail(cat("votes are ", to_string(v)), "nine channels, one per tap, are needed");
  Shape out = m;
  for (const size_t d : {size_t{0}, size_t{2}, size_t{3}}) {
    if (!agree(m[d], v[d]))
      fail(cat("evidence ", to_string(m), " and votes ", to_string(v)), "images and sizes must be equal");
    out[d] = std::max(m[d], v[d]);
  }
  if (given(in, 2)) expect_rank4(in[2].shape, "reference");
  for (size_t d = 2; d < 4; ++d) {
    const int64_t most = out[d] < 0 ? -1 : checked_mul(out[d], op.stride, "DynamicDeconvolution");
    out[d] = given(in, 2) ? in[2].shape[d] : most;
    if (out[d] >= 0 && most >= 0 && (out[d] > most || out[d] <= most - op.stride))
      fail(cat("evidence ", to_string(m), " and reference ", to_string(in[2].shape)),
           op.stride == 1 ? cat("size ", most, " is needed")
                          : cat("size ", most - 1, " or ", most, " is needed"));
  }
  return typed(out, in[0].type);
}

OpResult rule(const op::Encoding&, Inputs in) {
  expect_inputs(in, 3, 3);
  expect_float(in[0]);
  const Shape &x = in[0].shape, &words = in[1].shape, &smoothing = in[2].shape;
  expect_rank4(x);
  if (words.size() != 2 || !agree(words[1], x[1]) || smoothing.size() != 1 || !agree(smoothing[0], words[0]))
    fail(cat("input ", to_string(x), ", codewords ", to_string(words), ", smoothing ", to_string(smoothing)),
         "N x D x H x W, K x D and K are needed");
  return typed({x[0], std::max(words[0], smoothing[0]), std::max(x[1], words[1])}, in[0].type);
}

}  // namespace vitrail::shape_rules
