// Shapes, moves, reductions: operators.h's part for tensors of any rank.

#include <algorithm>
#include <cmath>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/evaluate.h"
#include "vitrail/train/convert.h"
#include "vitrail/train/operators.h"

namespace vitrail::train {
namespace {

std::vector<int64_t> numbers(const at::Tensor& x) {
  const at::Tensor whole = x.to(at::kLong).contiguous();
  return {whole.data_ptr<int64_t>(), whole.data_ptr<int64_t>() + whole.numel()};
}

int64_t from_front(int64_t axis, int64_t rank) {
  return axis < 0 ? axis + rank : axis;
}

/// Indices with those from the back counted from the front.
at::Tensor from_front(const at::Tensor& indices, int64_t size) {
  const at::Tensor i = indices.to(at::kLong);
  return at::where(i < 0, i + size, i);
}

/// x[start : end : step] along `axis`, by ONNX's rules for what lies outside.
at::Tensor sliced(const at::Tensor& x, int64_t axis, int64_t start, int64_t end, int64_t step) {
  const int64_t size = x.size(axis);
  if (step == 0)
    throw Error(ErrorKind::shape,
                {.where = "Slice", .found = "a step of 0", .allowed = "1 or more, or negative"});
  if (start < 0) start += size;
  if (end < 0) end += size;
  if (step > 0) {
    start = std::clamp<int64_t>(start, 0, size);
    end = std::clamp<int64_t>(end, start, size);
    return x.slice(axis, start, end, std::min(step, std::max<int64_t>(size, 1)));
  }
  start = std::min(start, size - 1);
  end = std::max<int64_t>(end, -1);
  std::vector<int64_t> indices;
  for (int64_t i = start; i > end && i >= 0; i = step < -size ? -1 : i + step)
    indices.push_back(i);
  return x.index_select(axis, at::tensor(indices, at::kLong).to(x.device()));
}

at::Tensor reduced(const op::Reduce& op, const at::Tensor& x, const std::vector<int64_t>& axes) {
  using F = op::Reduce::Function;
  const bool keep = op.keep_dims;
  switch (op.function) {
    case F::sum: return at::sum(x, axes, keep);
    case F::mean: return at::mean(x, axes, keep);
    case F::max: return at::amax(x, axes, keep);
    case F::min: return at::amin(x, axes, keep);
    case F::l1: return at::sum(at::abs(x), axes, keep);
    case F::l2: return at::norm(x, 2, axes, keep);  // its gradient at zero is zero
    case F::sum_square: return at::sum(at::square(x), axes, keep);
    case F::log_sum: return at::log(at::sum(x, axes, keep));
    case F::log_sum_exp: return at::logsumexp(x, axes, keep);
    case F::prod: break;
  }
  at::Tensor y = x;
  for (size_t i = axes.size(); i-- > 0;)
    y = at::prod(y, axes[i], keep);
  return y;
}

}  // namespace

at::ScalarType scalar_type(DataType type, at::ScalarType real) {
  const at::ScalarType same = to_torch(Tensor::zeros(type, {})).scalar_type();
  return at::isFloatingType(same) && same != at::kDouble ? real : same;
}

at::Tensor constant(const Tensor& value, at::ScalarType real) {
  const at::Tensor x = to_torch(value);
  return x.to(scalar_type(value.type(), real));
}

at::Tensor shape_of(const op::ShapeOf& op, const at::Tensor& x) {
  const int64_t rank = x.dim();
  const int64_t start = std::clamp<int64_t>(from_front(op.start, rank), 0, rank);
  const int64_t end = std::clamp<int64_t>(from_front(op.end.value_or(rank), rank), start, rank);
  const std::vector<int64_t> sizes = x.sizes().vec();
  return at::tensor(std::vector<int64_t>(sizes.begin() + start, sizes.begin() + end), at::kLong);
}

at::Tensor reshape(const op::Reshape& op, const at::Tensor& x, const at::Tensor& sizes) {
  std::vector<int64_t> wanted = numbers(sizes);
  for (size_t i = 0; i < wanted.size(); ++i)
    if (wanted[i] == 0 && !op.allow_zero) wanted[i] = x.size(static_cast<int64_t>(i));
  return x.reshape(wanted);
}

at::Tensor flatten(const op::Flatten& op, const at::Tensor& x) {
  const int64_t axis = from_front(op.axis, x.dim());
  int64_t rows = 1;
  for (int64_t i = 0; i < axis; ++i)
    rows *= x.size(i);
  return x.reshape({rows, rows == 0 ? 0 : x.numel() / rows});
}

at::Tensor squeeze(const op::Squeeze& op, const at::Tensor& x) {
  if (op.axes.empty()) return x.squeeze();
  std::vector<int64_t> sizes;
  for (int64_t d = 0; d < x.dim(); ++d) {
    const bool named = std::any_of(op.axes.begin(), op.axes.end(),
                                   [&](int64_t axis) { return from_front(axis, x.dim()) == d; });
    if (!named) sizes.push_back(x.size(d));
  }
  return x.reshape(sizes);
}

at::Tensor unsqueeze(const op::Unsqueeze& op, const at::Tensor& x) {
  const int64_t rank = x.dim() + static_cast<int64_t>(op.axes.size());
  std::vector<int64_t> axes;
  for (const int64_t axis : op.axes)
    axes.push_back(from_front(axis, rank));
  std::sort(axes.begin(), axes.end());
  at::Tensor y = x;
  for (const int64_t axis : axes)
    y = y.unsqueeze(axis);
  return y;
}

at::Tensor transpose(const op::Transpose& op, const at::Tensor& x) {
  std::vector<int64_t> permutation = op.permutation;
  if (permutation.empty())
    for (int64_t d = x.dim(); d-- > 0;)
      permutation.push_back(d);
  return x.permute(permutation);
}

at::Tensor expand(const at::Tensor& x, const at::Tensor& sizes) {
  return x.expand(at::infer_size(x.sizes(), numbers(sizes)));
}

at::Tensor tile(const at::Tensor& x, const at::Tensor& repeats) {
  return x.repeat(numbers(repeats));
}

at::Tensor slice(const OperatorCall& call) {
  at::Tensor x = call.inputs[0];
  const std::vector<int64_t> starts = numbers(call.inputs[1]), ends = numbers(call.inputs[2]);
  std::vector<int64_t> axes(starts.size()), steps(starts.size(), 1);
  for (size_t i = 0; i < axes.size(); ++i)
    axes[i] = static_cast<int64_t>(i);
  if (call.has(3)) axes = numbers(call.inputs[3]);
  if (call.has(4)) steps = numbers(call.inputs[4]);
  for (size_t i = 0; i < starts.size(); ++i)
    x = sliced(x, from_front(axes.at(i), x.dim()), starts[i], ends.at(i), steps.at(i));
  return x;
}

at::Tensor gather(const op::Gather& op, const at::Tensor& x, const at::Tensor& indices) {
  const int64_t axis = from_front(op.axis, x.dim());
  const at::Tensor chosen = x.index_select(axis, from_front(indices, x.size(axis)).reshape({-1}));
  std::vector<int64_t> sizes = x.sizes().vec();
  const auto at_axis = sizes.erase(sizes.begin() + axis);
  sizes.insert(at_axis, indices.sizes().begin(), indices.sizes().end());
  return chosen.reshape(sizes);
}

at::Tensor gather_elements(const op::GatherElements& op, const at::Tensor& x, const at::Tensor& indices) {
  const int64_t axis = from_front(op.axis, x.dim());
  return at::gather(x, axis, from_front(indices, x.size(axis)));
}

at::Tensor range(const at::Tensor& start, const at::Tensor& limit, const at::Tensor& delta) {
  const double first = start.item<double>(), step = delta.item<double>();
  const double count = std::max(std::ceil((limit.item<double>() - first) / step), 0.0);
  if (!(count <= static_cast<double>(kMostEvaluated)))
    throw Error(ErrorKind::limit, {.where = "Range",
                                   .found = cat(count, " numbers from ", first, " by steps of ", step),
                                   .allowed = cat("at most ", kMostEvaluated)});
  const at::Tensor positions = at::arange(static_cast<int64_t>(count), at::kLong).to(start.scalar_type());
  return positions * delta.reshape({}) + start.reshape({});
}

at::Tensor constant_of_shape(const op::ConstantOfShape& op, const at::Tensor& sizes, at::ScalarType real) {
  const at::Tensor value = op.value.defined() ? constant(op.value, real) : at::zeros({1}, real);
  return value.reshape({}).expand(numbers(sizes));
}

at::Tensor reduce(const op::Reduce& op, const at::Tensor& x) {
  if (x.dim() == 0) return reduced({op.function, {}, false}, x.reshape({1}), {0});
  std::vector<int64_t> axes;
  for (const int64_t axis : op.axes)
    axes.push_back(from_front(axis, x.dim()));
  for (int64_t d = 0; op.axes.empty() && d < x.dim(); ++d)
    axes.push_back(d);
  std::sort(axes.begin(), axes.end());
  if (x.is_floating_point()) return reduced(op, x, axes);
  return to_torch(evaluate(op, std::vector<Tensor>{from_torch(x)}));
}

at::Tensor cumulative_sum(const op::CumSum& op, const at::Tensor& x) {
  const int64_t axis = from_front(op.axis, x.dim());
  at::Tensor y = at::cumsum(op.reverse ? x.flip(axis) : x, axis, x.scalar_type());
  if (op.exclusive) {
    y = at::cat({at::zeros_like(x.narrow(axis, 0, 1)), y.narrow(axis, 0, x.size(axis) - 1)}, axis);
  }
  return op.reverse ? y.flip(axis) : y;
}

at::Tensor top_k(const op::TopK& op, const at::Tensor& x, const at::Tensor& k) {
  const auto [values, indices] = at::sort(x, /*stable=*/true, op.axis, /*descending=*/op.largest);
  const at::Tensor& part = op.part == op::TopK::Part::values ? values : indices;
  return part.narrow(op.axis, 0, k.item<int64_t>());
}

at::Tensor layer_normalization(const op::LayerNormalization& op, const OperatorCall& call) {
  const at::Tensor& x = call.inputs[0];
  const std::vector<int64_t> sizes = x.sizes().slice(static_cast<size_t>(from_front(op.axis, x.dim()))).vec();
  const at::Tensor bias = call.has(2) ? call.inputs[2].reshape(sizes) : at::Tensor();
  return at::layer_norm(x, sizes, call.inputs[1].reshape(sizes), bias, op.epsilon, /*cudnn_enable=*/false);
}

at::Tensor instance_normalization(const op::InstanceNormalization& op, const OperatorCall& call) {
  return at::instance_norm(call.inputs[0], call.inputs[1], call.inputs[2], {}, {}, /*use_input_stats=*/true,
                           /*momentum=*/0, op.epsilon, /*cudnn_enabled=*/false);
}

}  // namespace vitrail::train
