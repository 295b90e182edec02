#include "vitrail/engine/steps/packed_taps.h"

#include "vitrail/base/checked.h"
#include "vitrail/base/parallel.h"
#include "vitrail/engine/kernels/gemm_bf16.h"

namespace vitrail::engine_detail {
namespace {

// [kh, kw, in, out] from [out, in, kh, kw].
std::vector<float> windows_of(const Tensor& weight) {
  const int64_t out = weight.size(0), in = weight.size(1), taps = weight.size(2) * weight.size(3);
  std::vector<float> plain(static_cast<size_t>(out * in * taps));
  const float* from = weight.data<float>().data();
  for (int64_t o = 0; o < out; ++o)
    for (int64_t c = 0; c < in; ++c)
      for (int64_t t = 0; t < taps; ++t)
        plain[static_cast<size_t>((t * in + c) * out + o)] = *from++;
  return plain;
}

Tensor pack_f32(const Tensor& weight, int64_t depth) {
  const int64_t out = weight.size(0);
  Tensor packed = Tensor::empty(DataType::f32, {kernel::packed_floats(depth, out)});
  kernel::pack_matrix(windows_of(weight).data(), out, 1, depth, out, packed.data<float>().data());
  return packed;
}

Tensor pack_bf16(const Tensor& weight, int64_t depth) {
  const int64_t out = weight.size(0);
  Tensor packed = Tensor::empty(DataType::bf16, {kernel::packed_bf16_count(depth, out)});
  kernel::pack_matrix_bf16(windows_of(weight).data(), out, 1, depth, out,
                           reinterpret_cast<uint16_t*>(packed.raw()));
  return packed;
}

// Fewer products than this for each result are not worth rounding for.
constexpr int64_t least_bf16_depth = 32;

}  // namespace

PackedWindow packed_window(const StepContext& context, ValueId id) {
  const Tensor& weight = context.network.value(id).constant;
  PackedWindow window;
  window.depth = weight.size(1) * weight.size(2) * weight.size(3);
  window.bf16 = context.bf16 && window.depth >= least_bf16_depth && window.depth <= kernel::most_bf16_depth;
  window.packed = window.bf16 ? context.network.derived->get(weight, "bf16 window",
                                                             [&] { return pack_bf16(weight, window.depth); })
                              : context.network.derived->get(weight, "window",
                                                             [&] { return pack_f32(weight, window.depth); });
  return window;
}

void PackedWindow::multiply(const float* const* a, int64_t parts, int64_t lda, int64_t column, float* c,
                            int64_t ldc, const kernel::MatrixSizes& sizes,
                            const kernel::MatrixEnd& end) const {
  if (bf16) {
    const auto* first = reinterpret_cast<const uint16_t*>(packed.raw()) + column * round_up(depth, 2);
    kernel::multiply_bf16(a, parts, lda, first, c, ldc, sizes, end);
  } else {
    kernel::multiply(a, parts, lda, packed.data<float>().data() + column * depth, c, ldc, sizes, end);
  }
}

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
