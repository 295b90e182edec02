#include "vitrail/nets/scope.h"

namespace vitrail {
namespace {

std::string joined(const std::string& prefix, std::string_view part) {
  return prefix.empty() ? std::string(part) : prefix + "." + std::string(part);
}

}  // namespace

Scope Scope::operator/(std::string_view part) const {
  Scope below = *this;
  below.name_ = joined(name_, part);
  if (owner_) below.owner_ = joined(*owner_, part);
  return below;
}

Scope Scope::sharing(const Scope& owner) const {
  Scope shared = *this;
  shared.owner_ = owner.owner_.value_or(owner.name_);
  return shared;
}

Scope Scope::with_frozen_norms(double epsilon) const {
  Scope frozen = *this;
  frozen.frozen_norm_epsilon_ = epsilon;
  return frozen;
}

Value Scope::parameter(Parameter parameter) const {
  parameter.name = joined(owner_.value_or(name_), parameter.name);
  const Value there = graph_->value_of_parameter(parameter.name);
  const bool again = owner_ && there.exists() && graph_->shape(there) == parameter.shape;
  return again ? there : graph_->parameter(std::move(parameter));
}

Value conv(const Scope& scope, Value x, const ConvOptions& o) {
  Graph& graph = scope.graph();
  const Shape shape{o.out, graph.channels(x) / o.group, o.kernel[0], o.kernel[1]};
  std::vector<Value> inputs{x, scope.parameter({.name = "weight", .shape = shape, .init = o.init})};
  if (o.bias) inputs.push_back(scope.parameter({.name = "bias", .shape = {o.out}}));
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
      x, scope.parameter({.name = "weight", .shape = shape, .role = o.role, .init = o.init})};
  if (o.bias) inputs.push_back(scope.parameter({.name = "bias", .shape = {o.out}}));
  const op::ConvTranspose conv{
      .strides = {o.stride, o.stride}, .pads = o.pads, .output_padding = o.output_padding, .group = o.group};
  return graph.add(conv, inputs, scope.name());
}

Value batch_norm(const Scope& scope, Value x, op::BatchNormalization options) {
  Graph& graph = scope.graph();
  const Shape shape{graph.channels(x)};
  const bool frozen = scope.frozen_norm_epsilon().has_value();
  if (frozen) options.epsilon = *scope.frozen_norm_epsilon();
  const Role factor = frozen ? Role::constant : Role::learnable;
  const Role statistic = frozen ? Role::constant : Role::running_statistic;
  const auto add = [&](const char* name, Role role, Init init) {
    return scope.parameter({.name = name, .shape = shape, .role = role, .init = init});
  };
  const Value gamma = add("weight", factor, init::Constant{1}), beta = add("bias", factor, init::Zeros{});
  const Value mean = add("running_mean", statistic, init::Zeros{});
  const Value var = add("running_var", statistic, init::Constant{1});
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
