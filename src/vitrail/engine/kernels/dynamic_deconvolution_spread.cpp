// The gradients of the exact form over planes. As in dynamic_deconvolution_gather.cpp nothing may need a row
// of every channel at once: the picture is done in strips of rows and blocks of columns, the votes of one
// block are copied together, and then channel after channel passes over them.

#include <algorithm>

#include "vitrail/base/checked.h"
#include "vitrail/base/parallel.h"
#include "vitrail/base/tensor.h"
#include "vitrail/engine/kernels/dynamic_deconvolution_parts.h"
#include "vitrail/engine/kernels/dynamic_deconvolution_rows.h"

namespace vitrail::kernels {
namespace {

using rows::column_block, rows::vote_margin, rows::vote_stride;

constexpr int64_t strip_rows = 8;

// A block of columns in a strip of rows of M.
struct Block {
  int64_t image, y, rows, x, columns;
};

// body(block, work) for every block; each thread has a `Work` of its own.
template <class Work, class Body>
void for_each_block(const DynamicDeconvolutionSize& size, const Body& body) {
  const int64_t strips = ceil_div(size.height, strip_rows);
  const int64_t grain = ceil_div(rows_per_thread(size), strip_rows);
  parallel_ranges(size.images * strips, grain, [&](int64_t begin, int64_t end, int) {
    Work work;
    for (int64_t i = begin; i < end; ++i)
      for (int64_t x = 0; x < size.width; x += column_block) {
        const int64_t y = i % strips * strip_rows;
        body(Block{i / strips, y, std::min(strip_rows, size.height - y), x,
                   std::min(column_block, size.width - x)},
             work);
      }
  });
}

// Nine rows per row of a block, as rows.h wants them.
class Taps {
 public:
  Taps() : buffer_(Tensor::empty(DataType::f32, {strip_rows, 9, vote_stride})) {}
  float* row(int64_t row, int64_t tap = 0) {
    return buffer_.data<float>().data() + (row * 9 + tap) * vote_stride + vote_margin;
  }

  void copy_votes(const DynamicDeconvolutionSize& size, const float* v, const Block& block) {
    for (int64_t t = 0; t < 9; ++t)
      for (int64_t r = 0; r < block.rows; ++r) {
        std::copy_n(v + ((block.image * 9 + t) * size.height + block.y + r) * size.width + block.x,
                    block.columns, row(r, t));
        std::fill_n(row(r, t) + block.columns, vote_margin, 0.0f);
      }
  }

 private:
  Tensor buffer_;
};

// The rows of D's gradient that a block of one channel reads, with a column of zeros on each side: for stride
// 2 the even and the odd columns apart.
class GradientRows {
 public:
  GradientRows() : buffer_(Tensor::zeros(DataType::f32, {2 * strip_rows + 1, 2, stride})) {}

  void copy(const DynamicDeconvolutionSize& size, const float* gradient, const Block& block) {
    const int64_t s = size.op.stride;
    for (int64_t i = 0; i < s * (block.rows - 1) + 3; ++i) {
      const int64_t y = s * block.y - 1 + i;
      const bool inside = y >= 0 && y < size.out_height;
      const float* from = inside ? gradient + y * size.out_width : nullptr;
      if (s == 1)
        copy_columns(from, size.out_width, block.x - 1, 1, block.columns + 2, row(i, 0) - 1);
      else {
        copy_columns(from, size.out_width, 2 * block.x, 2, block.columns, row(i, 0));
        copy_columns(from, size.out_width, 2 * block.x - 1, 2, block.columns + 1, row(i, 1) - 1);
      }
    }
  }

  // What tap t reads for row r of the block.
  const float* tap(int64_t s, int64_t r, int64_t t) {
    const int64_t i = s * r + t / 3, tx = t % 3 - 1;
    if (s == 1) return row(i, 0) + tx;
    return tx == 0 ? row(i, 0) : row(i, 1) + (tx < 0 ? -1 : 0);
  }

 private:
  static constexpr int64_t stride = column_block + 2 * vote_margin;

  float* row(int64_t i, int64_t parity) {
    return buffer_.data<float>().data() + (2 * i + parity) * stride + vote_margin;
  }
  // Every `step`-th column from `x` on; zeros where `from` is null or has no such column.
  static void copy_columns(const float* from, int64_t width, int64_t x, int64_t step, int64_t count,
                           float* to) {
    if (from == nullptr) {
      std::fill_n(to, count, 0.0f);
      return;
    }
    const int64_t begin = x < 0 ? 1 : 0,
                  end = std::min(count, ceil_div(std::max<int64_t>(width - x, 0), step));
    std::fill_n(to, begin, 0.0f);
    for (int64_t i = begin; i < end; ++i)
      to[i] = from[x + i * step];
    std::fill(to + end, to + count, 0.0f);
  }

  Tensor buffer_;
};

struct SpreadWork {
  Taps votes, dv;
  GradientRows gradient[2];
  float unwanted[column_block];
};

void spread_channels(const DynamicDeconvolutionSize& size, const float* m, const float* gradient, float* dm,
                     const Block& block, int64_t first, int channels, SpreadWork& work) {
  const int64_t plane = block.image * size.channels + first, area = size.out_height * size.out_width;
  for (int c = 0; c < channels; ++c)
    work.gradient[c].copy(size, gradient + (plane + c) * area, block);
  for (int64_t r = 0; r < block.rows; ++r) {
    rows::Spread now;
    for (int c = 0; c < channels; ++c) {
      const int64_t at = ((plane + c) * size.height + block.y + r) * size.width + block.x;
      now.m[c] = m + at;
      now.dm[c] = dm == nullptr ? work.unwanted : dm + at;
      for (int64_t t = 0; t < 9; ++t)
        now.gradient[c][t] = work.gradient[c].tap(size.op.stride, r, t);
    }
    rows::spread(channels, now, work.votes.row(r), work.dv.row(r), block.columns);
  }
}

}  // namespace

void spread_planar(const DynamicDeconvolutionSize& size, const float* m, const float* v,
                   const float* gradient, float* dm, float* dv) {
  for_each_block<SpreadWork>(size, [&](const Block& block, SpreadWork& work) {
    work.votes.copy_votes(size, v, block);
    for (int64_t r = 0; r < block.rows; ++r)
      std::fill_n(work.dv.row(r) - vote_margin, 9 * vote_stride, 0.0f);
    for (int64_t first = 0; first < size.channels; first += 2)
      spread_channels(size, m, gradient, dm, block, first,
                      static_cast<int>(std::min<int64_t>(size.channels - first, 2)), work);
    if (dv == nullptr) return;
    for (int64_t t = 0; t < 9; ++t)
      for (int64_t r = 0; r < block.rows; ++r)
        std::copy_n(work.dv.row(r, t), block.columns,
                    dv + ((block.image * 9 + t) * size.height + block.y + r) * size.width + block.x);
  });
}

}  // namespace vitrail::kernels
