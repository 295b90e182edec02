#include "vitrail/train/normalize_kernels.h"

#include <algorithm>

#include "vitrail/base/kernel.h"
#include "vitrail/base/parallel.h"

namespace vitrail::train {
namespace {

constexpr int64_t pieces = 64;        // of a sum; more than any machine's useful threads
constexpr int64_t least_tile = 1024;  // floats: narrow maps are handled several rows at a time
constexpr int64_t float_rows = 64;    // tiles summed in float before they are added up in double

/// Several rows at a time as one: `width` floats, a multiple of the channels.
struct Tiles {
  int64_t count = 0, width = 0, rest = 0;  ///< `rest` floats remain after the last whole tile
  explicit Tiles(const Rows& size) {
    width = size.channels * std::max<int64_t>(1, least_tile / std::max<int64_t>(size.channels, 1));
    count = size.rows * size.channels / width;
    rest = size.rows * size.channels - count * width;
  }
};

std::vector<float> repeated(const std::vector<float>& values, int64_t width) {
  std::vector<float> result(static_cast<size_t>(width));
  for (size_t i = 0; i < result.size(); ++i)
    result[i] = values[i % values.size()];
  return result;
}

VITRAIL_KERNEL void add_moments(const float* x, const float* shift, int64_t width, float* sums,
                                float* squares) {
#pragma omp simd
  for (int64_t i = 0; i < width; ++i) {
    const float d = x[i] - shift[i];
    sums[i] += d;
    squares[i] += d * d;
  }
}

VITRAIL_KERNEL void add_gradients(const float* x, const float* g, const float* scale, const float* offset,
                                  const float* mean, float low, float high, int64_t width, float* sums,
                                  float* products) {
#pragma omp simd
  for (int64_t i = 0; i < width; ++i) {
    const float z = scale[i] * x[i] + offset[i];
    const float kept = z > low && z < high ? g[i] : 0.0f;
    sums[i] += kept;
    products[i] += kept * (x[i] - mean[i]);
  }
}

VITRAIL_KERNEL void clip_tile(const float* x, const float* scale, const float* offset, float low, float high,
                              int64_t width, float* y) {
#pragma omp simd
  for (int64_t i = 0; i < width; ++i) {
    const float z = scale[i] * x[i] + offset[i];
    const float above = z < low ? low : z;
    y[i] = above > high ? high : above;
  }
}

VITRAIL_KERNEL void gradient_tile(const float* x, const float* g, const float* scale, const float* offset,
                                  const float* by_x, const float* constant, float low, float high,
                                  int64_t width, float* dx) {
#pragma omp simd
  for (int64_t i = 0; i < width; ++i) {
    const float z = scale[i] * x[i] + offset[i];
    const float kept = z > low && z < high ? g[i] : 0.0f;
    dx[i] = scale[i] * kept + by_x[i] * x[i] + constant[i];
  }
}

/// Two sums per channel: `add(begin, width, first, second)` adds the floats from `begin` on to both.
template <class Add>
void two_sums(const Rows& size, const Add& add, std::vector<double>& first, std::vector<double>& second) {
  const Tiles tiles(size);
  const auto channels = static_cast<size_t>(size.channels), width = static_cast<size_t>(tiles.width);
  std::vector<double> partial(static_cast<size_t>(pieces) * channels * 2, 0);
  parallel_ranges(pieces, 1, [&](int64_t from, int64_t to, int) {
    std::vector<float> a(width), b(width);
    const auto drain = [&](int64_t piece) {
      double* sums = partial.data() + static_cast<size_t>(piece) * channels * 2;
      for (size_t row = 0; row < width; row += channels)
        for (size_t c = 0; c < channels; ++c) {
          sums[c] += a[row + c];
          sums[channels + c] += b[row + c];
        }
      std::fill(a.begin(), a.end(), 0.0f);
      std::fill(b.begin(), b.end(), 0.0f);
    };
    for (int64_t piece = from; piece < to; ++piece) {
      const int64_t begin = tiles.count * piece / pieces, end = tiles.count * (piece + 1) / pieces;
      for (int64_t tile = begin; tile < end; ++tile) {
        add(tile * tiles.width, tiles.width, a.data(), b.data());
        if ((tile - begin) % float_rows == float_rows - 1) drain(piece);
      }
      if (piece == pieces - 1) add(tiles.count * tiles.width, tiles.rest, a.data(), b.data());
      drain(piece);
    }
  });
  first.assign(channels, 0);
  second.assign(channels, 0);
  for (size_t piece = 0; piece < static_cast<size_t>(pieces); ++piece)
    for (size_t c = 0; c < channels; ++c) {
      first[c] += partial[piece * channels * 2 + c];
      second[c] += partial[piece * channels * 2 + channels + c];
    }
}

/// body(begin, width) over all tiles.
template <class Body>
void for_each_tile(const Rows& size, const Body& body) {
  const Tiles tiles(size);
  parallel_ranges(tiles.count, std::max<int64_t>(1, 16384 / tiles.width), [&](int64_t from, int64_t to, int) {
    for (int64_t tile = from; tile < to; ++tile)
      body(tile * tiles.width, tiles.width);
  });
  body(tiles.count * tiles.width, tiles.rest);
}

}  // namespace

Moments moments(const float* x, const Rows& size) {
  // Sums of differences to the first row: without them a large mean would eat the variance.
  const Tiles tiles(size);
  const std::vector<float> first(x, x + size.channels), shift = repeated(first, tiles.width);
  Moments result;
  two_sums(
      size,
      [&](int64_t begin, int64_t width, float* a, float* b) {
        add_moments(x + begin, shift.data(), width, a, b);
      },
      result.mean, result.variance);
  const auto n = static_cast<double>(size.rows);
  for (size_t c = 0; c < first.size(); ++c) {
    const double mean = result.mean[c] / n;
    result.variance[c] = std::max(result.variance[c] / n - mean * mean, 0.0);
    result.mean[c] = mean + double{first[c]};
  }
  return result;
}

void scale_and_clip(const float* x, float* y, const Rows& size, const std::vector<float>& scale,
                    const std::vector<float>& offset, float low, float high) {
  const int64_t tile = Tiles(size).width;
  const std::vector<float> a = repeated(scale, tile), b = repeated(offset, tile);
  for_each_tile(size, [&](int64_t begin, int64_t width) {
    clip_tile(x + begin, a.data(), b.data(), low, high, width, y + begin);
  });
}

GradientSums clipped_gradient_sums(const float* x, const float* gradient, const Rows& size,
                                   const std::vector<float>& scale, const std::vector<float>& offset,
                                   const std::vector<float>& mean, float low, float high) {
  const int64_t tile = Tiles(size).width;
  const std::vector<float> a = repeated(scale, tile), b = repeated(offset, tile), m = repeated(mean, tile);
  GradientSums result;
  two_sums(
      size,
      [&](int64_t begin, int64_t width, float* sums, float* products) {
        add_gradients(x + begin, gradient + begin, a.data(), b.data(), m.data(), low, high, width, sums,
                      products);
      },
      result.gradient, result.gradient_x);
  return result;
}

void clipped_gradient(const float* x, const float* gradient, float* dx, const Rows& size,
                      const std::vector<float>& scale, const std::vector<float>& offset,
                      const std::vector<float>& by_x, const std::vector<float>& constant, float low,
                      float high) {
  const int64_t tile = Tiles(size).width;
  const std::vector<float> a = repeated(scale, tile), b = repeated(offset, tile);
  const std::vector<float> k = repeated(by_x, tile), l = repeated(constant, tile);
  for_each_tile(size, [&](int64_t begin, int64_t width) {
    gradient_tile(x + begin, gradient + begin, a.data(), b.data(), k.data(), l.data(), low, high, width,
                  dx + begin);
  });
}

}  // namespace vitrail::train
