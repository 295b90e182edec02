// Crops around boxes. Maps lie channels-last, so a bin is a weighted sum of pixels of contiguous channels.

#include <algorithm>

#include "vitrail/base/error.h"
#include "vitrail/base/kernel.h"
#include "vitrail/base/parallel.h"
#include "vitrail/base/text.h"
#include "vitrail/detect/separable.h"
#include "vitrail/engine/steps/tensor_steps.h"

namespace vitrail::engine_detail {
namespace {

using detect_detail::Source;
using detect_detail::Taps;

constexpr int64_t block = 64;  // channels whose sums stay in registers
constexpr int64_t bins_worth_a_thread = 32;

// to = the sum of weights[t] * pixels[t], of `channels` values each.
VITRAIL_KERNEL void weigh_pixels(const float* const* pixels, const float* weights, int64_t taps,
                                 int64_t channels, float* __restrict to) {
  int64_t c = 0;
  for (; c + block <= channels; c += block) {
    float sums[block] = {};
    for (int64_t t = 0; t < taps; ++t) {
      const float* from = pixels[t] + c;
      for (int64_t i = 0; i < block; ++i)
        sums[i] += weights[t] * from[i];
    }
    for (int64_t i = 0; i < block; ++i)
      to[c + i] = sums[i];
  }
  if (c == channels) return;
  std::fill(to + c, to + channels, 0.0f);
  for (int64_t t = 0; t < taps; ++t)
    for (int64_t i = c; i < channels; ++i)
      to[i] += weights[t] * pixels[t][i];
}

struct Crops {
  std::string name;
  op::RoiAlign op;
  Shape map, crops;
  ValueId x = no_value, boxes = no_value, images = no_value, y = no_value;
};

// The pixels of one bin.
struct Bin {
  std::vector<const float*> pixels;
  std::vector<float> weights;

  void take(const float* map, const Shape& shape, const Source& source, int64_t row, int64_t column) {
    pixels.clear();
    weights.clear();
    const Taps &rows = source.rows, &columns = source.columns;
    const int64_t channels = shape[1], width = shape[3];
    const float* image = map + source.image * channels * shape[2] * width;
    const auto range = [](const Taps& taps, int64_t i) {
      return std::pair{static_cast<size_t>(taps.first[static_cast<size_t>(i)]),
                       static_cast<size_t>(taps.first[static_cast<size_t>(i + 1)])};
    };
    const auto [first_row, last_row] = range(rows, row);
    const auto [first_column, last_column] = range(columns, column);
    for (size_t r = first_row; r < last_row; ++r)
      for (size_t c = first_column; c < last_column; ++c) {
        pixels.push_back(image + (rows.pixel[r] * width + columns.pixel[c]) * channels);
        weights.push_back(rows.weight[r] * columns.weight[c]);
      }
  }
};

std::vector<Source> sources_of(const Crops& crops, const Memory& memory, const Tensor& map) {
  const auto rows = static_cast<size_t>(crops.crops[0]);
  const float* corners = memory.read(crops.boxes);
  const auto* images = reinterpret_cast<const int64_t*>(memory.values[static_cast<size_t>(crops.images)]);
  std::vector<Box> boxes;
  for (size_t r = 0; r < rows; ++r, corners += 4)
    boxes.push_back({corners[0], corners[1], corners[2], corners[3]});
  try {
    return detect_detail::aligned_sources(map, boxes, {images, rows}, crops.op);
  } catch (const Error& error) {
    ErrorParts parts = error.parts();
    parts.where = cat("node '", crops.name, "' (RoiAlign), ", parts.where);
    throw Error(error.kind(), parts);
  }
}

void crop(const Crops& crops, const Memory& memory) {
  const float* x = memory.read(crops.x);
  // Its sizes alone are looked at there.
  const Tensor map =
      Tensor::view(DataType::f32, crops.map, memory.values[static_cast<size_t>(crops.x)], nullptr);
  const std::vector<Source> sources = sources_of(crops, memory, map);
  const int64_t channels = crops.crops[1], height = crops.crops[2], width = crops.crops[3];
  parallel_ranges(std::ssize(sources) * height * width, bins_worth_a_thread,
                  [&](int64_t begin, int64_t end, int) {
                    Bin bin;
                    for (int64_t i = begin; i < end; ++i) {
                      bin.take(x, crops.map, sources[static_cast<size_t>(i / (height * width))],
                               i / width % height, i % width);
                      weigh_pixels(bin.pixels.data(), bin.weights.data(), std::ssize(bin.pixels), channels,
                                   memory.write(crops.y) + i * channels);
                    }
                  });
}

}  // namespace

Step make_roi_align(const StepContext& context, const Layer& layer, const op::RoiAlign& op) {
  Step step = step_of(context, layer, "roi align");
  step.execute = [crops = Crops{.name = layer.name,
                                .op = op,
                                .map = context.shape(layer.inputs[0]),
                                .crops = step.report.output,
                                .x = layer.inputs[0],
                                .boxes = layer.inputs[1],
                                .images = layer.inputs[2],
                                .y = layer.output}](const Memory& memory) { crop(crops, memory); };
  return step;
}

}  // namespace vitrail::engine_detail
