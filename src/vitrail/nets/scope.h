#pragma once
// Writing a network: a place in a graph with a name prefix, and the layers that every network is made of.
//
//   Scope net(graph);
//   Value x = conv(net / "backbone" / "conv1", image, {.out = 64, .kernel = {7, 7}, .stride = 2, .pads = {3,
//   3, 3, 3}});
//   // adds node "backbone.conv1" with parameters "backbone.conv1.weight" and "backbone.conv1.bias"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "vitrail/graph/graph.h"

namespace vitrail {

/// A name prefix in a graph. `scope / "layer1"` is the scope below it.
class Scope {
 public:
  explicit Scope(Graph& graph, std::string name = "") : graph_(&graph), name_(std::move(name)) {}
  Scope operator/(std::string_view part) const;

  Graph& graph() const { return *graph_; }
  const std::string& name() const { return name_; }
  /// The full name of something in this scope.
  std::string operator()(std::string_view part) const { return (*this / part).name(); }
  /// Adds `parameter`, whose name is the part after this scope's. Where it exists already it is an error,
  /// unless the scope shares parameters.
  Value parameter(Parameter parameter) const;

  /// The same layers on another map: nodes are named after this scope, parameters after `owner`; those that
  /// exist are used again.
  ///
  ///   for (size_t i = 0; i < maps.size(); ++i)   // one head, run on every map
  ///     head((net / "rpn" / cat("map", i)).sharing(net / "rpn" / "head"), maps[i]);
  Scope sharing(const Scope& owner) const;
  /// Batch normalisations below are constant scales and shifts, as pretrained detectors have them.
  Scope with_frozen_norms(double epsilon = 1e-5) const;
  /// Their epsilon; nothing where batch normalisations learn.
  std::optional<double> frozen_norm_epsilon() const { return frozen_norm_epsilon_; }

 private:
  Graph* graph_;
  std::string name_;
  std::optional<std::string> owner_;  // prefix of shared parameters
  std::optional<double> frozen_norm_epsilon_;
};

struct ConvOptions {
  int64_t out = 0;  ///< output channels
  Pair kernel{1, 1};
  int64_t stride = 1;
  int64_t dilation = 1;
  Pads pads{0, 0, 0, 0};
  AutoPad auto_pad = AutoPad::explicit_pads;
  int64_t group = 1;
  bool bias = true;
  Init init = init::KaimingNormal{};
};
/// Node `scope`, parameters `scope.weight` [out, in/group, kh, kw] and, with a bias, `scope.bias` [out].
Value conv(const Scope& scope, Value x, const ConvOptions& options);

struct ConvTransposeOptions {
  int64_t out = 0;
  Pair kernel{4, 4};
  int64_t stride = 2;
  Pads pads{1, 1, 1, 1};
  Pair output_padding{0, 0};
  int64_t group = 1;
  bool bias = true;
  Init init = init::Bilinear{};
  Role role = Role::learnable;  ///< of the weight: `constant` keeps it as it starts
};
/// Node `scope`, parameters `scope.weight` [in, out/group, kh, kw] and, with a bias, `scope.bias` [out].
Value conv_transpose(const Scope& scope, Value x, const ConvTransposeOptions& options);

/// Node `scope`, parameters `scope.weight` (gamma), `scope.bias` (beta), `scope.running_mean`,
/// `scope.running_var`. In a scope with frozen norms all four are constants.
Value batch_norm(const Scope& scope, Value x, op::BatchNormalization options = {});

Value relu(const Scope& scope, Value x);
Value relu6(const Scope& scope, Value x);
Value dropout(const Scope& scope, Value x, op::Dropout options);
Value add(const Scope& scope, Value a, Value b);
/// Bilinear (half-pixel unless said otherwise) to the height and width of `reference`.
Value upsample_to(const Scope& scope, Value x, Value reference,
                  op::CoordinateMode coordinates = op::CoordinateMode::half_pixel);

}  // namespace vitrail
