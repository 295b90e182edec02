#include <algorithm>

#include "vitrail/base/checked.h"
#include "vitrail/base/parallel.h"
#include "vitrail/engine/steps/convolution_step.h"
#include "vitrail/engine/steps/packed_taps.h"

// A 1x1 convolution without padding as a product of matrices: pixels x input channels by input x output
// channels. With a stride the pixels of one row of results lie that much further apart.

namespace vitrail::engine_detail {
namespace {

namespace k = kernel;

struct Plan {
  Shape x, y;
  Pair strides;
  PackedWindow weight;
  ConvolutionEnd end;
  ValueId input = no_value, output = no_value;
  int64_t pixel_step = 0;            // of the output
  int64_t rows = 0, row_pixels = 0;  // results in rows whose pixels lie a fixed distance apart
  int64_t blocks = 0, columns = 0;   // of each row, about equal; output channels of one task
};

const float* source_of(const Plan& plan, const float* x, int64_t row) {
  if (plan.rows == 1) return x;
  const int64_t image = row / plan.y[2], y = row % plan.y[2] * plan.strides[0];
  return x + (image * plan.x[2] + y) * plan.x[3] * plan.x[1];
}

void run(const Plan& plan, const float* x, float* y) {
  const int64_t in = plan.x[1], out = plan.y[1];
  const int64_t parts = ceil_div(out, plan.columns);
  parallel_for(plan.rows * plan.blocks * parts, 1, [&](int64_t task) {
    const int64_t column = task % parts * plan.columns, row = task / parts / plan.blocks;
    const int64_t block = task / parts % plan.blocks;
    const int64_t first = plan.row_pixels * block / plan.blocks;
    const int64_t count = plan.row_pixels * (block + 1) / plan.blocks - first;
    const int64_t step = in * plan.strides[1];
    const float* source = source_of(plan, x, row) + first * step;
    plan.weight.multiply(&source, 1, step, column,
                         y + (row * plan.row_pixels + first) * plan.pixel_step + column, plan.pixel_step,
                         {count, std::min(plan.columns, out - column), in}, plan.end.matrix_end(column));
  });
}

// Each thread gets as many pixels as the others, or as many output channels where pixels are few.
void divide(Plan& plan, int threads) {
  constexpr int64_t most_pixels = 240, least_pixels = 48;  // of a block
  plan.blocks = ceil_div(plan.row_pixels, most_pixels);
  if (plan.rows == 1 && plan.row_pixels >= threads * least_pixels)
    plan.blocks = round_up(plan.blocks, threads);
  const int64_t tasks = plan.rows * plan.blocks;
  const bool fair = tasks % threads == 0 || tasks >= 4 * threads;
  plan.columns = fair ? plan.y[1] : 2 * k::panel_width;
}

bool has_pads(const op::Conv& conv) {
  return std::any_of(conv.pads.begin(), conv.pads.end(), [](int64_t pad) { return pad != 0; });
}

}  // namespace

bool is_pointwise(const StepContext& context, const Layer& layer, const op::Conv& conv) {
  const Shape& w = context.shape(layer.inputs[1]);
  return conv.group == 1 && w[2] == 1 && w[3] == 1 && !has_pads(conv) && w[1] >= 8 && w[0] >= 8;
}

Step make_pointwise(const StepContext& context, const Layer& layer, const op::Conv& conv) {
  Step step = step_of(context, layer, "convolution");
  Plan plan;
  plan.input = layer.inputs[0];
  plan.output = layer.output;
  plan.pixel_step = pixel_step(context, plan.output);
  plan.x = context.shape(plan.input);
  plan.y = context.shape(plan.output);
  plan.strides = conv.strides;
  plan.weight = packed_window(context, layer.inputs[1]);
  plan.end = end_of(context, layer);
  const bool dense = plan.x[2] == plan.y[2] && plan.x[3] == plan.y[3];
  plan.rows = dense ? 1 : plan.y[0] * plan.y[2];
  plan.row_pixels = element_count(plan.y) / plan.y[1] / plan.rows;
  divide(plan, context.threads);
  step.report.kernel = plan.weight.bf16 ? "vitrail product bf16" : "vitrail product";
  step.report.multiply_adds = work_of(context, layer);
  step.weight_bytes = plan.weight.packed.bytes();
  read_input_and_residual(step, layer);
  step.execute = [plan = std::move(plan)](const Memory& memory) {
    run(plan, memory.read(plan.input), memory.write(plan.output));
  };
  return step;
}

}  // namespace vitrail::engine_detail
