#include "vitrail/engine/engine.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <limits>
#include <list>
#include <mutex>

#include <omp.h>

#include "vitrail/base/error.h"
#include "vitrail/base/parallel.h"
#include "vitrail/base/text.h"
#include "vitrail/engine/arena_pool.h"
#include "vitrail/engine/compile.h"
#include "vitrail/engine/kernels/gemm_bf16.h"
#include "vitrail/engine/open_sizes.h"
#include "vitrail/engine/passes/passes.h"
#include "vitrail/engine/spread_threads.h"
#include "vitrail/engine/staged.h"

namespace vitrail {

using namespace engine_detail;

namespace {

using ProgramPointer = std::shared_ptr<const Program>;

Network prepared_network(const Graph& graph, const Weights& weights) {
  Network network = build_network(graph, weights);
  drop_identity(network);
  fold_constants(network);
  merge_common(network);
  drop_dead(network);
  expect_supported(network);
  fold_batch_norm(network);
  drop_dead(network);
  return network;
}

int thread_count(const EngineOptions& options) {
  if (options.threads < 0 || options.cached_programs < 1 || options.memory_limit < 0)
    throw Error(ErrorKind::usage,
                {.where = "engine options",
                 .found = cat("threads ", options.threads, ", cached_programs ", options.cached_programs,
                              ", memory_limit ", options.memory_limit),
                 .allowed = "threads is at least 0 (all cores), cached_programs at least 1, memory_limit at "
                            "least 0 (none)"});
  return options.threads > 0 ? options.threads : omp_get_num_procs();
}

bool may_be(const Shape& declared, const Shape& found) {
  return std::equal(declared.begin(), declared.end(), found.begin(), found.end(),
                    [](int64_t wanted, int64_t size) { return wanted < 0 || wanted == size; });
}

// At least about half a millisecond: less ends before badly placed threads cost much.
bool is_long(const Program& program) {
  int64_t sum = 0;
  for (const Step& step : program.parts().steps)
    sum += step.report.multiply_adds;
  return sum >= 50'000'000;
}

}  // namespace

struct Engine::State {
  State(const Graph& full, const Weights& values, const EngineOptions& engine_options)
      : options(engine_options),
        threads(thread_count(engine_options)),
        bf16(engine_options.precision == Precision::bf16 && kernel::has_bf16()),
        graph(full.for_inference()) {
    if (sizes_depend_on_values(graph)) {
      network = build_network(graph, values);
      staged = std::make_unique<StagedRun>(graph, values, options);
    } else {
      network = prepared_network(graph, values);
    }
  }

  // The program for these shapes; made by whoever asks first while the others wait for it.
  ProgramPointer program(const std::vector<Shape>& shapes) {
    std::promise<ProgramPointer> promise;
    std::shared_future<ProgramPointer> ready;
    {
      const std::lock_guard lock(mutex);
      const auto found = std::find_if(cache.begin(), cache.end(),
                                      [&](const Entry& entry) { return entry.shapes == shapes; });
      if (found != cache.end()) {
        cache.splice(cache.begin(), cache, found);
        ready = found->program;
      } else {
        cache.push_front({shapes, promise.get_future().share()});
        if (static_cast<int64_t>(cache.size()) > options.cached_programs) cache.pop_back();
      }
    }
    if (ready.valid()) return ready.get();
    return make_program(shapes, promise);
  }

  ProgramPointer make_program(const std::vector<Shape>& shapes, std::promise<ProgramPointer>& promise) {
    try {
      const ProgramPointer made = fitting_program(shapes);
      promise.set_value(made);
      return made;
    } catch (...) {
      promise.set_exception(std::current_exception());
      const std::lock_guard lock(mutex);
      cache.remove_if([&](const Entry& entry) { return entry.shapes == shapes; });
      throw;
    }
  }

  // The fastest program within the limit of memory.
  ProgramPointer fitting_program(const std::vector<Shape>& shapes) {
    const ThreadScope scope(threads);
    int64_t least = std::numeric_limits<int64_t>::max();
    for (const Thrift thrift : all_thrifts) {
      Network bound = bind_shapes(network, graph, shapes);
      // What is made for a program that is given up must not stay.
      if (options.memory_limit > 0) bound.derived = std::make_shared<DerivedTensors>();
      fold_constants(bound);
      merge_common(bound);
      drop_dead(bound);
      run_bound_passes(bound, threads, thrift);
      const ProgramPointer made = compile(std::move(bound), {onednn, weights, threads, bf16, thrift});
      const int64_t bytes = made->arena_bytes() + made->parts().weight_bytes;
      if (options.memory_limit == 0 || bytes <= options.memory_limit) return made;
      least = std::min(least, bytes);
    }
    throw Error(ErrorKind::limit, {.where = "engine",
                                   .found = cat("a memory limit of ", options.memory_limit, " bytes"),
                                   .allowed = cat("at least ", least, " for inputs of ", sizes_of(shapes)),
                                   .next = "Raise the limit, use fewer threads or a smaller input"});
  }

  static std::string sizes_of(const std::vector<Shape>& shapes) {
    std::vector<std::string> names;
    for (const Shape& shape : shapes)
      names.push_back(to_string(shape));
    return join(names);
  }

