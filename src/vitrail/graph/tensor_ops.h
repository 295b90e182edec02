#pragma once
// Operators over tensors of any rank: arithmetic, shapes, reductions, products. Names, attributes and
// semantics are ONNX's; every operator computes one tensor (what ONNX computes two with, as TopK, is two
// operators here).
//
// Sizes that depend on the input's size are computed in the graph, as ONNX does: ShapeOf, Gather, Concat,
// Reshape ... Shape inference follows the numbers (see OpResult::content), so that for a concrete input size
// every shape is known before anything runs.

#include <cstdint>
#include <optional>
#include <vector>

#include "vitrail/base/tensor.h"

namespace vitrail::op {

/// A tensor that is part of the network's description: sizes, axes, small tables. Neither trained nor found
/// in the weights. No inputs.
struct Constant {
  Tensor value;
};

/// y = f(x), element by element.
struct Unary {
  enum class Function {
    abs,
    neg,
    exp,
    log,
    sqrt,
    reciprocal,
    floor,
    ceil,
    round,  ///< halves go to the even neighbour
    sign,
    erf,
    sin,
    cos,
    tanh,
    logical_not,
    leaky_relu,        ///< x < 0 ? alpha x : x
    elu,               ///< x < 0 ? alpha (exp(x) - 1) : x
    selu,              ///< beta (x < 0 ? alpha (exp(x) - 1) : x)
    celu,              ///< max(0, x) + min(0, alpha (exp(x / alpha) - 1))
    thresholded_relu,  ///< x > alpha ? x : 0
    hard_sigmoid,      ///< min(max(alpha x + beta, 0), 1)
    hard_swish,        ///< x hard_sigmoid(x) with alpha = 1/6, beta = 1/2
    softplus,          ///< log(1 + exp(x))
    softsign,          ///< x / (1 + |x|)
    swish,             ///< x sigmoid(x) (SiLU)
    mish,              ///< x tanh(softplus(x))
    gelu,              ///< x (1 + erf(x / sqrt(2))) / 2
    gelu_tanh,         ///< its approximation by tanh
  };
  Function function = Function::abs;
  double alpha = 0;
  double beta = 0;
};

/// Element-wise with ONNX (numpy) broadcasting. Inputs: a, b. Comparisons and logic give booleans. Add and
/// Mul are operators of their own.
struct Binary {
  enum class Function {
    subtract,
    divide,  ///< of integers: towards zero
    power,
    minimum,
    maximum,
    modulo,     ///< the sign of b (Python's %)
    remainder,  ///< the sign of a (C's fmod)
    prelu,      ///< a < 0 ? a b : a; b broadcasts to a
    equal,
    less,
    less_or_equal,
    greater,
    greater_or_equal,
    logical_and,
    logical_or,
    logical_xor,
  };
  Function function = Function::subtract;
};

/// condition ? a : b, with broadcasting. Inputs: condition (boolean), a, b.
struct Where {};
/// Conversion as in C: floats to integers are cut towards zero; to boolean: "is not zero".
struct Cast {
  DataType to = DataType::f32;
};

/// The sizes of x from dimension `start` up to, not with, `end` (negative: from the back) as i64 [n]. ONNX:
/// Shape.
struct ShapeOf {
  int64_t start = 0;
  std::optional<int64_t> end;
};
/// Inputs: x, sizes (i64 [n]): -1 is what remains (once), 0 copies x's size unless `allow_zero`.
struct Reshape {
  bool allow_zero = false;
};
/// [product of the sizes before axis, product of the rest].
struct Flatten {
  int64_t axis = 1;
};
struct Squeeze {
  std::vector<int64_t> axes;  ///< empty: every dimension of size 1
};
struct Unsqueeze {
  std::vector<int64_t> axes;  ///< positions in the result
};
struct Transpose {
  std::vector<int64_t> permutation;  ///< result dimension i is x's dimension permutation[i]; empty: reversed
};
/// Inputs: x, sizes (i64 [n]); numpy broadcasting to the common shape.
struct Expand {};
/// Inputs: x, repeats (i64 [rank]).
struct Tile {};
/// x[starts : ends : steps]. Inputs: x, starts, ends, axes (optional), steps (optional), each i64 [n].
struct Slice {};
/// Entries of x along `axis`. Inputs: x, indices (i64 or i32, negative from the back). The result's shape is
/// x's with that dimension replaced by the indices' shape.
struct Gather {
  int64_t axis = 0;
};
/// y[i][j][k] = x[i][indices[i][j][k]][k] (for axis 1). Inputs: x, indices of x's rank.
struct GatherElements {
  int64_t axis = 0;
};
/// start, start + delta, ... before limit. Inputs: three scalars of one type.
struct Range {};
/// Inputs: sizes (i64 [n]). Filled with the one element of `value`.
struct ConstantOfShape {
  Tensor value;
};

/// Over `axes` (empty: all of them).
struct Reduce {
  enum class Function { sum, mean, max, min, prod, l1, l2, sum_square, log_sum, log_sum_exp };
  Function function = Function::mean;
  std::vector<int64_t> axes;
  bool keep_dims = true;
};
/// Sum along `axis` from its beginning.
struct CumSum {
  int64_t axis = 0;
  bool exclusive = false;
  bool reverse = false;
};

/// Products over the last two dimensions, numpy broadcasting before them; a rank-1 input is a row (a) or
/// column (b) whose dimension disappears. Inputs: a [..., M, K], b [..., K, N].
struct MatMul {};

struct LogSoftmax {
  int64_t axis = 1;
};
/// One half of ONNX's TopK. Inputs: x, k (i64, one element). The first of equals wins.
struct TopK {
  enum class Part { values, indices };
  Part part = Part::values;
  int64_t axis = -1;
  bool largest = true;
};

/// (x - mean) / sqrt(variance + epsilon) over the dimensions from `axis` on. Inputs: x, scale, bias
/// (optional), both of the shape of those dimensions.
struct LayerNormalization {
  int64_t axis = -1;
  double epsilon = 1e-5;
};
/// The same per image and channel over space. Inputs: x [N,C,...], scale [C], bias [C].
struct InstanceNormalization {
  double epsilon = 1e-5;
};

/// Inputs: x, scale, zero_point (optional; u8 or i8, zero when left out): saturate(round(x / scale) +
/// zero_point), halves to even. scale is one number, or one per entry along `axis`.
struct QuantizeLinear {
  int64_t axis = 1;
};
/// (x - zero_point) * scale. Inputs: x (u8, i8 or i32), scale, zero_point (optional).
struct DequantizeLinear {
  int64_t axis = 1;
};

}  // namespace vitrail::op
