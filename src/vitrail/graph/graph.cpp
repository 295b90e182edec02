#include "vitrail/graph/graph.h"

#include <algorithm>
#include <cassert>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/part.h"
#include "vitrail/graph/shape_inference.h"

namespace vitrail {

Value Graph::new_value(ValueInfo info) {
  values_.push_back(std::move(info));
  return {static_cast<int32_t>(values_.size() - 1)};
}

const Graph::ValueInfo& Graph::info(Value value) const {
  if (value.id < 0 || value.id >= value_count())
    throw Error(ErrorKind::usage, {.where = "graph",
                                   .found = cat("value ", value.id),
                                   .allowed = cat("the graph has ", value_count(), " values")});
  return values_[static_cast<size_t>(value.id)];
}

Value Graph::input(std::string name, Shape shape, DataType type) {
  for (const Input& other : inputs_)
    if (other.name == name)
      throw Error(ErrorKind::usage, {.where = cat("input '", name, "'"), .found = "the name is taken"});
  const Value value =
      new_value({.shape = std::move(shape), .type = type, .input = static_cast<int32_t>(inputs_.size())});
  inputs_.push_back({std::move(name), value});
  return value;
}

Value Graph::parameter(Parameter parameter) {
  element_count(parameter.shape);  // refuses unknown sizes and overflow
  const auto index = static_cast<int32_t>(parameters_.size());
  if (!parameter_index_.emplace(parameter.name, index).second)
    throw Error(ErrorKind::usage,
                {.where = cat("parameter '", parameter.name, "'"), .found = "the name is taken"});
  const Value value = new_value({.shape = parameter.shape, .type = parameter.type, .parameter = index});
  parameters_.push_back(std::move(parameter));
  return value;
}

std::string Graph::unique_node_name(const Op& op, std::string wanted) {
  if (wanted.empty()) {  // other tools number their nodes, too
    size_t number = nodes_.size();
    do
      wanted = cat(type_name(op), "_", number++);
    while (node_index_.contains(wanted));
  }
  if (!node_index_.emplace(wanted, static_cast<int32_t>(nodes_.size())).second)
    throw Error(ErrorKind::usage, {.where = cat("node '", wanted, "'"), .found = "the name is taken"});
  return wanted;
}

Value Graph::add(Op op, std::vector<Value> inputs, std::string name) {
  std::vector<OpInput> known;
  for (const Value value : inputs) {
    if (!value.exists()) {
      known.push_back({.present = false});
      continue;
    }
    const ValueInfo& v = info(value);
    known.push_back({.shape = v.shape, .type = v.type, .content = v.content, .known = v.known});
  }
  std::vector<OpResult> results;
  try {
    results = op_results(op, known);
  } catch (const Error& error) {
    ErrorParts parts = error.parts();
    parts.where = cat("node '", name, "' (", type_name(op), ")");
    throw Error(error.kind(), parts);
  }
  Node node;
  node.name = unique_node_name(op, std::move(name));
  node.op = std::move(op);
  node.inputs = std::move(inputs);
  for (OpResult& result : results)
    node.outputs.push_back(new_value({.shape = std::move(result.shape),
                                      .type = result.type,
                                      .node = static_cast<int32_t>(nodes_.size()),
                                      .content = std::move(result.content),
                                      .known = std::move(result.known)}));
  nodes_.push_back(std::move(node));
  return nodes_.back().outputs.front();
}

void Graph::output(std::string name, Value value, bool training_only) {
  info(value);
  for (const Output& other : outputs_)
    if (other.name == name)
      throw Error(ErrorKind::usage, {.where = cat("output '", name, "'"), .found = "the name is taken"});
  outputs_.push_back({std::move(name), value, training_only});
}

const Shape& Graph::shape(Value value) const {
  return info(value).shape;
}
DataType Graph::type(Value value) const {
  return info(value).type;
}

Tensor Graph::content(Value value) const {
  const ValueInfo& v = info(value);
  return v.known.defined() ? Tensor() : v.content;
}

int64_t Graph::channels(Value value) const {
  const Shape& s = shape(value);
  if (s.size() < 2 || s[1] < 0)
    throw Error(ErrorKind::shape,
                {.where = name_of(value), .found = to_string(s), .allowed = "its channels must be known"});
  return s[1];
}

const Parameter* Graph::parameter_of(Value value) const {
  const int32_t index = info(value).parameter;
  return index < 0 ? nullptr : &parameters_[static_cast<size_t>(index)];
}

const Node* Graph::producer_of(Value value) const {
  const int32_t index = info(value).node;
  return index < 0 ? nullptr : &nodes_[static_cast<size_t>(index)];
}

Value Graph::value_of_parameter(std::string_view name) const {
  const auto found = parameter_index_.find(name);
  if (found == parameter_index_.end()) return {};
  for (int32_t id = 0; id < value_count(); ++id)
    if (values_[static_cast<size_t>(id)].parameter == found->second) return {id};
  assert(false && "a parameter always has a value");
  return {};
}

std::string Graph::name_of(Value value) const {
  const ValueInfo& v = info(value);
  if (v.parameter >= 0) return parameters_[static_cast<size_t>(v.parameter)].name;
  if (v.input >= 0) return inputs_[static_cast<size_t>(v.input)].name;
  const Node& node = nodes_[static_cast<size_t>(v.node)];
  return node.outputs.size() == 1
             ? node.name
             : cat(node.name, ".",
                   std::distance(node.outputs.begin(),
                                 std::find(node.outputs.begin(), node.outputs.end(), value)));
}

Graph Graph::for_inference() const {
  std::vector<Output> kept;
  for (const Output& output : outputs_)
    if (!output.training_only) kept.push_back(output);
  return computing(*this, kept, true);
}

}  // namespace vitrail
