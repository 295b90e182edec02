#pragma once
// What the reference interpreter computes with: dense arrays of doubles, and plain ways to walk over them.

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "vitrail/base/tensor.h"

namespace vitrail::reference {

/// A dense row-major array; integers are held as doubles.
struct Array {
  Shape shape;
  std::vector<double> values;
  DataType type = DataType::f32;  ///< what the graph says it holds

  Array() = default;
  explicit Array(Shape s) : shape(std::move(s)), values(static_cast<size_t>(element_count(shape)), 0.0) {}
  double& at(int64_t n, int64_t c, int64_t y, int64_t x) { return values[offset(n, c, y, x)]; }
  double at(int64_t n, int64_t c, int64_t y, int64_t x) const { return values[offset(n, c, y, x)]; }

 private:
  size_t offset(int64_t n, int64_t c, int64_t y, int64_t x) const {
    return static_cast<size_t>(((n * shape[1] + c) * shape[2] + y) * shape[3] + x);
  }
};

inline Array array_of(const Tensor& tensor) {
  Array array(tensor.shape());
  array.type = tensor.type();
  const auto fill = [&](auto zero) {
    const auto* values = reinterpret_cast<const decltype(zero)*>(tensor.raw());
    std::copy(values, values + tensor.elements(), array.values.begin());
  };
  switch (tensor.type()) {
    case DataType::f32: fill(float{}); break;
    case DataType::f64: fill(double{}); break;
    case DataType::i64: fill(int64_t{}); break;
    case DataType::i32: fill(int32_t{}); break;
    case DataType::i8: fill(int8_t{}); break;
    case DataType::u8:
    case DataType::boolean: fill(uint8_t{}); break;
    default: throw std::logic_error("the reference interpreter does not hold such elements");
  }
  return array;
}

namespace detail {

using Arrays = std::vector<const Array*>;  // nullptr for an input that is left out

// body(n, c, y, x) for every position of a rank-4 shape.
template <class Body>
void for_each(const Shape& s, const Body& body) {
  for (int64_t n = 0; n < s[0]; ++n)
    for (int64_t c = 0; c < s[1]; ++c)
      for (int64_t y = 0; y < s[2]; ++y)
        for (int64_t x = 0; x < s[3]; ++x)
          body(n, c, y, x);
}

inline bool inside(const Shape& s, int64_t y, int64_t x) {
  return y >= 0 && x >= 0 && y < s[2] && x < s[3];
}

// Element `index` (row-major, of `shape`) of an operand that broadcasts to it.
inline double broadcast_value(const Array& operand, const Shape& shape, size_t index) {
  int64_t at = 0, stride = 1;
  auto rest = static_cast<int64_t>(index);
  for (size_t d = shape.size(); d-- > 0;) {
    const int64_t i = rest % shape[d];
    rest /= shape[d];
    if (d + operand.shape.size() < shape.size()) continue;
    const int64_t size = operand.shape[d + operand.shape.size() - shape.size()];
    if (size != 1) at += i * stride;
    stride *= size;
  }
  return operand.values[static_cast<size_t>(at)];
}

// Row-major index = (outer * size + along the axis) * inner + rest.
struct Axis {
  int64_t outer = 1, size = 1, inner = 1;
  Axis(const Shape& shape, int64_t axis) {
    const int64_t rank = static_cast<int64_t>(shape.size()), wanted = axis < 0 ? axis + rank : axis;
    for (int64_t d = 0; d < rank; ++d)
      (d < wanted ? outer : d == wanted ? size : inner) *= shape[static_cast<size_t>(d)];
  }
  size_t index(int64_t o, int64_t i, int64_t r) const {
    return static_cast<size_t>((o * size + i) * inner + r);
  }
};

}  // namespace detail
}  // namespace vitrail::reference
