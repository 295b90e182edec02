#include "vitrail/nets/encoders/resnet.h"

#include <algorithm>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/nets/encoders/output_stride.h"
#include "vitrail/nets/layers.h"

namespace vitrail {
namespace {

struct Layout {
  int64_t depth;
  bool bottleneck;
  std::array<int64_t, 4> blocks;
};
constexpr std::array<Layout, 6> layouts{{{18, false, {2, 2, 2, 2}},
                                         {34, false, {3, 4, 6, 3}},
                                         {50, true, {3, 4, 6, 3}},
                                         {101, true, {3, 4, 23, 3}},
                                         {152, true, {3, 8, 36, 3}},
                                         {269, true, {3, 30, 48, 8}}}};

const Layout& layout_of(const ResNetOptions& options) {
  const auto found = std::find_if(layouts.begin(), layouts.end(),
                                  [&](const Layout& layout) { return layout.depth == options.depth; });
  if (found == layouts.end())
    throw Error(
        ErrorKind::usage,
        {.where = "resnet depth", .found = cat(options.depth), .allowed = "18, 34, 50, 101, 152 or 269"});
  return *found;
}

void check(const ResNetOptions& options) {
  if (options.extra_stages < 0 || options.extra_stages > 3)
    throw Error(ErrorKind::usage,
                {.where = "resnet extra_stages", .found = cat(options.extra_stages), .allowed = "0 to 3"});
  if (options.stages < 1 || options.stages > 4 || (options.stages < 4 && options.extra_stages > 0))
    throw Error(ErrorKind::usage, {.where = "resnet stages",
                                   .found = cat(options.stages),
                                   .allowed = "1 to 4, and 4 where there are extra stages"});
  const int64_t coarsest = int64_t{32} << options.extra_stages;
  bool possible = false;
  for (int64_t stride = 8; stride <= coarsest; stride *= 2)
    possible |= stride == options.output_stride;
  if (!possible)
    throw Error(ErrorKind::usage, {.where = "resnet output_stride",
                                   .found = cat(options.output_stride),
                                   .allowed = cat("a power of two from 8 to ", coarsest)});
  if (!(options.width > 0) || options.width > 8)
    throw Error(ErrorKind::usage, {.where = "resnet width",
                                   .found = cat(options.width),
                                   .allowed = "it must be above 0 and at most 8"});
}

// What one block convolves with.
struct Step {
  int64_t channels;
  int64_t stride;
  int64_t first_dilation;  // of the 3x3 (the first 3x3 of a basic block)
  int64_t dilation;        // of a basic block's second 3x3
};

// The identity, subsampled or projected where the block changes its shape.
Value shortcut(const Scope& scope, Value x, int64_t channels, int64_t stride) {
  Graph& graph = scope.graph();
  if (graph.channels(x) != channels) return conv_bn(scope / "downsample", x, conv1x1(channels, stride));
  if (stride == 1) return x;
  return graph.add(op::MaxPool{.kernel = {1, 1}, .strides = {stride, stride}}, {x}, scope("downsample"));
}

Value basic_block(const Scope& scope, Value x, const Step& step) {
  Value y = conv(scope / "conv1", x, conv3x3(step.channels, step.stride, step.first_dilation));
  y = relu(scope / "bn1", batch_norm(scope / "bn1", y));
  y = batch_norm(scope / "bn2", conv(scope / "conv2", y, conv3x3(step.channels, 1, step.dilation)));
  return relu(scope, add(scope / "add", y, shortcut(scope, x, step.channels, step.stride)));
}

Value bottleneck(const Scope& scope, Value x, const Step& step, bool stride_first) {
  const int64_t first = stride_first ? step.stride : 1, second = stride_first ? 1 : step.stride;
  Value y = batch_norm(scope / "bn1", conv(scope / "conv1", x, conv1x1(step.channels, first)));
  y = conv(scope / "conv2", relu(scope / "bn1", y), conv3x3(step.channels, second, step.first_dilation));
  y = relu(scope / "bn2", batch_norm(scope / "bn2", y));
  y = batch_norm(scope / "bn3", conv(scope / "conv3", y, conv1x1(4 * step.channels)));
  return relu(scope, add(scope / "add", y, shortcut(scope, x, 4 * step.channels, step.stride)));
}

Value stem(const Scope& scope, Value image, const ResNetOptions& options) {
  const Width width(options.width);
  Value x = image;
  if (options.deep_stem) {
    const Scope deep = scope / "conv1";
    x = relu(deep / "1", batch_norm(deep / "1", conv(deep / "0", x, conv3x3(width(64), 2))));
    x = relu(deep / "4", batch_norm(deep / "4", conv(deep / "3", x, conv3x3(width(64)))));
    x = conv(deep / "6", x, conv3x3(width(128)));
  } else {
    x = conv(scope / "conv1", x,
             {.out = width(64), .kernel = {7, 7}, .stride = 2, .pads = {3, 3, 3, 3}, .bias = false});
  }
  return relu(scope / "bn1", batch_norm(scope / "bn1", x));
}

class Builder {
 public:
  Builder(const Scope& scope, const ResNetOptions& options)
      : scope_(scope), options_(options), layout_(layout_of(options)), walk_(options.output_stride) {}

