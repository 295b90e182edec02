// Making tensors and moving elements.

#include <algorithm>
#include <cstring>

#include "vitrail/graph/evaluate/kernels.h"
#include "vitrail/graph/shape_rules/rules.h"

namespace vitrail::evaluate_detail {
namespace {

void copy(const Tensor& in, Tensor& out) {
  if (in.bytes() > 0) std::memcpy(out.raw(), in.raw(), static_cast<size_t>(in.bytes()));
}

}  // namespace

void run(const op::Constant& op, Inputs, Tensor& out) {
  copy(op.value, out);
}
void run(const op::Reshape&, Inputs in, Tensor& out) {
  copy(in[0], out);
}
void run(const op::Flatten&, Inputs in, Tensor& out) {
  copy(in[0], out);
}
void run(const op::Squeeze&, Inputs in, Tensor& out) {
  copy(in[0], out);
}
void run(const op::Unsqueeze&, Inputs in, Tensor& out) {
  copy(in[0], out);
}

void run(const op::ConstantOfShape& op, Inputs, Tensor& out) {
  const Tensor value = op.value.defined() ? op.value.reshaped({}) : Tensor::zeros(DataType::f32, {});
  copy_strided(value, 0, out.shape(), std::vector<int64_t>(out.shape().size(), 0), out);
}

void run(const op::Range&, Inputs in, Tensor& out) {
  for_number(out.type(), [&](auto zero) {
    using T = decltype(zero);
    const T start = read<T>(in[0])[0], delta = read<T>(in[2])[0];
    T* y = write<T>(out);
    for (int64_t i = 0; i < out.elements(); ++i)
      y[i] = sum(start, product(static_cast<T>(i), delta));
  });
}

void run(const op::ShapeOf& op, Inputs in, Tensor& out) {
  const Shape& x = in[0].shape();
  const auto [first, last] = shape_rules::shape_range(op, x.size());
  std::copy(x.begin() + static_cast<std::ptrdiff_t>(first), x.begin() + static_cast<std::ptrdiff_t>(last),
            write<int64_t>(out));
}

void run(const op::Transpose& op, Inputs in, Tensor& out) {
  std::vector<int64_t> strides = strides_of(in[0].shape());
  if (op.permutation.empty()) {
    std::reverse(strides.begin(), strides.end());
  } else {
    const std::vector<int64_t> own = strides;
    for (size_t d = 0; d < own.size(); ++d)
      strides[d] = own[static_cast<size_t>(op.permutation[d])];
  }
  copy_strided(in[0], 0, out.shape(), std::move(strides), out);
}

void run(const op::Expand&, Inputs in, Tensor& out) {
  copy_strided(in[0], 0, out.shape(), broadcast_strides(in[0].shape(), out.shape()), out);
}

void run(const op::Tile&, Inputs in, Tensor& out) {
  const Shape& x = in[0].shape();
  const std::vector<int64_t> repeats = integers(in[1]), own = strides_of(x);
  Shape shape;  // each dimension becomes (repeat, size)
  std::vector<int64_t> strides;
  for (size_t d = 0; d < x.size(); ++d) {
    shape.insert(shape.end(), {repeats[d], x[d]});
    strides.insert(strides.end(), {0, own[d]});
  }
  copy_strided(in[0], 0, std::move(shape), std::move(strides), out);
}

void run(const op::DepthToSpace& op, Inputs in, Tensor& out) {
  const Shape& y = out.shape();
  const int64_t b = op.block, height = in[0].size(2), width = in[0].size(3), plane = height * width;
  const bool dcr = op.mode == op::DepthToSpace::Mode::dcr;
  const int64_t channel = dcr ? plane : plane * b * b, block = dcr ? plane * y[1] : plane;
  copy_strided(in[0], 0, {y[0], y[1], height, b, width, b},
               {in[0].size(1) * plane, channel, width, block * b, 1, block}, out);
}

void run(const op::SpaceToDepth& op, Inputs in, Tensor& out) {
  const Shape &x = in[0].shape(), &y = out.shape();
  const int64_t b = op.block, plane = x[2] * x[3];
  copy_strided(in[0], 0, {x[0], b, b, x[1], y[2], y[3]}, {x[1] * plane, x[3], 1, plane, x[3] * b, b}, out);
}

namespace {

// Where each position along a padded side comes from; -1: nowhere.
std::vector<int64_t> sources(op::PadMode mode, int64_t before, int64_t size, int64_t out) {
  std::vector<int64_t> from(static_cast<size_t>(out));
  for (int64_t i = 0; i < out; ++i) {
    int64_t at = i - before;
    if (mode == op::PadMode::edge) at = std::clamp<int64_t>(at, 0, size - 1);
    if (mode == op::PadMode::reflect) at = at < 0 ? -at : at >= size ? 2 * (size - 1) - at : at;
    from[static_cast<size_t>(i)] = at >= 0 && at < size ? at : -1;
  }
  return from;
}

}  // namespace

void run(const op::Pad& op, Inputs in, Tensor& out) {
  const Shape &x = in[0].shape(), &y = out.shape();
  const std::vector<int64_t> rows = sources(op.mode, op.pads[0], x[2], y[2]);
  const std::vector<int64_t> columns = sources(op.mode, op.pads[1], x[3], y[3]);
  for_number(in[0].type(), [&](auto zero) {
    using T = decltype(zero);
    const T* from = read<T>(in[0]);
    T* to = write<T>(out);
    const T value = saturated<T>(op.value);
    for (int64_t plane = 0; plane < x[0] * x[1]; ++plane, from += x[2] * x[3])
      for (const int64_t row : rows)
        for (const int64_t column : columns)
          *to++ = row < 0 || column < 0 ? value : from[row * x[3] + column];
  });
}

}  // namespace vitrail::evaluate_detail
