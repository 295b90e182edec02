#include "vitrail/engine/steps/resample.h"

#include <algorithm>

#include "vitrail/engine/steps/kernels.h"
#include "vitrail/graph/resize_positions.h"

namespace vitrail::engine_detail {

AxisTaps axis_taps(const op::Resize& resize, size_t axis, int64_t in, int64_t out) {
  AxisTaps result;
  for (int64_t at = 0; at < out; ++at) {
    const ResizeTaps taps = resize_taps(resize, axis, in, out, at);
    result.taps = std::max(result.taps, std::ssize(taps.from));
    result.outputs.emplace_back();
    std::copy(taps.from.begin(), taps.from.end(), result.outputs.back().from.begin());
    for (size_t i = 0; i < taps.weight.size(); ++i)
      result.outputs.back().weight[i] = static_cast<float>(taps.weight[i]);
  }
  // Steps with one tap copy; where an output may read nothing, the weight of the one has to count.
  if (resize.coordinates == op::CoordinateMode::tf_crop_and_resize)
    result.taps = std::max<int64_t>(result.taps, 2);
  if (result.taps == 3) result.taps = 4;
  return result;
}

RowTaps row_taps(const AxisTaps& taps, int64_t stride) {
  RowTaps row{taps.taps, stride, {}, {}};
  row.from.assign(static_cast<size_t>(taps.taps * stride), 0);
  row.weight.assign(static_cast<size_t>(taps.taps * stride), 0.0f);
  for (size_t x = 0; x < taps.outputs.size(); ++x)
    for (size_t t = 0; t < static_cast<size_t>(taps.taps); ++t) {
      row.from[t * static_cast<size_t>(stride) + x] = static_cast<int32_t>(taps.outputs[x].from[t]);
      row.weight[t * static_cast<size_t>(stride) + x] = taps.outputs[x].weight[t];
    }
  return row;
}

void resample_to_planes(const RowTaps& taps, const float* from, int64_t in, int64_t channels, float* plane,
                        float* to) {
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t x = 0; x < in; ++x)
      plane[x] = from[x * channels + c];
    kernel::gather_blend(plane, taps.from.data(), taps.weight.data(), taps.taps, taps.stride,
                         to + c * taps.stride);
  }
}

}  // namespace vitrail::engine_detail
