#pragma once
// Output stride by dilation, the rule of TensorFlow-slim (SPEC 1.3): walk the layers; where the wanted stride
// is reached, convolve with stride 1 and the rate so far, and only then multiply the rate by the stride that
// was skipped.
//
//   OutputStride walk(16);
//   auto [stride, dilation] = walk.next(2);   // for each layer, in order, with its native stride

#include <cstdint>

namespace vitrail {

class OutputStride {
 public:
  explicit OutputStride(int64_t wanted) : wanted_(wanted) {}

  struct Step {
    int64_t stride;
    int64_t dilation;
  };
  Step next(int64_t native_stride) {
    if (current_ < wanted_) {
      current_ *= native_stride;
      return {native_stride, 1};
    }
    const Step step{1, rate_};
    rate_ *= native_stride;
    return step;
  }
  int64_t rate() const { return rate_; }        ///< of layers that have no stride, from here on
  int64_t current() const { return current_; }  ///< the stride so far

 private:
  int64_t wanted_;
  int64_t current_ = 1;
  int64_t rate_ = 1;
};

}  // namespace vitrail
