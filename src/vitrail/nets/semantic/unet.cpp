#include "vitrail/nets/semantic/unet.h"

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/nets/layers.h"
#include "vitrail/nets/options.h"
#include "vitrail/nets/semantic/preprocessing.h"

namespace vitrail {
namespace {

constexpr size_t levels = 5;
constexpr int64_t mirrored = 92;  // (572 - 388) / 2
constexpr int64_t spare = 15;     // rows that four pools may drop

class Builder {
 public:
  Builder(Graph& graph, const UNetOptions& options) : net_(graph), o_(options) {}

  // Scores: of the image's size, or smaller by 2 x 92 and up to 15 where convolutions are valid.
  Value build(Value image, int64_t classes) {
    std::vector<Value> skips{double_conv(net_ / "inc" / "double_conv", image, o_.base)};
    for (size_t level = 1; level < levels; ++level) {
      const Scope down = net_ / cat("down", level);
      const Value pooled = net_.graph().add(op::MaxPool{}, {skips.back()}, down("pool"));
      skips.push_back(double_conv(down / "maxpool_conv.1.double_conv", pooled, o_.base << level));
    }
    Value x = skips.back();
    if (o_.dropout > 0) x = dropout(net_ / "dropout", x, {.ratio = o_.dropout});
    for (size_t level = levels - 1; level-- > 0;)
      x = up(net_ / cat("up", levels - 1 - level), x, skips[level], o_.base << level);
    return conv(net_ / "outc" / "conv", x, with_bias(conv1x1(classes)));
  }

 private:
  Value double_conv(const Scope& scope, Value x, int64_t out) const {
    ConvOptions options = conv3x3(out);
    options.bias = !o_.batch_norm;
    if (!o_.padded) options.pads = {0, 0, 0, 0};
    for (int64_t i = 0; i < 2; ++i) {
      // In a Sequential with normalisations every convolution takes three places, without them two.
      const int64_t place = i * (o_.batch_norm ? 3 : 2);
      x = conv(scope / cat(place), x, options);
      if (o_.batch_norm) x = batch_norm(scope / cat(place + 1), x);
      x = relu(scope / cat(place), x);
    }
    return x;
  }

  Value up(const Scope& scope, Value x, Value skip, int64_t out) {
    Graph& graph = net_.graph();
    x = conv_transpose(scope / "up", x,
                       {.out = out, .kernel = {2, 2}, .pads = {0, 0, 0, 0}, .init = init::KaimingNormal{}});
    if (o_.padded) {  // an odd skip has a row and column more: zeros
      x = graph.add(op::Pad{.pads = {0, 0, 1, 1}}, {x}, scope("pad"));
      x = graph.add(op::Crop{}, {x, skip}, scope("crop"));
    } else {
      const int64_t offset = offset_;
      offset_ = 2 * offset_ + 8;
      skip = graph.add(op::Crop{.top = offset, .left = offset}, {skip, x}, scope("crop"));
    }
    return double_conv(scope / "conv" / "double_conv", concat(scope, {skip, x}), out);
  }

  Scope net_;
  const UNetOptions& o_;
  int64_t offset_ = 4;  // of the next skip's window: (64 - 56) / 2, then 16, 40, 88
};

}  // namespace

Model unet(const NetOptions& options, UNetOptions parts) {
  OptionReader read("unet", options.set);
  parts.base = read.integer("base", parts.base);
  parts.batch_norm = read.flag("batch_norm", parts.batch_norm);
  const int64_t channels = read.integer("channels", 3);
  const bool border = !parts.padded && read.flag("border", true);
  read.finish();
  if (parts.base < 1 || parts.base > 1024)
    throw Error(ErrorKind::usage,
                {.where = "unet option base", .found = cat(parts.base), .allowed = "1 to 1024"});
  if (channels != 1 && channels != 3)
    throw Error(ErrorKind::usage,
                {.where = "unet option channels", .found = cat(channels), .allowed = "1 or 3"});
  Model model;
  Graph& graph = model.graph;
  const Value image = image_input(graph, options, channels);
  Value x = image;
  if (border)
    x = graph.add(op::Pad{.pads = {mirrored, mirrored, mirrored + spare, mirrored + spare},
                          .mode = op::PadMode::reflect},
                  {x}, "mirror");
  x = Builder(graph, parts).build(x, options.classes);
  if (border) x = graph.add(op::Crop{}, {x, image}, "crop");
  graph.output("logits", x);
  return model;
}

}  // namespace vitrail
