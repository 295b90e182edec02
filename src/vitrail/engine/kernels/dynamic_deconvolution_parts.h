#pragma once
// What dynamic_deconvolution.cpp chooses from: the exact form by layout, the matrix form, and where elements
// lie.

#include "vitrail/engine/kernels/dynamic_deconvolution.h"

namespace vitrail::kernels {

void gather_planar(const DynamicDeconvolutionSize& size, const float* m, const float* v, float* d);
void spread_planar(const DynamicDeconvolutionSize& size, const float* m, const float* v,
                   const float* gradient, float* dm, float* dv);

void gather_pixels(const DynamicDeconvolutionSize& size, const float* m, const float* v, float* d);
void spread_pixels(const DynamicDeconvolutionSize& size, const float* m, const float* v,
                   const float* gradient, float* dm, float* dv);

/// The matrix form, in both layouts.
void gate(const DynamicDeconvolutionSize& size, const float* m, const float* v, float* d);
void gate_backward(const DynamicDeconvolutionSize& size, const float* m, const float* v,
                   const float* gradient, float* dm, float* dv);

/// Where the element (n, c, y, x) of a map lies.
struct MapView {
  ImageLayout layout;
  int64_t channels, height, width;
  int64_t at(int64_t n, int64_t c, int64_t y, int64_t x) const {
    return layout == ImageLayout::planar ? ((n * channels + c) * height + y) * width + x
                                         : ((n * height + y) * width + x) * channels + c;
  }
  /// Between neighbouring columns.
  int64_t column_step() const { return layout == ImageLayout::planar ? 1 : channels; }
};

/// Rows of M that are worth a thread of their own.
inline int64_t rows_per_thread(const DynamicDeconvolutionSize& size) {
  constexpr int64_t products = 1 << 16;
  return 1 + products / (9 * size.width * size.channels);
}

}  // namespace vitrail::kernels
