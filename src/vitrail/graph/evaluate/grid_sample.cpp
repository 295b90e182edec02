// Samples at computed positions.

#include "vitrail/graph/evaluate/kernels.h"
#include "vitrail/graph/grid_taps.h"

namespace vitrail::evaluate_detail {
namespace {

template <class T>
T sampled(const T* plane, int64_t width, const GridTaps& rows, const GridTaps& columns) {
  double sum = 0;
  for (size_t r = 0; r < static_cast<size_t>(rows.count); ++r)
    for (size_t c = 0; c < static_cast<size_t>(columns.count); ++c) {
      const double weight = rows.weight[r] * columns.weight[c];
      if (weight != 0) sum += weight * static_cast<double>(plane[rows.from[r] * width + columns.from[c]]);
    }
  return static_cast<T>(sum);
}

}  // namespace

void run(const op::GridSample& op, Inputs in, Tensor& out) {
  const int64_t channels = in[0].size(1), height = in[0].size(2), width = in[0].size(3);
  const int64_t area = out.size(2) * out.size(3);
  for_float(in[0].type(), [&](auto zero) {
    using T = decltype(zero);
    const T* position = read<T>(in[1]);
    for (int64_t n = 0; n < out.size(0); ++n)
      for (int64_t i = 0; i < area; ++i, position += 2) {
        const GridTaps columns = grid_taps(op, static_cast<double>(position[0]), width);
        const GridTaps rows = grid_taps(op, static_cast<double>(position[1]), height);
        for (int64_t c = 0; c < channels; ++c)
          write<T>(out)[(n * channels + c) * area + i] =
              sampled(read<T>(in[0]) + (n * channels + c) * height * width, width, rows, columns);
      }
  });
}

}  // namespace vitrail::evaluate_detail
