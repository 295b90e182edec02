#include "vitrail/nets/semantic/preprocessing.h"

#include <numeric>

namespace vitrail {
namespace {

double average(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

Preprocessing imagenet_rgb() {
  return {.order = ChannelOrder::rgb, .mean = {123.675, 116.28, 103.53}, .std = {58.395, 57.12, 57.375}};
}
Preprocessing caffe_bgr() {
  return {.order = ChannelOrder::bgr, .mean = {104.00699, 116.66877, 122.67892}, .std = {1, 1, 1}};
}
Preprocessing tensorflow_rgb() {
  return {.order = ChannelOrder::rgb, .mean = {127.5, 127.5, 127.5}, .std = {127.5, 127.5, 127.5}};
}

Value image_input(Graph& graph, const NetOptions& options, int64_t published) {
  return graph.input("image", {-1, options.in_channels > 0 ? options.in_channels : published, -1, -1});
}

void fit_channels(Preprocessing& p, int64_t channels) {
  const auto count = static_cast<size_t>(channels);
  if (p.mean.size() == count) return;
  const double mean = average(p.mean), std = average(p.std);
  if (channels < 3) {
    p.order = channels == 1 ? ChannelOrder::grey : ChannelOrder::rgb;
    p.mean.clear();
    p.std.clear();
  }
  p.mean.resize(count, mean);
  p.std.resize(count, std);
}

}  // namespace vitrail
