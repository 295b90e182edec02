#pragma once
// Inside of shape inference: one rule per operator, and what rules have in common. A rule sees shapes whose
// sizes may be -1 (unknown) and passes the unknown on; it checks what it can see.
//
// Adding an operator: a line in the list at the end, and its rule in the file of its subject.

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "vitrail/graph/shape_inference.h"

namespace vitrail::shape_rules {

using Inputs = std::span<const OpInput>;

/// Error(shape) without a place; whoever knows the node adds it.
[[noreturn]] void fail(const std::string& found, const std::string& allowed);

/// `least` to `most` inputs, of which the first `least` are present.
void expect_inputs(Inputs inputs, size_t least, size_t most);
inline bool given(Inputs inputs, size_t i) {
  return i < inputs.size() && inputs[i].present;
}
void expect_rank4(const Shape& shape, const char* what = "input");
bool is_float(DataType type);    ///< f32, f16, bf16, f64
bool is_integer(DataType type);  ///< neither a float nor boolean
void expect_float(const OpInput& input, const char* what = "input");
void expect_number(const OpInput& input, const char* what = "input");  ///< anything but boolean
void expect_same_type(const OpInput& a, const OpInput& b);

inline bool agree(int64_t a, int64_t b) {
  return a < 0 || b < 0 || a == b;
}
bool agree(const Shape& a, const Shape& b);
inline bool is_known(const Shape& shape) {
  for (const int64_t size : shape)
    if (size < 0) return false;
  return true;
}
inline int64_t known_or_unknown(int64_t size, int64_t value) {
  return size < 0 ? -1 : value;
}
/// numpy broadcasting.
Shape broadcast(const Shape& a, const Shape& b);
/// `axis`, counted from the back where negative, as an index below `rank`.
size_t resolved_axis(int64_t axis, size_t rank);
/// The same for several, which must differ; sorted.
std::vector<size_t> resolved_axes(std::span<const int64_t> axes, size_t rank);

using Integer = std::optional<int64_t>;  // nullopt where unknown
/// The entries of a vector of i64 or i32 (sizes, axes). Error(unsupported) when not even their number is
/// known: a rank would depend on it.
std::vector<Integer> integers(const OpInput& input, const char* what);

// How rules say their result.
inline OpResult typed(Shape shape, DataType type) {
  return {.shape = std::move(shape), .type = type};
}
inline OpResult same(const OpInput& x) {
  return typed(x.shape, x.type);
}

/// The dimensions [first, second) that ShapeOf tells, of `rank`.
std::pair<size_t, size_t> shape_range(const op::ShapeOf& op, size_t rank);

/// What Slice does along one axis: `count` elements from `start` on, `step` apart. count is -1 where it is
/// not known.
struct SliceAxis {
  size_t axis = 0;
  int64_t start = 0;
  int64_t step = 1;
  int64_t count = -1;
};
/// One per axis that is cut; the axes must be known.
std::vector<SliceAxis> slice_axes(Inputs in);

#define VITRAIL_RULE(operator_name) OpResult rule(const op::operator_name& op, Inputs in);
// windows.cpp
VITRAIL_RULE(Conv)
VITRAIL_RULE(ConvTranspose)
VITRAIL_RULE(MaxPool)
VITRAIL_RULE(MaxPoolIndices)
VITRAIL_RULE(MaxUnpool)
VITRAIL_RULE(AveragePool)
VITRAIL_RULE(GlobalAveragePool)
VITRAIL_RULE(GlobalMaxPool)
VITRAIL_RULE(AdaptivePool)
VITRAIL_RULE(LRN)
// space.cpp
VITRAIL_RULE(Resize)
VITRAIL_RULE(Crop)
VITRAIL_RULE(Pad)
VITRAIL_RULE(DepthToSpace)
VITRAIL_RULE(SpaceToDepth)
VITRAIL_RULE(RoiAlign)
VITRAIL_RULE(GridSample)
VITRAIL_RULE(NonMaxSuppression)
VITRAIL_RULE(DynamicDeconvolution)
VITRAIL_RULE(Encoding)
// elementwise.cpp
VITRAIL_RULE(Relu)
VITRAIL_RULE(Clip)
VITRAIL_RULE(Sigmoid)
VITRAIL_RULE(Identity)
VITRAIL_RULE(Dropout)
VITRAIL_RULE(Add)
VITRAIL_RULE(Mul)
VITRAIL_RULE(Unary)
VITRAIL_RULE(Binary)
VITRAIL_RULE(Where)
VITRAIL_RULE(Cast)
VITRAIL_RULE(BatchNormalization)
VITRAIL_RULE(LayerNormalization)
VITRAIL_RULE(InstanceNormalization)
VITRAIL_RULE(Softmax)
VITRAIL_RULE(LogSoftmax)
VITRAIL_RULE(QuantizeLinear)
VITRAIL_RULE(DequantizeLinear)
// arrange.cpp
VITRAIL_RULE(Constant)
VITRAIL_RULE(ConstantOfShape)
VITRAIL_RULE(Range)
VITRAIL_RULE(ShapeOf)
VITRAIL_RULE(Reshape)
VITRAIL_RULE(Flatten)
VITRAIL_RULE(Squeeze)
VITRAIL_RULE(Unsqueeze)
VITRAIL_RULE(Transpose)
VITRAIL_RULE(Expand)
VITRAIL_RULE(Tile)
// along_axes.cpp
VITRAIL_RULE(Concat)
VITRAIL_RULE(Slice)
VITRAIL_RULE(Gather)
VITRAIL_RULE(GatherElements)
VITRAIL_RULE(ArgMax)
VITRAIL_RULE(TopK)
VITRAIL_RULE(Reduce)
VITRAIL_RULE(CumSum)
VITRAIL_RULE(MatMul)
// control.cpp
VITRAIL_RULE(Loop)
#undef VITRAIL_RULE

/// Shape and type alone, without contents.
OpResult shape_and_type(const Op& op, Inputs inputs);

}  // namespace vitrail::shape_rules
