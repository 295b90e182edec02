#include "vitrail/base/tensor.h"

#include <bit>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail {

int64_t size_of(DataType type) {
  switch (type) {
    case DataType::f64:
    case DataType::i64: return 8;
    case DataType::f32:
    case DataType::i32: return 4;
    case DataType::f16:
    case DataType::bf16:
    case DataType::i16:
    case DataType::u16: return 2;
    case DataType::i8:
    case DataType::u8:
    case DataType::boolean: return 1;
  }
  return 0;
}

std::string_view name_of(DataType type) {
  constexpr std::string_view names[] = {"f32", "f16", "bf16", "f64", "i64",    "i32",
                                        "i16", "i8",  "u8",   "u16", "boolean"};
  return names[static_cast<size_t>(type)];
}

std::string to_string(const Shape& shape) {
  if (shape.empty()) return "scalar";
  std::string text;
  for (const int64_t size : shape) {
    if (!text.empty()) text += 'x';
    text += size < 0 ? "?" : std::to_string(size);
  }
  return text;
}

int64_t element_count(const Shape& shape) {
  return checked_product(shape, "tensor shape");
}

Tensor Tensor::empty(DataType type, Shape shape) {
  Tensor tensor;
  tensor.type_ = type;
  tensor.elements_ = element_count(shape);
  const int64_t bytes = checked_mul(tensor.elements_, size_of(type), "tensor");
  const auto rounded = static_cast<size_t>(round_up(std::max<int64_t>(bytes, 1), 64));
  void* memory = std::aligned_alloc(64, rounded);
  if (memory == nullptr)
    throw Error(ErrorKind::limit, {.where = cat("tensor ", to_string(shape)),
                                   .found = cat(bytes, " bytes could not be allocated")});
  tensor.owner_ = std::shared_ptr<const void>(memory, [](const void* p) { std::free(const_cast<void*>(p)); });
  tensor.data_ = static_cast<const std::byte*>(memory);
  tensor.shape_ = std::move(shape);
  return tensor;
}

Tensor Tensor::zeros(DataType type, Shape shape) {
  Tensor tensor = empty(type, std::move(shape));
  std::memset(tensor.raw(), 0, static_cast<size_t>(tensor.bytes()));
  return tensor;
}

Tensor Tensor::view(DataType type, Shape shape, const std::byte* bytes, std::shared_ptr<const void> owner) {
  Tensor tensor;
  tensor.type_ = type;
  tensor.elements_ = element_count(shape);
  tensor.shape_ = std::move(shape);
  tensor.data_ = bytes;
  tensor.owner_ = std::move(owner);
  return tensor;
}

Tensor Tensor::clone() const {
  if (!defined()) return {};
  Tensor copy = empty(type_, shape_);
  copy_into(copy, data_, static_cast<size_t>(bytes()));
  return copy;
}

Tensor Tensor::reshaped(Shape shape) const {
  if (element_count(shape) != elements_)
    throw Error(
        ErrorKind::shape,
        {.where = "reshape", .found = to_string(shape_), .allowed = cat("cannot become ", to_string(shape))});
  Tensor other = *this;
  other.shape_ = std::move(shape);
  return other;
}

Tensor Tensor::to_f32() const {
  if (type_ == DataType::f32) return *this;
  Tensor out = empty(DataType::f32, shape_);
  float* to = out.data<float>().data();
  auto convert = [&](auto example, auto function) {
    const auto* from = reinterpret_cast<const decltype(example)*>(data_);
    for (int64_t i = 0; i < elements_; ++i)
      to[i] = function(from[i]);
  };
  auto plain = [](auto value) { return static_cast<float>(value); };
  switch (type_) {
    case DataType::f32: break;
    case DataType::f16: convert(uint16_t{}, f32_from_f16); break;
    case DataType::bf16: convert(uint16_t{}, f32_from_bf16); break;
    case DataType::f64: convert(double{}, plain); break;
    case DataType::i64: convert(int64_t{}, plain); break;
    case DataType::i32: convert(int32_t{}, plain); break;
    case DataType::i16: convert(int16_t{}, plain); break;
    case DataType::i8: convert(int8_t{}, plain); break;
    case DataType::u16: convert(uint16_t{}, plain); break;
    case DataType::u8:
    case DataType::boolean: convert(uint8_t{}, plain); break;
  }
  return out;
}

void Tensor::expect_type(DataType wanted) const {
  if (type_ != wanted)
    throw Error(ErrorKind::shape, {.where = cat("tensor ", to_string(shape_)),
                                   .found = cat("elements are ", name_of(type_)),
                                   .allowed = cat("read as ", name_of(wanted))});
}

void copy_into(Tensor& tensor, const void* bytes, size_t count) {
  if (static_cast<int64_t>(count) != tensor.bytes())
    throw Error(ErrorKind::shape, {.where = cat("tensor ", to_string(tensor.shape())),
                                   .found = cat(count, " bytes of values"),
                                   .allowed = cat(tensor.bytes(), " are needed")});
  if (count > 0) std::memcpy(tensor.raw(), bytes, count);
}

float f32_from_f16(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
  const uint32_t exponent = (bits >> 10) & 0x1fu;
  const uint32_t mantissa = bits & 0x3ffu;
  if (exponent == 0) {  // zero and subnormals
    const float magnitude = std::ldexp(static_cast<float>(mantissa), -24);
    return sign != 0 ? -magnitude : magnitude;
  }
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
}

uint16_t f16_from_f32(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>((bits >> 16) & 0x8000u);
  const float magnitude = std::fabs(value);
  if (std::isnan(value)) return static_cast<uint16_t>(sign | 0x7e00u);
  if (magnitude >= 65520.0f) return static_cast<uint16_t>(sign | 0x7c00u);
  if (magnitude < 0x1.0p-14f)  // subnormal: a multiple of 2^-24, rounded to even by nearbyint
    return static_cast<uint16_t>(sign | static_cast<uint16_t>(std::nearbyint(std::ldexp(magnitude, 24))));
  const uint32_t absolute = bits & 0x7fffffffu;
  const uint32_t rounded = absolute + 0xfffu + ((absolute >> 13) & 1u);
  return static_cast<uint16_t>(sign | ((rounded - (112u << 23)) >> 13));
}

float f32_from_bf16(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

uint16_t bf16_from_f32(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if (std::isnan(value)) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

}  // namespace vitrail
