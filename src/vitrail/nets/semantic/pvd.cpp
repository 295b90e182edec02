#include "vitrail/nets/semantic/pvd.h"

#include "vitrail/nets/decoders/pixel_voting.h"
#include "vitrail/nets/options.h"
#include "vitrail/nets/semantic/preprocessing.h"

namespace vitrail {
Model pvd_resnet(const NetOptions& options, ResNetOptions encoder) {
  OptionReader read("pvd", options.set);
  const PixelVotingOptions decoder = read_pixel_voting(read);
  const auto per = static_cast<VotingUnits>(read.choice("units", {"stage", "block"}, 0));
  const int64_t first_stage = read.integer("first_stage", 1);
  encoder.width = read.number("width", encoder.width);
  encoder.deep_stem = read.flag("deep_stem", encoder.deep_stem);
  encoder.output_stride = read.integer("output_stride", encoder.output_stride);
  read.finish();

  Model model;
  const Scope net(model.graph);
  const Value image = image_input(model.graph, options);
  const std::vector<PixelVotingUnit> units =
      voting_units(resnet(net / "backbone", image, encoder), per, first_stage);
  const Value scores = pixel_voting(net / "head", units, options.classes, decoder);
  // A cell of ResNet's maps is centred on every fourth pixel from the first on, as aligned corners have it.
  model.graph.output("logits",
                     upsample_to(net / "upsample", scores, image, op::CoordinateMode::align_corners));
  model.info.preprocessing = imagenet_rgb();
  return model;
}

Model pvd_mobilenet(const NetOptions& options, MobileNetV1Options encoder) {
  OptionReader read("pvd", options.set);
  const PixelVotingOptions decoder = read_pixel_voting(read);
  encoder.depth_multiplier = read.number("depth_multiplier", encoder.depth_multiplier);
  encoder.batch_norm_momentum = read.number("batch_norm_momentum", encoder.batch_norm_momentum);
  read.finish();

  Model model;
  const Scope net(model.graph);
  const Value image = image_input(model.graph, options);
  const Features features = mobilenet_v1(net / "backbone", image, encoder);
  const Value scores = pixel_voting(net / "head", voting_units(features), options.classes, decoder);
  model.graph.output("logits", upsample_to(net / "upsample", scores, image));
  model.info.preprocessing = tensorflow_rgb();
  return model;
}

}  // namespace vitrail
