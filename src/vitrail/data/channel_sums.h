#pragma once
// Mean and deviation of each channel of pictures: what a network's net.mean and net.std may be.
//
//   std::vector<ChannelSum> sums = channel_sums(image);
//   std::cout << sums[3].mean() << " " << sums[3].deviation();     // of the depth, on the 0..255 scale

#include <cstdint>
#include <vector>

#include "vitrail/image/image.h"

namespace vitrail {

struct ChannelSum {
  int64_t values = 0;
  double sum = 0, squares = 0;

  void add(const ChannelSum& other);
  double mean() const;       ///< 0 of no values
  double deviation() const;  ///< of all values, not an estimate from a sample of them
};

/// One for each channel.
std::vector<ChannelSum> channel_sums(const Image& image);

}  // namespace vitrail
