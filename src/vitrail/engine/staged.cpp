#include "vitrail/engine/staged.h"

#include <algorithm>
#include <exception>
#include <list>
#include <map>
#include <mutex>
#include <optional>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/evaluate.h"
#include "vitrail/graph/shape_inference.h"

namespace vitrail::engine_detail {
namespace {

constexpr int64_t kMostNumbers = 64;  // of a computed tensor that sizes are made of
constexpr size_t kMostEngines = 24;

size_t at(Value value) {
  return static_cast<size_t>(value.id);
}

// The inputs whose values, not only whose sizes, the shape of the result follows from.
std::vector<Value> inputs_that_give_sizes(const Node& node) {
  size_t first = node.inputs.size(), last = node.inputs.size();
  const auto from = [&](size_t i) { first = i; };
  std::visit(Overload{[&](const op::Reshape&) { from(1); }, [&](const op::Expand&) { from(1); },
                      [&](const op::Tile&) { from(1); }, [&](const op::Slice&) { from(1); },
                      [&](const op::TopK&) { from(1); }, [&](const op::Range&) { from(0); },
                      [&](const op::ConstantOfShape&) { from(0); }, [&](const op::Resize&) { from(2); },
                      [](const auto&) {}},
             node.op);
  std::vector<Value> values;
  for (size_t i = first; i < last; ++i)
    if (node.inputs[i].exists()) values.push_back(node.inputs[i]);
  return values;
}

bool counts_what_it_finds(const Op& op) {
  return std::holds_alternative<op::NonMaxSuppression>(op);
}

// A Where by one condition: it may stand for ONNX's If, of which only the chosen branch can be computed.
bool chooses(const Graph& graph, const Node& node) {
  if (!std::holds_alternative<op::Where>(node.op)) return false;
  const Shape& condition = graph.shape(node.inputs[0]);
  return (condition.empty() || condition == Shape{1}) &&
         graph.shape(node.inputs[1]).size() == graph.shape(node.inputs[2]).size();
}

bool chooses_a_shape(const Graph& graph, const Node& node) {
  if (!chooses(graph, node)) return false;
  const Shape &a = graph.shape(node.inputs[1]), &b = graph.shape(node.inputs[2]);
  return a != b || std::find(a.begin(), a.end(), -1) != a.end();
}

// By value: whether sizes are computed from its numbers.
std::vector<bool> values_that_give_sizes(const Graph& graph) {
  std::vector<bool> gives(static_cast<size_t>(graph.value_count()), false);
  for (auto node = graph.nodes().rbegin(); node != graph.nodes().rend(); ++node) {
    for (const Value value : inputs_that_give_sizes(*node))
      gives[at(value)] = true;
    const bool passes_on = std::any_of(node->outputs.begin(), node->outputs.end(),
                                       [&](Value value) { return gives[at(value)]; });
    if (!passes_on || std::holds_alternative<op::ShapeOf>(node->op)) continue;
    for (const Value value : node->inputs)
      if (value.exists()) gives[at(value)] = true;
  }
  return gives;
}

// One run: what is there, what is done.
class Run {
 public:
  struct Stage {
    std::vector<size_t> nodes;
    std::vector<Value> reads;    // computed before, as inputs
    std::vector<Value> numbers;  // computed before, as constants
    std::vector<Value> makes;
    std::string key;
  };

  Run(const Graph& graph, const Weights& weights, const std::vector<bool>& gives_sizes)
      : graph_(graph),
        gives_sizes_(gives_sizes),
        tensors_(static_cast<size_t>(graph.value_count())),
        faults_(tensors_.size()),
        done_(graph.nodes().size(), false) {
    for (const Parameter& parameter : graph.parameters())
      tensors_[at(graph.value_of_parameter(parameter.name))] = weights.at(parameter.name);
    for (size_t i = 0; i < graph.nodes().size(); ++i)
      if (const auto* constant = std::get_if<op::Constant>(&graph.nodes()[i].op)) finish(i, constant->value);
  }

