#pragma once
// Loops behind normalize.h over `rows` x `channels` floats in row-major order (an N x H x W x C map is N*H*W
// rows). Sums are formed in fixed pieces in a fixed order, so that they do not depend on the number of
// threads.

#include <cstdint>
#include <vector>

namespace vitrail::train {

struct Rows {
  int64_t rows = 0;
  int64_t channels = 0;
};

/// Per channel: mean and (biased) variance of x.
struct Moments {
  std::vector<double> mean, variance;
};
Moments moments(const float* x, const Rows& size);

/// y = min(max(scale x + offset, low), high), per channel. NaN stays NaN.
void scale_and_clip(const float* x, float* y, const Rows& size, const std::vector<float>& scale,
                    const std::vector<float>& offset, float low, float high);

/// With g the gradient where low < scale x + offset < high and 0 elsewhere, per channel: sum of g and sum of
/// g (x - mean).
struct GradientSums {
  std::vector<double> gradient, gradient_x;
};
GradientSums clipped_gradient_sums(const float* x, const float* gradient, const Rows& size,
                                   const std::vector<float>& scale, const std::vector<float>& offset,
                                   const std::vector<float>& mean, float low, float high);

/// dx = scale g + by_x x + constant, per channel, with g as above.
void clipped_gradient(const float* x, const float* gradient, float* dx, const Rows& size,
                      const std::vector<float>& scale, const std::vector<float>& offset,
                      const std::vector<float>& by_x, const std::vector<float>& constant, float low,
                      float high);

}  // namespace vitrail::train
