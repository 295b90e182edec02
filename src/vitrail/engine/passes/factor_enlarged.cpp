#include <algorithm>

#include "vitrail/base/text.h"
#include "vitrail/engine/passes/passes.h"

namespace vitrail::engine_detail {
namespace {

// The product with a small map must be cheap beside that with its enlarged copy.
constexpr int64_t least_enlargement = 4;

struct Part {
  ValueId value = no_value;
  int64_t first = 0, channels = 0;     // of the concatenation
  const op::Resize* resize = nullptr;  // where `value` enters through it alone
  ValueId small = no_value;            // what is enlarged
  int64_t resize_layer = -1;
};

std::vector<ChannelRange> ranges_of(const std::vector<Part>& parts) {
  std::vector<ChannelRange> ranges;
  for (const Part& part : parts)
    ranges.push_back({part.first, part.channels});
  return ranges;
}

class Factoring {
 public:
  explicit Factoring(Network& network)
      : network_(network), uses_(use_counts(network)), maker_(producers(network)) {
    dropped_.assign(network.layers.size(), false);
  }

  void run() {
    std::vector<Layer> rewritten;
    for (size_t i = 0; i < network_.layers.size(); ++i) {
      if (!factor(network_.layers[i], rewritten)) rewritten.push_back(network_.layers[i]);
    }
    // Layers that were dropped lie before the convolutions that they were dropped for.
    std::vector<Layer> kept;
    for (Layer& layer : rewritten)
      if (!is_dropped(layer)) kept.push_back(std::move(layer));
    network_.layers = std::move(kept);
  }

 private:
  const Layer* maker_of(ValueId id) const {
    const int64_t at = maker_[static_cast<size_t>(id)];
    return at < 0 ? nullptr : &network_.layers[static_cast<size_t>(at)];
  }
  bool is_dropped(const Layer& layer) const {
    if (static_cast<size_t>(layer.output) >= maker_.size()) return false;  // added here
    const int64_t at = maker_[static_cast<size_t>(layer.output)];
    return at >= 0 && dropped_[static_cast<size_t>(at)];
  }

  std::vector<Part> parts_of(const Layer& concat) const {
    std::vector<Part> parts;
    int64_t first = 0;
    for (const ValueId input : concat.inputs) {
      Part part{input, first, network_.shape(input)[1]};
      first += part.channels;
      if (const Layer* maker = maker_of(input); maker != nullptr && uses_[static_cast<size_t>(input)] == 1) {
        const auto* resize = std::get_if<op::Resize>(&maker->op);
        const Shape &to = network_.shape(input), &from = network_.shape(maker->inputs[0]);
        if (resize != nullptr && resize->mode == op::ResizeMode::linear && !resize->antialias &&
            from[2] * from[3] * least_enlargement <= to[2] * to[3]) {
          part.resize = resize;
          part.small = maker->inputs[0];
          part.resize_layer = maker_[static_cast<size_t>(input)];
        }
      }
      parts.push_back(part);
    }
    return parts;
  }

  // conv(concat(a, enlarged b, ...)) -> conv(a) + sum of products with b.
  bool factor(const Layer& layer, std::vector<Layer>& out) {
    const auto* conv = std::get_if<op::Conv>(&layer.op);
    if (conv == nullptr || conv->group != 1 || layer.residual != no_value || !layer.enlarged.empty() ||
        !network_.is_constant(layer.inputs[1]))
      return false;
    const Layer* concat = maker_of(layer.inputs[0]);
    if (concat == nullptr || uses_[static_cast<size_t>(layer.inputs[0])] != 1) return false;
    const auto* joined = std::get_if<op::Concat>(&concat->op);
    if (joined == nullptr || (joined->axis != 1 && joined->axis != -3)) return false;
    const std::vector<Part> parts = parts_of(*concat);
    const auto is_small = [](const Part& part) { return part.resize != nullptr; };
    const auto small = std::count_if(parts.begin(), parts.end(), is_small);
    if (small == 0 || small == static_cast<int64_t>(parts.size())) return false;
    dropped_[static_cast<size_t>(maker_[static_cast<size_t>(layer.inputs[0])])] = true;
    out.push_back(products_layer(layer, parts));
    add_rest(layer, *concat, parts, out.back().output, out);
    return true;
  }

  Layer products_layer(const Layer& layer, const std::vector<Part>& parts) {
    Layer products;
    products.name = cat(layer.name, ".enlarged");
    products.op = layer.op;
    for (const Part& part : parts) {
      if (part.resize == nullptr) continue;
      products.enlarged.push_back(*part.resize);
      const Shape& to = network_.shape(part.value);
      if (!part.resize->scales) products.enlarged.back().sizes = Pair{to[2], to[3]};
      products.enlarged_size = {to[2], to[3]};
      products.inputs.push_back(part.small);
      products.inputs.push_back(weight_part(network_, layer, ranges_of({part})));
      products.fused.push_back(network_.layers[static_cast<size_t>(part.resize_layer)].name);
      dropped_[static_cast<size_t>(part.resize_layer)] = true;
    }
    products.output = network_.add_value(cat(layer.name, ".enlarged"), network_.shape(layer.output));
    return products;
  }

  // The convolution of the parts that are not enlarged, with the products as its residual sum.
  void add_rest(const Layer& layer, const Layer& concat, const std::vector<Part>& parts, ValueId products,
                std::vector<Layer>& out) {
    std::vector<Part> others;
    Layer joined = concat;
    joined.inputs.clear();
    for (const Part& part : parts)
      if (part.resize == nullptr) {
        others.push_back(part);
        joined.inputs.push_back(part.value);
      }
    Layer rest = layer;
    rest.residual = products;
    rest.fused.push_back(concat.name);
    rest.inputs[0] = joined.inputs[0];
    rest.inputs[1] = weight_part(network_, layer, ranges_of(others));
    if (others.size() > 1) {
      Shape shape = network_.shape(concat.output);
      shape[1] = network_.shape(rest.inputs[1])[1];
      joined.output = rest.inputs[0] = network_.add_value(cat(concat.name, ".rest"), shape);
      out.push_back(joined);
    }
    out.push_back(rest);
  }

  Network& network_;
  std::vector<int64_t> uses_, maker_;
  std::vector<bool> dropped_;  // by position before the pass
};

}  // namespace

void factor_enlarged(Network& network) {
  Factoring(network).run();
}

}  // namespace vitrail::engine_detail
