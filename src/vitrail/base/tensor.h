#pragma once
// A dense host tensor: the common currency between weight files, graphs, the engine and LibTorch.
//
// Row-major, contiguous, no strides, no gradients. Image tensors are N x C x H x W.
//
//   Tensor image = Tensor::zeros(DataType::f32, {1, 3, 360, 480});
//   image.data<float>()[0] = 1.0f;

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vitrail {

enum class DataType { f32, f16, bf16, f64, i64, i32, i16, i8, u8, u16, boolean };

int64_t size_of(DataType type);           ///< bytes per element
std::string_view name_of(DataType type);  ///< "f32", "i64", ...

/// Sizes by dimension. -1 stands for "not known yet" where a shape is symbolic (see graph/), never in a
/// Tensor.
using Shape = std::vector<int64_t>;

/// "1x3x360x480"; an unknown size prints as "?", a scalar as "scalar".
std::string to_string(const Shape& shape);
/// Product of the sizes; throws Error(limit) on overflow or on an unknown (negative) size.
int64_t element_count(const Shape& shape);

template <class T>
constexpr DataType data_type_of();
template <>
constexpr DataType data_type_of<float>() {
  return DataType::f32;
}
template <>
constexpr DataType data_type_of<double>() {
  return DataType::f64;
}
template <>
constexpr DataType data_type_of<int64_t>() {
  return DataType::i64;
}
template <>
constexpr DataType data_type_of<int32_t>() {
  return DataType::i32;
}
template <>
constexpr DataType data_type_of<int16_t>() {
  return DataType::i16;
}
template <>
constexpr DataType data_type_of<int8_t>() {
  return DataType::i8;
}
template <>
constexpr DataType data_type_of<uint8_t>() {
  return DataType::u8;
}
template <>
constexpr DataType data_type_of<uint16_t>() {
  return DataType::u16;
}

/// Copies of a Tensor share their bytes (like a shared_ptr); `clone()` makes an independent one.
class Tensor {
 public:
  Tensor() = default;
  static Tensor zeros(DataType type, Shape shape);
  /// 64-byte aligned, contents unspecified.
  static Tensor empty(DataType type, Shape shape);
  template <class T>
  static Tensor from(Shape shape, std::span<const T> values);
  template <class T>
  static Tensor from(Shape shape, const std::vector<T>& values) {
    return from(std::move(shape), std::span<const T>(values));
  }
  /// A view of bytes owned by `owner` (a mapped file, say). The bytes must not be written through it.
  static Tensor view(DataType type, Shape shape, const std::byte* bytes, std::shared_ptr<const void> owner);

  DataType type() const { return type_; }
  const Shape& shape() const { return shape_; }
  int64_t size(size_t dimension) const { return shape_.at(dimension); }
  int64_t elements() const { return elements_; }
  int64_t bytes() const { return elements_ * size_of(type_); }
  bool defined() const { return data_ != nullptr; }

  const std::byte* raw() const { return data_; }
  std::byte* raw() { return const_cast<std::byte*>(data_); }

  /// Elements as T; throws Error(shape) when the tensor holds another type.
  template <class T>
  std::span<const T> data() const;
  template <class T>
  std::span<T> data();

  Tensor clone() const;
  /// The same bytes under another shape of the same element count.
  Tensor reshaped(Shape shape) const;
  /// Values converted to f32 (from f16, bf16, f64 and the integers); the same tensor if it is f32 already.
  Tensor to_f32() const;

 private:
  void expect_type(DataType wanted) const;

  DataType type_ = DataType::f32;
  Shape shape_;
  int64_t elements_ = 0;
  const std::byte* data_ = nullptr;
  std::shared_ptr<const void> owner_;
};

float f32_from_f16(uint16_t bits);
uint16_t f16_from_f32(float value);  ///< round to nearest even
float f32_from_bf16(uint16_t bits);
uint16_t bf16_from_f32(float value);  ///< round to nearest even

template <class T>
std::span<const T> Tensor::data() const {
  expect_type(data_type_of<T>());
  return {reinterpret_cast<const T*>(data_), static_cast<size_t>(elements_)};
}

template <class T>
std::span<T> Tensor::data() {
  expect_type(data_type_of<T>());
  return {reinterpret_cast<T*>(raw()), static_cast<size_t>(elements_)};
}

void copy_into(Tensor& tensor, const void* bytes, size_t count);

template <class T>
Tensor Tensor::from(Shape shape, std::span<const T> values) {
  Tensor tensor = empty(data_type_of<T>(), std::move(shape));
  copy_into(tensor, values.data(), values.size_bytes());
  return tensor;
}

}  // namespace vitrail
