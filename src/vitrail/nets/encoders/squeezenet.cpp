#include "vitrail/nets/encoders/squeezenet.h"

#include <array>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/nets/encoders/output_stride.h"
#include "vitrail/nets/layers.h"

namespace vitrail {
namespace {

struct Fire {
  int64_t squeeze;
  int64_t expand;  // of each half
};
constexpr std::array<Fire, 8> fires{
    {{16, 64}, {16, 64}, {32, 128}, {32, 128}, {48, 192}, {48, 192}, {64, 256}, {64, 256}}};

Value fire(const Scope& scope, Value x, const Fire& widths, int64_t dilation, const char* squeeze) {
  const Value squeezed = conv_relu(scope / squeeze, x, {.out = widths.squeeze});
  const Value one = conv_relu(scope / "expand1x1", squeezed, {.out = widths.expand});
  const Value three = conv_relu(scope / "expand3x3", squeezed,
                                {.out = widths.expand,
                                 .kernel = {3, 3},
                                 .dilation = dilation,
                                 .pads = {dilation, dilation, dilation, dilation}});
  return scope.graph().add(op::Concat{.axis = 1}, {one, three}, scope("concat"));
}

// A pool whose stride dilation has taken over keeps the resolution: stride 1, padded by one.
Value pool(const Scope& scope, Value x, int64_t stride) {
  op::MaxPool pool{.kernel = {3, 3}, .strides = {stride, stride}, .ceil_mode = true};
  if (stride == 1) pool.pads = {1, 1, 1, 1};
  return scope.graph().add(pool, {x}, scope.name());
}

bool pool_before_fire(SqueezeNetVersion version, size_t fire_number) {
  return version == SqueezeNetVersion::v1_1 ? fire_number == 2 || fire_number == 4 || fire_number == 6
                                            : fire_number == 2 || fire_number == 5 || fire_number == 9;
}

}  // namespace

Features squeezenet(const Scope& scope, Value image, const SqueezeNetOptions& options) {
  if (options.output_stride != 4 && options.output_stride != 8 && options.output_stride != 16)
    throw Error(
        ErrorKind::usage,
        {.where = "squeezenet output_stride", .found = cat(options.output_stride), .allowed = "4, 8 or 16"});
  const bool v1_1 = options.version == SqueezeNetVersion::v1_1;
  OutputStride walk(options.output_stride);
  Features features;
  features.same_padding = false;
  int64_t place = 2;  // in torchvision's Sequential, behind the first convolution and its activation
  const auto named = [&](const std::string& name) {
    return options.torchvision_names ? scope / "features" / cat(place++) : scope / name;
  };
  const char* const squeeze = options.torchvision_names ? "squeeze" : "squeeze1x1";
  Value x = conv_relu(options.torchvision_names ? scope / "features.0" : scope / "conv1", image,
                      v1_1 ? ConvOptions{.out = 64, .kernel = {3, 3}, .stride = walk.next(2).stride}
                           : ConvOptions{.out = 96, .kernel = {7, 7}, .stride = walk.next(2).stride});
  int64_t stride = 2, pools = 0;
  for (size_t i = 0; i < fires.size(); ++i) {
    const size_t number = i + 2;
    if (pool_before_fire(options.version, number)) {
      x = pool(named(cat("pool", ++pools)), x, walk.next(2).stride);
      stride *= 2;
      if (stride < 16) features.skips.insert(features.skips.begin(), {x, stride});
    }
    const int64_t atrous = number == 9 ? options.last_atrous_rate : 1;
    x = fire(named(cat("fire", number)), x, fires[i], walk.next(1).dilation * atrous, squeeze);
  }
  features.top = x;
  return features;
}

}  // namespace vitrail
