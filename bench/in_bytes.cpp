#include "bench/in_bytes.h"

#include "vitrail/quantize/quantize.h"

namespace vitrail::bench {

Case in_bytes(const Case& net) {
  Case small = net;
  small.key += "-int8";
  for (const size_t d : {size_t{2}, size_t{3}})  // scales need no large picture
    small.input[d] = std::min<int64_t>(small.input[d], 512);
  const CalibrationSet noise{2, [&](int64_t) { return input_of(small); }};
  small.model =
      quantized(net.model, noise, {.method = CalibrationMethod::percentile, .percentile = 100}).model;
  small.input = net.input;
  return small;
}

}  // namespace vitrail::bench
