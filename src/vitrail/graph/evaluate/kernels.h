#pragma once
// Inside of evaluate.h: the kernels and what they have in common.
//
// A kernel `run(op, in, out)` gets inputs that the shape rules have passed and a result that is allocated
// but not written.

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <vector>

#include "vitrail/base/error.h"
#include "vitrail/base/tensor.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/op.h"

namespace vitrail::evaluate_detail {

using Inputs = std::span<const Tensor>;

inline bool given(Inputs in, size_t i) {
  return i < in.size() && in[i].defined();
}

/// Elements by their representation; booleans are uint8_t of 0 and 1.
template <class T>
const T* read(const Tensor& tensor) {
  return reinterpret_cast<const T*>(tensor.raw());
}
template <class T>
T* write(Tensor& tensor) {
  return reinterpret_cast<T*>(tensor.raw());
}

[[noreturn]] inline void refuse_type(DataType type) {
  throw Error(ErrorKind::unsupported, {.found = cat("elements of ", name_of(type)),
                                       .allowed = "f32, f64, i64, i32, i8 and u8 can be computed with"});
}

/// body(T{}) for floats.
template <class Body>
void for_float(DataType type, const Body& body) {
  switch (type) {
    case DataType::f32: return body(float{});
    case DataType::f64: return body(double{});
    default: refuse_type(type);
  }
}
/// body(T{}) for numbers.
template <class Body>
void for_number(DataType type, const Body& body) {
  switch (type) {
    case DataType::f32: return body(float{});
    case DataType::f64: return body(double{});
    case DataType::i64: return body(int64_t{});
    case DataType::i32: return body(int32_t{});
    case DataType::i8: return body(int8_t{});
    case DataType::u8: return body(uint8_t{});
    default: refuse_type(type);
  }
}
/// body(T{}) for an unsigned integer as wide as the element: enough to move it.
template <class Body>
void for_width(DataType type, const Body& body) {
  switch (size_of(type)) {
    case 1: return body(uint8_t{});
    case 2: return body(uint16_t{});
    case 4: return body(uint32_t{});
    default: return body(uint64_t{});
  }
}

/// What sums are kept in.
template <class T>
using Wide = std::conditional_t<std::is_floating_point_v<T>, double, int64_t>;

// Integer arithmetic that wraps around; floats as they are.
template <class T, class F>
T wrapped(T a, T b, const F& f) {
  if constexpr (std::is_floating_point_v<T>)
    return f(a, b);
  else
    return static_cast<T>(f(static_cast<uint64_t>(a), static_cast<uint64_t>(b)));
}
template <class T>
T sum(T a, T b) {
  return wrapped(a, b, [](auto x, auto y) { return x + y; });
}
template <class T>
T difference(T a, T b) {
  return wrapped(a, b, [](auto x, auto y) { return x - y; });
}
template <class T>
T product(T a, T b) {
  return wrapped(a, b, [](auto x, auto y) { return x * y; });
}

/// A double as a T: integers saturate, NaN is 0.
template <class T>
T saturated(double x) {
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(x);
  } else {
    if (std::isnan(x)) return 0;
    // The largest i64 is not a double; the bound above it is.
    if (x >= std::ldexp(1.0, std::numeric_limits<T>::digits)) return std::numeric_limits<T>::max();
    if (x <= static_cast<double>(std::numeric_limits<T>::min())) return std::numeric_limits<T>::min();
    return static_cast<T>(x);
  }
}

/// a < b, where NaN is the largest of all: a total order, as sorting needs.
template <class T>
bool before(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    return a < b || (!std::isnan(a) && std::isnan(b));
  else
    return a < b;
}

/// Distance in elements between neighbours along each dimension.
std::vector<int64_t> strides_of(const Shape& shape);
/// Those of an operand that broadcasts to `shape`: 0 where it repeats.
std::vector<int64_t> broadcast_strides(const Shape& operand, const Shape& shape);

/// A walk over the positions of `shape` in row-major order, with N operands beside it.
template <size_t N>
struct Walk {
  Shape shape;
  std::array<std::vector<int64_t>, N> strides;  ///< of each operand, one per dimension

  /// Drops sizes of 1 and joins dimensions that every operand passes through alike.
  void simplify() {
    Walk<N> simple;
    for (size_t d = 0; d < shape.size(); ++d) {
      if (shape[d] == 1) continue;
      bool joins = !simple.shape.empty();
      for (size_t n = 0; joins && n < N; ++n)
        joins = simple.strides[n].back() == strides[n][d] * shape[d];
      if (!joins) simple.shape.push_back(1);
      simple.shape.back() *= shape[d];
      for (size_t n = 0; n < N; ++n) {
        if (!joins) simple.strides[n].push_back(0);
        simple.strides[n].back() = strides[n][d];
      }
    }
    *this = std::move(simple);
  }

