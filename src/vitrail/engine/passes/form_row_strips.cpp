#include <algorithm>

#include "vitrail/engine/kernels/depthwise.h"
#include "vitrail/engine/passes/passes.h"

namespace vitrail::engine_detail {
namespace {

// A map this large would leave the caches before the next convolution reads it.
constexpr int64_t large_map_bytes = int64_t{4} << 20;
// Weights are read once for each row of results: they must stay in a core's cache, or the row be long.
constexpr int64_t cached_weight_bytes = int64_t{1} << 19, long_row = 128;
// Of all work, what threads may do again around the borders of their rows.
constexpr double most_repeated_work = 0.05, most_repeated_for_memory = 0.5;

const op::Conv& conv_of(const Layer& layer) {
  return std::get<op::Conv>(layer.op);
}

class StripFormer {
 public:
  StripFormer(Network& network, int threads, Thrift thrift)
      : network_(network),
        threads_(threads),
        save_memory_(thrift == Thrift::long_strips),
        uses_(use_counts(network)) {}

  void run() {
    std::vector<Layer> result, strip;
    for (Layer& layer : network_.layers) {
      if (!strip.empty() && !may_follow(strip, layer)) close(strip, result);
      if (is_possible(layer))
        strip.push_back(std::move(layer));
      else
        result.push_back(std::move(layer));
    }
    if (!strip.empty()) close(strip, result);
    network_.layers = std::move(result);
  }

 private:
  const Shape& weight(const Layer& layer) const { return network_.shape(layer.inputs[1]); }
  bool is_depthwise(const Layer& layer) const { return conv_of(layer).group > 1; }

  bool is_possible(const Layer& layer) const {
    const auto* conv = std::get_if<op::Conv>(&layer.op);
    if (conv == nullptr || layer.winograd || layer.bytes || !layer.enlarged.empty() ||
        !network_.is_constant(layer.inputs[1]))
      return false;
    const Shape& w = weight(layer);
    if (w[2] > kernel::most_kernel_rows || w[3] > kernel::most_kernel_rows) return false;
    if (conv->group > 1) return w[1] == 1 && w[0] == conv->group && layer.residual == no_value;
    const int64_t bytes = w[0] * w[1] * w[2] * w[3] * 4;
    return save_memory_ || bytes <= cached_weight_bytes || network_.shape(layer.output)[3] >= long_row;
  }

  // Whether `layer` reads only what the strip's last convolution makes, alone, and joining them pays.
  bool may_follow(const std::vector<Layer>& strip, const Layer& layer) const {
    const Layer& last = strip.back();
    if (!is_possible(layer) || layer.inputs[0] != last.output || last.residual != no_value) return false;
    if (uses_[static_cast<size_t>(last.output)] != 1 || layer.residual == last.output) return false;
    // The sum is made in the residual's buffer, from which rows would still be read.
    if (layer.residual != no_value && layer.residual == strip[0].inputs[0]) return false;
    const Shape& w = weight(layer);
    const bool large = save_memory_ || element_count(network_.shape(last.output)) * 4 >= large_map_bytes;
    if (w[2] == 1 && w[3] == 1 && is_depthwise(last)) return true;
    if (!large) return false;
    std::vector<Layer> longer = strip;
    longer.push_back(layer);
    return repeated_work(longer) <= (save_memory_ ? most_repeated_for_memory : most_repeated_work);
  }

  // The share of rows, weighted by their cost, that two threads both make.
  double repeated_work(const std::vector<Layer>& strip) const {
    double work = 0, repeated = 0;
    int64_t rows = 0;  // of the current layer's results, at each border between two threads
    for (size_t i = strip.size(); i-- > 0;) {
      const Layer& layer = strip[i];
      const Shape &y = network_.shape(layer.output), &w = weight(layer);
      const double cost = static_cast<double>(element_count(y) * w[1] * w[2] * w[3]);
      work += cost;
      repeated += cost * static_cast<double>(rows * (threads_ - 1)) / static_cast<double>(y[0] * y[2]);
      const int64_t stride = conv_of(layer).strides[0];
      const int64_t span = (w[2] - 1) * conv_of(layer).dilations[0] + 1;
      rows = rows * stride + std::max<int64_t>(span - stride, 0);
    }
    return repeated / work;
  }

  void close(std::vector<Layer>& strip, std::vector<Layer>& result) const {
    const bool image = weight(strip[0])[1] <= 4 && !is_depthwise(strip[0]);
    if (strip.size() == 1 && !is_depthwise(strip[0]) && !image) {
      result.push_back(std::move(strip[0]));
    } else {
      Layer joined = strip.back();
      joined.inputs = {strip[0].inputs[0]};
      for (size_t i = 0; i + 1 < strip.size(); ++i) {
        joined.fused.push_back(strip[i].name);
        joined.fused.insert(joined.fused.end(), strip[i].fused.begin(), strip[i].fused.end());
      }
      joined.strip = std::move(strip);
      result.push_back(std::move(joined));
    }
    strip.clear();
  }

  Network& network_;
  int threads_;
  bool save_memory_;
  std::vector<int64_t> uses_;
};

}  // namespace

bool reads_planes(const Network& network, const Layer& layer) {
  return !layer.strip.empty() && conv_of(layer.strip[0]).group == 1 && network.shape(layer.inputs[0])[1] <= 4;
}

void form_row_strips(Network& network, int threads, Thrift thrift) {
  StripFormer(network, threads, thrift).run();
}

}  // namespace vitrail::engine_detail
