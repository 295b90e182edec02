#include "vitrail/engine/kernels/dynamic_deconvolution.h"

#include <algorithm>

#include "vitrail/engine/kernels/dynamic_deconvolution_parts.h"

namespace vitrail::kernels {

using Form = op::DynamicDeconvolution::Form;

void dynamic_deconvolution(const DynamicDeconvolutionSize& size, const float* m, const float* v, float* d) {
  if (size.op.form == Form::matrix)
    gate(size, m, v, d);
  else if (size.layout == ImageLayout::planar)
    gather_planar(size, m, v, d);
  else
    gather_pixels(size, m, v, d);
}

void dynamic_deconvolution_backward(const DynamicDeconvolutionSize& size, const float* m, const float* v,
                                    const float* gradient, float* dm, float* dv) {
  if (size.op.form == Form::matrix)
    gate_backward(size, m, v, gradient, dm, dv);
  else if (size.layout == ImageLayout::planar)
    spread_planar(size, m, v, gradient, dm, dv);
  else
    spread_pixels(size, m, v, gradient, dm, dv);
}

void dynamic_deconvolution_by_steps(const DynamicDeconvolutionSize& size, const float* m, const float* v,
                                    float* d) {
  const int64_t s = size.op.stride;
  const MapView in{size.layout, size.channels, size.height, size.width},
      votes{size.layout, 9, size.height, size.width},
      out{size.layout, size.channels, size.out_height, size.out_width};
  std::fill_n(d, size.images * size.channels * size.out_height * size.out_width, 0.0f);
  for (int64_t n = 0; n < size.images; ++n)
    for (int64_t i = 0; i < size.height; ++i)
      for (int64_t j = 0; j < size.width; ++j)
        for (int64_t t = 0; t < 9; ++t) {
          const int64_t y = s * i + t / 3 - 1, x = s * j + t % 3 - 1;
          if (y < 0 || y >= size.out_height || x < 0 || x >= size.out_width) continue;
          const float vote = v[votes.at(n, t, i, j)];
          for (int64_t c = 0; c < size.channels; ++c)
            d[out.at(n, c, y, x)] += m[in.at(n, c, i, j)] * vote;
        }
}

}  // namespace vitrail::kernels
