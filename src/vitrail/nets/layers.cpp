#include "vitrail/nets/layers.h"

#include <algorithm>
#include <cmath>

namespace vitrail {

int64_t Width::operator()(int64_t channels) const {
  return std::max<int64_t>(1, std::llround(static_cast<double>(channels) * factor_));
}

Pads keeping_pads(Pair kernel, int64_t dilation) {
  const int64_t y = (kernel[0] - 1) / 2 * dilation, x = (kernel[1] - 1) / 2 * dilation;
  return {y, x, y, x};
}

ConvOptions conv1x1(int64_t out, int64_t stride) {
  return {.out = out, .stride = stride, .bias = false};
}
ConvOptions conv3x3(int64_t out, int64_t stride, int64_t dilation) {
  return {.out = out,
          .kernel = {3, 3},
          .stride = stride,
          .dilation = dilation,
          .pads = keeping_pads({3, 3}, dilation),
          .bias = false};
}
ConvOptions with_bias(ConvOptions options) {
  options.bias = true;
  return options;
}

Value conv_bn(const Scope& scope, Value x, const ConvOptions& options, op::BatchNormalization norm) {
  return batch_norm(scope / "1", conv(scope / "0", x, options), norm);
}
Value conv_bn_relu(const Scope& scope, Value x, const ConvOptions& options, op::BatchNormalization norm) {
  return relu(scope, conv_bn(scope, x, options, norm));
}
Value conv_relu(const Scope& scope, Value x, const ConvOptions& options) {
  return relu(scope, conv(scope, x, options));
}

Value linear(const Scope& scope, Value x, int64_t out, Init init) {
  Graph& graph = scope.graph();
  const int64_t in = graph.shape(x).back();
  const Value weight = scope.parameter({.name = "weight", .shape = {out, in}, .init = init});
  const Value product =
      graph.add(op::MatMul{}, {x, transpose(scope / "weight", weight, {1, 0})}, scope("matmul"));
  return add(scope, product, scope.parameter({.name = "bias", .shape = {out}}));
}

Value layer_norm(const Scope& scope, Value x, double epsilon) {
  Graph& graph = scope.graph();
  const Shape shape{graph.shape(x).back()};
  const Value scale = graph.parameter({.name = scope("weight"), .shape = shape, .init = init::Constant{1}});
  const Value bias = graph.parameter({.name = scope("bias"), .shape = shape});
  return graph.add(op::LayerNormalization{.axis = -1, .epsilon = epsilon}, {x, scale, bias}, scope.name());
}

Value integers(const Scope& scope, const std::vector<int64_t>& values) {
  const Tensor tensor = Tensor::from<int64_t>({static_cast<int64_t>(values.size())}, values);
  return scope.graph().add(op::Constant{tensor}, {}, scope.name());
}
Value reshape(const Scope& scope, Value x, const std::vector<int64_t>& sizes) {
  return scope.graph().add(op::Reshape{}, {x, integers(scope / "sizes", sizes)}, scope("reshape"));
}
Value transpose(const Scope& scope, Value x, std::vector<int64_t> permutation) {
  return scope.graph().add(op::Transpose{.permutation = std::move(permutation)}, {x}, scope("transpose"));
}

Value concat(const Scope& scope, std::vector<Value> parts, int64_t axis) {
  return scope.graph().add(op::Concat{.axis = axis}, std::move(parts), scope("concat"));
}
Value sigmoid(const Scope& scope, Value x) {
  return scope.graph().add(op::Sigmoid{}, {x}, scope("sigmoid"));
}
Value multiply(const Scope& scope, Value a, Value b) {
  return scope.graph().add(op::Mul{}, {a, b}, scope("mul"));
}
Value global_average_pool(const Scope& scope, Value x) {
  return scope.graph().add(op::GlobalAveragePool{}, {x}, scope("pool"));
}

}  // namespace vitrail
