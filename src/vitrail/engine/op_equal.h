#pragma once
// Whether two operators are the same, attribute by attribute. Operators are plain structs; their members are
// reached by structured bindings, so a new operator or attribute needs no line here.

#include <cstring>
#include <tuple>

#include "vitrail/graph/op.h"

namespace vitrail::engine_detail {
namespace op_equal_detail {

// Converts to anything: T{Anything{}, ...} compiles for as many as T has members.
struct Anything {
  template <class T>
  operator T() const;
};

template <class T, class... Members>
constexpr size_t member_count() {
  if constexpr (requires { T{Members{}..., Anything{}}; })
    return member_count<T, Members..., Anything>();
  else
    return sizeof...(Members);
}

template <class T>
auto members(const T& op) {
  constexpr size_t count = member_count<T>();
  static_assert(count <= 9, "a line more is needed below");
  if constexpr (count == 0) {
    return std::tuple<>();
  } else if constexpr (count == 1) {
    const auto& [a] = op;
    return std::tie(a);
  } else if constexpr (count == 2) {
    const auto& [a, b] = op;
    return std::tie(a, b);
  } else if constexpr (count == 3) {
    const auto& [a, b, c] = op;
    return std::tie(a, b, c);
  } else if constexpr (count == 4) {
    const auto& [a, b, c, d] = op;
    return std::tie(a, b, c, d);
  } else if constexpr (count == 5) {
    const auto& [a, b, c, d, e] = op;
    return std::tie(a, b, c, d, e);
  } else if constexpr (count == 6) {
    const auto& [a, b, c, d, e, f] = op;
    return std::tie(a, b, c, d, e, f);
  } else if constexpr (count == 7) {
    const auto& [a, b, c, d, e, f, g] = op;
    return std::tie(a, b, c, d, e, f, g);
  } else if constexpr (count == 8) {
    const auto& [a, b, c, d, e, f, g, h] = op;
    return std::tie(a, b, c, d, e, f, g, h);
  } else {
    const auto& [a, b, c, d, e, f, g, h, i] = op;
    return std::tie(a, b, c, d, e, f, g, h, i);
  }
}

}  // namespace op_equal_detail

/// The same type, shape and bytes.
inline bool same_tensor(const Tensor& a, const Tensor& b) {
  if (a.type() != b.type() || a.shape() != b.shape() || a.defined() != b.defined()) return false;
  return a.raw() == b.raw() || std::memcmp(a.raw(), b.raw(), static_cast<size_t>(a.bytes())) == 0;
}

inline bool same_op(const Op& one, const Op& other) {
  if (one.index() != other.index()) return false;
  return std::visit(
      [&](const auto& a) {
        using T = std::decay_t<decltype(a)>;
        const T& b = std::get<T>(other);
        if constexpr (requires { a.value.raw(); })
          return same_tensor(a.value, b.value);
        else
          return op_equal_detail::members(a) == op_equal_detail::members(b);
      },
      one);
}

}  // namespace vitrail::engine_detail