  /// row(first position, offsets of the operands there, count, their strides) for each innermost row.
  template <class Row>
  void rows(std::array<int64_t, N> offsets, const Row& row) {
    simplify();
    for (const int64_t size : shape)
      if (size == 0) return;
    const size_t rank = shape.size();
    std::array<int64_t, N> inner{};
    for (size_t n = 0; rank > 0 && n < N; ++n)
      inner[n] = strides[n].back();
    const int64_t count = rank > 0 ? shape.back() : 1;
    std::vector<int64_t> at(rank, 0);
    for (int64_t position = 0;; position += count) {
      row(position, offsets, count, inner);
      size_t d = rank > 0 ? rank - 1 : 0;  // the innermost dimension is done
      while (d > 0 && ++at[d - 1] == shape[d - 1]) {
        --d;
        at[d] = 0;
        for (size_t n = 0; n < N; ++n)
          offsets[n] -= strides[n][d] * (shape[d] - 1);
      }
      if (d == 0) return;
      for (size_t n = 0; n < N; ++n)
        offsets[n] += strides[n][d - 1];
    }
  }
};

/// out[position] = in[start + sum of index * stride], for elements of any type. `shape` has as many elements
/// as `out`.
void copy_strided(const Tensor& in, int64_t start, Shape shape, std::vector<int64_t> strides, Tensor& out);

/// Row-major index = (outer * size + along the axis) * inner + rest.
struct Lanes {
  int64_t outer = 1, size = 1, inner = 1;
  Lanes(const Shape& shape, int64_t axis);
  int64_t first(int64_t o, int64_t r) const { return o * size * inner + r; }
};
/// body(first index, distance, lane number) for each line of elements along an axis.
template <class Body>
void for_lanes(const Lanes& lanes, const Body& body) {
  for (int64_t o = 0; o < lanes.outer; ++o)
    for (int64_t r = 0; r < lanes.inner; ++r)
      body(lanes.first(o, r), lanes.inner, o * lanes.inner + r);
}

/// An index (counted from the back where negative) within `size`; Error(shape) where it is not.
inline int64_t checked_index(int64_t index, int64_t size) {
  const int64_t at = index < 0 ? index + size : index;
  if (at < 0 || at >= size)
    throw Error(ErrorKind::shape, {.found = cat("index ", index), .allowed = cat("-", size, "..", size - 1)});
  return at;
}
/// Entries of a tensor of i64 or i32.
std::vector<int64_t> integers(const Tensor& tensor);

#define VITRAIL_KERNEL(operator_name) void run(const op::operator_name& op, Inputs in, Tensor& out);
// unary.cpp
VITRAIL_KERNEL(Identity)
VITRAIL_KERNEL(Dropout)
VITRAIL_KERNEL(Relu)
VITRAIL_KERNEL(Clip)
VITRAIL_KERNEL(Sigmoid)
VITRAIL_KERNEL(Unary)
VITRAIL_KERNEL(Cast)
// binary.cpp
VITRAIL_KERNEL(Add)
VITRAIL_KERNEL(Mul)
VITRAIL_KERNEL(Binary)
VITRAIL_KERNEL(Where)
// arrange.cpp
VITRAIL_KERNEL(Constant)
VITRAIL_KERNEL(ConstantOfShape)
VITRAIL_KERNEL(Range)
VITRAIL_KERNEL(ShapeOf)
VITRAIL_KERNEL(Reshape)
VITRAIL_KERNEL(Flatten)
VITRAIL_KERNEL(Squeeze)
VITRAIL_KERNEL(Unsqueeze)
VITRAIL_KERNEL(Transpose)
VITRAIL_KERNEL(Expand)
VITRAIL_KERNEL(Tile)
VITRAIL_KERNEL(Pad)
VITRAIL_KERNEL(DepthToSpace)
VITRAIL_KERNEL(SpaceToDepth)
// along_axes.cpp
VITRAIL_KERNEL(Concat)
VITRAIL_KERNEL(Slice)
VITRAIL_KERNEL(Gather)
VITRAIL_KERNEL(GatherElements)
VITRAIL_KERNEL(Softmax)
VITRAIL_KERNEL(LogSoftmax)
VITRAIL_KERNEL(ArgMax)
VITRAIL_KERNEL(TopK)
VITRAIL_KERNEL(CumSum)
// reduce.cpp
VITRAIL_KERNEL(Reduce)
VITRAIL_KERNEL(MatMul)
VITRAIL_KERNEL(LayerNormalization)
VITRAIL_KERNEL(InstanceNormalization)
VITRAIL_KERNEL(QuantizeLinear)
VITRAIL_KERNEL(DequantizeLinear)
// space.cpp
VITRAIL_KERNEL(GlobalAveragePool)
VITRAIL_KERNEL(GlobalMaxPool)
VITRAIL_KERNEL(AdaptivePool)
VITRAIL_KERNEL(MaxUnpool)
VITRAIL_KERNEL(LRN)
// grid_sample.cpp
VITRAIL_KERNEL(GridSample)
// boxes.cpp
VITRAIL_KERNEL(RoiAlign)
VITRAIL_KERNEL(NonMaxSuppression)
#undef VITRAIL_KERNEL

}  // namespace vitrail::evaluate_detail
