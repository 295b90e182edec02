#pragma once
// Layers made of several nodes, as most networks use them; scope.h has the single ones.
//
//   Value x = conv_bn_relu(net / "conv5", c4, conv3x3(512));   // conv5.0.weight, conv5.1.{weight,bias,...}
//   Value y = linear(net / "fc1", tokens, 4096);               // fc1.weight [4096, in], fc1.bias
//
// Names follow PyTorch: a Sequential numbers its layers, so conv_bn_relu is "<scope>.0" and "<scope>.1".

#include "vitrail/nets/scope.h"

namespace vitrail {

/// Scales a network's channels: `Width(0.5)(64)` = 32; at least one channel is left.
class Width {
 public:
  explicit Width(double factor) : factor_(factor) {}
  int64_t operator()(int64_t channels) const;

 private:
  double factor_;
};

/// Padding that keeps a map's size under an odd kernel with stride 1: (kernel - 1) / 2 * dilation on each
/// side.
Pads keeping_pads(Pair kernel, int64_t dilation = 1);

/// Options of the usual convolutions, padded to keep the size (halve it with stride 2), without bias.
ConvOptions conv1x1(int64_t out, int64_t stride = 1);
ConvOptions conv3x3(int64_t out, int64_t stride = 1, int64_t dilation = 1);
/// The same with a bias.
ConvOptions with_bias(ConvOptions options);

/// Convolution `<scope>.0`, batch normalisation `<scope>.1`.
Value conv_bn(const Scope& scope, Value x, const ConvOptions& options, op::BatchNormalization norm = {});
/// The same and ReLU.
Value conv_bn_relu(const Scope& scope, Value x, const ConvOptions& options, op::BatchNormalization norm = {});
/// Convolution `<scope>` and ReLU.
Value conv_relu(const Scope& scope, Value x, const ConvOptions& options);

/// Over the last dimension: [..., in] -> [..., out]. The weight is [out, in], as PyTorch has it.
Value linear(const Scope& scope, Value x, int64_t out, Init init = init::TruncatedNormal{0.02});
/// Over the last dimension. Parameters `<scope>.weight`, `<scope>.bias`.
Value layer_norm(const Scope& scope, Value x, double epsilon = 1e-6);
/// A constant i64 vector: sizes, axes.
Value integers(const Scope& scope, const std::vector<int64_t>& values);
/// [...] -> the sizes given; 0 keeps a size, -1 is what remains.
Value reshape(const Scope& scope, Value x, const std::vector<int64_t>& sizes);
Value transpose(const Scope& scope, Value x, std::vector<int64_t> permutation);

Value concat(const Scope& scope, std::vector<Value> parts, int64_t axis = 1);
Value sigmoid(const Scope& scope, Value x);
Value multiply(const Scope& scope, Value a, Value b);
Value global_average_pool(const Scope& scope, Value x);

}  // namespace vitrail
