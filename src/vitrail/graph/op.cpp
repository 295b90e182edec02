#include "vitrail/graph/op.h"

#include <array>

namespace vitrail {
namespace {

template <class E, size_t N>
constexpr std::string_view name_in(const std::array<std::string_view, N>& names, E value) {
  return names.at(static_cast<size_t>(value));
}

// In the order of the enumerations in tensor_ops.h.
constexpr std::array<std::string_view, 28> kUnary{"Abs",         "Neg",        "Exp",      "Log",
                                                  "Sqrt",        "Reciprocal", "Floor",    "Ceil",
                                                  "Round",       "Sign",       "Erf",      "Sin",
                                                  "Cos",         "Tanh",       "Not",      "LeakyRelu",
                                                  "Elu",         "Selu",       "Celu",     "ThresholdedRelu",
                                                  "HardSigmoid", "HardSwish",  "Softplus", "Softsign",
                                                  "Swish",       "Mish",       "Gelu",     "Gelu"};
constexpr std::array<std::string_view, 16> kBinary{"Sub",
                                                   "Div",
                                                   "Pow",
                                                   "Min",
                                                   "Max",
                                                   "Mod",
                                                   "Mod",
                                                   "PRelu",
                                                   "Equal",
                                                   "Less",
                                                   "LessOrEqual",
                                                   "Greater",
                                                   "GreaterOrEqual",
                                                   "And",
                                                   "Or",
                                                   "Xor"};
constexpr std::array<std::string_view, 10> kReduce{
    "ReduceSum", "ReduceMean", "ReduceMax",       "ReduceMin",    "ReduceProd",
    "ReduceL1",  "ReduceL2",   "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp"};

struct TypeName {
  std::string_view operator()(const op::Unary& op) const { return name_in(kUnary, op.function); }
  std::string_view operator()(const op::Binary& op) const { return name_in(kBinary, op.function); }
  std::string_view operator()(const op::Reduce& op) const { return name_in(kReduce, op.function); }
  std::string_view operator()(const op::ShapeOf&) const { return "Shape"; }
#define VITRAIL_NAMED(type)                            \
  std::string_view operator()(const op::type&) const { \
    return #type;                                      \
  }
  VITRAIL_NAMED(Conv)
  VITRAIL_NAMED(ConvTranspose)
  VITRAIL_NAMED(BatchNormalization)
  VITRAIL_NAMED(Relu)
  VITRAIL_NAMED(Clip)
  VITRAIL_NAMED(Sigmoid)
  VITRAIL_NAMED(Identity)
  VITRAIL_NAMED(Add)
  VITRAIL_NAMED(Mul)
  VITRAIL_NAMED(Concat)
  VITRAIL_NAMED(MaxPool)
  VITRAIL_NAMED(AveragePool)
  VITRAIL_NAMED(GlobalAveragePool)
  VITRAIL_NAMED(Resize)
  VITRAIL_NAMED(Crop)
  VITRAIL_NAMED(Pad)
  VITRAIL_NAMED(Softmax)
  VITRAIL_NAMED(ArgMax)
  VITRAIL_NAMED(Dropout)
  VITRAIL_NAMED(MaxPoolIndices)
  VITRAIL_NAMED(MaxUnpool)
  VITRAIL_NAMED(GlobalMaxPool)
  VITRAIL_NAMED(LRN)
  VITRAIL_NAMED(DepthToSpace)
  VITRAIL_NAMED(SpaceToDepth)
  VITRAIL_NAMED(RoiAlign)
  VITRAIL_NAMED(GridSample)
  VITRAIL_NAMED(NonMaxSuppression)
  VITRAIL_NAMED(DynamicDeconvolution)
  VITRAIL_NAMED(Encoding)
  VITRAIL_NAMED(AdaptivePool)
  VITRAIL_NAMED(Constant)
  VITRAIL_NAMED(Where)
  VITRAIL_NAMED(Cast)
  VITRAIL_NAMED(Reshape)
  VITRAIL_NAMED(Flatten)
  VITRAIL_NAMED(Squeeze)
  VITRAIL_NAMED(Unsqueeze)
  VITRAIL_NAMED(Transpose)
  VITRAIL_NAMED(Expand)
  VITRAIL_NAMED(Tile)
  VITRAIL_NAMED(Slice)
  VITRAIL_NAMED(Gather)
  VITRAIL_NAMED(GatherElements)
  VITRAIL_NAMED(Range)
  VITRAIL_NAMED(ConstantOfShape)
  VITRAIL_NAMED(CumSum)
  VITRAIL_NAMED(MatMul)
  VITRAIL_NAMED(LogSoftmax)
  VITRAIL_NAMED(TopK)
  VITRAIL_NAMED(LayerNormalization)
  VITRAIL_NAMED(InstanceNormalization)
  VITRAIL_NAMED(QuantizeLinear)
  VITRAIL_NAMED(DequantizeLinear)
  VITRAIL_NAMED(Loop)
#undef VITRAIL_NAMED
};

}  // namespace

std::string_view type_name(const Op& op) {
  return std::visit(TypeName{}, op);
}

}  // namespace vitrail
