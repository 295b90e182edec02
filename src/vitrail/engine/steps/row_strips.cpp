#include <algorithm>
#include <array>

#include "vitrail/base/checked.h"
#include "vitrail/base/parallel.h"
#include "vitrail/engine/kernels/depthwise.h"
#include "vitrail/engine/steps/convolution_step.h"
#include "vitrail/engine/steps/kernels.h"
#include "vitrail/engine/steps/packed_taps.h"
#include "vitrail/graph/shape_inference.h"

// Convolutions that read each other, row by row: a row of the last one pulls the rows that it needs from the
// one before, and so on up to the input. Of each map between them only the rows that are still needed exist,
// so they never leave the caches. Each row is computed in the same way whoever asks for it: results do not
// depend on the number of threads.

namespace vitrail::engine_detail {
namespace {

namespace k = kernel;

struct Stage {
  Shape x, y;
  Pair kernel, strides, dilations;
  Pads pads;
  bool depthwise = false;
  Tensor taps;          // depthwise: [taps][channels]
  PackedWindow window;  // else
  ConvolutionEnd end;   // always with a bias

  // Rows that a row of results needs; outside of [0, x[2]) they are zeros.
  int64_t first_row(int64_t row) const { return row * strides[0] - pads[0]; }
  int64_t row_span() const { return (kernel[0] - 1) * dilations[0] + 1; }
  // Its input rows lie in memory with room for the zeros to their left and right.
  int64_t left() const { return pads[1]; }
  int64_t pixels() const {
    return std::max(left() + x[3], (y[3] - 1) * strides[1] + (kernel[1] - 1) * dilations[1] + 1);
  }
  int64_t row_floats() const { return pixels() * x[1]; }
  int64_t ring_floats() const { return row_span() * row_floats(); }
};

struct Plan {
  std::vector<Stage> stages;
  ValueId input = no_value, output = no_value;
  bool planar = false;     // the input is row-major
  int64_t pixel_step = 0;  // of the output
  int64_t zero_floats = 0, thread_floats = 0;
};

// The rows of one thread; stage s reads the ring s.
class Rows {
 public:
  Rows(const Plan& plan, const float* x, float* y, float* memory) : plan_(plan), x_(x), y_(y) {
    zeros_ = memory;
    std::fill_n(zeros_, plan.zero_floats, 0.0f);
    memory += plan.zero_floats;
    for (const Stage& stage : plan.stages) {
      rings_.push_back(memory);
      std::fill_n(memory, stage.ring_floats(), 0.0f);  // what lies left and right of the rows stays zero
      memory += stage.ring_floats();
    }
    next_.assign(plan.stages.size(), 0);
  }

  void compute(int64_t image, int64_t begin, int64_t end) {
    image_ = image;
    std::fill(next_.begin(), next_.end(), 0);
    const size_t last = plan_.stages.size() - 1;
    const Shape& y = plan_.stages[last].y;
    for (int64_t row = begin; row < end; ++row)
      compute_row(last, row, y_ + (image * y[2] + row) * y[3] * plan_.pixel_step, plan_.pixel_step);
  }

 private:
  // Row `row` of what stage s reads; rows come in ascending order and some may be left out.
  const float* input_row(size_t s, int64_t row) const {
    const Stage& stage = plan_.stages[s];
    if (row < 0 || row >= stage.x[2]) return zeros_;
    return rings_[s] + row % stage.row_span() * stage.row_floats();
  }

  // Makes the rows [first, end) of what stage s reads, those that are not there yet.
  void pull(size_t s, int64_t first, int64_t end) {
    const Stage& stage = plan_.stages[s];
    for (int64_t row = std::max({first, next_[s], int64_t{0}}); row < std::min(end, stage.x[2]); ++row) {
      float* to = rings_[s] + row % stage.row_span() * stage.row_floats() + stage.left() * stage.x[1];
      if (s > 0) {
        compute_row(s - 1, row, to, stage.x[1]);
      } else {
        read_row(stage, row, to);
      }
      next_[s] = row + 1;
    }
  }

  // A row of the input.
  void read_row(const Stage& stage, int64_t row, float* to) const {
    const int64_t channels = stage.x[1], height = stage.x[2], width = stage.x[3];
    if (plan_.planar)
      k::interleave(x_ + (image_ * channels * height + row) * width, height * width, channels, width, to);
    else
      std::copy_n(x_ + (image_ * height + row) * width * channels, width * channels, to);
  }

  void compute_row(size_t s, int64_t row, float* y, int64_t pixel_step) {
    const Stage& stage = plan_.stages[s];
    const int64_t first = stage.first_row(row);
    const float* rows[k::most_kernel_rows];
    const bool bare = stage.kernel[0] == 1 && stage.row_floats() == stage.x[3] * stage.x[1];
    if (s == 0 && bare && !plan_.planar && first >= 0 && first < stage.x[2]) {
      rows[0] = x_ + (image_ * stage.x[2] + first) * stage.row_floats();  // nothing to add around it
    } else {
      pull(s, first, first + stage.row_span());
      for (int64_t i = 0; i < stage.kernel[0]; ++i)
        rows[i] = input_row(s, first + i * stage.dilations[0]);
    }
    if (stage.depthwise)
      depthwise_row(stage, rows, y);
    else
      dense_row(stage, rows, y, pixel_step);
  }

