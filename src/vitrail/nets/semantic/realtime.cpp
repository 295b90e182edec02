#include "vitrail/nets/semantic/realtime.h"

#include "vitrail/nets/decoders/fcn_skip.h"
#include "vitrail/nets/options.h"

namespace vitrail {
namespace {

void decode(const Scope& net, Value image, const Features& features, int64_t classes,
            const RealtimeDecoder& decoder) {
  const Scope head = net / "head";
  Value scores = score(head / "score", features.top, classes);
  if (decoder.finest_skip > 0) scores = fcn_skip_steps(head, scores, features, decoder.finest_skip);
  net.graph().output("logits", upsample_to(head / "upsample", scores, image));
}

}  // namespace

Model mobilenet_segmenter(const NetOptions& options, MobileNetV1Options encoder, RealtimeDecoder decoder) {
  OptionReader read("mobilenet", options.set);
  encoder.depth_multiplier = read.number("depth_multiplier", encoder.depth_multiplier);
  encoder.output_stride = read.integer("output_stride", encoder.output_stride);
  encoder.last_atrous_rate = read.integer("last_atrous_rate", encoder.last_atrous_rate);
  read.finish();
  Model model;
  const Scope net(model.graph);
  const Value image = model.graph.input("image", {-1, 3, -1, -1});
  decode(net, image, mobilenet_v1(net / "backbone", image, encoder), options.classes, decoder);
  model.info.preprocessing = {
      .order = ChannelOrder::rgb, .mean = {127.5, 127.5, 127.5}, .std = {127.5, 127.5, 127.5}};
  return model;
}

Model squeezenet_segmenter(const NetOptions& options, SqueezeNetOptions encoder, RealtimeDecoder decoder) {
  OptionReader read("squeezenet", options.set);
  encoder.output_stride = read.integer("output_stride", encoder.output_stride);
  encoder.last_atrous_rate = read.integer("last_atrous_rate", encoder.last_atrous_rate);
  read.finish();
  Model model;
  const Scope net(model.graph);
  const Value image = model.graph.input("image", {-1, 3, -1, -1});
  decode(net, image, squeezenet(net / "backbone", image, encoder), options.classes, decoder);
  model.info.preprocessing = {.order = ChannelOrder::bgr, .mean = {104, 117, 123}, .std = {1, 1, 1}};
  return model;
}

}  // namespace vitrail
