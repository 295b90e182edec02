// Operators over N x C x H x W.

#include <algorithm>

#include "vitrail/base/checked.h"
#include "vitrail/graph/evaluate/kernels.h"

namespace vitrail::evaluate_detail {
namespace {

// The mean or the largest of a rectangle [top, bottom) x [left, right) of a plane.
template <class T>
T pooled(const T* plane, int64_t width, int64_t top, int64_t bottom, int64_t left, int64_t right,
         bool maximum) {
  T most = plane[top * width + left];
  Wide<T> total = 0;
  for (int64_t y = top; y < bottom; ++y)
    for (int64_t x = left; x < right; ++x) {
      const T value = plane[y * width + x];
      most = value > most || value != value ? value : most;
      total = sum(total, static_cast<Wide<T>>(value));
    }
  return maximum ? most : static_cast<T>(total / static_cast<Wide<T>>((bottom - top) * (right - left)));
}

void pool_in_bins(const Tensor& in, const Pair& bins, bool maximum, Tensor& out) {
  const int64_t planes = in.size(0) * in.size(1), height = in.size(2), width = in.size(3);
  if (height * width == 0 && planes > 0)
    throw Error(ErrorKind::shape,
                {.found = cat("input is ", to_string(in.shape())), .allowed = "it must not be empty"});
  for_number(in.type(), [&](auto zero) {
    using T = decltype(zero);
    const T* plane = read<T>(in);
    T* to = write<T>(out);
    for (int64_t p = 0; p < planes; ++p, plane += height * width)
      for (int64_t y = 0; y < bins[0]; ++y)
        for (int64_t x = 0; x < bins[1]; ++x)
          *to++ = pooled(plane, width, y * height / bins[0], ceil_div((y + 1) * height, bins[0]),
                         x * width / bins[1], ceil_div((x + 1) * width, bins[1]), maximum);
  });
}

}  // namespace

void run(const op::GlobalAveragePool&, Inputs in, Tensor& out) {
  pool_in_bins(in[0], {1, 1}, false, out);
}
void run(const op::GlobalMaxPool&, Inputs in, Tensor& out) {
  pool_in_bins(in[0], {1, 1}, true, out);
}
void run(const op::AdaptivePool& op, Inputs in, Tensor& out) {
  pool_in_bins(in[0], op.bins, op.maximum, out);
}

void run(const op::MaxUnpool&, Inputs in, Tensor& out) {
  const auto* indices = read<int64_t>(in[1]);
  for_number(in[0].type(), [&](auto zero) {
    using T = decltype(zero);
    const T* x = read<T>(in[0]);
    T* y = write<T>(out);
    std::fill(y, y + out.elements(), T{0});
    for (int64_t i = 0; i < in[0].elements(); ++i) {
      if (indices[i] < 0 || indices[i] >= out.elements())
        throw Error(ErrorKind::shape,
                    {.found = cat("position ", indices[i]), .allowed = cat("0..", out.elements() - 1)});
      y[indices[i]] = x[i];
    }
  });
}

void run(const op::LRN& op, Inputs in, Tensor& out) {
  const Lanes lanes(in[0].shape(), 1);
  const int64_t before = (op.size - 1) / 2, after = op.size - 1 - before;
  for_float(in[0].type(), [&](auto zero) {
    using T = decltype(zero);
    const T* x = read<T>(in[0]);
    T* y = write<T>(out);
    for_lanes(lanes, [&](int64_t first, int64_t step, int64_t) {
      for (int64_t c = 0; c < lanes.size; ++c) {
        double squares = 0;
        const int64_t low = std::max<int64_t>(c - before, 0);
        const int64_t high = after >= lanes.size - 1 - c ? lanes.size - 1 : c + after;
        for (int64_t k = low; k <= high; ++k)
          squares += static_cast<double>(x[first + k * step]) * static_cast<double>(x[first + k * step]);
        const double divisor = std::pow(op.bias + op.alpha / static_cast<double>(op.size) * squares, op.beta);
        y[first + c * step] = static_cast<T>(static_cast<double>(x[first + c * step]) / divisor);
      }
    });
  });
}

}  // namespace vitrail::evaluate_detail
