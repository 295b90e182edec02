#include "vitrail/nets/semantic/fcn.h"

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/nets/encoders/alexnet.h"
#include "vitrail/nets/encoders/googlenet.h"
#include "vitrail/nets/encoders/vgg16.h"
#include "vitrail/nets/grid.h"
#include "vitrail/nets/layers.h"
#include "vitrail/nets/options.h"
#include "vitrail/nets/semantic/preprocessing.h"

namespace vitrail {
namespace {

struct Trunk {
  Value top;           // what is scored: stride 32
  Value pool4, pool3;  // strides 16 and 8
  bool odd = false;    // cells lie on pixels, not between them: upsampling kernels are odd
};

Trunk trunk_of(const Scope& scope, Value image, FcnTrunk kind, double width) {
  const Width scaled(width);
  if (kind == FcnTrunk::vgg16) {
    const VggMaps maps = vgg16(scope, image, {.style = VggStyle::fcn, .width = width});
    const Value top = fully_connected(scope, maps.top(), {.kernel = 7, .out = scaled(4096)});
    return {top, maps.pooled[3], maps.pooled[2]};
  }
  if (kind == FcnTrunk::googlenet) {
    const GoogLeNetMaps maps =
        googlenet(scope, image, {.version = GoogLeNetVersion::bvlc, .first_pads = 100, .width = width});
    return {maps.top, maps.stride16, maps.stride8, true};
  }
  const auto pools =
      alexnet(scope, image, {.version = AlexNetVersion::caffe, .first_pads = 100, .width = width});
  Value x = conv_relu(scope / "fc6", pools[2], {.out = scaled(4096), .kernel = {6, 6}});
  x = conv_relu(scope / "fc7", dropout(scope / "drop6", x, {}), {.out = scaled(4096)});
  return {dropout(scope / "drop7", x, {}), pools[1], pools[0], true};
}

class Decoder {
 public:
  Decoder(Scope net, OptionReader& read, int64_t classes, bool odd)
      : net_(std::move(net)),
        classes_(classes),
        odd_(odd),
        role_(read.flag("learn_upsampling", false) ? Role::learnable : Role::constant),
        at_once_(read.flag("at_once", false)) {
    if (read.flag("zero_scores", false)) start_ = init::Zeros{};
  }

  Value score(const std::string& name, Value x) const {
    return conv(net_ / name, x, {.out = classes_, .init = start_});
  }

  Value upscore(const std::string& name, Value scores, int64_t stride) const {
    const int64_t kernel = odd_ ? 2 * stride - 1 : 2 * stride;
    return conv_transpose(net_ / name, scores,
                          {.out = classes_,
                           .kernel = {kernel, kernel},
                           .stride = stride,
                           .pads = {0, 0, 0, 0},
                           .bias = false,
                           .role = role_});
  }

  // Scores twice as fine, and those of `skip`.
  Value step(const std::string& up_name, const std::string& score_name, Value scores, Value skip,
             double scale) const {
    Graph& graph = net_.graph();
    if (at_once_) {
      const Tensor factor = Tensor::from<float>({1}, std::vector<float>{static_cast<float>(scale)});
      skip = multiply(net_ / (score_name + "_scale"), skip, graph.add(op::Constant{factor}, {}));
    }
    Value up = upscore(up_name, scores, 2), finer = score(score_name, skip);
    const int64_t offset = cells_between(graph, finer, up);
    if (offset > 0)
      finer = graph.add(op::Crop{.top = offset, .left = offset}, {finer, up}, net_(score_name + "_crop"));
    else
      up = graph.add(op::Crop{}, {up, finer}, net_(up_name + "_crop"));
    return add(net_ / (score_name + "_fuse"), up, finer);
  }