  Tensor& tensor(Value value) { return tensors_[at(value)]; }
  const Tensor& result(Value value) const {
    if (faults_[at(value)]) std::rethrow_exception(faults_[at(value)]);
    return tensors_[at(value)];
  }
  bool is_done() const { return std::find(done_.begin(), done_.end(), false) == done_.end(); }

  // Computes what needs no engine, and returns what an engine is to compute next.
  Stage next() {
    results_.assign(tensors_.size(), std::nullopt);
    Stage stage;
    progress_ = false;
    for (size_t i = 0; i < graph_.nodes().size(); ++i)
      if (!done_[i] && place(i)) stage.nodes.push_back(i);
    if (stage.nodes.empty() && !progress_) refuse();
    complete(stage);
    return stage;
  }

  void finish(const Stage& stage, const std::vector<Tensor>& made) {
    for (size_t i = 0; i < stage.makes.size(); ++i)
      tensor(stage.makes[i]) = made[i];
    for (const size_t node : stage.nodes)
      done_[node] = true;
  }

 private:
  void finish(size_t node, Tensor result) {
    tensor(graph_.nodes()[node].outputs.at(0)) = std::move(result);
    done_[node] = true;
    progress_ = true;
  }

  // What is known of an input, or nothing.
  std::optional<OpInput> known(Value value) const {
    if (!value.exists()) return OpInput{.present = false};
    const Tensor& tensor = tensors_[at(value)];
    if (tensor.defined()) {
      OpInput input{.shape = tensor.shape(), .type = tensor.type()};
      if (is_number(value)) input.content = tensor;
      return input;
    }
    const std::optional<OpResult>& result = results_[at(value)];
    if (!result) return std::nullopt;
    return OpInput{result->shape, result->type, result->content, result->known};
  }

  // Known when a stage is compiled: constants of the file, and computed numbers that sizes are made of.
  bool is_number(Value value) const {
    const Node* maker = graph_.producer_of(value);
    const bool constant = maker != nullptr && std::holds_alternative<op::Constant>(maker->op);
    const Tensor& tensor = tensors_[at(value)];
    return constant || (graph_.parameter_of(value) == nullptr && gives_sizes_[at(value)] &&
                        tensor.elements() <= kMostNumbers);
  }

  // Whether an engine is to compute the node in this stage. What cannot be computed is an error only where
  // it is read in the end: it may belong to a branch that is not chosen.
  bool place(size_t i) {
    const Node& node = graph_.nodes()[i];
    try {
      if (chooses(graph_, node)) return choose(i);
      for (const Value value : node.inputs)
        if (value.exists() && faults_[at(value)]) std::rethrow_exception(faults_[at(value)]);
      return place_computed(i);
    } catch (const Error&) {
      faults_[at(node.outputs[0])] = std::current_exception();
      done_[i] = progress_ = true;
      return false;
    }
  }

  bool choose(size_t i) {
    const Node& node = graph_.nodes()[i];
    const std::optional<OpInput> condition = known(node.inputs[0]);
    if (!condition) return false;
    const Tensor& computed = tensors_[at(node.inputs[0])];
    const Tensor& value = computed.defined() || condition->known.defined() ? computed : condition->content;
    if (!value.defined()) return false;
    const Value chosen = node.inputs[value.raw()[0] != std::byte{0} ? 1 : 2];
    if (faults_[at(chosen)]) std::rethrow_exception(faults_[at(chosen)]);
    if (tensors_[at(chosen)].defined()) finish(i, tensors_[at(chosen)]);
    return false;
  }

