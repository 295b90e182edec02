#include "vitrail/predict/planes.h"

#include <algorithm>
#include <vector>

namespace vitrail {

BandSink labels_sink(LabelMap& labels) {
  return [&labels, best = std::vector<float>()](const Band& band) mutable {
    best.resize(static_cast<size_t>(band.width));
    for (int64_t y = 0; y < band.rows; ++y) {
      const float* values = band.data + y * band.width;
      uint16_t* out = &labels.at(band.first + y, 0);
      std::copy(values, values + band.width, best.begin());
      std::fill(out, out + band.width, uint16_t{0});
      for (int64_t c = 1; c < band.classes; ++c) {
        values += band.plane;
        for (int64_t x = 0; x < band.width; ++x) {
          if (!(values[x] > best[static_cast<size_t>(x)])) continue;
          best[static_cast<size_t>(x)] = values[x];
          out[x] = static_cast<uint16_t>(c);
        }
      }
    }
  };
}

BandSink planes_sink(Tensor& planes) {
  return [&planes](const Band& band) {
    const int64_t plane = planes.size(1) * planes.size(2);
    float* out = planes.data<float>().data() + band.first * band.width;
    for (int64_t c = 0; c < band.classes; ++c)
      std::copy_n(band.data + c * band.plane, band.rows * band.width, out + c * plane);
  };
}

}  // namespace vitrail