 private:
  Scope net_;
  int64_t classes_;
  bool odd_;
  Role role_;
  bool at_once_;
  Init start_ = init::Normal{0.01};
};

// Scores at stride `finest`, at the image's size.
Value at_image(const Scope& net, const Decoder& decoder, Value scores, int64_t finest, Value image) {
  Graph& graph = net.graph();
  const Value up = decoder.upscore("upscore", scores, finest);
  const int64_t offset = cells_between(graph, up, image);
  return graph.add(op::Crop{.top = offset, .left = offset}, {up, image}, net("crop"));
}

// The scores of the trunk's maps at the image's size.
Value scores_at_image(const Scope& net, const Decoder& decoder, const Trunk& trunk, int64_t finest,
                      Value image) {
  Value scores = decoder.score("score_fr", trunk.top);
  if (finest <= 16) scores = decoder.step("upscore2", "score_pool4", scores, trunk.pool4, 0.01);
  if (finest <= 8) scores = decoder.step("upscore_pool4", "score_pool3", scores, trunk.pool3, 0.0001);
  return at_image(net, decoder, scores, finest, image);
}

Value channels_of(const Scope& scope, Value image, int64_t begin, int64_t end) {
  return scope.graph().add(op::Slice{},
                           {image, integers(scope / "starts", {begin}), integers(scope / "ends", {end}),
                            integers(scope / "axes", {1})},
                           scope("slice"));
}

Value half(const Scope& scope, Value x) {
  const Tensor factor = Tensor::from<float>({1}, std::vector<float>{0.5f});
  return multiply(scope, x, scope.graph().add(op::Constant{factor}, {}, scope("factor")));
}

// Colour by ImageNet; disparity, height and angle by their own means (FCN's, for NYUDv2).
Preprocessing color_and_hha(int64_t channels) {
  Preprocessing p = imagenet_rgb();
  if (channels == 6) {
    p.mean.insert(p.mean.end(), {132.431, 94.076, 118.477});
    p.std.insert(p.std.end(), {58.395, 57.12, 57.375});
  }
  return p;
}

}  // namespace

Model fcn(const NetOptions& options, const FcnOptions& parts) {
  OptionReader read("fcn", options.set);
  Model model;
  Graph& graph = model.graph;
  const Scope net(graph);
  const Value image = image_input(graph, options);
  const Trunk trunk = trunk_of(net / "backbone", image, parts.trunk, read.number("width", 1));
  const auto branch = [&](const Scope& scope, const std::string& output, int64_t classes) {
    const Decoder decoder(scope, read, classes, trunk.odd);
    graph.output(output, scores_at_image(scope, decoder, trunk, parts.finest, image));
  };
  branch(net, "logits", options.classes);
  const int64_t geometric = read.integer("geometric", 0);
  if (geometric < 0 || geometric > 65535)
    throw Error(ErrorKind::usage, {.where = "option geometric",
                                   .found = cat(geometric),
                                   .allowed = "a number of classes; 0 = no second branch"});
  if (geometric > 0) branch(net / "geometric", "geometric", geometric);
  read.finish();
  // torchvision's VGG16 loads; the others are Caffe's.
  model.info.preprocessing = parts.trunk == FcnTrunk::vgg16 ? imagenet_rgb() : caffe_bgr();
  return model;
}

Model fcn32s_color_hha(const NetOptions& options) {
  OptionReader read("fcn", options.set);
  Model model;
  Graph& graph = model.graph;
  const Scope net(graph);
  const Value image = image_input(graph, options, 6);
  const int64_t channels = graph.channels(image);
  if (channels < 4)
    throw Error(ErrorKind::usage, {.where = "fcn32s-vgg16-rgb-hha option in_channels",
                                   .found = cat(channels),
                                   .allowed = "at least 4: three of colour, and those of depth"});
  const double width = read.number("width", 1);
  const auto stream = [&](const Scope& scope, int64_t begin, int64_t end) {
    const Value seen = channels_of(scope / "channels", image, begin, end);
    const Trunk trunk = trunk_of(scope / "backbone", seen, FcnTrunk::vgg16, width);
    return Decoder(scope, read, options.classes, trunk.odd).score("score_fr", trunk.top);
  };
  const Value color = stream(net / "color", 0, 3), hha = stream(net / "hha", 3, channels);
  const Value mean = half(net / "score_mean", add(net / "score_sum", color, hha));
  graph.output("logits", at_image(net, Decoder(net, read, options.classes, false), mean, 32, image));
  read.finish();
  model.info.preprocessing = color_and_hha(channels);
  return model;
}

}  // namespace vitrail
