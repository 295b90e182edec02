#pragma once
// The operators: typed structs with the names, attributes and semantics of ONNX. Whoever knows ONNX knows
// these.
//
// Adding one: its struct here and a line in `Op`; its rule in shape_rules/; its multiply-adds in cost.cpp if
// it has any; one case each in train/, engine/ and onnx/ (export and import), and in evaluate/ if it is to be
// folded. The compiler names every place that is missing, because `Op` is a closed variant.
//
// Tensors are N x C x H x W. Attributes over space are {vertical, horizontal}; pads are {top, left, bottom,
// right}.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "vitrail/graph/control_ops.h"
#include "vitrail/graph/own_ops.h"
#include "vitrail/graph/tensor_ops.h"

namespace vitrail {

using Pair = std::array<int64_t, 2>;  ///< {vertical, horizontal}
using Pads = std::array<int64_t, 4>;  ///< {top, left, bottom, right}

/// ONNX auto_pad. `same_upper` is TensorFlow's SAME: out = ceil(in / stride), the odd row or column goes to
/// the bottom/right.
enum class AutoPad { explicit_pads, same_upper, same_lower, valid };

namespace op {

/// y = x (*) weight + bias. Inputs: x [N,C,H,W], weight [M, C/group, kh, kw], bias [M] (optional).
struct Conv {
  Pair strides{1, 1};
  Pads pads{0, 0, 0, 0};
  Pair dilations{1, 1};
  int64_t group = 1;
  AutoPad auto_pad = AutoPad::explicit_pads;
};

/// Transposed convolution (the gradient of Conv to its input). Inputs: x [N,C,H,W], weight [C, M/group, kh,
/// kw], bias [M] (optional). out = (in-1)*stride + (k-1)*dilation + 1 - pads + output_padding.
struct ConvTranspose {
  Pair strides{1, 1};
  Pads pads{0, 0, 0, 0};
  Pair dilations{1, 1};
  Pair output_padding{0, 0};
  int64_t group = 1;
};

/// y = (x - mean) / sqrt(var + epsilon) * scale + bias per channel. Inputs: x, scale, bias, mean, var (each
/// [C]). In training the batch's own statistics are used, and running = momentum * running + (1 - momentum) *
/// batch (ONNX's and TensorFlow's momentum: 0.9 here is PyTorch's 0.1).
struct BatchNormalization {
  double epsilon = 1e-5;
  double momentum = 0.9;
};

struct Relu {};
/// min(max(x, min), max); ReLU6 is Clip{0, 6}.
struct Clip {
  double min = 0;
  double max = 6;
};
struct Sigmoid {};
struct Identity {};

/// Element-wise with ONNX (numpy) broadcasting. Inputs: a, b.
struct Add {};
struct Mul {};

/// Inputs: one or more tensors that agree in every dimension but `axis`.
struct Concat {
  int64_t axis = 1;
};

/// Maximum over windows; padding never wins. `ceil_mode` rounds the output size up (Caffe), without a window
/// that would start beyond the padded input.
struct MaxPool {
  Pair kernel{2, 2};
  Pair strides{2, 2};
  Pads pads{0, 0, 0, 0};
  bool ceil_mode = false;
  AutoPad auto_pad = AutoPad::explicit_pads;
  Pair dilations{1, 1};
};
/// Where MaxPool found its maxima (ONNX: the second output of MaxPool): i64 positions in the whole of x, ((n
/// C
/// + c) H + y) W + x; the first of equals wins.
struct MaxPoolIndices {
  Pair kernel{2, 2};
  Pair strides{2, 2};
  Pads pads{0, 0, 0, 0};
  bool ceil_mode = false;
};
/// Puts each element of x where `indices` says, zeros elsewhere. Inputs: x, indices (of MaxPoolIndices, same
/// shape as x), reference: the result has its shape (what was pooled; SegNet).
struct MaxUnpool {};
struct AveragePool {
  Pair kernel{2, 2};
  Pair strides{2, 2};
  Pads pads{0, 0, 0, 0};
  bool ceil_mode = false;
  bool count_include_pad = false;
  AutoPad auto_pad = AutoPad::explicit_pads;
};
struct GlobalAveragePool {};  ///< mean over H and W: [N,C,1,1]
struct GlobalMaxPool {};      ///< the largest over H and W: [N,C,1,1]

/// Local response normalisation (AlexNet): x / (bias + alpha / size * sum of x^2 over `size` neighbouring
/// channels)^beta.
struct LRN {
  int64_t size = 5;
  double alpha = 1e-4;
  double beta = 0.75;
  double bias = 1;
};

/// [N, C b^2, H, W] -> [N, C, H b, W b]. `dcr` (depth, column, row) is TensorFlow's order, `crd` is
/// PyTorch's pixel_shuffle.
struct DepthToSpace {
  int64_t block = 2;
  enum class Mode { dcr, crd } mode = Mode::dcr;
};
struct SpaceToDepth {
  int64_t block = 2;
};

enum class ResizeMode { nearest, linear, cubic };
/// Where output pixel centres fall in the input (ONNX coordinate_transformation_mode).
///   half_pixel:    src = (dst + 0.5) / scale - 0.5        (OpenCV, PyTorch align_corners=False)
///   align_corners: src = dst * (in - 1) / (out - 1)       (corner pixels coincide)
///   asymmetric:    src = dst / scale                      (TensorFlow 1)
///   pytorch_half_pixel: half_pixel, but 0 where out == 1
///   half_pixel_symmetric: half_pixel, with what floor(in * scale) cuts off divided between both sides
///   tf_half_pixel_for_nn: src = (dst + 0.5) / scale
///   tf_crop_and_resize: align_corners on `roi`; positions outside of the input read 0
/// resize_positions.h computes them.
enum class CoordinateMode {
  half_pixel,
  align_corners,
  asymmetric,
  pytorch_half_pixel,
  half_pixel_symmetric,
  tf_half_pixel_for_nn,
  tf_crop_and_resize,
};
enum class NearestMode { round_prefer_floor, round_prefer_ceil, floor, ceil };

/// Resizes H and W. Inputs: x, optionally a reference whose H and W are taken ("upsample to the image"), and
/// optionally a computed target for H and W: i64 [2] sizes or f32 [2] scales. Without either, `scales` is set
/// (out = floor(in * scale)), or `sizes`, or both: then `scales` says where the result's pixels lie.
struct Resize {
  ResizeMode mode = ResizeMode::linear;
  CoordinateMode coordinates = CoordinateMode::half_pixel;
  NearestMode nearest = NearestMode::round_prefer_floor;
  std::optional<std::array<double, 2>> scales;  ///< {vertical, horizontal}
  std::optional<Pair> sizes;                    ///< {height, width}
  double cubic_a = -0.75;
  /// For tf_crop_and_resize: {top, left, bottom, right} as parts of the input, 0..1 where inside of it. Then
  /// out = floor(in * (end - start) * scale). Unset: all of it.
  std::optional<std::array<double, 4>> roi = std::nullopt;
  /// Where a result is smaller, its pixels are weighed with as wide a kernel as they cover: in / out times
  /// that of `linear` or `cubic`.
  bool antialias = false;
  bool exclude_outside = false;  ///< pixels beyond the border have no weight, instead of the border's value
};

/// The window of x whose top-left corner is (top, left) and whose H and W are the reference's. Inputs: x,
/// reference. It fails where the window leaves x. (ONNX: Shape + Slice.)
struct Crop {
  int64_t top = 0;
  int64_t left = 0;
};

enum class PadMode { constant, reflect, edge };
/// Pads (or, where negative, crops) H and W.
struct Pad {
  Pads pads{0, 0, 0, 0};
  PadMode mode = PadMode::constant;
  double value = 0;
};

struct Softmax {
  int64_t axis = 1;
};
/// Index (i64) of the largest value along `axis`; the first one wins a tie.
struct ArgMax {
  int64_t axis = 1;
  bool keep_dims = true;
};
/// Zeroes elements with probability `ratio` and scales the rest in training; the identity otherwise.
/// `per_channel` drops whole feature maps (Dropout2d).
struct Dropout {
  double ratio = 0.5;
  bool per_channel = false;
};

/// Crops of x around boxes by bilinear samples. Inputs: x [N,C,H,W], boxes [R,4] (x1,y1,x2,y2 in pixels /
/// spatial_scale), image_of_box [R] (i64). Result: [R,C,height,width].
struct RoiAlign {
  enum class Mode { average, maximum } mode = Mode::average;
  int64_t height = 1;
  int64_t width = 1;
  int64_t sampling_ratio =
      0;  ///< samples per bin and direction; 0: as many as the bin has pixels, rounded up
  double spatial_scale = 1;
  bool aligned = true;  ///< half_pixel: boxes are shifted by half a pixel ("aligned" in torchvision); false:
                        ///< output_half_pixel, and boxes are at least one pixel
};

/// Samples of x at positions that are computed (flow alignment, PointRend, deformable attention). Inputs: x
/// [N,C,H,W], grid [N,h,w,2] of (x, y), where -1 is the left (top) and 1 the right (bottom) border. Result:
/// [N,C,h,w]. `cubic` has a = -0.75; `nearest` rounds halves to even. grid_taps.h computes the positions.
struct GridSample {
  enum class Padding { zeros, border, reflection };
  ResizeMode mode = ResizeMode::linear;
  Padding padding = Padding::zeros;  ///< what lies beyond the border
  bool align_corners = false;  ///< -1 and 1 are the centres of the outermost pixels, not their outer edges
};

/// Greedy choice of boxes. Inputs: boxes [N,B,4], scores [N,C,B], most per class (i64), IoU threshold (f32),
/// score threshold (f32), the last three optional scalars. Result: i64 [S,3] of (image, class, box). How many
/// there are depends on the values; until they are computed S is the largest possible.
struct NonMaxSuppression {
  bool center_point_box = false;  ///< boxes are (x centre, y centre, width, height), not (y1, x1, y2, x2)
};

}  // namespace op

using Op =
    std::variant<op::Conv, op::ConvTranspose, op::BatchNormalization, op::Relu, op::Clip, op::Sigmoid,
                 op::Identity, op::Add, op::Mul, op::Concat, op::MaxPool, op::AveragePool,
                 op::GlobalAveragePool, op::Resize, op::Crop, op::Pad, op::Softmax, op::ArgMax, op::Dropout,
                 // over space
                 op::MaxPoolIndices, op::MaxUnpool, op::GlobalMaxPool, op::LRN, op::DepthToSpace,
                 op::SpaceToDepth, op::RoiAlign, op::GridSample, op::NonMaxSuppression,
                 // our own (own_ops.h)
                 op::DynamicDeconvolution, op::Encoding, op::AdaptivePool,
                 // tensors of any rank (tensor_ops.h)
                 op::Constant, op::Unary, op::Binary, op::Where, op::Cast, op::ShapeOf, op::Reshape,
                 op::Flatten, op::Squeeze, op::Unsqueeze, op::Transpose, op::Expand, op::Tile, op::Slice,
                 op::Gather, op::GatherElements, op::Range, op::ConstantOfShape, op::Reduce, op::CumSum,
                 op::MatMul, op::LogSoftmax, op::TopK, op::LayerNormalization, op::InstanceNormalization,
                 op::QuantizeLinear, op::DequantizeLinear,
                 // graphs within the graph (control_ops.h)
                 op::Loop>;

/// The ONNX operator type: "Conv", "BatchNormalization", "ReduceMean" ... Those that ONNX does not have
/// (Crop, MaxPoolIndices, Swish, own_ops.h) have their own name.
std::string_view type_name(const Op& op);

/// For std::visit with one lambda per operator.
template <class... Cases>
struct Overload : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Overload(Cases...) -> Overload<Cases...>;

}  // namespace vitrail
