#include "vitrail/engine/kernels/encoding.h"

#include <algorithm>

#include "vitrail/base/checked.h"
#include "vitrail/base/parallel.h"
#include "vitrail/base/tensor.h"
#include "vitrail/engine/kernels/lanes.h"
#include "vitrail/engine/steps/kernels.h"

namespace vitrail::kernels {
namespace {

namespace kernel = engine_detail::kernel;

constexpr int width = 16;          // codewords, or elements of a vector, side by side
constexpr int pixels_at_once = 8;  // sums in registers
constexpr int64_t stretch = 64;    // terms per partial sum: long sums lose less in two levels
constexpr int64_t chunk = 64;      // pixels per task

float* floats(Tensor& tensor) {
  return tensor.data<float>().data();
}

// [codewords, depth] as [depth, codewords rounded up to whole vectors], zeros at the end.
Tensor transposed(const EncodingSize& size, const float* rows) {
  const int64_t columns = round_up(size.codewords, width);
  Tensor result = Tensor::zeros(DataType::f32, {size.depth, columns});
  float* to = floats(result);
  for (int64_t k = 0; k < size.codewords; ++k)
    for (int64_t d = 0; d < size.depth; ++d)
      to[d * columns + k] = rows[k * size.depth + d];
  return result;
}

// A row of `columns` values per pixel for up to pixels_at_once pixels:
//   products = null: to[k] = sum over d of (x_d - c_kd)^2; else of (x_d - c_kd) products_kd
VITRAIL_KERNEL void over_depth(const float* const* x, int64_t depth, const float* codewords,
                               const float* products, int64_t columns, float* to) {
  for (int64_t k = 0; k < columns; k += width) {
    Floats<width> sum[pixels_at_once] = {};
    for (int64_t first = 0; first < depth; first += stretch) {
      Floats<width> part[pixels_at_once] = {};
      for (int64_t d = first; d < std::min(first + stretch, depth); ++d) {
        const Floats<width> c = load<width>(codewords + d * columns + k);
        if (products == nullptr) {
          for (int p = 0; p < pixels_at_once; ++p)
            part[p] += (x[p][d] - c) * (x[p][d] - c);
        } else {
          const Floats<width> factor = load<width>(products + d * columns + k);
          for (int p = 0; p < pixels_at_once; ++p)
            part[p] += (x[p][d] - c) * factor;
        }
      }
      for (int p = 0; p < pixels_at_once; ++p)
        sum[p] += part[p];
    }
    for (int p = 0; p < pixels_at_once; ++p)
      store<width>(to + p * columns + k, sum[p]);
  }
}

// to[e][k] for all pixels, as over_depth has it; `to` is [pixels, columns].
void for_every_pixel(const EncodingSize& size, const float* x, const Tensor& codewords, const float* products,
                     Tensor& to) {
  const int64_t pixels = to.size(0), columns = to.size(1);
  parallel_for(ceil_div(pixels, chunk), 1, [&](int64_t index) {
    Tensor block = Tensor::empty(DataType::f32, {pixels_at_once, columns});
    const int64_t end = std::min((index + 1) * chunk, pixels);
    for (int64_t i = index * chunk; i < end; i += pixels_at_once) {
      const int64_t count = std::min<int64_t>(pixels_at_once, end - i);
      const float* at[pixels_at_once];
      for (int64_t p = 0; p < pixels_at_once; ++p)
        at[p] = x + (i + std::min(p, count - 1)) * size.depth;
      over_depth(at, size.depth, codewords.data<float>().data(), products, columns, floats(block));
      std::copy_n(floats(block), count * columns, floats(to) + i * columns);
    }
  });
}

// What is known of every pixel of all images: [images pixels, columns].
struct Assignment {
  Tensor distances;  // |r_ik|^2
  Tensor weights;    // a_ik
};

Assignment assign(const EncodingSize& size, const float* x, const Tensor& codewords, const float* smoothing) {
  const int64_t pixels = size.images * size.pixels, columns = codewords.size(1), count = size.codewords;
  Assignment result{Tensor::empty(DataType::f32, {pixels, columns}),
                    Tensor::empty(DataType::f32, {pixels, columns})};
  for_every_pixel(size, x, codewords, nullptr, result.distances);
  parallel_for(pixels, chunk, [&](int64_t i) {
    const float* distance = floats(result.distances) + i * columns;
    float* weight = floats(result.weights) + i * columns;
    for (int64_t k = 0; k < count; ++k)
      weight[k] = smoothing[k] * distance[k];
    const float sum = kernel::exp_and_sum(weight, weight, count, kernel::maximum(weight, count));
    kernel::scale(weight, count, 1.0f / sum);
  });
  return result;
}

// For up to four codewords and `lanes` elements from d on: to_k += sum over the pixels of w_ik (x_i - c_k).
template <int lanes>
VITRAIL_INLINE void add_differences(const EncodingSize& size, const float* x, const float* weights,
                                    int64_t columns, int64_t pixels, const float* codewords, int count,
                                    float* to) {
  Floats<lanes> c[4], sum[4] = {};
  for (int k = 0; k < 4; ++k)
    c[k] = load<lanes>(codewords + std::min(k, count - 1) * size.depth);
  for (int64_t i = 0; i < pixels; ++i) {
    const Floats<lanes> value = load<lanes>(x + i * size.depth);
    for (int k = 0; k < 4; ++k)
      sum[k] += (value - c[k]) * weights[i * columns + std::min(k, count - 1)];
  }
  for (int k = 0; k < count; ++k)
    store<lanes>(to + k * size.depth, load<lanes>(to + k * size.depth) + sum[k]);
}

// Elements [begin, end) of every codeword's sum over one image; `to` starts at zero.
VITRAIL_KERNEL void difference_sums(const EncodingSize& size, const float* x, const float* weights,
                                    int64_t columns, const float* codewords, float* to, int64_t begin,
                                    int64_t end) {
  constexpr int64_t block = 128;  // pixels whose `width` elements stay in the nearest cache
  for (int64_t first = 0; first < size.pixels; first += block)
    for (int64_t k = 0; k < size.codewords; k += 4) {
      const int64_t pixels = std::min(block, size.pixels - first);
      const int count = static_cast<int>(std::min<int64_t>(4, size.codewords - k));
      int64_t d = begin;
      for (; d + 2 * width <= end; d += 2 * width)
        add_differences<2 * width>(size, x + first * size.depth + d, weights + first * columns + k, columns,
                                   pixels, codewords + k * size.depth + d, count, to + k * size.depth + d);
      for (; d < end; ++d)
        add_differences<1>(size, x + first * size.depth + d, weights + first * columns + k, columns, pixels,
                           codewords + k * size.depth + d, count, to + k * size.depth + d);
    }
}

// [codewords, depth] of one image: sum over i of weights_ik (x_i - c_k), each element by one thread.
void sum_differences(const EncodingSize& size, const float* x, const float* weights, int64_t columns,
                     const float* codewords, float* to) {
  constexpr int64_t piece = 64;
  std::fill_n(to, size.codewords * size.depth, 0.0f);
  parallel_for(ceil_div(size.depth, piece), 1, [&](int64_t index) {
    difference_sums(size, x, weights, columns, codewords, to, index * piece,
                    std::min((index + 1) * piece, size.depth));
  });
}

// dx = sum over k of a_k G_k + b_k (x - c_k) for one pixel
VITRAIL_KERNEL void gradient_of_pixel(const EncodingSize& size, const float* x, const float* a,
                                      const float* b, const float* gradient, const float* codewords,
                                      float* dx) {
  std::fill_n(dx, size.depth, 0.0f);
  for (int64_t k = 0; k < size.codewords; ++k) {
    const float *g = gradient + k * size.depth, *c = codewords + k * size.depth;
#pragma GCC ivdep
    for (int64_t d = 0; d < size.depth; ++d)
      dx[d] += a[k] * g[d] + b[k] * (x[d] - c[d]);
  }
}

// g_ik = a_ik (dA_ik - sum over k of a_ik dA_ik), in place of dA.
void softmax_gradient(const float* a, int64_t count, float* da) {
  double mean = 0;
  for (int64_t k = 0; k < count; ++k)
    mean += static_cast<double>(a[k]) * static_cast<double>(da[k]);
  for (int64_t k = 0; k < count; ++k)
    da[k] = a[k] * (da[k] - static_cast<float>(mean));
}

// sum over the pixels of a[i][k] b[i][k] (b null: of a alone)
std::vector<double> column_sums(const float* a, const float* b, int64_t pixels, int64_t columns) {
  std::vector<double> sums(static_cast<size_t>(columns), 0.0);
  for (int64_t i = 0; i < pixels; ++i)
    for (int64_t k = 0; k < columns; ++k)
      sums[static_cast<size_t>(k)] += static_cast<double>(a[i * columns + k]) *
                                      (b == nullptr ? 1.0 : static_cast<double>(b[i * columns + k]));
  return sums;
}

// The backward pass of one image after another; sums over images are formed in their order.
class Backward {
 public:
  Backward(const EncodingSize& size, const float* x, const float* codewords, const float* smoothing,
           const float* gradient)
      : size_(size),
        x_(x),
        codewords_(codewords),
        smoothing_(smoothing),
        gradient_(gradient),
        columns_(round_up(size.codewords, width)),
        across_(transposed(size, codewords)),
        assignment_(assign(size, x, across_, smoothing)),
        g_(Tensor::empty(DataType::f32, {size.images * size.pixels, columns_})) {
    for (int64_t n = 0; n < size.images; ++n)
      find_g(n);
  }

