#include "vitrail/nets/encoders/googlenet.h"

#include <array>

#include "vitrail/nets/layers.h"

namespace vitrail {
namespace {

// 1x1; reduction to and width of the 3x3 and of the "5x5"; projection behind the pool.
struct Inception {
  const char* name;
  int64_t one, reduce3, three, reduce5, five, project;
};
constexpr std::array<Inception, 9> modules{{{"inception3a", 64, 96, 128, 16, 32, 32},
                                            {"inception3b", 128, 128, 192, 32, 96, 64},
                                            {"inception4a", 192, 96, 208, 16, 48, 64},
                                            {"inception4b", 160, 112, 224, 24, 64, 64},
                                            {"inception4c", 128, 128, 256, 24, 64, 64},
                                            {"inception4d", 112, 144, 288, 32, 64, 64},
                                            {"inception4e", 256, 160, 320, 32, 128, 128},
                                            {"inception5a", 256, 160, 320, 32, 128, 128},
                                            {"inception5b", 384, 192, 384, 48, 128, 128}}};

class Builder {
 public:
  Builder(const Scope& scope, const GoogLeNetOptions& options)
      : scope_(scope), bvlc_(options.version == GoogLeNetVersion::bvlc), width_(options.width) {}

  GoogLeNetMaps build(Value image, int64_t first_pads) {
    GoogLeNetMaps maps;
    const Pads pads{first_pads, first_pads, first_pads, first_pads};
    Value x =
        layer(scope_ / "conv1", image, {.out = width_(64), .kernel = {7, 7}, .stride = 2, .pads = pads});
    x = normalise("norm1", pool("maxpool1", x, 3));
    x = layer(scope_ / "conv2", x, conv1x1(width_(64)));
    x = normalise("norm2", layer(scope_ / "conv3", x, conv3x3(width_(192))));
    x = pool("maxpool2", x, 3);
    x = inception(modules[0], x);
    x = maps.stride8 = inception(modules[1], x);
    x = maps.inception4a = inception(modules[2], pool("maxpool3", x, 3));
    x = inception(modules[4], inception(modules[3], x));
    x = maps.inception4d = inception(modules[5], x);
    x = maps.stride16 = inception(modules[6], x);
    x = inception(modules[7], pool("maxpool4", x, bvlc_ ? 3 : 2));
    maps.top = inception(modules[8], x);
    return maps;
  }

 private:
  Value layer(const Scope& scope, Value x, ConvOptions options) const {
    options.bias = bvlc_;
    x = conv(scope / "conv", x, options);
    if (!bvlc_) x = batch_norm(scope / "bn", x, {.epsilon = 1e-3});
    return relu(scope, x);
  }

  Value pool(const char* name, Value x, int64_t kernel) const {
    return scope_.graph().add(op::MaxPool{.kernel = {kernel, kernel}, .strides = {2, 2}, .ceil_mode = true},
                              {x}, scope_(name));
  }

  Value normalise(const char* name, Value x) const {
    return bvlc_ ? scope_.graph().add(op::LRN{}, {x}, scope_(name)) : x;
  }

  Value inception(const Inception& m, Value x) const {
    const Scope scope = scope_ / m.name;
    const Value one = layer(scope / "branch1", x, conv1x1(width_(m.one)));
    Value three = layer(scope / "branch2" / "0", x, conv1x1(width_(m.reduce3)));
    three = layer(scope / "branch2" / "1", three, conv3x3(width_(m.three)));
    ConvOptions wide = conv3x3(width_(m.five));
    if (bvlc_) wide = {.out = wide.out, .kernel = {5, 5}, .pads = {2, 2, 2, 2}};
    const Value five =
        layer(scope / "branch3" / "1", layer(scope / "branch3" / "0", x, conv1x1(width_(m.reduce5))), wide);
    const Value pooled = scope.graph().add(
        op::MaxPool{.kernel = {3, 3}, .strides = {1, 1}, .pads = {1, 1, 1, 1}, .ceil_mode = true}, {x},
        scope("branch4.pool"));
    return concat(scope,
                  {one, three, five, layer(scope / "branch4" / "1", pooled, conv1x1(width_(m.project)))});
  }

  const Scope& scope_;
  bool bvlc_;
  Width width_;
};

}  // namespace

GoogLeNetMaps googlenet(const Scope& scope, Value image, const GoogLeNetOptions& options) {
  return Builder(scope, options).build(image, options.first_pads);
}

Value googlenet_auxiliary(const Scope& scope, Value x, int64_t classes) {
  x = scope.graph().add(op::AdaptivePool{.bins = {4, 4}}, {x}, scope("pool"));
  x = conv(scope / "conv" / "conv", x, conv1x1(128));
  x = relu(scope / "conv", batch_norm(scope / "conv" / "bn", x, {.epsilon = 1e-3}));
  x = conv_relu(scope / "fc1", x, {.out = 1024, .kernel = {4, 4}});
  return conv(scope / "fc2", dropout(scope / "dropout", x, {.ratio = 0.7}), {.out = classes});
}

}  // namespace vitrail
