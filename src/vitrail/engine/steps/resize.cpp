#include <cstring>

#include "vitrail/base/checked.h"
#include "vitrail/engine/steps/kernels.h"
#include "vitrail/engine/steps/resample.h"

// Separable: each input row is brought to the output's width once, then the output rows between them are
// blended. The result lies channels-last, or, where it goes straight to the caller, channel by channel.

namespace vitrail::engine_detail {
namespace {

struct Plan {
  Shape x, y;
  bool planes = false;  // N x C x H x W instead of N x H x W x C
  AxisTaps rows, columns;
  RowTaps row;  // the columns again, for planes

  int64_t row_floats() const { return y[3] * y[1]; }
  // One resampled row per tap, and room for one plane of an input row.
  int64_t thread_floats() const { return round_up(rows.taps * row_floats() + x[3], 16); }
};

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
  RowCache(const Plan& plan, const float* x, float* memory) : plan_(plan), x_(x), memory_(memory) {}

  // Input row `wanted` (counted over all images) at the output's width; those in `needed` of `image` stay.
  const float* row(int64_t image, size_t tap, const Taps& needed) {
    const int64_t wanted = image * plan_.x[2] + needed.from[tap];
    for (size_t slot = 0; slot < 4; ++slot)
      if (keys_[slot] == wanted) return at(slot);
    const size_t slot = free_slot(image, needed);
    keys_[slot] = wanted;
    const float* from = x_ + wanted * plan_.x[3] * plan_.x[1];
    if (plan_.planes)
      resample_to_planes(plan_.row, from, plan_.x[3], plan_.x[1],
                         memory_ + plan_.rows.taps * plan_.row_floats(), at(slot));
    else
      resample_row(plan_, from, at(slot));
    return at(slot);
  }

 private:
  float* at(size_t slot) const { return memory_ + static_cast<int64_t>(slot) * plan_.row_floats(); }
  // There are as many slots as taps, so one holds no row that is needed now.
  size_t free_slot(int64_t image, const Taps& needed) const {
    for (size_t slot = 0; slot < static_cast<size_t>(plan_.rows.taps); ++slot) {
      bool used = false;
      for (size_t t = 0; t < static_cast<size_t>(plan_.rows.taps); ++t)
        used = used || keys_[slot] == image * plan_.x[2] + needed.from[t];
      if (!used) return slot;
    }
    return 0;
  }

  const Plan& plan_;
  const float* x_;
  float* memory_;
  std::array<int64_t, 4> keys_{-1, -1, -1, -1};
};

// count values of one output row, as far as possible without a sum.
void blend_row(const float* const* rows, const Taps& taps, int64_t tap_count, float* y, int64_t count) {
  if (tap_count == 1)
    std::memcpy(y, rows[0], static_cast<size_t>(count) * sizeof(float));
  else
    kernel::blend(rows, taps.weight.data(), tap_count, y, count);
}

void write_row(const Plan& plan, const float* const* rows, const Taps& taps, int64_t row, float* y) {
  const int64_t tap_count = plan.rows.taps, width = plan.y[3], height = plan.y[2], channels = plan.y[1];
  if (!plan.planes) {
    blend_row(rows, taps, tap_count, y + row * plan.row_floats(), plan.row_floats());
    return;
  }
  for (int64_t c = 0; c < channels; ++c) {
    const float* planes[4];
    for (int64_t t = 0; t < tap_count; ++t)
      planes[t] = rows[t] + c * width;
    blend_row(planes, taps, tap_count, y + ((row / height * channels + c) * height + row % height) * width,
              width);
  }
}

void resize_rows(const Plan& plan, const float* x, float* y, int64_t begin, int64_t end, float* scratch) {
  RowCache cache(plan, x, scratch);
  for (int64_t row = begin; row < end; ++row) {
    const Taps& needed = plan.rows.outputs[static_cast<size_t>(row % plan.y[2])];
    const float* rows[4];
    for (size_t t = 0; t < static_cast<size_t>(plan.rows.taps); ++t)
      rows[t] = cache.row(row / plan.y[2], t, needed);
    write_row(plan, rows, needed, row, y);
  }
}

}  // namespace

Step make_resize(const StepContext& context, const Layer& layer, const op::Resize& resize) {
  Step step = step_of(context, layer, "resize");
  Plan plan{context.shape(layer.inputs[0]),
            step.report.output,
            context.network.value(layer.output).row_major,
            {},
            {},
            {}};
  plan.rows = axis_taps(resize, 0, plan.x[2], plan.y[2]);
  plan.columns = axis_taps(resize, 1, plan.x[3], plan.y[3]);
  plan.row = row_taps(plan.columns, plan.y[3]);
  execute_by_rows(step, context, layer, std::move(plan));
  return step;
}

}  // namespace vitrail::engine_detail