  void gradient_of_x(float* dx) {
    parallel_for(size_.images * size_.pixels, 8, [&](int64_t i) {
      std::vector<float> b(static_cast<size_t>(size_.codewords));
      for (int64_t k = 0; k < size_.codewords; ++k)
        b[static_cast<size_t>(k)] = 2 * smoothing_[k] * floats(g_)[i * columns_ + k];
      gradient_of_pixel(size_, x_ + i * size_.depth, floats(assignment_.weights) + i * columns_, b.data(),
                        gradient_ + i / size_.pixels * size_.codewords * size_.depth, codewords_,
                        dx + i * size_.depth);
    });
  }

  void gradient_of_codewords(float* dcodewords) {
    const int64_t count = size_.codewords, depth = size_.depth;
    Tensor sums = Tensor::empty(DataType::f32, {count, depth});
    std::fill_n(dcodewords, count * depth, 0.0f);
    for (int64_t n = 0; n < size_.images; ++n) {
      const int64_t first = n * size_.pixels;
      sum_differences(size_, x_ + first * depth, floats(g_) + first * columns_, columns_, codewords_,
                      floats(sums));
      const std::vector<double> total =
          column_sums(floats(assignment_.weights) + first * columns_, nullptr, size_.pixels, columns_);
      const float* gradient = gradient_ + n * count * depth;
      for (int64_t k = 0; k < count; ++k)
        for (int64_t d = 0; d < depth; ++d)
          dcodewords[k * depth + d] -=
              static_cast<float>(total[static_cast<size_t>(k)]) * gradient[k * depth + d] +
              2 * smoothing_[k] * floats(sums)[k * depth + d];
    }
  }

