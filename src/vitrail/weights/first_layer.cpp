#include "vitrail/weights/first_layer.h"

#include <algorithm>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

constexpr int64_t colors = 3;

bool can_widen(const Shape& weight, int64_t channels) {
  return weight.size() == 4 && weight[1] >= 1 && channels >= 1 &&
         (channels > weight[1] || weight[1] == colors);
}

}  // namespace

std::set<std::string> image_weights(const Graph& graph) {
  std::set<std::string> names;
  if (graph.inputs().empty()) return names;
  std::set<int32_t> of_image{graph.inputs()[0].value.id};
  for (const Node& node : graph.nodes()) {
    const bool reads = std::any_of(node.inputs.begin(), node.inputs.end(), [&](Value value) {
      return value.exists() && of_image.contains(value.id);
    });
    if (!reads) continue;
    if (!std::holds_alternative<op::Conv>(node.op)) {
      for (const Value output : node.outputs)
        of_image.insert(output.id);
    } else if (const Parameter* weight = graph.parameter_of(node.inputs.at(1));
               weight != nullptr && of_image.contains(node.inputs[0].id)) {
      names.insert(weight->name);
    }
  }
  return names;
}

bool can_have_input_channels(const Shape& weight, const Shape& wanted) {
  if (weight.size() != 4 || wanted.size() != 4 || weight == wanted) return false;
  Shape widened = weight;
  widened[1] = wanted[1];
  return widened == wanted && can_widen(weight, wanted[1]);
}

Tensor with_input_channels(const Tensor& weight, int64_t channels) {
  const Shape& shape = weight.shape();
  if (!can_widen(shape, channels))
    throw Error(ErrorKind::shape,
                {.where = "a first layer's weights",
                 .found = cat("shape ", to_string(shape), " for ", channels, " channels"),
                 .allowed = "[out, channels, height, width] with no more channels than that, "
                            "or of colour"});
  const int64_t taps = shape[2] * shape[3], had = shape[1];
  Tensor result = Tensor::zeros(DataType::f32, {shape[0], channels, shape[2], shape[3]});
  const Tensor source = weight.to_f32();
  for (int64_t out = 0; out < shape[0]; ++out)
    for (int64_t c = 0; c < had; ++c) {
      const float* from = source.data<float>().data() + (out * had + c) * taps;
      float* to = result.data<float>().data() + (out * channels + (channels < had ? 0 : c)) * taps;
      for (int64_t i = 0; i < taps; ++i)
        to[i] += from[i];
    }
  return result;
}

}  // namespace vitrail
