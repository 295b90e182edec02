#include "vitrail/data/channel_sums.h"

#include <algorithm>
#include <cmath>

namespace vitrail {

void ChannelSum::add(const ChannelSum& other) {
  values += other.values;
  sum += other.sum;
  squares += other.squares;
}

double ChannelSum::mean() const {
  return values == 0 ? 0 : sum / static_cast<double>(values);
}

double ChannelSum::deviation() const {
  if (values == 0) return 0;
  return std::sqrt(std::max(0.0, squares / static_cast<double>(values) - mean() * mean()));
}

std::vector<ChannelSum> channel_sums(const Image& image) {
  std::vector<ChannelSum> sums(static_cast<size_t>(image.channels));
  for (size_t c = 0; c < sums.size(); ++c) {
    int64_t sum = 0, squares = 0;  // of bytes: exact
    for (size_t i = c; i < image.pixels.size(); i += sums.size()) {
      const int64_t value = image.pixels[i];
      sum += value;
      squares += value * value;
    }
    sums[c] = {image.height * image.width, static_cast<double>(sum), static_cast<double>(squares)};
  }
  return sums;
}

}  // namespace vitrail