  bool place_computed(size_t i) {
    const Node& node = graph_.nodes()[i];
    std::vector<OpInput> inputs;
    bool all_there = true, any_empty = false;
    for (const Value value : node.inputs) {
      std::optional<OpInput> input = known(value);
      if (!input) return false;
      all_there = all_there && (!value.exists() || tensors_[at(value)].defined());
      any_empty = any_empty || (input->present && element_count(input->shape) == 0);
      inputs.push_back(std::move(*input));
    }
    std::vector<OpResult> results = results_of(node, inputs);
    const Shape& shape = results.at(0).shape;
    const bool open = counts_what_it_finds(node.op) ||
                      std::any_of(shape.begin(), shape.end(), [](int64_t size) { return size < 0; });
    if (!open && element_count(shape) == 0) {
      finish(i, Tensor::empty(results[0].type, shape));
      return false;
    }
    if (open || any_empty) {
      if (all_there && can_evaluate(node.op)) finish(i, evaluated(node));
      return false;
    }
    results_[at(node.outputs[0])] = std::move(results[0]);
    return true;
  }

  static std::string where(const Node& node) {
    return cat("node '", node.name, "' (", type_name(node.op), ")");
  }

  std::vector<OpResult> results_of(const Node& node, const std::vector<OpInput>& inputs) const {
    try {
      return op_results(node.op, inputs);
    } catch (const Error& error) {
      ErrorParts parts = error.parts();
      parts.where = where(node);
      throw Error(error.kind(), parts);
    }
  }

  Tensor evaluated(const Node& node) {
    std::vector<Tensor> inputs;
    for (const Value value : node.inputs)
      inputs.push_back(value.exists() ? tensor(value) : Tensor());
    try {
      return evaluate(node.op, inputs);
    } catch (const Error& error) {
      ErrorParts parts = error.parts();
      parts.where = where(node);
      throw Error(error.kind(), parts);
    }
  }

  [[noreturn]] void refuse() const {
    for (size_t i = 0; i < done_.size(); ++i)
      if (!done_[i])
        throw Error(ErrorKind::unsupported,
                    {.where = where(graph_.nodes()[i]),
                     .found = "its result has a size that depends on computed values",
                     .allowed = cat("sizes are computed from up to ", kMostNumbers, " numbers")});
    throw Error(ErrorKind::unsupported, {.where = "engine", .found = "nothing is left to compute"});
  }

  // What the stage reads and makes.
  void complete(Stage& stage) const {
    std::vector<bool> inside(graph_.nodes().size(), false), made(tensors_.size(), false),
        seen(tensors_.size(), false), wanted(tensors_.size(), false);
    for (const size_t i : stage.nodes) {
      inside[i] = true;
      made[at(graph_.nodes()[i].outputs[0])] = true;
    }
    for (const size_t i : stage.nodes)
      for (const Value value : graph_.nodes()[i].inputs) {
        if (!value.exists() || made[at(value)] || graph_.parameter_of(value) != nullptr || seen[at(value)])
          continue;
        seen[at(value)] = true;
        (is_number(value) ? stage.numbers : stage.reads).push_back(value);
      }
    for (size_t i = 0; i < graph_.nodes().size(); ++i)
      if (!done_[i] && !inside[i])
        for (const Value value : graph_.nodes()[i].inputs)
          if (value.exists()) wanted[at(value)] = true;
    for (const Output& output : graph_.outputs())
      wanted[at(output.value)] = true;
    for (const size_t i : stage.nodes)
      if (const Value value = graph_.nodes()[i].outputs[0]; wanted[at(value)]) stage.makes.push_back(value);
    stage.key = cat(join(stage.nodes), ";");
    for (const Value value : stage.numbers)
      stage.key += cat(value.id, to_string(tensors_[at(value)].shape()), bytes_of(tensors_[at(value)]), ";");
  }

  std::string bytes_of(const Tensor& tensor) const {
    if (tensor.elements() > kMostNumbers) return "";  // a constant of the file
    return {reinterpret_cast<const char*>(tensor.raw()), static_cast<size_t>(tensor.bytes())};
  }

