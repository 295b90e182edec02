#include "vitrail/nets/scope.h"

namespace vitrail {

Value conv(const Scope& scope, Value x, const ConvOptions& o) {
  Graph& graph = scope.graph();
  const Shape shape{o.out, graph.channels(x) / o.group, o.kernel[0], o.kernel[1]};
  std::vector<Value> inputs{x, graph.parameter({.name = scope("weight"), .shape = shape, .init = o.init})};
  if (o.bias) inputs.push_back(graph.parameter({.name = scope("bias"), .shape = {o.out}}));
  const op::Conv conv{.strides = {o.stride, o.stride},
                      .pads = o.pads,
                      .dilations = {o.dilation, o.dilation},
                      .group = o.group,
                      .auto_pad = o.auto_pad};
  return graph.add(conv, inputs, scope.name());
}

Value conv_transpose(const Scope& scope, Value x, const ConvTransposeOptions& o) {
  Graph& graph = scope.graph();
  const Shape shape{graph.channels(x), o.out / o.group, o.kernel[0], o.kernel[1]};
  std::vector<Value> inputs{
      x, graph.parameter({.name = scope("weight"), .shape = shape, .role = o.role, .init = o.init})};
  if (o.bias) inputs.push_back(graph.parameter({.name = scope("bias"), .shape = {o.out}}));
  const op::ConvTranspose conv{
      .strides = {o.stride, o.stride}, .pads = o.pads, .output_padding = o.output_padding, .group = o.group};
  return graph.add(conv, inputs, scope.name());
}

Value batch_norm(const Scope& scope, Value x, op::BatchNormalization options) {
  Graph& graph = scope.graph();
  const Shape shape{graph.channels(x)};
  const Value gamma = graph.parameter({.name = scope("weight"), .shape = shape, .init = init::Constant{1}});
  const Value beta = graph.parameter({.name = scope("bias"), .shape = shape});
  const Value mean =
      graph.parameter({.name = scope("running_mean"), .shape = shape, .role = Role::running_statistic});
  const Value var = graph.parameter({.name = scope("running_var"),
                                     .shape = shape,
                                     .role = Role::running_statistic,
                                     .init = init::Constant{1}});
  return graph.add(options, {x, gamma, beta, mean, var}, scope.name());
}

Value relu(const Scope& scope, Value x) {
  return scope.graph().add(op::Relu{}, {x}, scope("relu"));
}
Value relu6(const Scope& scope, Value x) {
  return scope.graph().add(op::Clip{.min = 0, .max = 6}, {x}, scope("relu6"));
}
Value dropout(const Scope& scope, Value x, op::Dropout options) {
  return scope.graph().add(options, {x}, scope.name());
}
Value add(const Scope& scope, Value a, Value b) {
  return scope.graph().add(op::Add{}, {a, b}, scope.name());
}

Value upsample_to(const Scope& scope, Value x, Value reference, op::CoordinateMode coordinates) {
  return scope.graph().add(op::Resize{.mode = op::ResizeMode::linear, .coordinates = coordinates},
                           {x, reference}, scope.name());
}

}  // namespace vitrail