  static void depthwise_row(const Stage& stage, const float* const* rows, float* y) {
    const int64_t channels = stage.x[1];
    k::depthwise(
        {rows, stage.kernel[0], stage.kernel[1], stage.strides[1] * channels, stage.dilations[1] * channels,
         stage.taps.data<float>().data(), stage.end.bias.data<float>().data(), channels,
         stage.end.activation.low, stage.end.activation.high},
        y, stage.y[3]);
  }

  static void dense_row(const Stage& stage, const float* const* rows, float* y, int64_t pixel_step) {
    const int64_t in = stage.x[1], out = stage.y[1];
    const bool joined = stage.dilations[1] == 1;  // a kernel row's pixels lie side by side
    const float* parts[k::most_kernel_rows * k::most_kernel_rows];
    int64_t count = 0;
    for (int64_t i = 0; i < stage.kernel[0]; ++i)
      for (int64_t j = 0; j < (joined ? 1 : stage.kernel[1]); ++j)
        parts[count++] = rows[i] + j * stage.dilations[1] * in;
    stage.window.multiply(parts, count, stage.strides[1] * in, 0, y, pixel_step,
                          {stage.y[3], out, joined ? stage.kernel[1] * in : in}, stage.end.matrix_end());
  }

  const Plan& plan_;
  const float* x_;
  float* y_;
  float* zeros_ = nullptr;
  std::vector<float*> rings_;
  std::vector<int64_t> next_;  // the first row that was not made yet
  int64_t image_ = 0;
};

void run(const Plan& plan, const float* x, float* y, float* scratch) {
  const Shape& shape = plan.stages.back().y;
  parallel_ranges(shape[0] * shape[2], 1, [&](int64_t begin, int64_t end, int thread) {
    Rows rows(plan, x, y, scratch + thread * plan.thread_floats);
    while (begin < end) {
      const int64_t image = begin / shape[2], stop = std::min(end, (image + 1) * shape[2]);
      rows.compute(image, begin - image * shape[2], stop - image * shape[2]);
      begin = stop;
    }
  });
}

// [taps][channels] from [channels, 1, kh, kw].
Tensor taps_first(const Tensor& weight) {
  const int64_t channels = weight.size(0), taps = weight.size(2) * weight.size(3);
  Tensor result = Tensor::empty(DataType::f32, {taps, channels});
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t t = 0; t < taps; ++t)
      result.data<float>()[static_cast<size_t>(t * channels + c)] =
          weight.data<float>()[static_cast<size_t>(c * taps + t)];
  return result;
}

Stage stage_of(const StepContext& context, const Layer& layer) {
  const auto& conv = std::get<op::Conv>(layer.op);
  const Shape& w = context.shape(layer.inputs[1]);
  Stage stage;
  stage.x = context.shape(layer.inputs[0]);
  stage.y = context.shape(layer.output);
  stage.kernel = {w[2], w[3]};
  stage.strides = conv.strides;
  stage.dilations = conv.dilations;
  stage.pads = resolved_pads(conv.auto_pad, conv.pads, {stage.x[2], stage.x[3]}, stage.kernel, conv.strides,
                             conv.dilations);
  stage.depthwise = conv.group > 1;
  stage.end = end_of(context, layer);
  const Tensor& weight = context.network.value(layer.inputs[1]).constant;
  if (stage.depthwise)
    stage.taps = context.network.derived->get(weight, "taps first", [&] { return taps_first(weight); });
  else
    stage.window = packed_window(context, layer.inputs[1]);
  if (!stage.end.bias.defined())
    stage.end.bias = context.network.derived->get(
        weight, "no bias", [&] { return Tensor::zeros(DataType::f32, {weight.size(0)}); });
  return stage;
}

}  // namespace

Step make_row_strips(const StepContext& context, const Layer& layer) {
  Step step = step_of(context, layer, layer.strip.size() > 1 ? "row_strips" : "convolution");
  Plan plan;
  plan.input = layer.inputs[0];
  plan.output = layer.output;
  plan.pixel_step = pixel_step(context, plan.output);
  plan.planar = !context.network.value(plan.input).channels_last();
  for (const Layer& part : layer.strip) {
    step.report.multiply_adds += work_of(context, part);
    plan.stages.push_back(stage_of(context, part));
    const Stage& stage = plan.stages.back();
    step.weight_bytes += stage.depthwise ? stage.taps.bytes() : stage.window.packed.bytes();
    plan.zero_floats = std::max(plan.zero_floats, round_up(stage.row_floats(), 16));
    plan.thread_floats += stage.ring_floats();
  }
  plan.thread_floats = round_up(plan.thread_floats + plan.zero_floats, 16);
  step.report.kernel = context.bf16 ? "vitrail rows bf16" : "vitrail rows";
  step.scratch_bytes = checked_mul(context.threads * plan.thread_floats, 4, layer.name);
  read_input_and_residual(step, layer);
  step.execute = [plan = std::move(plan)](const Memory& memory) {
    run(plan, memory.read(plan.input), memory.write(plan.output), reinterpret_cast<float*>(memory.scratch));
  };
  return step;
}

}  // namespace vitrail::engine_detail
