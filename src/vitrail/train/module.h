#pragma once
// A graph as something LibTorch can train: its parameters as tensors, its nodes as differentiable operations.
//
//   Module module(model.graph, initial_weights(model.graph, seed), {.frozen = {"backbone.Conv2d_0.*"}});
//   module.train(true);
//   module.set_dropout_seed(step);                                 // same seed, same masks
//   NamedTensors outputs = module.forward({images});               // images: f32 [N, 3, H, W]
//   loss(outputs, labels).total.backward();                        // see losses.h, optimizer.h
//   Engine engine(model.graph, module.weights());                  // evaluate what was trained so far
//
// Every operator of graph/op.h has ONNX's semantics here, so that what is trained is what the engine runs.
// A Module is used by one thread at a time.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <torch/torch.h>

#include "vitrail/graph/model.h"
#include "vitrail/graph/shape_inference.h"
#include "vitrail/train/convert.h"
#include "vitrail/train/operators.h"

namespace vitrail::train {

struct ModuleOptions {
  /// Patterns (pattern.h) of parameters that are not trained. One that matches nothing is refused. A batch
  /// normalisation whose running mean matches keeps and uses its running statistics in training too.
  std::vector<std::string> frozen;
  /// Batch normalisation uses (and keeps) its running statistics in training too, as with tiny batches.
  bool frozen_batch_norm = false;
  /// Activations as N x H x W x C in memory: the fast layout on a CPU, and the one that normalize.h has
  /// kernels for.
  bool channels_last = true;
  /// In training, an output that is resized to the image bilinearly (half-pixel centres) at the very end
  /// comes out before that step: `Loss` (losses.h) resizes on the fly, which costs a fraction of the time and
  /// memory.
  bool upsample_in_loss = false;
};

class Module {
 public:
  /// Takes a value for every parameter of `graph` from `weights` as `load` does; throws as it does, and
  /// Error(usage) for a pattern in `frozen` that matches nothing.
  Module(Graph graph, const Weights& weights, ModuleOptions options = {});

  /// A module of some outputs of this one's graph (graph/part.h) that shares this one's tensors: what trains
  /// the one trains the other, and `load` reaches both. To be made anew after `to`.
  Module part(const std::vector<std::string>& outputs) const;

  /// Training mode: batch statistics (which also move the running ones), dropout, training-only outputs.
  /// A fresh module is in training mode.
  void train(bool on) { training_ = on; }
  bool training() const { return training_; }

  /// What dropout draws in the next forward pass. Set from the step's number, it makes a resumed run draw
  /// what the uninterrupted one would have drawn; without a call each pass continues the sequence.
  void set_dropout_seed(uint64_t seed);

  /// The graph's outputs by name, in its order, for its inputs in its order. In training mode the
  /// training-only outputs are among them. Throws Error(shape) naming the node for sizes that do not fit, and
  /// where a batch holds one value per channel and batch normalisation has nothing to normalise.
  /// Outside training mode no gradients are recorded and each value is freed after its last use.
  NamedTensors forward(const std::vector<at::Tensor>& inputs);
  NamedTensors forward(const std::map<std::string, at::Tensor>& inputs);

  /// Parameters that the optimiser changes (learnable and not frozen), in the graph's order.
  NamedTensors learnable() const;
  /// All parameters, running statistics and constants, in the graph's order.
  NamedTensors tensors() const;
  /// Whether training moves anything: a learnable parameter or a running statistic.
  bool changes() const;
  const Graph& graph() const { return graph_; }
  const ModuleOptions& options() const { return options_; }

  /// A copy of every tensor, by name.
  Weights weights() const;
  /// Replaces every tensor's values. Throws Error(usage) naming all missing and unexpected names,
  /// Error(shape) all of the wrong shape; then nothing has changed.
  void load(const Weights& weights);

  /// Computes in `type` from now on (at::kDouble for gradient checks).
  void to(at::ScalarType type);

 private:
  using NamedValues = std::vector<std::pair<std::string, Value>>;
  /// What one mode executes: nodes in order, and the values that nobody reads after each.
  struct Plan {
    struct Step {
      size_t node = 0;
      const Node* activation = nullptr;  ///< done together with a batch normalisation
      std::vector<int32_t> last_read;    ///< values that nobody reads after it
    };
    std::vector<Step> steps;
    NamedValues outputs;
  };
  Plan plan(bool training) const;
  NamedValues outputs_of(bool training) const;
  const Node* fused_activation(const Node& node) const;
  std::vector<std::string> tensor_names() const;
  void run_step(const Plan::Step& step, const ShapeTable& shapes, std::vector<at::Tensor>& values);
  at::Tensor compute(const Node& node, const Node* activation, const OperatorCall& call);
  at::Tensor batch_norm(const Node& node, const Node* activation, const op::BatchNormalization& op,
                        const std::vector<at::Tensor>& x);
  at::Tensor dropout(const op::Dropout& op, const at::Tensor& x);

  Graph graph_;
  ModuleOptions options_;
  bool training_ = true;
  at::Generator generator_;
  at::ScalarType type_ = at::kFloat;
  std::vector<at::Tensor> tensors_;       ///< by index in graph_.parameters()
  std::vector<bool> frozen_;              ///< by index in graph_.parameters()
  std::vector<int32_t> parameter_value_;  ///< value id by index in graph_.parameters()
  std::vector<int32_t> readers_;          ///< how often each value is read, by value id
  std::vector<bool> moving_;              ///< by value id: a running statistic that training moves
  Plan training_plan_, inference_plan_;
};

}  // namespace vitrail::train
