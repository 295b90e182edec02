#include "vitrail/nets/instance/isb.h"

#include <cmath>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

void check(const BranchOptions& o) {
  const auto fail = [](const std::string& what, int64_t found, const char* allowed) {
    throw Error(ErrorKind::usage,
                {.where = cat("segmentation branch, ", what), .found = cat(found), .allowed = allowed});
  };
  if (o.finest != 8 && o.finest != 16 && o.finest != 32) fail("finest stride", o.finest, "8, 16 or 32");
  if (o.height < 1 || o.height > 128) fail("height", o.height, "1 to 128 cells");
  if (o.width < 1 || o.width > 128) fail("width", o.width, "1 to 128 cells");
  if (o.kernel[0] < 1 || o.kernel[0] > 15) fail("kernel", o.kernel[0], "1 to 15");
  if (o.kernel[1] < 1 || o.kernel[1] > 15) fail("kernel", o.kernel[1], "1 to 15");
  if (o.rate < 1 || o.rate > 32) fail("rate", o.rate, "1 to 32");
  if (o.depth < 1 || o.depth > 16) fail("depth", o.depth, "1 to 16");
  if (o.channels < 1 || o.channels > 4096) fail("channels", o.channels, "1 to 4096");
  if (o.step_channels < 1 || o.step_channels > 4096) fail("step channels", o.step_channels, "1 to 4096");
}

class Branch {
 public:
  Branch(const Scope& scope, const BranchOptions& options, const CropChannels& channels)
      : scope_(scope), options_(options), channels_(channels) {}

  Value build() {
    const Value coarse = crop("crop_32", channels_.coarse, 1);
    const Value middle = options_.finest <= 16 ? crop("crop_16", channels_.middle, 2) : Value{};
    const Value fine = options_.finest <= 8 ? crop("crop_8", channels_.fine, 4) : Value{};
    if (options_.conditioned) box_ = crop("crop_box", 1, 32 / options_.finest);
    Value x = activation("sepconv", first(coarse));
    for (int64_t i = 2; i <= options_.depth; ++i) {
      const std::string name = cat("sepconv", i);
      x = activation(name, separable(name, x));
    }
    if (middle.exists()) x = step("16", x, middle, !fine.exists());
    if (fine.exists()) x = step("8", x, fine, true);
    return conv(scope_ / "score", x, {.out = options_.masks, .init = init::Normal{0.01}});
  }

 private:
  Value crop(const std::string& name, int64_t channels, int64_t scale) const {
    return scope_.graph().input(scope_(name),
                                {-1, channels, options_.height * scale, options_.width * scale});
  }

  Value activation(const std::string& name, Value x) const {
    switch (options_.activation) {
      case BranchActivation::relu: return relu(scope_ / name, x);
      case BranchActivation::relu6: return relu6(scope_ / name, x);
      case BranchActivation::none: break;
    }
    return x;
  }

  // As TensorFlow's separable_conv2d: nothing between its two convolutions.
  Value separable(const std::string& name, Value x) const {
    const int64_t in = scope_.graph().channels(x);
    const auto taps = static_cast<double>(options_.kernel[0] * options_.kernel[1]);
    x = conv(scope_ / (name + "_depthwise"), x,
             {.out = in,
              .kernel = options_.kernel,
              .dilation = options_.rate,
              .auto_pad = AutoPad::same_upper,
              .group = in,
              .bias = false,
              .init = init::Normal{1 / std::sqrt(taps)}});
    return conv(scope_ / (name + "_pointwise"), x, {.out = options_.channels, .init = scaled});
  }

  Value first(Value coarse) const {
    Value x = options_.ordinary ? conv(scope_ / "conv", coarse,
                                       {.out = options_.channels,
                                        .kernel = options_.kernel,
                                        .dilation = options_.rate,
                                        .auto_pad = AutoPad::same_upper,
                                        .init = scaled})
                                : separable("sepconv", coarse);
    if (!box_.exists()) return x;
    const int64_t scale = 32 / options_.finest;
    Value cover = box_;
    if (scale > 1)
      cover = scope_.graph().add(op::AveragePool{.kernel = {scale, scale}, .strides = {scale, scale}}, {box_},
                                 scope_("box_cover"));
    const Value seen = conv(
        scope_ / "box_32", cover,
        {.out = options_.channels, .kernel = {3, 3}, .pads = {1, 1, 1, 1}, .bias = false, .init = scaled});
    return add(scope_ / "box_32_add", x, seen);
  }

  // Twice as fine, and what the finer crop says.
  Value step(const std::string& stride, Value x, Value finer, bool last) const {
    // Each cell of the result is reached by 2x2 of the 4x4 taps.
    const auto inputs = static_cast<double>(4 * scope_.graph().channels(x));
    const Value up =
        conv_transpose(scope_ / ("tconv" + stride), x,
                       {.out = options_.step_channels, .init = init::Normal{std::sqrt(2 / inputs)}});
    const Value skip =
        conv(scope_ / ("skip" + stride), finer, {.out = options_.step_channels, .init = scaled});
    Value sum = add(scope_ / ("fuse" + stride), up, skip);
    if (last && box_.exists())
      sum = add(scope_ / "box_add", sum,
                conv(scope_ / "box", box_, {.out = options_.step_channels, .bias = false, .init = scaled}));
    return activation("fuse" + stride, sum);
  }

  static constexpr init::KaimingNormal scaled{init::KaimingNormal::Fan::in};

  const Scope& scope_;
  const BranchOptions& options_;
  const CropChannels& channels_;
  Value box_;
};

}  // namespace

Value segmentation_branch(const Scope& scope, const BranchOptions& options, const CropChannels& channels) {
  check(options);
  return Branch(scope, options, channels).build();
}

}  // namespace vitrail