  ResNetMaps build(Value image) {
    ResNetMaps maps;
    maps.stem = stem(scope_, image, options_);
    Value x = scope_.graph().add(
        op::MaxPool{
            .kernel = {3, 3}, .strides = {2, 2}, .pads = {1, 1, 1, 1}, .ceil_mode = options_.ceil_pool},
        {maps.stem}, scope_("maxpool"));
    walk_.next(4);
    for (int64_t s = 0; s < options_.stages + options_.extra_stages; ++s) {
      std::vector<ResNetBlock>& blocks = maps.stages.emplace_back();
      const int64_t count = blocks_of(s);
      for (int64_t b = 0; b < count; ++b) {
        const Step step = next(s, b, count);
        const Value y = block(scope_ / cat("layer", s + 1) / cat(b), x, step);
        blocks.push_back({x, y, step.stride, walk_.current()});
        x = y;
      }
    }
    return maps;
  }

  // Stage `s` alone, with a stride of its own.
  Value stage(Value x, int64_t s, int64_t stride) const {
    const int64_t count = blocks_of(s);
    const bool at_end = options_.stride_at == ResNetStride::last_block;
    for (int64_t b = 0; b < count; ++b) {
      const Step step{channels(s), b == (at_end ? count - 1 : 0) ? stride : 1, 1, 1};
      x = block(scope_ / cat("layer", s + 1) / cat(b), x, step);
    }
    return x;
  }

 private:
  int64_t blocks_of(int64_t stage) const {
    return layout_.blocks[static_cast<size_t>(std::min<int64_t>(stage, 3))];
  }
  int64_t channels(int64_t stage) const { return Width(options_.width)(64 << std::min<int64_t>(stage, 3)); }

  Value block(const Scope& scope, Value x, const Step& step) const {
    if (!layout_.bottleneck) return basic_block(scope, x, step);
    return bottleneck(scope, x, step, options_.stride_at == ResNetStride::first_conv1x1);
  }

  int64_t native_stride(int64_t stage, int64_t block, int64_t count) const {
    if (options_.stride_at != ResNetStride::last_block) return stage > 0 && block == 0 ? 2 : 1;
    const bool last_stage = stage == 3 + options_.extra_stages;
    return !last_stage && block == count - 1 ? 2 : 1;
  }

  Step next(int64_t stage, int64_t block, int64_t count) {
    const auto [stride, rate] = walk_.next(native_stride(stage, block, count));
    Step step{channels(stage), stride, rate, walk_.rate()};
    const int64_t grid = stage >= 3 ? options_.multi_grid[static_cast<size_t>(block % 3)] : 0;
    if (options_.dilation == ResNetDilation::full || grid > 0) step.first_dilation = step.dilation;
    if (grid > 0) step.first_dilation = step.dilation = step.dilation * grid;
    return step;
  }

  const Scope& scope_;
  const ResNetOptions& options_;
  const Layout& layout_;
  OutputStride walk_;
};

}  // namespace

Features ResNetMaps::features() const {
  Features features{.top = stages.back().back().output};
  for (const std::vector<ResNetBlock>& blocks : stages)
    for (const ResNetBlock& block : blocks) {
      if (block.output_stride == stages.back().back().output_stride) return features;
      if (features.skips.empty() || features.skips.front().stride != block.output_stride)
        features.skips.insert(features.skips.begin(), {block.output, block.output_stride});
      features.skips.front().value = block.output;
    }
  return features;
}

ResNetMaps resnet(const Scope& scope, Value image, const ResNetOptions& options) {
  check(options);
  return Builder(scope, options).build(image);
}

Value resnet_stage(const Scope& scope, Value x, const ResNetOptions& options, int64_t number,
                   int64_t stride) {
  check(options);
  if (number < 1 || number > 4 || stride < 1 || stride > 2)
    throw Error(ErrorKind::usage, {.where = "resnet stage",
                                   .found = cat("stage ", number, " with stride ", stride),
                                   .allowed = "stages 1 to 4, strides 1 and 2"});
  return Builder(scope, options).stage(x, number - 1, stride);
}

}  // namespace vitrail
