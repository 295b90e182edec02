#include "vitrail/engine/staged.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <mutex>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/engine/loop_run.h"
#include "vitrail/engine/open_sizes.h"
#include "vitrail/engine/stage_run.h"

namespace vitrail::engine_detail {
namespace {

constexpr size_t kMostEngines = 24;

// The stage as a graph of its own.
Graph graph_of(const Graph& graph, const StageRun::Stage& stage, StageRun& run) {
  Graph part;
  std::vector<Value> mapped(static_cast<size_t>(graph.value_count()));
  for (const Value value : stage.reads)
    mapped[index_of(value)] = part.input(cat("value ", value.id), run.shape_read(value), graph.type(value));
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

  // Called with every stage's engine before it runs, and with every loop's results and time.
  struct Watch {
    std::function<void(const Engine& engine, const std::vector<Tensor>& inputs)> engine{};
    std::function<void(const Node& node, const Shape& result, double milliseconds)> loop{};
  };

  using LoopKey = std::pair<const Graph*, int64_t>;  // the body, and how much of it is carried
  static LoopKey key_of(const op::Loop& loop) { return {loop.body.get(), loop.carried}; }

  void make_loops() {
    for (const Node& node : graph.nodes()) {
      const auto* loop = std::get_if<op::Loop>(&node.op);
      if (loop == nullptr || loops.contains(key_of(*loop))) continue;
      try {
        loops[key_of(*loop)] = std::make_unique<const LoopRun>(*loop, options);
      } catch (const Error& error) {
        ErrorParts parts = error.parts();
        parts.where = cat("node '", node.name, "' (Loop)");
        throw Error(error.kind(), parts);
      }
    }
  }

  std::vector<Tensor> run_loop(const Node& node, const std::vector<Tensor>& inputs,
                               const Watch& watch) const {
    using Clock = std::chrono::steady_clock;
    const Clock::time_point before = Clock::now();
    const auto& loop = std::get<op::Loop>(node.op);
    std::vector<Tensor> results = loops.at(key_of(loop))->run(inputs);
    if (watch.loop)
      watch.loop(node, results.at(static_cast<size_t>(loop.output)).shape(),
                 std::chrono::duration<double, std::milli>(Clock::now() - before).count());
    return results;
  }

  std::vector<Tensor> compute(const std::vector<Tensor>& inputs, const Watch& watch) {
    const auto loop = [&](const Node& node, const std::vector<Tensor>& read) {
      return run_loop(node, read, watch);
    };
    StageRun run(graph, weights, gives_sizes,
                 {.run_loop = loop, .haste = haste, .most_bytes = options.memory_limit});
    for (size_t i = 0; i < inputs.size(); ++i)
      run.tensor(graph.inputs()[i].value) = inputs[i];
    while (!run.is_done())
      if (const StageRun::Stage stage = run.next(); !stage.nodes.empty()) compute(stage, run, watch);
    std::vector<Tensor> outputs;
    for (const Output& output : graph.outputs())
      outputs.push_back(run.result(output.value));
    return outputs;
  }

  void compute(const StageRun::Stage& stage, StageRun& run, const Watch& watch) {
    std::vector<Tensor> inputs;
    for (const Value value : stage.reads)
      inputs.push_back(run.tensor(value));
    const std::shared_ptr<const Engine> engine = engine_of(stage, run);
    if (watch.engine) watch.engine(*engine, inputs);
    run.finish(stage, engine->run(inputs));
  }

  Graph graph;
  Weights weights;
  EngineOptions options;
  Haste haste;
  std::vector<bool> gives_sizes;
  std::map<LoopKey, std::unique_ptr<const LoopRun>> loops{};
  std::mutex mutex{};
  std::list<std::pair<std::string, std::shared_ptr<const Engine>>> engines{};  // most recently used first
};

StagedRun::StagedRun(const Graph& graph, const Weights& weights, EngineOptions options, Haste haste)
    : state_(new State{graph, weights, options, haste, values_that_give_sizes(graph)}) {
  state_->make_loops();
}
StagedRun::~StagedRun() = default;

std::vector<Tensor> StagedRun::run(const std::vector<Tensor>& inputs) {
  return state_->compute(inputs, {});
}

ProgramReport StagedRun::profile(const std::vector<Tensor>& inputs, int runs) {
  ProgramReport all;
  const auto add_engine = [&](const Engine& engine, const std::vector<Tensor>& stage_inputs) {
    const ProgramReport stage = engine.profile(stage_inputs, runs);
    all.steps.insert(all.steps.end(), stage.steps.begin(), stage.steps.end());
    all.arena_bytes = std::max(all.arena_bytes, stage.arena_bytes);
    all.weight_bytes += stage.weight_bytes;
  };
  const auto add_loop = [&](const Node& node, const Shape& result, double milliseconds) {
    all.steps.push_back({.name = node.name,
                         .kind = "loop",
                         .kernel = "vitrail",
                         .fused = {},
                         .output = result,
                         .milliseconds = milliseconds});
  };
  state_->compute(inputs, {add_engine, add_loop});
  return all;
}

}  // namespace vitrail::engine_detail
