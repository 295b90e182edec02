#pragma once
// ONNX's words for the graph's enumerations, for both directions.

#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "vitrail/graph/op.h"

namespace vitrail::onnx_files {

template <class E, size_t N>
using EnumNames = std::array<std::pair<E, std::string_view>, N>;

inline constexpr EnumNames<AutoPad, 4> kAutoPads{{{AutoPad::explicit_pads, "NOTSET"},
                                                  {AutoPad::same_upper, "SAME_UPPER"},
                                                  {AutoPad::same_lower, "SAME_LOWER"},
                                                  {AutoPad::valid, "VALID"}}};
inline constexpr EnumNames<op::ResizeMode, 3> kResizeModes{{{op::ResizeMode::nearest, "nearest"},
                                                            {op::ResizeMode::linear, "linear"},
                                                            {op::ResizeMode::cubic, "cubic"}}};
inline constexpr EnumNames<op::CoordinateMode, 7> kCoordinateModes{
    {{op::CoordinateMode::half_pixel, "half_pixel"},
     {op::CoordinateMode::align_corners, "align_corners"},
     {op::CoordinateMode::asymmetric, "asymmetric"},
     {op::CoordinateMode::pytorch_half_pixel, "pytorch_half_pixel"},
     {op::CoordinateMode::half_pixel_symmetric, "half_pixel_symmetric"},
     {op::CoordinateMode::tf_half_pixel_for_nn, "tf_half_pixel_for_nn"},
     {op::CoordinateMode::tf_crop_and_resize, "tf_crop_and_resize"}}};
inline constexpr EnumNames<op::NearestMode, 4> kNearestModes{
    {{op::NearestMode::round_prefer_floor, "round_prefer_floor"},
     {op::NearestMode::round_prefer_ceil, "round_prefer_ceil"},
     {op::NearestMode::floor, "floor"},
     {op::NearestMode::ceil, "ceil"}}};
inline constexpr EnumNames<op::PadMode, 3> kPadModes{
    {{op::PadMode::constant, "constant"}, {op::PadMode::reflect, "reflect"}, {op::PadMode::edge, "edge"}}};
/// Those of operator set 16, and then those of 20.
inline constexpr EnumNames<op::ResizeMode, 5> kGridModes{{{op::ResizeMode::nearest, "nearest"},
                                                          {op::ResizeMode::linear, "bilinear"},
                                                          {op::ResizeMode::cubic, "bicubic"},
                                                          {op::ResizeMode::linear, "linear"},
                                                          {op::ResizeMode::cubic, "cubic"}}};
inline constexpr EnumNames<op::GridSample::Padding, 3> kGridPaddings{
    {{op::GridSample::Padding::zeros, "zeros"},
     {op::GridSample::Padding::border, "border"},
     {op::GridSample::Padding::reflection, "reflection"}}};

inline constexpr EnumNames<op::DynamicDeconvolution::Form, 2> kDeconvolutionForms{
    {{op::DynamicDeconvolution::Form::exact, "exact"}, {op::DynamicDeconvolution::Form::matrix, "matrix"}}};

/// Of our own operators, which files hold as functions.
inline constexpr std::string_view kOwnDomain = "vitrail";
/// Of ONNX Runtime's operators.
inline constexpr std::string_view kContribDomain = "com.microsoft";

/// The operator set of the files that we write.
inline constexpr int64_t kExportedOpset = 17;

template <class E, size_t N>
std::string_view onnx_name(const EnumNames<E, N>& names, E value) {
  for (const auto& [known, name] : names)
    if (known == value) return name;
  return {};
}

template <class E, size_t N>
std::optional<E> from_onnx_name(const EnumNames<E, N>& names, std::string_view name) {
  for (const auto& [value, known] : names)
    if (known == name) return value;
  return std::nullopt;
}

}  // namespace vitrail::onnx_files
