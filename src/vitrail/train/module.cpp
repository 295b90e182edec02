#include "vitrail/train/module.h"

#include <algorithm>

#include <ATen/CPUGeneratorImpl.h>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/loops.h"
#include "vitrail/graph/part.h"
#include "vitrail/train/normalize.h"
#include "vitrail/train/operators.h"
#include "vitrail/train/pattern.h"

namespace vitrail::train {
namespace {

Shape shape_of(const at::Tensor& x) {
  return x.sizes().vec();
}

size_t index(Value value) {
  return static_cast<size_t>(value.id);
}

bool is_clip(const Op& op) {
  return std::holds_alternative<op::Relu>(op) || std::holds_alternative<op::Clip>(op);
}

/// Whether the gradient of `op` can be found without its output, so that the next node may overwrite it.
bool output_may_be_overwritten(const Op& op) {
  return std::holds_alternative<op::Conv>(op) || std::holds_alternative<op::BatchNormalization>(op) ||
         std::holds_alternative<op::Add>(op) || std::holds_alternative<op::ConvTranspose>(op);
}

at::Tensor contiguous(const at::Tensor& x, bool channels_last) {
  return x.dim() == 4 && channels_last ? x.contiguous(at::MemoryFormat::ChannelsLast) : x.contiguous();
}

/// LibTorch's own failures as ours, with the node's name.
[[noreturn]] void rethrow(const c10::Error& error, const Node& node) {
  const std::string text = error.what_without_backtrace();
  const bool memory = text.find("allocate memory") != std::string::npos;
  throw Error(
      memory ? ErrorKind::limit : ErrorKind::unsupported,
      {.where = cat(type_name(node.op), " '", node.name, "'"),
       .found = text,
       .next = memory ? "Use a smaller batch or crop (gradient accumulation keeps the step's size)" : ""});
}

}  // namespace

Module::Module(Graph graph, const Weights& weights, ModuleOptions options)
    : graph_(std::move(graph)),
      options_(std::move(options)),
      generator_(at::make_generator<at::CPUGeneratorImpl>(uint64_t{0})),
      readers_(static_cast<size_t>(graph_.value_count()), 0),
      moving_(static_cast<size_t>(graph_.value_count()), false) {
  refuse_loops(graph_, "training");
  expect_all_used(options_.frozen, tensor_names(), "frozen");
  for (const Parameter& parameter : graph_.parameters()) {
    const Value value = graph_.value_of_parameter(parameter.name);
    const bool frozen = matches_any(options_.frozen, parameter.name);
    frozen_.push_back(frozen);
    parameter_value_.push_back(value.id);
    moving_[index(value)] =
        parameter.role == Role::running_statistic && !frozen && !options_.frozen_batch_norm;
    tensors_.push_back(to_torch(Tensor::zeros(parameter.type, parameter.shape)));
  }
  for (const Node& node : graph_.nodes())
    for (const Value value : node.inputs)
      if (value.exists()) ++readers_[index(value)];
  for (const Output& output : graph_.outputs())
    ++readers_[index(output.value)];
  training_plan_ = plan(true);
  inference_plan_ = plan(false);
  to(at::kFloat);
  load(weights);
}

Module Module::part(const std::vector<std::string>& outputs) const {
  const Graph graph = part_of(graph_, outputs);
  std::map<std::string, at::Tensor> shared;
  for (const auto& [name, tensor] : tensors())
    shared[name] = tensor;
  ModuleOptions options = options_;
  std::erase_if(options.frozen, [&](const std::string& pattern) {
    return std::none_of(graph.parameters().begin(), graph.parameters().end(),
                        [&](const Parameter& each) { return matches_any({pattern}, each.name); });
  });
  Weights values;
  for (const Parameter& parameter : graph.parameters())
    values[parameter.name] = from_torch(shared.at(parameter.name));
  Module module(graph, values, options);
  module.type_ = type_;
  for (size_t i = 0; i < module.tensors_.size(); ++i)
    module.tensors_[i] = shared.at(graph.parameters()[i].name);
  return module;
}

std::vector<std::string> Module::tensor_names() const {
  std::vector<std::string> names;
  for (const Parameter& parameter : graph_.parameters())
    names.push_back(parameter.name);
  return names;
}

Module::NamedValues Module::outputs_of(bool training) const {
  const auto is_image = [&](Value value) {
    return graph_.inputs().size() == 1 && value == graph_.inputs()[0].value;
  };
  NamedValues result;
  for (const Output& output : graph_.outputs()) {
    if (output.training_only && !training) continue;
    Value value = output.value;
    const Node* node = graph_.producer_of(value);
    const auto* resize = node == nullptr ? nullptr : std::get_if<op::Resize>(&node->op);
    if (training && options_.upsample_in_loss && resize != nullptr &&
        resize->mode == op::ResizeMode::linear && resize->coordinates == op::CoordinateMode::half_pixel &&
        node->inputs.size() == 2 && is_image(node->inputs[1]))
      value = node->inputs[0];
    result.emplace_back(output.name, value);
  }
  return result;
}

/// The activation that alone reads a batch normalisation: one operation does both.
const Node* Module::fused_activation(const Node& node) const {
  if (!std::holds_alternative<op::BatchNormalization>(node.op) || readers_[index(node.outputs[0])] != 1)
    return nullptr;
  for (const Node& reader : graph_.nodes())
    if (std::find(reader.inputs.begin(), reader.inputs.end(), node.outputs[0]) != reader.inputs.end())
      return is_clip(reader.op) ? &reader : nullptr;
  return nullptr;
}

Module::Plan Module::plan(bool training) const {
  Plan result{.outputs = outputs_of(training)};
  std::vector<bool> wanted(static_cast<size_t>(graph_.value_count()), false);
  for (const auto& [name, value] : result.outputs)
    wanted[index(value)] = true;
  std::vector<const Node*> fused;
  const std::vector<Node>& nodes = graph_.nodes();
  for (size_t i = nodes.size(); i-- > 0;) {
    if (!wanted[index(nodes[i].outputs[0])]) continue;
    Plan::Step step{i, fused_activation(nodes[i]), {}};
    for (const Value value : nodes[i].inputs) {
      if (!value.exists() || wanted[index(value)]) continue;
      wanted[index(value)] = true;
      step.last_read.push_back(value.id);
    }
    if (step.activation != nullptr) fused.push_back(step.activation);
    result.steps.push_back(std::move(step));
  }
  std::erase_if(result.steps, [&](const Plan::Step& step) {
    return std::find(fused.begin(), fused.end(), &nodes[step.node]) != fused.end();
  });
  std::reverse(result.steps.begin(), result.steps.end());
  return result;
}

void Module::set_dropout_seed(uint64_t seed) {
  generator_.set_current_seed(seed);
}

NamedTensors Module::forward(const std::map<std::string, at::Tensor>& inputs) {
  std::vector<at::Tensor> ordered;
  for (const Input& input : graph_.inputs()) {
    const auto found = inputs.find(input.name);
    if (found == inputs.end() || inputs.size() != graph_.inputs().size()) {
      std::vector<std::string> given, wanted;
      for (const auto& [name, tensor] : inputs)
        given.push_back(name);
      for (const Input& each : graph_.inputs())
        wanted.push_back(each.name);
      throw Error(
          ErrorKind::usage,
          {.where = "inputs of the network", .found = join(given), .allowed = cat("exactly ", join(wanted))});
    }
    ordered.push_back(found->second);
  }
  return forward(ordered);
}

NamedTensors Module::forward(const std::vector<at::Tensor>& inputs) {
  if (inputs.size() != graph_.inputs().size())
    throw Error(ErrorKind::usage, {.where = "inputs of the network",
                                   .found = cat(inputs.size(), " tensors"),
                                   .allowed = cat(graph_.inputs().size())});
  std::map<std::string, Shape> input_shapes;
  std::vector<at::Tensor> values(static_cast<size_t>(graph_.value_count()));
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Input& input = graph_.inputs()[i];
    input_shapes[input.name] = shape_of(inputs[i]);
    const at::Tensor x = inputs[i].is_floating_point() ? inputs[i].to(type_) : inputs[i];
    values[index(input.value)] = contiguous(x, options_.channels_last);
  }
  const ShapeTable shapes = infer_shapes(graph_, input_shapes);
  for (size_t i = 0; i < tensors_.size(); ++i)
    values[static_cast<size_t>(parameter_value_[i])] = tensors_[i];

