#include "vitrail/image/pixel_rows.h"

#include "vitrail/base/kernel.h"

namespace vitrail::pixel_rows {

VITRAIL_KERNEL void split(const uint8_t* pixels, int64_t width, const Channel* channels, float* const* out) {
  const Channel first = channels[0], second = channels[1], third = channels[2];
  float *a = out[0], *b = out[1], *c = out[2];
#pragma GCC ivdep
  for (int64_t x = 0; x < width; ++x) {
    a[x] = (static_cast<float>(pixels[3 * x]) - first.mean) * first.scale;
    b[x] = (static_cast<float>(pixels[3 * x + 1]) - second.mean) * second.scale;
    c[x] = (static_cast<float>(pixels[3 * x + 2]) - third.mean) * third.scale;
  }
}

VITRAIL_KERNEL void normalize(const uint8_t* pixels, int64_t stride, int64_t width, Channel channel,
                              float* out) {
#pragma GCC ivdep
  for (int64_t x = 0; x < width; ++x)
    out[x] = (static_cast<float>(pixels[x * stride]) - channel.mean) * channel.scale;
}

VITRAIL_KERNEL void luma(const uint8_t* pixels, int64_t width, Channel channel, float* out) {
#pragma GCC ivdep
  for (int64_t x = 0; x < width; ++x) {
    const float value = 0.299f * static_cast<float>(pixels[3 * x]) +
                        0.587f * static_cast<float>(pixels[3 * x + 1]) +
                        0.114f * static_cast<float>(pixels[3 * x + 2]);
    out[x] = (value - channel.mean) * channel.scale;
  }
}

VITRAIL_KERNEL void weigh(const uint8_t* row, int64_t count, float weight, float* sum) {
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i)
    sum[i] = weight * static_cast<float>(row[i]);
}

VITRAIL_KERNEL void add_weighed(const uint8_t* row, int64_t count, float weight, float* sum) {
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i)
    sum[i] += weight * static_cast<float>(row[i]);
}

}  // namespace vitrail::pixel_rows
