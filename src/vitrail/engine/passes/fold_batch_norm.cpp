#include <cmath>

#include "vitrail/base/text.h"
#include "vitrail/engine/passes/passes.h"

namespace vitrail::engine_detail {
namespace {

struct Affine {
  std::vector<double> scale, shift;  // by channel: y = x * scale + shift
};

Affine affine_of(const Network& network, const Layer& norm) {
  const double epsilon = std::get<op::BatchNormalization>(norm.op).epsilon;
  const auto values = [&](size_t i) { return network.value(norm.inputs[i]).constant.data<float>(); };
  const auto scale = values(1), bias = values(2), mean = values(3), var = values(4);
  Affine affine;
  for (size_t c = 0; c < scale.size(); ++c) {
    affine.scale.push_back(scale[c] / std::sqrt(static_cast<double>(var[c]) + epsilon));
    affine.shift.push_back(bias[c] - mean[c] * affine.scale.back());
  }
  return affine;
}

// Conv's weight is [M, C/group, kh, kw].
void scale_rows(Tensor& weight, const std::vector<double>& scale) {
  const auto w = weight.data<float>();
  const size_t per_channel = w.size() / scale.size();
  for (size_t i = 0; i < w.size(); ++i)
    w[i] = static_cast<float>(w[i] * scale[i / per_channel]);
}

// ConvTranspose's is [C, M/group, kh, kw]; input channel c belongs to group c / (C/group).
void scale_columns(Tensor& weight, int64_t group, const std::vector<double>& scale) {
  const auto w = weight.data<float>();
  const int64_t in = weight.size(0), out = weight.size(1), kernel = weight.size(2) * weight.size(3);
  for (int64_t i = 0; i < in * out * kernel; ++i) {
    const int64_t c = i / (out * kernel), m = i / kernel % out;
    const auto channel = static_cast<size_t>(c / (in / group) * out + m);
    w[static_cast<size_t>(i)] = static_cast<float>(w[static_cast<size_t>(i)] * scale[channel]);
  }
}

bool is_convolution(const Op& op) {
  return std::holds_alternative<op::Conv>(op) || std::holds_alternative<op::ConvTranspose>(op);
}

void fold(Network& network, Layer& conv, const Layer& norm) {
  const Affine affine = affine_of(network, norm);
  Tensor weight = network.value(conv.inputs[1]).constant.clone();
  if (const auto* transposed = std::get_if<op::ConvTranspose>(&conv.op))
    scale_columns(weight, transposed->group, affine.scale);
  else
    scale_rows(weight, affine.scale);
  Tensor bias = Tensor::empty(DataType::f32, {static_cast<int64_t>(affine.scale.size())});
  const bool has_bias = optional_input(conv, 2) != no_value;
  for (size_t c = 0; c < affine.scale.size(); ++c) {
    const double before = has_bias ? network.value(conv.inputs[2]).constant.data<float>()[c] : 0.0;
    bias.data<float>()[c] = static_cast<float>(before * affine.scale[c] + affine.shift[c]);
  }
  conv.inputs = {conv.inputs[0], network.add_constant(cat(conv.name, ".folded_weight"), std::move(weight)),
                 network.add_constant(cat(conv.name, ".folded_bias"), std::move(bias))};
  conv.fused.push_back(conv.name);
  conv.name = norm.name;
  conv.output = norm.output;
}

}  // namespace

void fold_batch_norm(Network& network) {
  const std::vector<int64_t> uses = use_counts(network);
  std::vector<bool> dropped(network.layers.size(), false);
  std::vector<int64_t> maker = producers(network);
  for (size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& norm = network.layers[i];
    if (!std::holds_alternative<op::BatchNormalization>(norm.op)) continue;
    const auto input = static_cast<size_t>(norm.inputs[0]);
    if (maker[input] < 0 || uses[input] != 1) continue;
    const auto at = static_cast<size_t>(maker[input]);
    if (!is_convolution(network.layers[at].op)) continue;
    fold(network, network.layers[at], norm);
    maker[static_cast<size_t>(norm.output)] = static_cast<int64_t>(at);
    dropped[i] = true;
  }
  erase_layers(network, dropped);
}

}  // namespace vitrail::engine_detail
