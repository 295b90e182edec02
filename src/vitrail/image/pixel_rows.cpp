#include "vitrail/image/pixel_rows.h"

#include <cstring>

#include "vitrail/base/kernel.h"

namespace vitrail::pixel_rows {
namespace {

// A pixel and the first value of the next one.
typedef float Four __attribute__((vector_size(16)));

inline Four load(const float* values) {
  Four four;
  std::memcpy(&four, values, sizeof four);
  return four;
}

}  // namespace

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

VITRAIL_KERNEL void resample(const float* pixels, const int64_t* from, const float* weights, int64_t taps,
                             int64_t width, const Channel* channels, float* const* out) {
  const Four mean = {channels[0].mean, channels[1].mean, channels[2].mean, 0};
  const Four scale = {channels[0].scale, channels[1].scale, channels[2].scale, 0};
  for (int64_t x = 0; x < width; ++x, weights += taps) {
    const float* pixel = pixels + 3 * from[x];
    Four sum = weights[0] * load(pixel);
    for (int64_t t = 1; t < taps; ++t)
      sum += weights[t] * load(pixel + 3 * t);
    sum = (sum - mean) * scale;
    out[0][x] = sum[0];
    out[1][x] = sum[1];
    out[2][x] = sum[2];
  }
}

}  // namespace vitrail::pixel_rows
