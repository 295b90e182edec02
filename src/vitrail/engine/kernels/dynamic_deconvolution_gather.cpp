// The exact form over planes. Planes of a power of two floats fall on the same lines of the caches, so
// nothing may need a row of every channel at once: the picture is done in tiles, small enough that the votes
// of one, copied together, stay in the first-level cache while channel after channel passes over them.

#include <algorithm>

#include "vitrail/base/checked.h"
#include "vitrail/base/parallel.h"
#include "vitrail/base/tensor.h"
#include "vitrail/engine/kernels/dynamic_deconvolution_parts.h"
#include "vitrail/engine/kernels/dynamic_deconvolution_tile.h"
#include "vitrail/engine/kernels/lanes.h"

namespace vitrail::kernels {
namespace {

using tile::Tile;

constexpr int64_t cached_bytes = 16 << 20;  // maps of more than that together do not stay in the caches

constexpr float zeros[tile::most_columns + 2] = {};  // columns -1 to the end of a row that does not exist

// Of tiles, at most: long rows for memory's sake, few of them so that their votes (18 or 36 KiB) stay near.
struct TileShape {
  int64_t rows, columns;
};
TileShape tile_shape(int64_t width) {
  if (width > 256) return {2, 512};
  if (width > 128) return {2, 256};
  return width > 64 ? TileShape{4, 128} : TileShape{8, 64};
}

// Where a tile lies in M.
struct Place {
  int64_t image, y, rows, x, columns;
};

class Gather {
 public:
  Gather(const DynamicDeconvolutionSize& size, const float* m, const float* v, float* d)
      : size_(size), shape_(tile_shape(size.width)), m_(m), v_(v), d_(d) {
    const int64_t bytes =
        4 * size.images *
        (size.height * size.width * (size.channels + 9) + size.out_height * size.out_width * size.channels);
    large_ = bytes > cached_bytes;
    streaming_ = large_ && size.out_width % 4 == 0 && reinterpret_cast<uintptr_t>(d) % 16 == 0;
  }

  void run(const Place& place) {
    place_ = place;
    const int64_t end = place.x + place.columns;
    padded_ = place.columns % tile::block != 0 || size_.op.stride * end > size_.out_width;
    tile_.rows = place.rows;
    tile_.columns = round_up(place.columns, tile::block);
    tile_.vote_stride = 9 * (shape_.columns + 2 * tile::block);
    tile_.votes = votes(0);
    tile_.before = place.x > 0;
    tile_.after = end < size_.width;
    tile_.ahead = tile_.d_ahead = 0;
    if (large_) {
      tile_.ahead = tile_.after ? shape_.columns : place.rows * size_.width - place.x;
      tile_.d_ahead =
          size_.op.stride * (tile_.after ? shape_.columns : place.rows * size_.out_width - place.x);
    }
    copy_votes();
    for (int64_t first = 0; first < size_.channels; first += tile_.channels) {
      const int64_t left = size_.channels - first;
      tile_.channels = left >= 4 ? 4 : left >= 2 ? 2 : 1;
      if (large_) fetch_votes(first, first + tile_.channels);
      gather(place.image * size_.channels + first);
    }
  }

 private:
  // Row y of a plane of M or V from this tile's first column on.
  const float* row(const float* maps, int64_t plane, int64_t y) const {
    return y < 0 || y >= size_.height ? zeros + 1
                                      : maps + (plane * size_.height + y) * size_.width + place_.x;
  }
  // How far from a row of M the row of V lies that tap t comes from.
  int64_t vote_row(int64_t t) const { return size_.op.stride == 1 ? 1 - t / 3 : t < 3 ? 1 : 0; }

  float* votes(int64_t r) { return votes_.data<float>().data() + r * tile_.vote_stride + 9 * tile::block; }
  // Room for rows of V, M and D of a tile that is no multiple of a block wide, and for rows that D lacks.
  float* padded_row(int64_t index) {
    return padding_.data<float>().data() + index * (2 * shape_.columns + tile::block) + tile::block;
  }

  // A copy of a row with zeros to the end of the last block; column -1 is copied too.
  const float* padded(const float* from, float* to) const {
    if (tile_.before) to[-1] = from[-1];
    std::copy_n(from, place_.columns, to);
    std::fill(to + place_.columns, to + tile_.columns, 0.0f);
    return to;
  }

