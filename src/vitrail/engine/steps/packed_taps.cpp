#include "vitrail/engine/steps/packed_taps.h"

#include "vitrail/base/parallel.h"

namespace vitrail::engine_detail {

Tensor packed_taps(const StepContext& context, ValueId id) {
  const Tensor& weight = context.network.value(id).constant;
  return context.network.derived->get(weight, "packed taps", [&] {
    const int64_t out = weight.size(0), in = weight.size(1), taps = weight.size(2) * weight.size(3);
    const int64_t floats = kernel::packed_floats(in, out);
    Tensor packed = Tensor::empty(DataType::f32, {taps, floats});
    parallel_for(taps, 1, [&](int64_t tap) {
      kernel::pack_matrix(weight.data<float>().data() + tap, taps, in * taps, in, out,
                          packed.data<float>().data() + tap * floats);
    });
    return packed;
  });
}

}  // namespace vitrail::engine_detail
