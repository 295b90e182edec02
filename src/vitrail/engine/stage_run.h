#pragma once
// One run of a graph in stages (staged.h): what is computed by now, and what can be computed next. Small
// things are evaluated here; the rest of a stage is for an engine.
//
//   StageRun run(graph, weights, values_that_give_sizes(graph));
//   run.tensor(graph.inputs()[0].value) = image;
//   while (!run.is_done())
//     if (const StageRun::Stage stage = run.next(); !stage.nodes.empty())
//       run.finish(stage, tensors_of(stage.makes));       // by an engine, from stage.reads and stage.numbers
//   const Tensor& y = run.result(graph.outputs()[0].value);

#include <exception>
#include <optional>
#include <string>
#include <vector>

#include "vitrail/graph/model.h"
#include "vitrail/graph/shape_inference.h"

namespace vitrail::engine_detail {

class StageRun {
 public:
  struct Stage {
    std::vector<size_t> nodes;   ///< of the graph, by index
    std::vector<Value> reads;    ///< computed before, as inputs
    std::vector<Value> numbers;  ///< computed before, as constants: sizes are made of them
    std::vector<Value> makes;    ///< what later stages and the outputs read
    std::string key;             ///< of the engine: the same for the same nodes and numbers
  };

  /// All three must outlive the run.
  StageRun(const Graph& graph, const Weights& weights, const std::vector<bool>& gives_sizes);

  Tensor& tensor(Value value);
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
  bool place(size_t i);
  bool choose(size_t i);
  bool place_computed(size_t i);
  Tensor evaluated(const Node& node) const;
  [[noreturn]] void refuse() const;
  void find_reads(Stage& stage) const;
  void find_makes(Stage& stage) const;
  std::string key_of(const Stage& stage) const;

  const Graph& graph_;
  const std::vector<bool>& gives_sizes_;
  std::vector<Tensor> tensors_;             // by value
  std::vector<std::exception_ptr> faults_;  // by value: why it could not be computed
  std::vector<std::optional<OpResult>> results_;
  std::vector<bool> done_;
  bool progress_ = false;
};

}  // namespace vitrail::engine_detail