  void copy_votes() {
    for (int64_t r = 0; r < place_.rows; ++r) {
      const float* from[9];
      for (int64_t t = 0; t < 9; ++t) {
        from[t] = row(v_, place_.image * 9 + t, place_.y + r + vote_row(t));
        if (tile_.before) votes(r)[tile::vote_at(-1, t)] = from[t][-1];
        if (tile_.after) votes(r)[tile::vote_at(tile_.columns, t)] = from[t][tile_.columns];
        if (padded_) from[t] = padded(from[t], padded_row(t));
      }
      tile::copy_votes(from, tile_.columns, votes(r));
    }
  }

  // The share of channels `begin` to `end` in fetching the votes of the next tile.
  void fetch_votes(int64_t begin, int64_t end) const {
    for (int64_t t = 9 * begin / size_.channels; t < 9 * end / size_.channels; ++t)
      for (int64_t r = 0; r < place_.rows; ++r) {
        const float* from = row(v_, place_.image * 9 + t, place_.y + r + vote_row(t)) + tile_.ahead;
        for (int64_t x = 0; x < tile_.columns; x += 16)
          __builtin_prefetch(from + x, 0, 2);
      }
  }

  void gather(int64_t plane) {
    const int64_t s = size_.op.stride, above = s == 1 ? 1 : 0, first = place_.y - above;
    const int64_t m_rows = place_.rows + 1 + above, d_rows = s * place_.rows;
    int64_t spare = 0;
    for (int c = 0; c < tile_.channels; ++c) {
      const float* from = m_ + ((plane + c) * size_.height + first) * size_.width + place_.x;
      float* to = out_row(plane + c, 0);
      for (int64_t r = 0; r < m_rows; ++r, from += size_.width) {
        const bool missing = first + r < 0 || first + r >= size_.height;
        const float* m = missing ? zeros + 1 : from;
        tile_.m[c][r] = padded_ ? padded(m, padded_row(spare++)) : m;
      }
      for (int64_t r = 0; r < d_rows; ++r, to += size_.out_width) {
        const bool missing = s * place_.y + r >= size_.out_height;
        tile_.d[c][r] = padded_ || missing ? padded_row(spare++) : to;
      }
    }
    const bool streaming = streaming_ && !padded_;
    s == 1 ? tile::gather_1(tile_, streaming) : tile::gather_2(tile_, streaming);
    if (padded_) copy_out(plane);
  }
  float* out_row(int64_t plane, int64_t r) const {
    const int64_t s = size_.op.stride;
    return d_ + (plane * size_.out_height + s * place_.y + r) * size_.out_width + s * place_.x;
  }
  void copy_out(int64_t plane) const {
    const int64_t s = size_.op.stride;
    const int64_t count = std::min(s * place_.columns, size_.out_width - s * place_.x);
    for (int c = 0; c < tile_.channels; ++c)
      for (int64_t r = 0; r < s * place_.rows && s * place_.y + r < size_.out_height; ++r)
        std::copy_n(tile_.d[c][r], count, out_row(plane + c, r));
  }

  DynamicDeconvolutionSize size_;
  TileShape shape_;
  const float *m_, *v_;
  float* d_;
  bool large_, streaming_, padded_ = false;
  Place place_{};
  Tile tile_{};
  Tensor votes_ = Tensor::empty(DataType::f32, {shape_.rows, 9, shape_.columns + 2 * tile::block});
  Tensor padding_ = Tensor::empty(
      DataType::f32, {tile::most_channels, 3 * shape_.rows + 2, 2 * shape_.columns + tile::block});
};

}  // namespace

void gather_planar(const DynamicDeconvolutionSize& size, const float* m, const float* v, float* d) {
  const TileShape shape = tile_shape(size.width);
  const int64_t strips = ceil_div(size.height, shape.rows), across = ceil_div(size.width, shape.columns);
  parallel_ranges(size.images * strips, ceil_div(rows_per_thread(size), shape.rows),
                  [&](int64_t begin, int64_t end, int) {
                    Gather gather(size, m, v, d);
                    for (int64_t i = begin * across; i < end * across; ++i) {
                      const int64_t strip = i / across, x = i % across * shape.columns,
                                    y = strip % strips * shape.rows;
                      gather.run({strip / strips, y, std::min(shape.rows, size.height - y), x,
                                  std::min(shape.columns, size.width - x)});
                    }
                    store_fence();
                  });
}

}  // namespace vitrail::kernels