  const Graph& graph_;
  const std::vector<bool>& gives_sizes_;
  std::vector<Tensor> tensors_;             // by value
  std::vector<std::exception_ptr> faults_;  // by value: why it could not be computed
  std::vector<std::optional<OpResult>> results_;
  std::vector<bool> done_;
  bool progress_ = false;
};

// The stage as a graph of its own.
Graph graph_of(const Graph& graph, const Run::Stage& stage, Run& run) {
  Graph part;
  std::vector<Value> mapped(static_cast<size_t>(graph.value_count()));
  for (const Value value : stage.reads) {
    Shape shape = graph.shape(value);  // of what a condition chose it may be another branch's
    const Shape& found = run.tensor(value).shape();
    for (size_t d = 0; d < shape.size(); ++d)
      if (shape[d] != found[d]) shape[d] = -1;
    mapped[at(value)] = part.input(cat("value ", value.id), shape, graph.type(value));
  }
  for (const Value value : stage.numbers)
    mapped[at(value)] = part.add(op::Constant{run.tensor(value)}, {}, cat("value ", value.id));
  for (const size_t i : stage.nodes) {
    const Node& node = graph.nodes()[i];
    std::vector<Value> inputs;
    for (const Value value : node.inputs) {
      if (value.exists() && !mapped[at(value)].exists())
        mapped[at(value)] = part.parameter(*graph.parameter_of(value));
      inputs.push_back(value.exists() ? mapped[at(value)] : Value{});
    }
    mapped[at(node.outputs[0])] = part.add(node.op, inputs, node.name);
  }
  for (const Value value : stage.makes)
    part.output(cat("value ", value.id), mapped[at(value)]);
  return part;
}

}  // namespace

bool sizes_depend_on_values(const Graph& graph) {
  const std::vector<bool> gives_sizes = values_that_give_sizes(graph);
  const auto decides = [&](const Node& node) {
    return counts_what_it_finds(node.op) || chooses_a_shape(graph, node);
  };
  return std::any_of(graph.nodes().begin(), graph.nodes().end(), decides) ||
         std::any_of(graph.inputs().begin(), graph.inputs().end(),
                     [&](const Input& input) { return gives_sizes[at(input.value)]; });
}

struct StagedRun::State {
  std::shared_ptr<const Engine> engine_of(const Run::Stage& stage, Run& run) {
    const std::lock_guard lock(mutex);
    const auto found = std::find_if(engines.begin(), engines.end(),
                                    [&](const auto& entry) { return entry.first == stage.key; });
    if (found != engines.end()) {
      engines.splice(engines.begin(), engines, found);
    } else {
      engines.emplace_front(stage.key,
                            std::make_shared<const Engine>(graph_of(graph, stage, run), weights, options));
      if (engines.size() > kMostEngines) engines.pop_back();
    }
    return engines.front().second;
  }

  void compute(const Run::Stage& stage, Run& run) {
    std::vector<Tensor> inputs;
    for (const Value value : stage.reads)
      inputs.push_back(run.tensor(value));
    run.finish(stage, engine_of(stage, run)->run(inputs));
  }

  Graph graph;
  Weights weights;
  EngineOptions options;
  std::vector<bool> gives_sizes;
  std::mutex mutex;
  std::list<std::pair<std::string, std::shared_ptr<const Engine>>> engines;  // most recently used first
};

StagedRun::StagedRun(const Graph& graph, const Weights& weights, EngineOptions options)
    : state_(new State{graph, weights, options, values_that_give_sizes(graph), {}, {}}) {}
StagedRun::~StagedRun() = default;

std::vector<Tensor> StagedRun::run(const std::vector<Tensor>& inputs) {
  const Graph& graph = state_->graph;
  Run run(graph, state_->weights, state_->gives_sizes);
  for (size_t i = 0; i < inputs.size(); ++i)
    run.tensor(graph.inputs()[i].value) = inputs[i];
  while (!run.is_done())
    if (const Run::Stage stage = run.next(); !stage.nodes.empty()) state_->compute(stage, run);
  std::vector<Tensor> outputs;
  for (const Output& output : graph.outputs())
    outputs.push_back(run.result(output.value));
  return outputs;
}

}  // namespace vitrail::engine_detail
