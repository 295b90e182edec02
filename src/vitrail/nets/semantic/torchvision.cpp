#include "vitrail/nets/semantic/torchvision.h"

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/nets/encoders/mobilenet_v3.h"
#include "vitrail/nets/encoders/resnet.h"
#include "vitrail/nets/heads/aspp.h"
#include "vitrail/nets/heads/fcn.h"
#include "vitrail/nets/layers.h"
#include "vitrail/nets/options.h"
#include "vitrail/nets/semantic/preprocessing.h"

namespace vitrail {

Model torchvision_resnet(const NetOptions& options, const TorchvisionOptions& parts) {
  OptionReader read("this network", options.set);
  const ResNetOptions encoder{.depth = parts.depth, .width = read.number("width", 1), .output_stride = 8};
  const bool auxiliary = read.flag("aux", true);
  read.finish();
  Model model;
  Graph& graph = model.graph;
  const Scope net(graph), classifier = net / "classifier";
  const Value image = image_input(graph, options);
  const ResNetMaps maps = resnet(net / "backbone", image, encoder);
  const Value scores = parts.head == TorchvisionHead::fcn
                           ? fcn_head(classifier, maps.stage(4), options.classes)
                           : deeplabv3_head(classifier, maps.stage(4), options.classes);
  graph.output("logits", upsample_to(net / "upsample", scores, image));
  if (auxiliary) {
    const Value aux = fcn_head(net / "aux_classifier", maps.stage(3), options.classes);
    graph.output("aux", upsample_to(net / "upsample_aux", aux, image), /*training_only=*/true);
  }
  model.info.preprocessing = imagenet_rgb();
  return model;
}

Model torchvision_lraspp(const NetOptions& options) {
  OptionReader read("lraspp", options.set);
  const double width = read.number("width", 1);
  read.finish();
  if (!(width > 0) || width > 8)
    throw Error(ErrorKind::usage,
                {.where = "lraspp option width", .found = cat(width), .allowed = "above 0 and at most 8"});
  const int64_t inner = Width(width)(128);
  Model model;
  Graph& graph = model.graph;
  const Scope net(graph), head = net / "classifier";
  const Value image = image_input(graph, options);
  const MobileNetV3Maps maps = mobilenet_v3_large(net / "backbone", image, width);
  const Value map = conv_bn_relu(head / "cbr", maps.high, conv1x1(inner));
  const Scope scale = head / "scale";
  const Value gate = sigmoid(scale, conv(scale / "1", global_average_pool(scale, maps.high), conv1x1(inner)));
  const Value up = upsample_to(head / "upsample", multiply(head, map, gate), maps.low);
  const Value low = conv(head / "low_classifier", maps.low, with_bias(conv1x1(options.classes)));
  const Value high = conv(head / "high_classifier", up, with_bias(conv1x1(options.classes)));
  graph.output("logits", upsample_to(net / "upsample", add(head / "add", low, high), image));
  model.info.preprocessing = imagenet_rgb();
  return model;
}

}  // namespace vitrail