  void expect_inputs(const std::vector<Tensor>& inputs) const {
    expect_count(inputs.size());
    for (size_t i = 0; i < inputs.size(); ++i) {
      const DataType wanted = network.value(network.inputs[i].value).type;
      if (!inputs[i].defined() || inputs[i].type() != wanted)
        throw Error(
            ErrorKind::usage,
            {.where = cat("input '", network.inputs[i].name, "'"),
             .found = inputs[i].defined() ? cat("a tensor of ", name_of(inputs[i].type())) : "no tensor",
             .allowed = cat(name_of(wanted), " is read"),
             .next = wanted == DataType::f32 ? "Convert it with Tensor::to_f32()" : ""});
    }
  }

  void expect_count(size_t count) const {
    if (count == network.inputs.size()) return;
    std::vector<std::string> names;
    for (const NetworkPort& input : network.inputs)
      names.push_back(input.name);
    throw Error(ErrorKind::usage, {.where = "engine",
                                   .found = cat(count, " inputs are given"),
                                   .allowed = cat("the graph reads ", names.size(), ": ", join(names))});
  }

  ProgramReport described(ProgramReport report) const {
    report.threads = threads;
    if (options.precision == Precision::bf16 && !bf16)
      report.notes.push_back("bf16 was asked for; this processor has no avx512_bf16, so f32 is used");
    return report;
  }

  ProgramReport in_stages(ProgramReport report) const {
    report.notes.push_back(
        "sizes depend on what the network computes: it runs in stages, which are compiled as they come");
    return described(std::move(report));
  }

  ProgramPointer program_for(const std::vector<Tensor>& inputs) {
    expect_inputs(inputs);
    std::vector<Shape> shapes;
    for (const Tensor& input : inputs)
      shapes.push_back(input.shape());
    return program(shapes);
  }

  // What takes inputs without elements, which no program does. It would keep weights a second time, so only a
  // graph without any has it.
  StagedRun* stages_for_nothing(const std::vector<Tensor>& inputs) {
    const bool any = std::any_of(inputs.begin(), inputs.end(), [](const Tensor& input) {
      return input.defined() && input.elements() == 0;
    });
    if (!any || !graph.parameters().empty()) return nullptr;
    expect_inputs(inputs);
    for (size_t i = 0; i < inputs.size(); ++i)
      if (!may_be(graph.shape(graph.inputs()[i].value), inputs[i].shape())) return nullptr;
    std::call_once(made_stages,
                   [&] { for_nothing = std::make_unique<StagedRun>(graph, Weights{}, options); });
    return for_nothing.get();
  }

  /// What a run on these inputs holds while it lasts.
  struct Turn {
    Turn(State& state, const std::vector<Tensor>& inputs)
        : program(state.program_for(inputs)),
          scope(state.threads),
          arena(state.arenas.take(program->arena_bytes())) {
      if (is_long(*program)) spread_threads();
    }

    ProgramPointer program;
    ThreadScope scope;
    ArenaPool::Lease arena;
  };

  struct Entry {
    std::vector<Shape> shapes;
    std::shared_future<ProgramPointer> program;
  };

  EngineOptions options;
  int threads;
  bool bf16;
  Graph graph;
  Network network;
  std::unique_ptr<StagedRun> staged;  // where no program can be planned for all of it
  std::once_flag made_stages;
  std::unique_ptr<StagedRun> for_nothing;
  dnnl::engine onednn{dnnl::engine::kind::cpu, 0};
  PackedWeights weights;
  ArenaPool arenas;
  std::mutex mutex;
  std::list<Entry> cache;  // most recently used first
};

Engine::Engine(const Graph& graph, const Weights& weights, EngineOptions options)
    : state_(std::make_unique<State>(graph, weights, options)) {}
Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

std::vector<Tensor> Engine::run(const std::vector<Tensor>& inputs) const {
  if (state_->staged) {
    state_->expect_inputs(inputs);
    return state_->staged->run(inputs);
  }
  if (StagedRun* stages = state_->stages_for_nothing(inputs)) return stages->run(inputs);
  const State::Turn turn(*state_, inputs);
  try {
    return turn.program->run(inputs, turn.arena.data());
  } catch (const dnnl::error& error) {
    throw Error(ErrorKind::limit, {.where = "engine", .found = cat("oneDNN stopped: ", error.what())});
  }
}

ProgramReport Engine::profile(const std::vector<Tensor>& inputs, int runs) const {
  using Clock = std::chrono::steady_clock;
  if (state_->staged) {
    state_->expect_inputs(inputs);
    return state_->in_stages(state_->staged->profile(inputs, runs));
  }
  const State::Turn turn(*state_, inputs);
  ProgramReport report = state_->described(turn.program->report());
  std::vector<std::vector<double>> times(report.steps.size());
  turn.program->run(inputs, turn.arena.data());
  for (int run = 0; run < std::max(runs, 1); ++run) {
    Clock::time_point before = Clock::now();
    turn.program->run(inputs, turn.arena.data(), [&](size_t step) {
      const Clock::time_point now = Clock::now();
      times[step].push_back(std::chrono::duration<double, std::milli>(now - before).count());
      before = now;
    });
  }
  for (size_t i = 0; i < times.size(); ++i) {
    std::sort(times[i].begin(), times[i].end());
    report.steps[i].milliseconds = times[i][times[i].size() / 2];
  }
  return report;
}

ProgramReport Engine::report(const std::vector<Shape>& inputs) const {
  state_->expect_count(inputs.size());
  if (state_->staged) return state_->in_stages({});
  return state_->described(state_->program(inputs)->report());
}

}  // namespace vitrail
