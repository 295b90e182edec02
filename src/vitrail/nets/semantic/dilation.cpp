#include "vitrail/nets/semantic/dilation.h"

#include "vitrail/base/text.h"
#include "vitrail/nets/decoders/context.h"
#include "vitrail/nets/encoders/vgg16.h"
#include "vitrail/nets/layers.h"
#include "vitrail/nets/options.h"
#include "vitrail/nets/semantic/preprocessing.h"

namespace vitrail {
namespace {

constexpr int64_t margin = 186;  // half of what the unpadded front end takes off
constexpr int64_t spare = 7;     // so that ceil(H / 8) scores come out

ContextOptions context_of(Context kind) {
  ContextOptions options;
  if (kind == Context::shorter) options.dilations = {1, 1, 2, 4, 8, 1};
  if (kind == Context::longer) options.dilations = {1, 1, 2, 4, 8, 16, 32, 64, 1};
  if (kind != Context::large) return options;
  return {.multipliers = large_context(), .padded = false, .noise = 0.01};
}

ConvOptions classifier(int64_t classes) {
  ConvOptions options = with_bias(conv1x1(classes));
  options.init = init::Normal{0.001};
  return options;
}

// Interpolation anchored at the top left corner; Dilation10's is a fixed transposed convolution.
Value eightfold(const Scope& scope, Value x, Context kind) {
  const int64_t channels = scope.graph().channels(x);
  if (kind == Context::longer)
    return conv_transpose(scope, x,
                          {.out = channels,
                           .kernel = {16, 16},
                           .stride = 8,
                           .pads = {4, 4, 4, 4},
                           .group = channels,
                           .bias = false,
                           .role = Role::constant});
  const op::Resize up{.coordinates = op::CoordinateMode::asymmetric, .scales = {{8, 8}}};
  return scope.graph().add(up, {x}, scope.name());
}

}  // namespace

Model dilation(const NetOptions& options, const DilationOptions& parts) {
  OptionReader read("dilation", options.set);
  const double width = read.number("width", 1);
  ContextOptions context = context_of(parts.context);
  if (parts.context != Context::none) context.noise = read.number("noise", context.noise);
  read.finish();
  Model model;
  Graph& graph = model.graph;
  const Scope net(graph), backbone = net / "backbone";
  const Value image = image_input(graph, options);
  const op::Pad mirror{.pads = {margin, margin, margin + spare, margin + spare},
                       .mode = op::PadMode::reflect};
  Value x = graph.add(mirror, {image}, "mirror");
  x = vgg16(backbone, x, {.style = VggStyle::front_end, .width = width}).top();
  x = fully_connected(backbone, x, {.kernel = 7, .dilation = 4, .out = Width(width)(4096)});
  x = conv(net / "final", x, classifier(options.classes));
  if (parts.context != Context::none) x = context_module(net / "context", x, context);
  graph.output("logits",
               graph.add(op::Crop{}, {eightfold(net / "upsample", x, parts.context), image}, "crop"));
  model.info.preprocessing = imagenet_rgb();
  return model;
}

Model deeplab_vgg(const NetOptions& options, const DeepLabVggOptions& parts) {
  OptionReader read("deeplab", options.set);
  const double width = read.number("width", 1);
  read.finish();
  Model model;
  Graph& graph = model.graph;
  const Scope net(graph);
  const Value image = image_input(graph, options);
  Value map = vgg16(net / "backbone", image, {.style = VggStyle::large_fov, .width = width}).top();
  if (!parts.aspp) {  // v1 smooths once more
    const op::AveragePool smooth{.kernel = {3, 3}, .strides = {1, 1}, .pads = {1, 1, 1, 1}};
    map = graph.add(smooth, {map}, "pool5a");
  }
  Value sum;
  for (const int64_t rate : parts.aspp ? std::vector<int64_t>{6, 12, 18, 24} : std::vector<int64_t>{12}) {
    const Scope branch = net / cat("head", rate);
    Value x = fully_connected(branch, map,
                              {.kernel = 3, .dilation = rate, .padded = true, .out = Width(width)(1024)});
    ConvOptions scores = with_bias(conv1x1(options.classes));
    scores.init = init::Normal{0.01};
    x = conv(branch / "fc8", x, scores);
    sum = sum.exists() ? add(branch / "sum", sum, x) : x;
  }
  graph.output("logits", upsample_to(net / "upsample", sum, image));
  model.info.preprocessing = imagenet_rgb();
  return model;
}

}  // namespace vitrail
