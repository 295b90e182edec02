#include <algorithm>

#include "vitrail/base/text.h"
#include "vitrail/engine/passes/passes.h"

namespace vitrail::engine_detail {
namespace {

Tensor side_by_side(const Tensor& weight, const std::vector<ChannelRange>& ranges) {
  Shape shape = weight.shape();
  const int64_t kernel = shape[2] * shape[3], all = shape[1];
  shape[1] = 0;
  for (const ChannelRange& range : ranges)
    shape[1] += range.count;
  Tensor part = Tensor::empty(DataType::f32, shape);
  const float* from = weight.data<float>().data();
  float* to = part.data<float>().data();
  for (int64_t m = 0; m < shape[0]; ++m)
    for (const ChannelRange& range : ranges)
      to = std::copy_n(from + (m * all + range.first) * kernel, range.count * kernel, to);
  return part;
}

}  // namespace

ValueId weight_part(Network& network, const Layer& conv, const std::vector<ChannelRange>& ranges) {
  const Tensor weight = network.value(conv.inputs[1]).constant;
  std::string how = "input channels";
  for (const ChannelRange& range : ranges)
    how += cat(" ", range.first, "+", range.count);
  const Tensor part = network.derived->get(weight, how, [&] { return side_by_side(weight, ranges); });
  return network.add_constant(cat(conv.name, ".weight of ", how), part);
}

}  // namespace vitrail::engine_detail
