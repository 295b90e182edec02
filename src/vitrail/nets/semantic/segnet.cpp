#include "vitrail/nets/semantic/segnet.h"

#include "vitrail/base/text.h"
#include "vitrail/nets/encoders/vgg16.h"
#include "vitrail/nets/layers.h"
#include "vitrail/nets/options.h"
#include "vitrail/nets/semantic/preprocessing.h"

namespace vitrail {
namespace {

// Where `pool` finds the maxima of x.
Value indices_of(const Scope& scope, Value x, const op::MaxPool& pool) {
  const op::MaxPoolIndices indices{
      .kernel = pool.kernel, .strides = pool.strides, .pads = pool.pads, .ceil_mode = pool.ceil_mode};
  return scope.graph().add(indices, {x}, scope("indices"));
}

Value unpool(const Scope& scope, Value x, Value indices, Value before_pool) {
  return scope.graph().add(op::MaxUnpool{}, {x, indices, before_pool}, scope("unpool"));
}

constexpr std::array<std::array<int64_t, 3>, 5> decoder_channels{
    {{64, 0, 0},
     {128, 64, 0},
     {256, 256, 128},
     {512, 512, 256},
     {512, 512, 512}}};  // 0: no layer, the scores

}  // namespace

Model segnet(const NetOptions& options) {
  OptionReader read("segnet", options.set);
  const double factor = read.number("width", 1);
  read.finish();
  const Width width(factor);
  Model model;
  const Scope net(model.graph);
  const Value image = image_input(model.graph, options);
  const VggMaps maps =
      vgg16(net / "backbone", image, {.style = VggStyle::segnet, .batch_norm = true, .width = factor});
  Value x = maps.top();
  for (size_t group = 5; group-- > 0;) {
    const Scope decoder = net / cat("decoder", group + 1);
    x = unpool(decoder, x, indices_of(decoder, maps.before_pool[group], maps.pools[group]),
               maps.before_pool[group]);
    for (size_t i = 0; i < 3; ++i)
      if (const int64_t channels = decoder_channels[group][i]; channels > 0)
        x = conv_bn_relu(decoder / cat(i), x, with_bias(conv3x3(width(channels))));
  }
  model.graph.output("logits", conv(net / "decoder1" / "1", x, with_bias(conv3x3(options.classes))));
  model.info.preprocessing = imagenet_rgb();
  return model;
}

Model segnet_basic(const NetOptions& options) {
  OptionReader read("segnet-basic", options.set);
  const int64_t channels = Width(read.number("width", 1))(64);
  read.finish();
  const ConvOptions seven{.out = channels, .kernel = {7, 7}, .pads = {3, 3, 3, 3}};
  const op::MaxPool pool{.ceil_mode = true};
  Model model;
  Graph& graph = model.graph;
  const Scope net(graph);
  Value x = graph.add(op::LRN{}, {image_input(graph, options)}, "norm");
  std::array<Value, 4> before;
  for (size_t i = 0; i < 4; ++i) {
    before[i] = conv_bn_relu(net / cat("encoder", i + 1), x, seven);
    x = graph.add(pool, {before[i]}, cat("pool", i + 1));
  }
  for (size_t i = 4; i-- > 0;) {
    const Scope decoder = net / cat("decoder", i + 1);
    x = conv_bn(decoder, unpool(decoder, x, indices_of(decoder, before[i], pool), before[i]), seven);
  }
  graph.output("logits", conv(net / "classifier", x, {.out = options.classes}));
  model.info.preprocessing = imagenet_rgb();
  return model;
}

}  // namespace vitrail