  void gradient_of_smoothing(float* dsmoothing) {
    const std::vector<double> sums =
        column_sums(floats(g_), floats(assignment_.distances), size_.images * size_.pixels, columns_);
    for (int64_t k = 0; k < size_.codewords; ++k)
      dsmoothing[k] = static_cast<float>(sums[static_cast<size_t>(k)]);
  }

 private:
  // The gradients of the softmax's arguments in image n.
  void find_g(int64_t n) {
    const int64_t first = n * size_.pixels;
    const Tensor products = transposed(size_, gradient_ + n * size_.codewords * size_.depth);
    Tensor da = Tensor::empty(DataType::f32, {size_.pixels, columns_});
    for_every_pixel(size_, x_ + first * size_.depth, across_, products.data<float>().data(), da);
    parallel_for(size_.pixels, chunk, [&](int64_t i) {
      float* row = floats(da) + i * columns_;
      softmax_gradient(floats(assignment_.weights) + (first + i) * columns_, size_.codewords, row);
      std::copy_n(row, columns_, floats(g_) + (first + i) * columns_);
    });
  }

  const EncodingSize& size_;
  const float *x_, *codewords_, *smoothing_, *gradient_;
  int64_t columns_;
  Tensor across_;
  Assignment assignment_;
  Tensor g_;
};

}  // namespace

void encoding(const EncodingSize& size, const float* x, const float* codewords, const float* smoothing,
              float* result) {
  const Tensor across = transposed(size, codewords);
  Assignment assignment = assign(size, x, across, smoothing);
  const int64_t columns = across.size(1);
  for (int64_t n = 0; n < size.images; ++n)
    sum_differences(size, x + n * size.pixels * size.depth,
                    floats(assignment.weights) + n * size.pixels * columns, columns, codewords,
                    result + n * size.codewords * size.depth);
}

void encoding_backward(const EncodingSize& size, const float* x, const float* codewords,
                       const float* smoothing, const float* gradient, float* dx, float* dcodewords,
                       float* dsmoothing) {
  Backward backward(size, x, codewords, smoothing, gradient);
  if (dx != nullptr) backward.gradient_of_x(dx);
  if (dcodewords != nullptr) backward.gradient_of_codewords(dcodewords);
  if (dsmoothing != nullptr) backward.gradient_of_smoothing(dsmoothing);
}

}  // namespace vitrail::kernels