  const at::AutoGradMode gradients(training_ && at::GradMode::is_enabled());
  const Plan& plan = training_ ? training_plan_ : inference_plan_;
  for (const Plan::Step& step : plan.steps)
    run_step(step, shapes, values);
  NamedTensors outputs;
  for (const auto& [name, value] : plan.outputs)
    outputs.emplace_back(name, values[index(value)]);
  return outputs;
}

void Module::run_step(const Plan::Step& step, const ShapeTable& shapes, std::vector<at::Tensor>& values) {
  const Node& node = graph_.nodes()[step.node];
  OperatorCall call{.inputs = {}, .output = shapes[node.outputs[0]], .real = type_};
  for (const Value value : node.inputs)
    call.inputs.push_back(value.exists() ? values[index(value)] : at::Tensor());
  const Node* before = node.inputs.empty() ? nullptr : graph_.producer_of(node.inputs[0]);
  call.overwrite =
      before != nullptr && output_may_be_overwritten(before->op) && readers_[index(node.inputs[0])] == 1;
  const Value result = step.activation == nullptr ? node.outputs[0] : step.activation->outputs[0];
  try {
    values[index(result)] = compute(node, step.activation, call);
  } catch (const c10::Error& error) {
    rethrow(error, node);
  }
  for (const int32_t value : step.last_read)
    values[static_cast<size_t>(value)].reset();
}

