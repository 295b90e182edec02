#include <cstring>

#include "vitrail/engine/parallel.h"
#include "vitrail/engine/steps/kernels.h"
#include "vitrail/engine/steps/resample.h"
#include "vitrail/engine/steps/steps.h"

namespace vitrail::engine_detail {
namespace {

struct Plan {
  Shape x, y;
  AxisTaps rows, columns;

  int64_t row_floats() const { return y[3] * y[1]; }
};

// One input row brought to the output's width.
void resample_row(const Plan& plan, const float* from, float* to) {
  const int64_t channels = plan.y[1], taps = plan.columns.taps;
  for (int64_t x = 0; x < plan.y[3]; ++x) {
    const Taps& column = plan.columns.outputs[static_cast<size_t>(x)];
    if (taps == 1) {
      std::memcpy(to + x * channels, from + column.from[0] * channels,
                  static_cast<size_t>(channels) * sizeof(float));
      continue;
    }
    const float* sources[4];
    for (int64_t t = 0; t < taps; ++t)
      sources[t] = from + column.from[static_cast<size_t>(t)] * channels;
    kernel::blend(sources, column.weight.data(), taps, to + x * channels, channels);
  }
}

// The input rows that one thread has resampled last; neighbouring output rows share them.
class RowCache {
 public:
  RowCache(const Plan& plan, float* memory) : plan_(plan), memory_(memory) {}

  const float* row(const float* image, int64_t image_index, int64_t y, const Taps& needed) {
    const int64_t key = image_index * plan_.x[2] + y;
    for (size_t slot = 0; slot < 4; ++slot)
      if (keys_[slot] == key) return at(slot);
    const size_t slot = free_slot(image_index, needed);
    keys_[slot] = key;
    resample_row(plan_, image + y * plan_.x[3] * plan_.x[1], at(slot));
    return at(slot);
  }

 private:
  float* at(size_t slot) const { return memory_ + static_cast<int64_t>(slot) * plan_.row_floats(); }
  // A slot that none of the rows needed now lies in; there are as many slots as taps.
  size_t free_slot(int64_t image_index, const Taps& needed) const {
    for (size_t slot = 0; slot < static_cast<size_t>(plan_.rows.taps); ++slot) {
      bool used = false;
      for (int64_t t = 0; t < plan_.rows.taps; ++t)
        used = used || keys_[slot] == image_index * plan_.x[2] + needed.from[static_cast<size_t>(t)];
      if (!used) return slot;
    }
    return 0;
  }

  const Plan& plan_;
  float* memory_;
  std::array<int64_t, 4> keys_{-1, -1, -1, -1};
};

void nearest(const Plan& plan, const float* x, float* y) {
  const int64_t height = plan.y[2], row_in = plan.x[3] * plan.x[1];
  parallel_for(plan.y[0] * height, 1, [&](int64_t row) {
    const int64_t from = plan.rows.outputs[static_cast<size_t>(row % height)].from[0];
    resample_row(plan, x + (row / height * plan.x[2] + from) * row_in, y + row * plan.row_floats());
  });
}

void blended(const Plan& plan, const float* x, float* y, float* scratch) {
  const int64_t height = plan.y[2], taps = plan.rows.taps;
  parallel_ranges(plan.y[0] * height, 1, [&](int64_t begin, int64_t end, int thread) {
    RowCache cache(plan, scratch + thread * taps * plan.row_floats());
    for (int64_t row = begin; row < end; ++row) {
      const Taps& needed = plan.rows.outputs[static_cast<size_t>(row % height)];
      const float* image = x + row / height * plan.x[2] * plan.x[3] * plan.x[1];
      const float* rows[4];
      for (int64_t t = 0; t < taps; ++t)
        rows[t] = cache.row(image, row / height, needed.from[static_cast<size_t>(t)], needed);
      kernel::blend(rows, needed.weight.data(), taps, y + row * plan.row_floats(), plan.row_floats());
    }
  });
}

}  // namespace

Step make_resize(const StepContext& context, const Layer& layer, const op::Resize& resize) {
  Step step = step_of(context, layer, "resize");
  Plan plan{context.shape(layer.inputs[0]), step.report.output, {}, {}};
  plan.rows = axis_taps(resize, 0, plan.x[2], plan.y[2]);
  plan.columns = axis_taps(resize, 1, plan.x[3], plan.y[3]);
  const bool blends = plan.rows.taps > 1;
  if (blends)
    step.scratch_bytes =
        context.threads * plan.rows.taps * plan.row_floats() * static_cast<int64_t>(sizeof(float));
  step.execute = [plan, blends, x = layer.inputs[0], y = layer.output](const Memory& memory) {
    if (blends)
      blended(plan, memory.read(x), memory.write(y), reinterpret_cast<float*>(memory.scratch));
    else
      nearest(plan, memory.read(x), memory.write(y));
  };
  return step;
}

}  // namespace vitrail::engine_detail
