// Normalisations, and dropout.

#include "vitrail/base/text.h"
#include "vitrail/onnx/node_import.h"

namespace vitrail::onnx_files {
namespace {

void read_batch_normalization(NodeImport& node) {
  node.expect_integer("training_mode", 0);
  node.expect_integer("spatial", 1);
  node.expect_integer("is_test", 1);
  const op::BatchNormalization norm{.epsilon = node.real("epsilon", 1e-5),
                                    .momentum = node.real("momentum", 0.9)};
  node.emit(norm, {node.operand(0), node.weight(1), node.weight(2), node.weight(3, Role::running_statistic),
                   node.weight(4, Role::running_statistic)});
}

void read_instance_normalization(NodeImport& node) {
  node.emit(op::InstanceNormalization{.epsilon = node.real("epsilon", 1e-5)},
            {node.operand(0), node.weight(1), node.weight(2)});
}

// The second and third output are the mean and the reciprocal of the deviation.
void emit_layer_statistics(NodeImport& node, const op::LayerNormalization& norm) {
  const Operand x = node.operand(0);
  op::Reduce mean{.function = op::Reduce::Function::mean};
  const int64_t rank = node.rank(x);
  for (int64_t axis = norm.axis < 0 ? norm.axis + rank : norm.axis; axis < rank; ++axis)
    mean.axes.push_back(axis);
  if (node.wants(1)) node.emit(mean, {x}, 1);
  if (!node.wants(2)) return;
  const Operand centred = node.add(op::Binary{}, {x, node.add(mean, {x})});
  const Operand variance = node.add(mean, {node.add(op::Mul{}, {centred, centred})});
  const Operand raised = node.add(op::Add{}, {variance, node.scalar(norm.epsilon)});
  const Operand deviation = node.add(op::Unary{.function = op::Unary::Function::sqrt}, {raised});
  node.emit(op::Unary{.function = op::Unary::Function::reciprocal}, {deviation}, 2);
}

void read_layer_normalization(NodeImport& node) {
  node.expect_integer("stash_type", 1);
  std::vector<Operand> inputs{node.operand(0), node.weight(1)};
  if (node.has(2)) inputs.push_back(node.weight(2));
  const op::LayerNormalization norm{.axis = node.axis("axis", -1), .epsilon = node.real("epsilon", 1e-5)};
  node.emit(norm, std::move(inputs));
  if (node.wants(1) || node.wants(2)) emit_layer_statistics(node, norm);
}

// A tensor of [n] as [n, 1, 1, ...]: one value for each channel of a tensor of this rank.
Operand per_channel(NodeImport& node, const Operand& values, int64_t rank) {
  Shape wanted(static_cast<size_t>(rank - 1), 1);
  wanted[0] = -1;
  return node.add(op::Reshape{}, {values, node.numbers(wanted)});
}

Operand filled(int64_t count, float value, const std::string& name) {
  return FileConstant{Tensor::from<float>({count}, std::vector<float>(static_cast<size_t>(count), value)),
                      name};
}

// Groups of channels as the channels of an instance normalisation; until operator set 21 scale and bias are
// per group.
void read_group_normalization(NodeImport& node) {
  node.expect_integer("stash_type", 1);
  const int64_t groups = node.integer("num_groups", 1, 1, 1 << 20);
  const Operand x = node.operand(0), scale = node.weight(1), bias = node.weight(2);
  const int64_t rank = node.rank(x);
  if (rank < 3) throw Unsupported{cat("a tensor of ", rank, " dimensions")};
  const op::InstanceNormalization norm{.epsilon = node.real("epsilon", 1e-5)};
  const Operand grouped = node.add(op::Reshape{}, {x, node.numbers({0, groups, -1})});
  const Operand sizes = node.add(op::ShapeOf{}, {x});
  if (node.shape(scale) == Shape{groups} && node.shape(bias) == Shape{groups} && node.opset() < 21)
    return node.emit(op::Reshape{}, {node.add(norm, {grouped, scale, bias}), sizes});
  const std::string& name = node.proto().output(0);
  const Operand normal =
      node.add(norm, {grouped, filled(groups, 1, name + ".ones"), filled(groups, 0, name + ".zeros")});
  const Operand back = node.add(op::Reshape{}, {normal, sizes});
  const Operand scaled = node.add(op::Mul{}, {back, per_channel(node, scale, rank)});
  node.emit(op::Add{}, {scaled, per_channel(node, bias, rank)});
}

void read_lp_normalization(NodeImport& node) {
  const int64_t p = node.integer("p", 2, 1, 2);
  const Operand x = node.operand(0);
  const auto function = p == 1 ? op::Reduce::Function::l1 : op::Reduce::Function::l2;
  const Operand length = node.add(op::Reduce{.function = function, .axes = {node.axis("axis", -1)}}, {x});
  node.emit(op::Binary{.function = op::Binary::Function::divide}, {x, length});
}

void read_mean_variance_normalization(NodeImport& node) {
  std::vector<int64_t> axes = node.integers("axes");
  if (axes.empty()) axes = {0, 2, 3};
  const op::Reduce mean{.function = op::Reduce::Function::mean, .axes = axes};
  const Operand x = node.operand(0);
  const Operand centred = node.add(op::Binary{}, {x, node.add(mean, {x})});
  const Operand variance = node.add(mean, {node.add(op::Mul{}, {centred, centred})});
  const Operand deviation = node.add(op::Unary{.function = op::Unary::Function::sqrt}, {variance});
  node.emit(op::Binary{.function = op::Binary::Function::divide},
            {centred, node.add(op::Add{}, {deviation, node.scalar(1e-9)})});
}

void read_lrn(NodeImport& node) {
  const op::LRN norm{.size = node.integer("size", 1, 1, 1 << 20),
                     .alpha = node.real("alpha", 1e-4),
                     .beta = node.real("beta", 0.75),
                     .bias = node.real("bias", 1)};
  node.emit(norm, {node.operand(0)});
}

// Whether the third input says that the file is to drop elements when it runs.
bool drops_when_run(NodeImport& node) {
  if (!node.has(2)) return false;
  const Tensor& mode = node.constant(2);
  return mode.type() != DataType::boolean || mode.elements() != 1 || mode.raw()[0] != std::byte{0};
}

void read_dropout(NodeImport& node) {
  const op::Dropout dropout{.ratio = node.opset() < 12 ? node.real("ratio", 0.5) : node.number(1, 0.5)};
  if (dropout.ratio > 0 && drops_when_run(node)) throw Unsupported{"training_mode"};
  if (!(dropout.ratio >= 0) || dropout.ratio >= 1)
    node.refuse(cat("ratio ", dropout.ratio), "0 up to, not with, 1");
  const Operand x = node.operand(0);
  node.emit(dropout, {x});
  if (!node.wants(1)) return;
  const Operand all = FileConstant{Tensor::zeros(DataType::boolean, {}), "mask"};  // nothing is dropped
  const Operand kept = node.add(op::Unary{.function = op::Unary::Function::logical_not}, {all});
  node.emit(op::Expand{}, {kept, node.add(op::ShapeOf{}, {x})}, 1);
}

constexpr OperatorReader kReaders[] = {
    {"BatchNormalization", "epsilon momentum training_mode spatial is_test", 5, 5, read_batch_normalization,
     "not in training mode"},
    {"Dropout", "ratio seed is_test", 1, 3, read_dropout, "not in training mode"},
    {"GroupNormalization", "epsilon num_groups stash_type", 3, 3, read_group_normalization},
    {"InstanceNormalization", "epsilon", 3, 3, read_instance_normalization},
    {"LRN", "size alpha beta bias", 1, 1, read_lrn},
    {"LayerNormalization", "axis epsilon stash_type", 2, 3, read_layer_normalization},
    {"LpNormalization", "axis p", 1, 1, read_lp_normalization},
    {"MeanVarianceNormalization", "axes", 1, 1, read_mean_variance_normalization},
};

}  // namespace

Readers normalization_readers() {
  return kReaders;
}

}  // namespace vitrail::onnx_files
