#pragma once
// One run of a graph in stages (staged.h): what is computed by now, and what can be computed next. Small
// things are evaluated here; the rest of a stage is for an engine.
//
//   StageRun run(graph, weights, values_that_give_sizes(graph), {});
//   run.tensor(graph.inputs()[0].value) = image;
//   while (!run.is_done())
//     if (const StageRun::Stage stage = run.next(); !stage.nodes.empty())
//       run.finish(stage, tensors_of(stage.makes));       // by an engine, from stage.reads and stage.numbers
//   const Tensor& y = run.result(graph.outputs()[0].value);

#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "vitrail/graph/model.h"
#include "vitrail/graph/shape_inference.h"

namespace vitrail::engine_detail {

/// What a stage computes without an engine.
enum class Haste {
  when_needed,    ///< what no engine takes: tensors without elements, and results of open size
  small_at_once,  ///< also what is small or only moves elements, for stages that are never seen again
};

class StageRun {
 public:
  /// What a Loop carries in the end and collects, from the node's inputs.
  using RunLoop = std::function<std::vector<Tensor>(const Node& node, const std::vector<Tensor>& inputs)>;

  struct Options {
    RunLoop run_loop;
    Haste haste = Haste::when_needed;
    int64_t most_bytes = 0;  ///< of one result; 0 = no limit
  };

  struct Stage {
    std::vector<size_t> nodes;   ///< of the graph, by index
    std::vector<Value> reads;    ///< computed before, as inputs
    std::vector<Value> numbers;  ///< computed before, as constants: sizes are made of them
    std::vector<Value> makes;    ///< what later stages and the outputs read
    std::string key;             ///< of the engine: the same for the same nodes, numbers and results
  };

  /// All but the options must outlive the run.
  StageRun(const Graph& graph, const Weights& weights, const std::vector<bool>& gives_sizes, Options options);

  Tensor& tensor(Value value);
  /// What an engine that reads the value may expect: the graph's shape, with sizes open that are not so here
  /// (of what a condition chose it may be another branch's).
  Shape shape_read(Value value) const;
  /// Rethrows why it could not be computed, where it could not.
  const Tensor& result(Value value) const;
  bool is_done() const;

  /// Evaluates what needs no engine, and returns what an engine is to compute next (nothing, perhaps).
  /// Throws Error(unsupported) naming a node where nothing can go on.
  Stage next();
  /// `made`: values of stage.makes.
  void finish(const Stage& stage, const std::vector<Tensor>& made);

 private:
  void finish(size_t node, Tensor result);
  std::optional<OpInput> known(Value value) const;
  bool is_number(Value value) const;
  void fail(size_t node);
  bool place(size_t i);
  bool choose(size_t i);
  bool place_loop(size_t i);
  std::vector<size_t> computed_with(size_t i) const;
  std::vector<Tensor> tensors_of(const Node& node) const;
  bool place_computed(size_t i);
  bool at_once(const Node& node, const std::vector<OpInput>& inputs, const Shape& result) const;
  void expect_room(const Node& node, const OpResult& result) const;
  Tensor evaluated(const Node& node) const;
  [[noreturn]] void refuse() const;
  void find_reads(Stage& stage) const;
  void find_makes(Stage& stage) const;
  std::string key_of(const Stage& stage) const;

  const Graph& graph_;
  const std::vector<bool>& gives_sizes_;
  Options options_;
  std::vector<Tensor> tensors_;             // by value
  std::vector<std::exception_ptr> faults_;  // by value: why it could not be computed
  std::vector<std::optional<OpResult>> results_;
  std::vector<bool> done_;
  bool progress_ = false;
};

}  // namespace vitrail::engine_detail
