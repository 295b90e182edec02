// Samples at computed positions. Maps lie channels-last, so a sample is a weighted sum of pixels of
// contiguous channels.

#include "vitrail/base/parallel.h"
#include "vitrail/engine/kernels/weighted_sum.h"
#include "vitrail/engine/steps/tensor_steps.h"
#include "vitrail/engine/steps/walk.h"
#include "vitrail/graph/grid_taps.h"

namespace vitrail::engine_detail {
namespace {

constexpr int64_t sums_worth_a_thread = 1 << 13;

struct Samples {
  op::GridSample op;
  Shape map, out;
  std::vector<int64_t> grid_strides;
  ValueId x = no_value, grid = no_value, y = no_value;
};

// The pixels of one sample, without those that count nothing.
struct Pixels {
  std::array<const float*, 16> from;
  std::array<float, 16> weight;
  int64_t count = 0;

  void take(const float* image, const Shape& map, const GridTaps& rows, const GridTaps& columns) {
    count = 0;
    for (size_t r = 0; r < static_cast<size_t>(rows.count); ++r)
      for (size_t c = 0; c < static_cast<size_t>(columns.count); ++c) {
        const double share = rows.weight[r] * columns.weight[c];
        if (share == 0) continue;
        from[static_cast<size_t>(count)] = image + (rows.from[r] * map[3] + columns.from[c]) * map[1];
        weight[static_cast<size_t>(count++)] = static_cast<float>(share);
      }
  }
};

void sample(const Samples& s, const Memory& memory) {
  const float *x = memory.read(s.x), *grid = memory.read(s.grid);
  float* y = memory.write(s.y);
  const int64_t channels = s.map[1], image = channels * s.map[2] * s.map[3];
  const int64_t width = s.out[3], area = s.out[2] * width;
  parallel_ranges(s.out[0] * area, sums_worth_a_thread / std::max<int64_t>(channels, 1),
                  [&](int64_t begin, int64_t end, int) {
                    Pixels pixels;
                    for (int64_t i = begin; i < end; ++i) {
                      const int64_t n = i / area, row = i % area / width, column = i % width;
                      const float* at =
                          grid + n * s.grid_strides[0] + row * s.grid_strides[1] + column * s.grid_strides[2];
                      pixels.take(x + n * image, s.map, grid_taps(s.op, at[s.grid_strides[3]], s.map[2]),
                                  grid_taps(s.op, at[0], s.map[3]));
                      kernel::weighted_sum(pixels.from.data(), pixels.weight.data(), pixels.count,
                                           y + i * channels, channels);
                    }
                  });
}

}  // namespace

Step make_grid_sample(const StepContext& context, const Layer& layer, const op::GridSample& op) {
  Step step = step_of(context, layer, "grid sample");
  step.execute = [samples = Samples{.op = op,
                                    .map = context.shape(layer.inputs[0]),
                                    .out = step.report.output,
                                    .grid_strides = strides_of(context, layer.inputs[1]),
                                    .x = layer.inputs[0],
                                    .grid = layer.inputs[1],
                                    .y = layer.output}](const Memory& memory) { sample(samples, memory); };
  return step;
}

}  // namespace vitrail::engine_detail