at::Tensor Module::compute(const Node& node, const Node* activation, const OperatorCall& call) {
  if (const auto* norm = std::get_if<op::BatchNormalization>(&node.op))
    return batch_norm(node, activation, *norm, call.inputs);
  if (const auto* drop = std::get_if<op::Dropout>(&node.op)) return dropout(*drop, call.inputs[0]);
  return apply_operator(node.op, call);
}

at::Tensor Module::batch_norm(const Node& node, const Node* activation, const op::BatchNormalization& op,
                              const std::vector<at::Tensor>& x) {
  NormalizeOptions options{.batch_statistics = training_ && moving_[index(node.inputs[3])],
                           .momentum = 1 - op.momentum,
                           .epsilon = op.epsilon};
  if (options.batch_statistics && x[0].numel() == x[0].size(1))
    throw Error(ErrorKind::shape,
                {.where = cat("BatchNormalization '", node.name, "'"),
                 .found = cat("a batch of shape ", to_string(shape_of(x[0])), " holds one value per channel"),
                 .allowed = "training needs two or more to have a variance",
                 .next = "Use a batch of two or more images, larger crops, or train.freeze_statistics = true "
                         "(ModuleOptions::frozen_batch_norm)"});
  if (activation != nullptr) {
    const auto* range = std::get_if<op::Clip>(&activation->op);
    options.low = range == nullptr ? 0 : range->min;
    if (range != nullptr) options.high = range->max;
  }
  return normalize(x[0], {x[1], x[2], x[3], x[4]}, options);
}

at::Tensor Module::dropout(const op::Dropout& op, const at::Tensor& x) {
  if (!training_ || op.ratio == 0) return x;
  if (op.ratio >= 1) return x * 0;
  at::Tensor mask = op.per_channel ? at::empty({x.size(0), x.size(1), 1, 1}, x.options()) : at::empty_like(x);
  mask.bernoulli_(1 - op.ratio, generator_).div_(1 - op.ratio);
  return x * mask;
}

NamedTensors Module::learnable() const {
  NamedTensors result;
  for (size_t i = 0; i < tensors_.size(); ++i)
    if (tensors_[i].requires_grad()) result.emplace_back(graph_.parameters()[i].name, tensors_[i]);
  return result;
}

bool Module::changes() const {
  return !learnable().empty() || std::find(moving_.begin(), moving_.end(), true) != moving_.end();
}

NamedTensors Module::tensors() const {
  NamedTensors result;
  for (size_t i = 0; i < tensors_.size(); ++i)
    result.emplace_back(graph_.parameters()[i].name, tensors_[i]);
  return result;
}

Weights Module::weights() const {
  return to_host(tensors());
}

void Module::load(const Weights& weights) {
  copy_by_name(weights, tensors(), "weights");
}

void Module::to(at::ScalarType type) {
  type_ = type;
  for (size_t i = 0; i < tensors_.size(); ++i) {
    const bool real = tensors_[i].is_floating_point();
    const bool learns = real && graph_.parameters()[i].role == Role::learnable && !frozen_[i];
    const at::Tensor same = tensors_[i].detach();
    tensors_[i] = contiguous(real ? same.to(type) : same, options_.channels_last).set_requires_grad(learns);
  }
}

}  // namespace vitrail::train
