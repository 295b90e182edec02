#pragma once
// Vectors of floats for kernels that shuffle lanes, and the choice of their width when the program runs.
//
// Write the kernel as a template over the number of lanes, always inlined, and wrap it once per width:
//
//   template <int lanes> VITRAIL_INLINE void twice(const float* x, float* y) {
//     store<lanes>(y, load<lanes>(x) * 2);
//   }
//   VITRAIL_WIDE_16 void twice_16(const float* x, float* y) { twice<16>(x, y); }   // and 8, 4
//   best_of(twice_16, twice_8, twice_4)(x, y);
//
// Where nothing is shuffled, plain loops under VITRAIL_KERNEL (base/kernel.h) are simpler.

#include <cstdint>
#include <cstring>
#include <utility>

// Functions that take or return vectors are always inlined: no calling convention is involved.
#pragma GCC diagnostic ignored "-Wpsabi"

#define VITRAIL_INLINE inline __attribute__((always_inline))

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define VITRAIL_WIDE_16 __attribute__((target("arch=x86-64-v4,prefer-vector-width=512")))
#define VITRAIL_WIDE_8 __attribute__((target("arch=x86-64-v3")))
#else
#define VITRAIL_WIDE_16
#define VITRAIL_WIDE_8
#endif

namespace vitrail::kernels {

template <int lanes>
struct LaneTypes {
  typedef float Floats __attribute__((vector_size(lanes * 4)));
  typedef int Ints __attribute__((vector_size(lanes * 4)));
  typedef float Unaligned __attribute__((vector_size(lanes * 4), aligned(4), may_alias));
};
template <>
struct LaneTypes<1> {
  typedef float Floats;
  typedef int Ints;
  typedef float Unaligned;
};
template <int lanes>
using Floats = typename LaneTypes<lanes>::Floats;
template <int lanes>
using Ints = typename LaneTypes<lanes>::Ints;

template <int lanes>
VITRAIL_INLINE Floats<lanes> load(const float* x) {
  return *reinterpret_cast<const typename LaneTypes<lanes>::Unaligned*>(x);
}
template <int lanes>
VITRAIL_INLINE void store(float* y, const Floats<lanes>& value) {
  *reinterpret_cast<typename LaneTypes<lanes>::Unaligned*>(y) = value;
}
/// The first `count` lanes alone; the others are zero.
template <int lanes, bool whole>
VITRAIL_INLINE Floats<lanes> load_upto(const float* x, int64_t count) {
  if constexpr (whole) return load<lanes>(x);
  float part[lanes] = {};
  std::memcpy(part, x, static_cast<size_t>(count) * sizeof(float));
  return load<lanes>(part);
}
template <int lanes>
VITRAIL_INLINE void store_part(float* y, const Floats<lanes>& value, int64_t count) {
  float part[lanes];
  store<lanes>(part, value);
  std::memcpy(y, part, static_cast<size_t>(count) * sizeof(float));
}
/// x stays in a register from here on: the compiler would read it again from memory for every use.
template <int lanes>
VITRAIL_INLINE void keep(Floats<lanes>& x) {
#if defined(__x86_64__)
  __asm__("" : "+v"(x));
#else
  static_cast<void>(x);
#endif
}
/// Around the caches; y is 16-byte aligned, lanes a multiple of 4. Ends with store_fence() on each thread.
template <int lanes>
VITRAIL_INLINE void stream(float* y, const Floats<lanes>& value) {
#if defined(__x86_64__)
  __m128 quarters[lanes / 4];
  std::memcpy(quarters, &value, sizeof(value));
  for (int i = 0; i < lanes / 4; ++i)
    _mm_stream_ps(y + 4 * i, quarters[i]);
#else
  store<lanes>(y, value);
#endif
}
inline void store_fence() {
#if defined(__x86_64__)
  _mm_sfence();
#endif
}

namespace lanes_detail {
template <int i, int lanes, int... k>
VITRAIL_INLINE Floats<lanes> window(const Floats<lanes>& first, const Floats<lanes>& second,
                                    std::integer_sequence<int, k...>) {
  return __builtin_shufflevector(first, second, (k + i)...);
}
template <int half, int lanes, int... k>
VITRAIL_INLINE Floats<lanes> interleave(const Floats<lanes>& a, const Floats<lanes>& b,
                                        std::integer_sequence<int, k...>) {
  return __builtin_shufflevector(a, b, ((half * lanes + k) / 2 + k % 2 * lanes)...);
}
template <int odd, int lanes, int... k>
VITRAIL_INLINE Floats<lanes> every_second(const Floats<lanes>& a, const Floats<lanes>& b,
                                          std::integer_sequence<int, k...>) {
  return __builtin_shufflevector(a, b, (2 * k + odd)...);
}
template <int lanes, int... k>
VITRAIL_INLINE Ints<lanes> numbers(std::integer_sequence<int, k...>) {
  return Ints<lanes>{k...};
}
}  // namespace lanes_detail

/// {first[i], ..., first[lanes - 1], second[0], ...}: a window of `lanes` that starts `i` lanes into the
/// pair.
template <int i, int lanes>
VITRAIL_INLINE Floats<lanes> window(const Floats<lanes>& first, const Floats<lanes>& second) {
  return lanes_detail::window<i, lanes>(first, second, std::make_integer_sequence<int, lanes>());
}
/// a and b by turns: {a[0], b[0], a[1], ...}, the first `lanes` of it (half = 0) or the rest (half = 1).
template <int half, int lanes>
VITRAIL_INLINE Floats<lanes> interleave(const Floats<lanes>& a, const Floats<lanes>& b) {
  return lanes_detail::interleave<half, lanes>(a, b, std::make_integer_sequence<int, lanes>());
}
/// The inverse: the even (odd = 0) or odd lanes of {a, b}.
template <int odd, int lanes>
VITRAIL_INLINE Floats<lanes> every_second(const Floats<lanes>& a, const Floats<lanes>& b) {
  return lanes_detail::every_second<odd, lanes>(a, b, std::make_integer_sequence<int, lanes>());
}

/// The sum of the lanes, halves on halves.
template <int lanes>
VITRAIL_INLINE float total(const Floats<lanes>& all) {
  Floats<lanes> x = all;
  if constexpr (lanes == 1) {
    return x;
  } else {
    if constexpr (lanes >= 16) x += window<8, lanes>(x, x);
    if constexpr (lanes >= 8) x += window<4, lanes>(x, x);
    if constexpr (lanes >= 4) x += window<2, lanes>(x, x);
    return x[0] + x[1];
  }
}
/// x with zeros in its first `count` lanes.
template <int lanes>
VITRAIL_INLINE Floats<lanes> without_first(const Floats<lanes>& x, int64_t count) {
  if constexpr (lanes == 1) {
    return count > 0 ? 0.0f : x;
  } else {
    const Ints<lanes> first = Ints<lanes>{} + static_cast<int>(count);
    return lanes_detail::numbers<lanes>(std::make_integer_sequence<int, lanes>()) < first ? Floats<lanes>{}
                                                                                          : x;
  }
}

/// Of three functions of one type, the one for the widest vectors of this machine.
template <class Function>
Function best_of(Function wide_16, Function wide_8, Function wide_4) {
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
  if (__builtin_cpu_supports("x86-64-v4")) return wide_16;
  if (__builtin_cpu_supports("x86-64-v3")) return wide_8;
#endif
  return wide_4;
}

}  // namespace vitrail::kernels
