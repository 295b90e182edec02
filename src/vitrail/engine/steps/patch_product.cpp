#include <algorithm>

#include "vitrail/base/checked.h"
#include "vitrail/base/parallel.h"
#include "vitrail/engine/kernels/gemm_bf16.h"
#include "vitrail/engine/steps/convolution_step.h"
#include "vitrail/engine/steps/packed_taps.h"
#include "vitrail/graph/shape_inference.h"

// A convolution in bf16 as one product of matrices: what each result sees of the input, rounded and laid out
// in a row, by the weights. Blocks of such rows stay in a core's cache while all weights pass by.

namespace vitrail::engine_detail {
namespace {

namespace k = kernel;

struct Plan {
  Shape x, y, weight_shape;
  Pair strides, dilations;
  Pads pads;
  PackedWindow weight;
  ConvolutionEnd end;
  ValueId input = no_value, output = no_value;
  int64_t pixel_step = 0;                 // of the output
  int64_t blocks = 0, block_numbers = 0;  // block_numbers: 16-bit ones that a thread's block takes

  int64_t pixels() const { return y[0] * y[2] * y[3]; }
  int64_t row_numbers() const { return round_up(weight.depth, 2); }
  int64_t first_pixel(int64_t block) const { return pixels() * block / blocks; }
};

// What the result at `pixel` sees.
void gather(const Plan& plan, const float* x, int64_t pixel, uint16_t* to) {
  const int64_t in = plan.x[1], column = pixel % plan.y[3], line = pixel / plan.y[3];
  const int64_t image = line / plan.y[2], row = line % plan.y[2];
  for (int64_t i = 0; i < plan.weight_shape[2]; ++i)
    for (int64_t j = 0; j < plan.weight_shape[3]; ++j, to += in) {
      const int64_t from_row = row * plan.strides[0] - plan.pads[0] + i * plan.dilations[0];
      const int64_t from_column = column * plan.strides[1] - plan.pads[1] + j * plan.dilations[1];
      if (from_row >= 0 && from_row < plan.x[2] && from_column >= 0 && from_column < plan.x[3])
        k::round_to_bf16(x + ((image * plan.x[2] + from_row) * plan.x[3] + from_column) * in, in, to);
      else
        std::fill_n(to, in, uint16_t{0});
    }
}

void run(const Plan& plan, const float* x, float* y, uint16_t* scratch) {
  const int64_t out = plan.y[1], row_numbers = plan.row_numbers();
  const auto* weights = reinterpret_cast<const uint16_t*>(plan.weight.packed.raw());
  const k::MatrixEnd end = plan.end.matrix_end();
  parallel_ranges(plan.blocks, 1, [&](int64_t begin, int64_t stop, int thread) {
    uint16_t* rows = scratch + thread * plan.block_numbers;
    std::fill_n(rows, plan.block_numbers, uint16_t{0});  // what fills a row up must be finite
    for (int64_t block = begin; block < stop; ++block) {
      const int64_t first = plan.first_pixel(block), count = plan.first_pixel(block + 1) - first;
      for (int64_t i = 0; i < count; ++i)
        gather(plan, x, first + i, rows + i * row_numbers);
      k::multiply_rounded(rows, weights, y + first * plan.pixel_step, plan.pixel_step,
                          {count, out, plan.weight.depth}, end);
    }
  });
}

void divide(Plan& plan, int threads) {
  constexpr int64_t cached_numbers = 192 << 10;  // of a block, in a core's own cache
  const int64_t most = std::max<int64_t>(cached_numbers / plan.row_numbers() / 12 * 12, 12);
  plan.blocks = std::min(round_up(ceil_div(plan.pixels(), most), threads), plan.pixels());
  plan.block_numbers =
      round_up(ceil_div(plan.pixels(), plan.blocks) * plan.row_numbers() + k::bf16_slack, 32);
}

}  // namespace

bool is_patch_product(const StepContext& context, const Layer& layer, const op::Conv& conv) {
  const Shape& w = context.shape(layer.inputs[1]);
  return context.bf16 && conv.group == 1 && w[1] >= 16 && w[0] >= 16 &&
         w[1] * w[2] * w[3] <= k::most_bf16_depth && context.network.is_constant(layer.inputs[1]);
}

Step make_patch_product(const StepContext& context, const Layer& layer, const op::Conv& conv) {
  Step step = step_of(context, layer, "convolution");
  Plan plan;
  plan.input = layer.inputs[0];
  plan.output = layer.output;
  plan.pixel_step = pixel_step(context, plan.output);
  plan.x = context.shape(plan.input);
  plan.y = context.shape(plan.output);
  plan.weight_shape = context.shape(layer.inputs[1]);
  plan.strides = conv.strides;
  plan.dilations = conv.dilations;
  plan.pads = resolved_pads(conv.auto_pad, conv.pads, {plan.x[2], plan.x[3]},
                            {plan.weight_shape[2], plan.weight_shape[3]}, conv.strides, conv.dilations);
  plan.weight = packed_window(context, layer.inputs[1]);
  plan.end = end_of(context, layer);
  divide(plan, context.threads);
  step.report.kernel = "vitrail patches bf16";
  step.report.multiply_adds = work_of(context, layer);
  step.scratch_bytes = checked_mul(context.threads * plan.block_numbers, 2, layer.name);
  step.weight_bytes = plan.weight.packed.bytes();
  read_input_and_residual(step, layer);
  step.execute = [plan = std::move(plan)](const Memory& memory) {
    run(plan, memory.read(plan.input), memory.write(plan.output),
        reinterpret_cast<uint16_t*>(memory.scratch));
  };
  return step;
}

}  // namespace vitrail::engine_detail
