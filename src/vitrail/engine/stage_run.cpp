#include "vitrail/engine/stage_run.h"

#include <algorithm>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/engine/open_sizes.h"
#include "vitrail/graph/evaluate.h"

namespace vitrail::engine_detail {
namespace {

constexpr int64_t kMostNumbers = 64;  // of a computed tensor that sizes are made of

std::string where(const Node& node) {
  return cat("node '", node.name, "' (", type_name(node.op), ")");
}

// What `compute` gives; an error names the node.
template <class Compute>
auto of_node(const Node& node, const Compute& compute) {
  try {
    return compute();
  } catch (const Error& error) {
    ErrorParts parts = error.parts();
    const bool inside = std::holds_alternative<op::Loop>(node.op) && !parts.where.empty();
    parts.where = inside ? cat(where(node), ": ", parts.where) : where(node);
    throw Error(error.kind(), parts);
  }
}

// As fast without an engine as with one, but for the threads.
bool only_moves(const Op& op) {
  return std::visit(
      [](const auto& typed) {
        using T = std::decay_t<decltype(typed)>;
        return std::is_same_v<T, op::Identity> || std::is_same_v<T, op::Cast> ||
               std::is_same_v<T, op::ShapeOf> || std::is_same_v<T, op::Reshape> ||
               std::is_same_v<T, op::Flatten> || std::is_same_v<T, op::Squeeze> ||
               std::is_same_v<T, op::Unsqueeze> || std::is_same_v<T, op::Expand> ||
               std::is_same_v<T, op::Slice> || std::is_same_v<T, op::Gather> ||
               std::is_same_v<T, op::Concat> || std::is_same_v<T, op::ConstantOfShape>;
      },
      op);
}

// Of a constant of the file nothing: its id says all.
std::string bytes_of(const Tensor& tensor) {
  if (tensor.elements() > kMostNumbers) return "";
  return {reinterpret_cast<const char*>(tensor.raw()), static_cast<size_t>(tensor.bytes())};
}

}  // namespace

StageRun::StageRun(const Graph& graph, const Weights& weights, const std::vector<bool>& gives_sizes,
                   Options options)
    : graph_(graph),
      gives_sizes_(gives_sizes),
      options_(std::move(options)),
      tensors_(static_cast<size_t>(graph.value_count())),
      faults_(tensors_.size()),
      done_(graph.nodes().size(), false) {
  for (const Parameter& parameter : graph.parameters())
    tensor(graph.value_of_parameter(parameter.name)) = weights.at(parameter.name);
  for (size_t i = 0; i < graph.nodes().size(); ++i)
    if (const auto* constant = std::get_if<op::Constant>(&graph.nodes()[i].op)) finish(i, constant->value);
}

Tensor& StageRun::tensor(Value value) {
  return tensors_[index_of(value)];
}

const Tensor& StageRun::result(Value value) const {
  if (faults_[index_of(value)]) std::rethrow_exception(faults_[index_of(value)]);
  return tensors_[index_of(value)];
}

bool StageRun::is_done() const {
  return std::find(done_.begin(), done_.end(), false) == done_.end();
}

StageRun::Stage StageRun::next() {
  results_.assign(tensors_.size(), std::nullopt);
  Stage stage;
  progress_ = false;
  for (size_t i = 0; i < graph_.nodes().size(); ++i)
    if (!done_[i] && place(i)) stage.nodes.push_back(i);
  if (stage.nodes.empty() && !progress_) refuse();
  find_reads(stage);
  find_makes(stage);
  stage.key = key_of(stage);
  return stage;
}

void StageRun::finish(const Stage& stage, const std::vector<Tensor>& made) {
  for (size_t i = 0; i < stage.makes.size(); ++i)
    tensor(stage.makes[i]) = made[i];
  for (const size_t node : stage.nodes)
    done_[node] = true;
}

void StageRun::finish(size_t node, Tensor result) {
  tensor(graph_.nodes()[node].outputs.at(0)) = std::move(result);
  done_[node] = true;
  progress_ = true;
}

// What is known of an input, or nothing.
std::optional<OpInput> StageRun::known(Value value) const {
  if (!value.exists()) return OpInput{.present = false};
  const Tensor& tensor = tensors_[index_of(value)];
  if (tensor.defined()) {
    OpInput input{.shape = tensor.shape(), .type = tensor.type()};
    if (is_number(value)) input.content = tensor;
    return input;
  }
  const std::optional<OpResult>& result = results_[index_of(value)];
  if (!result) return std::nullopt;
  return OpInput{result->shape, result->type, result->content, result->known};
}

// Known when a stage is compiled: constants of the file, and computed numbers that sizes are made of.
bool StageRun::is_number(Value value) const {
  const Node* maker = graph_.producer_of(value);
  if (maker != nullptr && std::holds_alternative<op::Constant>(maker->op)) return true;
  return graph_.parameter_of(value) == nullptr && gives_sizes_[index_of(value)] &&
         tensors_[index_of(value)].elements() <= kMostNumbers;
}

// Whether an engine is to compute the node in this stage. What cannot be computed is an error only where it
// is read in the end: it may belong to a branch that is not chosen.
bool StageRun::place(size_t i) {
  const Node& node = graph_.nodes()[i];
  try {
    if (chooses(graph_, node)) return choose(i);
    for (const Value value : node.inputs)
      if (value.exists() && faults_[index_of(value)]) std::rethrow_exception(faults_[index_of(value)]);
    if (std::holds_alternative<op::Loop>(node.op)) return place_loop(i);
    return place_computed(i);
  } catch (const Error&) {
    for (const size_t each : computed_with(i))
      fail(each);
    return false;
  }
}

void StageRun::fail(size_t node) {
  faults_[index_of(graph_.nodes()[node].outputs[0])] = std::current_exception();
  done_[node] = progress_ = true;
}

// The nodes that tell this loop's results, or the node alone.
std::vector<size_t> StageRun::computed_with(size_t i) const {
  const Node& node = graph_.nodes()[i];
  const auto* loop = std::get_if<op::Loop>(&node.op);
  if (loop == nullptr) return {i};
  std::vector<size_t> all;
  for (size_t other = 0; other < graph_.nodes().size(); ++other) {
    const auto* same = std::get_if<op::Loop>(&graph_.nodes()[other].op);
    if (same != nullptr && same->body == loop->body && same->carried == loop->carried &&
        graph_.nodes()[other].inputs == node.inputs)
      all.push_back(other);
  }
  return all;
}

std::vector<Tensor> StageRun::tensors_of(const Node& node) const {
  std::vector<Tensor> tensors;
  for (const Value value : node.inputs)
    tensors.push_back(value.exists() ? tensors_[index_of(value)] : Tensor());
  return tensors;
}

bool StageRun::place_loop(size_t i) {
  const Node& node = graph_.nodes()[i];
  const std::vector<Tensor> inputs = tensors_of(node);
  for (size_t k = 0; k < inputs.size(); ++k)
    if (node.inputs[k].exists() && !inputs[k].defined()) return false;
  const std::vector<Tensor> results = of_node(node, [&] { return options_.run_loop(node, inputs); });
  for (const size_t each : computed_with(i))
    finish(each, results.at(static_cast<size_t>(std::get<op::Loop>(graph_.nodes()[each].op).output)));
  return false;
}

bool StageRun::choose(size_t i) {
  const Node& node = graph_.nodes()[i];
  const std::optional<OpInput> condition = known(node.inputs[0]);
  if (!condition) return false;
  const Tensor& computed = tensors_[index_of(node.inputs[0])];
  const Tensor& value = computed.defined() || condition->known.defined() ? computed : condition->content;
  if (!value.defined()) return false;
  const Value chosen = node.inputs[value.raw()[0] != std::byte{0} ? 1 : 2];
  if (faults_[index_of(chosen)]) std::rethrow_exception(faults_[index_of(chosen)]);
  if (tensor(chosen).defined()) finish(i, tensor(chosen));
  return false;
}

bool StageRun::place_computed(size_t i) {
  const Node& node = graph_.nodes()[i];
  std::vector<OpInput> inputs;
  bool all_there = true, any_empty = false;
  for (const Value value : node.inputs) {
    std::optional<OpInput> input = known(value);
    if (!input) return false;
    all_there = all_there && (!value.exists() || tensor(value).defined());
    any_empty = any_empty || (input->present && element_count(input->shape) == 0);
    inputs.push_back(std::move(*input));
  }
  std::vector<OpResult> results = of_node(node, [&] { return op_results(node.op, inputs); });
  const Shape& shape = results.at(0).shape;
  const bool open = counts_what_it_finds(node.op) ||
                    std::any_of(shape.begin(), shape.end(), [](int64_t size) { return size < 0; });
  if (!open && element_count(shape) == 0) {
    finish(i, Tensor::empty(results[0].type, shape));
    return false;
  }
  if (!open) expect_room(node, results[0]);
  if (open || any_empty || (all_there && at_once(node, inputs, shape))) {
    if (all_there && can_evaluate(node.op)) finish(i, evaluated(node));
    return false;
  }
  results_[index_of(node.outputs[0])] = std::move(results[0]);
  return true;
}

// Whether it is evaluated though an engine could compute it.
bool StageRun::at_once(const Node& node, const std::vector<OpInput>& inputs, const Shape& result) const {
  if (options_.haste != Haste::small_at_once || !can_evaluate(node.op)) return false;
  const auto fits = [&](const OpInput& input) {
    return !input.present || can_evaluate_type(node.op, input.type);
  };
  if (!std::all_of(inputs.begin(), inputs.end(), fits)) return false;
  const auto few = [](const OpInput& input) { return element_count(input.shape) <= kMostNumbers; };
  return only_moves(node.op) ||
         (element_count(result) <= kMostNumbers && std::all_of(inputs.begin(), inputs.end(), few));
}

void StageRun::expect_room(const Node& node, const OpResult& result) const {
  if (options_.most_bytes == 0) return;
  const int64_t bytes = checked_mul(element_count(result.shape), size_of(result.type), node.name);
  if (bytes > options_.most_bytes)
    throw Error(ErrorKind::limit,
                {.where = where(node),
                 .found = cat("a result of ", to_string(result.shape), ", ", bytes, " bytes"),
                 .allowed = cat("at most ", options_.most_bytes),
                 .next = "Raise the limit of memory, or use a smaller input"});
}

Tensor StageRun::evaluated(const Node& node) const {
  return of_node(node, [&] { return evaluate(node.op, tensors_of(node)); });
}

void StageRun::refuse() const {
  const auto open = std::find(done_.begin(), done_.end(), false);
  throw Error(ErrorKind::unsupported,
              {.where = where(graph_.nodes().at(static_cast<size_t>(open - done_.begin()))),
               .found = "its result has a size that depends on computed values",
               .allowed = cat("sizes are computed from up to ", kMostNumbers, " numbers")});
}

void StageRun::find_reads(Stage& stage) const {
  std::vector<bool> seen(tensors_.size(), false);
  for (const size_t i : stage.nodes)
    seen[index_of(graph_.nodes()[i].outputs[0])] = true;  // made inside
  for (const size_t i : stage.nodes)
    for (const Value value : graph_.nodes()[i].inputs) {
      if (!value.exists() || seen[index_of(value)] || graph_.parameter_of(value) != nullptr) continue;
      seen[index_of(value)] = true;
      (is_number(value) ? stage.numbers : stage.reads).push_back(value);
    }
}

void StageRun::find_makes(Stage& stage) const {
  std::vector<bool> inside(graph_.nodes().size(), false), wanted(tensors_.size(), false);
  for (const size_t i : stage.nodes)
    inside[i] = true;
  for (size_t i = 0; i < graph_.nodes().size(); ++i)
    if (!done_[i] && !inside[i])
      for (const Value value : graph_.nodes()[i].inputs)
        if (value.exists()) wanted[index_of(value)] = true;
  for (const Output& output : graph_.outputs())
    wanted[index_of(output.value)] = true;
  for (const size_t i : stage.nodes)
    if (const Value value = graph_.nodes()[i].outputs[0]; wanted[index_of(value)])
      stage.makes.push_back(value);
}

Shape StageRun::shape_read(Value value) const {
  Shape shape = graph_.shape(value);
  const Shape& found = tensors_[index_of(value)].shape();
  for (size_t d = 0; d < shape.size(); ++d)
    if (shape[d] != found[d]) shape[d] = -1;
  return shape;
}

// What is made depends on what is done by now, which differs where results are empty or cannot be computed.
std::string StageRun::key_of(const Stage& stage) const {
  std::string key = cat(join(stage.nodes), ";");
  for (const Value value : stage.makes)
    key += cat(value.id, ",");
  for (const Value value : stage.reads)
    if (const Shape shape = shape_read(value); shape != graph_.shape(value))
      key += cat(";", value.id, to_string(shape));
  key += ";";
  for (const Value value : stage.numbers) {
    const Tensor& number = tensors_[index_of(value)];
    key += cat(value.id, to_string(number.shape()), bytes_of(number), ";");
  }
  return key;
}

}  // namespace vitrail::engine_detail
