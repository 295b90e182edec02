#include <algorithm>

#include "vitrail/engine/kernels/gemm.h"
#include "vitrail/engine/kernels/winograd.h"
#include "vitrail/engine/passes/passes.h"

namespace vitrail::engine_detail {
namespace {

constexpr Pair once{1, 1};

bool is_possible(const Network& network, const Layer& layer, const op::Conv& conv) {
  if (!layer.enlarged.empty() || layer.bytes) return false;
  const Shape& w = network.shape(layer.inputs[1]);
  return network.is_constant(layer.inputs[1]) && conv.group == 1 && conv.strides == once && w[2] == 3 &&
         w[3] == 3 && w[0] % 16 == 0 && w[1] % 16 == 0;
}

// Seconds times any constant: multiply-adds, and the bytes that the transforms move, which cost what 5
// multiply-adds do (measured on a core with 64-byte vectors and 1 MiB of own cache).
struct CostModel {
  double direct = 0, winograd = 0;
};

CostModel cost_of(const Network& network, const Layer& layer, const op::Conv& conv) {
  const Shape &w = network.shape(layer.inputs[1]), &y = network.shape(layer.output);
  const auto tiles_along = [&](int64_t size, int64_t dilation) {
    int64_t tiles = 0;
    for (int64_t phase = 0; phase < std::min(size, dilation); ++phase)
      tiles += (size - phase + kernel::winograd_tile * dilation - 1) / (kernel::winograd_tile * dilation);
    return tiles;
  };
  const double in = static_cast<double>(w[1]), out = static_cast<double>(w[0]);
  const double tiles =
      static_cast<double>(y[0] * tiles_along(y[2], conv.dilations[0]) * tiles_along(y[3], conv.dilations[1]));
  constexpr double byte = 5, products = kernel::winograd_products;
  CostModel cost;
  cost.direct = static_cast<double>(y[0] * y[2] * y[3]) * in * out * 9 + in * out * 9 * 4 * byte;
  cost.winograd = tiles * products * in * out + products * in * out * 4 * byte +
                  tiles * products * (in + out) * 4 * 2 * byte;
  return cost;
}

}  // namespace

void choose_winograd(Network& network) {
  for (Layer& layer : network.layers) {
    const auto* conv = std::get_if<op::Conv>(&layer.op);
    if (conv == nullptr || !is_possible(network, layer, *conv)) continue;
    const CostModel cost = cost_of(network, layer, *conv);
    layer.winograd = cost.winograd < 0.9 * cost.direct;
  }
}

}  // namespace vitrail::engine_detail
