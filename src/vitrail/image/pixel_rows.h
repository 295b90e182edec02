#pragma once
// Inner loops over one row of pixels, compiled for several instruction sets. Used by preprocess.h.

#include <cstdint>

namespace vitrail::pixel_rows {

/// What happens to one channel: out = (value - mean) * scale.
struct Channel {
  float mean = 0;
  float scale = 1;
};

/// Interleaved triples to three rows: out[c] from value `c` of each pixel.
void split(const uint8_t* pixels, int64_t width, const Channel* channels, float* const* out);
/// Values `stride` apart to one row.
void normalize(const uint8_t* pixels, int64_t stride, int64_t width, Channel channel, float* out);
/// RGB to its luma, 0.299 R + 0.587 G + 0.114 B, to one row.
void luma(const uint8_t* pixels, int64_t width, Channel channel, float* out);

/// sum = weight * row, then sum += weight * row: a weighted sum of rows of bytes, value by value.
void weigh(const uint8_t* row, int64_t count, float weight, float* sum);
void add_weighed(const uint8_t* row, int64_t count, float weight, float* sum);

/// Pixel x of a row of interleaved float triples resized: the sum over t < taps of weights[x * taps + t]
/// times the pixel from[x] + t, each value then to its row. Reads one float behind the last pixel that it
/// needs.
void resample(const float* pixels, const int64_t* from, const float* weights, int64_t taps, int64_t width,
              const Channel* channels, float* const* out);

}  // namespace vitrail::pixel_rows
