// Element by element, two or three inputs with broadcasting.

#include <algorithm>

#include "vitrail/graph/evaluate/kernels.h"

namespace vitrail::evaluate_detail {
namespace {

template <class From, class To, class F>
void map(Inputs in, Tensor& out, const F& f) {
  const From *a = read<From>(in[0]), *b = read<From>(in[1]);
  To* y = write<To>(out);
  Walk<2> walk{
      out.shape(),
      {broadcast_strides(in[0].shape(), out.shape()), broadcast_strides(in[1].shape(), out.shape())}};
  walk.rows({0, 0}, [&](int64_t position, const auto& at, int64_t count, const auto& step) {
    const From *p = a + at[0], *q = b + at[1];
    for (int64_t i = 0; i < count; ++i)
      y[position + i] = f(p[i * step[0]], q[i * step[1]]);
  });
}

template <class F>
void map_number(Inputs in, Tensor& out, const F& f) {
  for_number(in[0].type(), [&](auto zero) { map<decltype(zero), decltype(zero)>(in, out, f); });
}

template <class F>
void compare(Inputs in, Tensor& out, const F& f) {
  const auto truth = [&f](auto a, auto b) { return uint8_t{f(a, b)}; };
  if (in[0].type() == DataType::boolean) return map<uint8_t, uint8_t>(in, out, truth);
  for_number(in[0].type(), [&](auto zero) { map<decltype(zero), uint8_t>(in, out, truth); });
}

template <class F>
void logic(Inputs in, Tensor& out, const F& f) {
  map<uint8_t, uint8_t>(in, out, [&f](uint8_t a, uint8_t b) { return uint8_t{f(a != 0, b != 0)}; });
}

template <class T>
void expect_divisor(T b) {
  if (b == T{0})
    throw Error(ErrorKind::numeric, {.found = "a division of integers by 0", .allowed = "any other divisor"});
}

struct Divide {
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_floating_point_v<T>) {
      return a / b;
    } else {
      expect_divisor(b);
      if constexpr (std::is_signed_v<T>)
        if (b == T{-1}) return difference(T{0}, a);  // the one quotient that may not fit
      return static_cast<T>(a / b);
    }
  }
};

// The sign of a.
struct Remainder {
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_floating_point_v<T>) {
      return std::fmod(a, b);
    } else {
      expect_divisor(b);
      if constexpr (std::is_signed_v<T>)
        if (b == T{-1}) return 0;
      return static_cast<T>(a % b);
    }
  }
};

// The sign of b.
struct Modulo {
  template <class T>
  T operator()(T a, T b) const {
    const T rest = Remainder{}(a, b);
    return rest != T{0} && (rest < T{0}) != (b < T{0}) ? static_cast<T>(rest + b) : rest;
  }
};

struct Power {
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_floating_point_v<T>) {
      return static_cast<T>(std::pow(static_cast<double>(a), static_cast<double>(b)));
    } else {
      if (b < T{0}) {  // 1 / a^-b, cut towards zero
        expect_divisor(a);
        if (a == T{1}) return 1;
        if constexpr (std::is_signed_v<T>)
          if (a == T{-1}) return b % 2 == 0 ? T{1} : T{-1};
        return 0;
      }
      T result = 1;
      for (auto left = static_cast<uint64_t>(b); left > 0; left /= 2) {
        if (left % 2 == 1) result = product(result, a);
        a = product(a, a);
      }
      return result;
    }
  }
};

// NaN wins, as in numpy.
struct Minimum {
  template <class T>
  T operator()(T a, T b) const {
    return a < b || a != a ? a : b;
  }
};
struct Maximum {
  template <class T>
  T operator()(T a, T b) const {
    return a > b || a != a ? a : b;
  }
};

}  // namespace

void run(const op::Add&, Inputs in, Tensor& out) {
  map_number(in, out, [](auto a, auto b) { return sum(a, b); });
}
void run(const op::Mul&, Inputs in, Tensor& out) {
  map_number(in, out, [](auto a, auto b) { return product(a, b); });
}

void run(const op::Binary& op, Inputs in, Tensor& out) {
  using F = op::Binary::Function;
  switch (op.function) {
    case F::subtract: return map_number(in, out, [](auto a, auto b) { return difference(a, b); });
    case F::divide: return map_number(in, out, Divide{});
    case F::power: return map_number(in, out, Power{});
    case F::minimum: return map_number(in, out, Minimum{});
    case F::maximum: return map_number(in, out, Maximum{});
    case F::modulo: return map_number(in, out, Modulo{});
    case F::remainder: return map_number(in, out, Remainder{});
    case F::prelu: return map_number(in, out, [](auto a, auto b) { return a < 0 ? product(a, b) : a; });
    case F::equal: return compare(in, out, [](auto a, auto b) { return a == b; });
    case F::less: return compare(in, out, [](auto a, auto b) { return a < b; });
    case F::less_or_equal: return compare(in, out, [](auto a, auto b) { return a <= b; });
    case F::greater: return compare(in, out, [](auto a, auto b) { return a > b; });
    case F::greater_or_equal: return compare(in, out, [](auto a, auto b) { return a >= b; });
    case F::logical_and: return logic(in, out, [](bool a, bool b) { return a && b; });
    case F::logical_or: return logic(in, out, [](bool a, bool b) { return a || b; });
    case F::logical_xor: return logic(in, out, [](bool a, bool b) { return a != b; });
  }
}

void run(const op::Where&, Inputs in, Tensor& out) {
  const auto* condition = read<uint8_t>(in[0]);
  Walk<3> walk{out.shape(), {}};
  for (size_t i = 0; i < 3; ++i)
    walk.strides[i] = broadcast_strides(in[i].shape(), out.shape());
  for_width(out.type(), [&](auto zero) {
    using T = decltype(zero);
    const T *a = read<T>(in[1]), *b = read<T>(in[2]);
    T* y = write<T>(out);
    walk.rows({0, 0, 0}, [&](int64_t position, const auto& at, int64_t count, const auto& step) {
      for (int64_t i = 0; i < count; ++i)
        y[position + i] =
            condition[at[0] + i * step[0]] != 0 ? a[at[1] + i * step[1]] : b[at[2] + i * step[2]];
    });
  });
}

}  // namespace vitrail::evaluate_detail
