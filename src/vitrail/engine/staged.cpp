#include "vitrail/engine/staged.h"

#include <algorithm>
#include <functional>
#include <list>
#include <mutex>

#include "vitrail/base/text.h"
#include "vitrail/engine/open_sizes.h"
#include "vitrail/engine/stage_run.h"

namespace vitrail::engine_detail {
namespace {

constexpr size_t kMostEngines = 24;

// The stage as a graph of its own.
Graph graph_of(const Graph& graph, const StageRun::Stage& stage, StageRun& run) {
  Graph part;
  std::vector<Value> mapped(static_cast<size_t>(graph.value_count()));
  for (const Value value : stage.reads) {
    Shape shape = graph.shape(value);  // of what a condition chose it may be another branch's
    const Shape& found = run.tensor(value).shape();
    for (size_t d = 0; d < shape.size(); ++d)
      if (shape[d] != found[d]) shape[d] = -1;
    mapped[index_of(value)] = part.input(cat("value ", value.id), shape, graph.type(value));
  }
  for (const Value value : stage.numbers)
    mapped[index_of(value)] = part.add(op::Constant{run.tensor(value)}, {}, cat("value ", value.id));
  for (const size_t i : stage.nodes) {
    const Node& node = graph.nodes()[i];
    std::vector<Value> inputs;
    for (const Value value : node.inputs) {
      if (value.exists() && !mapped[index_of(value)].exists())
        mapped[index_of(value)] = part.parameter(*graph.parameter_of(value));
      inputs.push_back(value.exists() ? mapped[index_of(value)] : Value{});
    }
    mapped[index_of(node.outputs[0])] = part.add(node.op, inputs, node.name);
  }
  for (const Value value : stage.makes)
    part.output(cat("value ", value.id), mapped[index_of(value)]);
  return part;
}

}  // namespace

struct StagedRun::State {
  std::shared_ptr<const Engine> engine_of(const StageRun::Stage& stage, StageRun& run) {
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

  using EachEngine = std::function<void(const Engine& engine, const std::vector<Tensor>& inputs)>;

  // `before` is called with every stage's engine.
  std::vector<Tensor> compute(const std::vector<Tensor>& inputs, const EachEngine& before) {
    StageRun run(graph, weights, gives_sizes);
    for (size_t i = 0; i < inputs.size(); ++i)
      run.tensor(graph.inputs()[i].value) = inputs[i];
    while (!run.is_done())
      if (const StageRun::Stage stage = run.next(); !stage.nodes.empty()) compute(stage, run, before);
    std::vector<Tensor> outputs;
    for (const Output& output : graph.outputs())
      outputs.push_back(run.result(output.value));
    return outputs;
  }

  void compute(const StageRun::Stage& stage, StageRun& run, const EachEngine& before) {
    std::vector<Tensor> inputs;
    for (const Value value : stage.reads)
      inputs.push_back(run.tensor(value));
    const std::shared_ptr<const Engine> engine = engine_of(stage, run);
    if (before) before(*engine, inputs);
    run.finish(stage, engine->run(inputs));
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
  return state_->compute(inputs, {});
}

ProgramReport StagedRun::profile(const std::vector<Tensor>& inputs, int runs) {
  ProgramReport all;
  state_->compute(inputs, [&](const Engine& engine, const std::vector<Tensor>& stage_inputs) {
    const ProgramReport stage = engine.profile(stage_inputs, runs);
    all.steps.insert(all.steps.end(), stage.steps.begin(), stage.steps.end());
    all.arena_bytes = std::max(all.arena_bytes, stage.arena_bytes);
    all.weight_bytes += stage.weight_bytes;
  });
  return all;
}

}  // namespace vitrail::engine_detail
