#include <algorithm>

#include "vitrail/base/text.h"
#include "vitrail/engine/passes/passes.h"

namespace vitrail::engine_detail {
namespace {

constexpr Pair once{1, 1};
constexpr int64_t least_channels = 16;  // of a part: fewer are not worth a product of their own

bool is_bare_product(const Network& network, const Layer& layer) {
  const auto* conv = std::get_if<op::Conv>(&layer.op);
  if (conv == nullptr || conv->group != 1 || conv->strides != once || layer.residual != no_value ||
      !layer.enlarged.empty() || layer.bytes || !network.is_constant(layer.inputs[1]))
    return false;
  const Shape &w = network.shape(layer.inputs[1]), &x = network.shape(layer.inputs[0]),
              &y = network.shape(layer.output);
  return w[2] == 1 && w[3] == 1 && w[0] >= least_channels && x[2] == y[2] && x[3] == y[3];
}

// Each further part reads and writes all results again; joining reads and writes all parts.
bool pays(const Network& network, const Layer& concat, const Layer& layer) {
  const auto parts = static_cast<int64_t>(concat.inputs.size());
  const bool wide = std::all_of(concat.inputs.begin(), concat.inputs.end(),
                                [&](ValueId part) { return network.shape(part)[1] >= least_channels; });
  return wide && (parts - 1) * network.shape(layer.output)[1] < network.shape(layer.inputs[0])[1];
}

void add_products(Network& network, const Layer& layer, const Layer& concat, std::vector<Layer>& out) {
  int64_t first = 0;
  ValueId sum = no_value;
  for (const ValueId input : concat.inputs) {
    const int64_t channels = network.shape(input)[1];
    const bool last = first + channels == network.shape(layer.inputs[0])[1];
    Layer product = layer;
    product.inputs = {input, weight_part(network, layer, {{first, channels}})};
    if (first == 0 && optional_input(layer, 2) != no_value) product.inputs.push_back(layer.inputs[2]);
    product.residual = sum;
    if (last) {
      product.fused.push_back(concat.name);
    } else {
      product.name = cat(layer.name, ".from ", first);
      product.fused.clear();
      product.activation = {};
      product.output = network.add_value(product.name, network.shape(layer.output));
    }
    sum = product.output;
    first += channels;
    out.push_back(std::move(product));
  }
}

}  // namespace

void sum_concatenated(Network& network) {
  const std::vector<int64_t> uses = use_counts(network), maker = producers(network);
  const std::vector<Layer> layers = std::move(network.layers);
  std::vector<bool> dropped(layers.size(), false);
  const auto concat_before = [&](const Layer& layer) -> int64_t {
    const auto input = static_cast<size_t>(layer.inputs[0]);
    const int64_t at = maker[input];
    if (at < 0 || uses[input] != 1) return -1;
    const Layer& before = layers[static_cast<size_t>(at)];
    const auto* concat = std::get_if<op::Concat>(&before.op);
    const bool channels = concat != nullptr && (concat->axis == 1 || concat->axis == -3);
    return channels && !before.bytes && before.inputs.size() > 1 && pays(network, before, layer) ? at : -1;
  };
  for (size_t i = 0; i < layers.size(); ++i)
    if (is_bare_product(network, layers[i]))
      if (const int64_t at = concat_before(layers[i]); at >= 0) dropped[static_cast<size_t>(at)] = true;
  std::vector<Layer> result;
  for (size_t i = 0; i < layers.size(); ++i) {
    const Layer& layer = layers[i];
    const int64_t at = is_bare_product(network, layer) ? concat_before(layer) : -1;
    if (at >= 0)
      add_products(network, layer, layers[static_cast<size_t>(at)], result);
    else if (!dropped[i])
      result.push_back(layer);
  }
  network.layers = std::move(result);
}

}  // namespace vitrail::engine_detail
