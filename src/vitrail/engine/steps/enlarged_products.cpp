#include <algorithm>
#include <map>

#include "vitrail/base/checked.h"
#include "vitrail/base/parallel.h"
#include "vitrail/engine/kernels/weighted_sum.h"
#include "vitrail/engine/steps/packed_taps.h"
#include "vitrail/engine/steps/resample.h"
#include "vitrail/graph/shape_inference.h"

// The sum over maps g of conv(enlarged g, weight), from products of g's few pixels with each tap of the
// weight:
//
//   y(row, column) = sum over kernel taps (i, j), source rows a and columns b of
//                    vertical(row + i, a) * horizontal(column + j, b) * [ g(a, b) * weight(i, j) ]
//
// First the vertical sum, once for each output row, then the horizontal one.

namespace vitrail::engine_detail {
namespace {

namespace k = kernel;

struct Source {
  int64_t index = 0;
  float weight = 0;
};

struct Branch {
  ValueId map = no_value;
  Shape x;
  Tensor weight;                          // kernel_rows * kernel_columns packed matrices
  std::vector<std::vector<Source>> rows;  // by output row: kernel row * x[2] + source row
  int64_t products_at = 0;                // floats from the start of scratch, tap by tap, pixel by pixel
  int64_t sums_at = 0;                    // vectors from the start of a thread's sums
};

struct Plan {
  std::vector<Branch> branches;
  Shape y;
  int64_t kernel_rows = 0, kernel_columns = 0;
  std::vector<std::vector<Source>> columns;  // by output column: which sums, over all branches
  int64_t product_floats = 0, sums = 0;      // sums: vectors of a thread
  ValueId output = no_value;
};

// What each kernel position of each output position takes from where, along one axis.
struct Axis {
  int64_t out, stride, dilation, pad, kernel;
};
std::vector<std::vector<Source>> sources_of(const AxisTaps& taps, const Axis& axis, int64_t in) {
  std::vector<std::vector<Source>> result;
  const auto enlarged = static_cast<int64_t>(taps.outputs.size());
  for (int64_t o = 0; o < axis.out; ++o) {
    std::map<int64_t, float> weights;
    for (int64_t i = 0; i < axis.kernel; ++i) {
      const int64_t at = o * axis.stride + i * axis.dilation - axis.pad;
      if (at < 0 || at >= enlarged) continue;
      const Taps& tap = taps.outputs[static_cast<size_t>(at)];
      for (size_t t = 0; t < static_cast<size_t>(taps.taps); ++t)
        if (tap.weight[t] != 0) weights[i * in + tap.from[t]] += tap.weight[t];
    }
    result.emplace_back();
    for (const auto& [index, weight] : weights)
      result.back().push_back({index, weight});
  }
  return result;
}

Plan plan_of(const StepContext& context, const Layer& layer, const op::Conv& conv) {
  Plan plan;
  plan.y = context.shape(layer.output);
  plan.output = layer.output;
  const Shape& kernel = context.shape(layer.inputs[1]);
  plan.kernel_rows = kernel[2];
  plan.kernel_columns = kernel[3];
  const Pair size = layer.enlarged_size;
  const Pads pads =
      resolved_pads(conv.auto_pad, conv.pads, size, {kernel[2], kernel[3]}, conv.strides, conv.dilations);
  plan.columns.resize(static_cast<size_t>(plan.y[3]));
  for (size_t i = 0; i < layer.enlarged.size(); ++i) {
    Branch branch;
    branch.map = layer.inputs[2 * i];
    branch.x = context.shape(branch.map);
    branch.weight = packed_taps(context, layer.inputs[2 * i + 1]);
    branch.products_at = plan.product_floats;
    branch.sums_at = plan.sums;
    branch.rows =
        sources_of(axis_taps(layer.enlarged[i], 0, branch.x[2], size[0]),
                   {plan.y[2], conv.strides[0], conv.dilations[0], pads[0], kernel[2]}, branch.x[2]);
    const auto columns =
        sources_of(axis_taps(layer.enlarged[i], 1, branch.x[3], size[1]),
                   {plan.y[3], conv.strides[1], conv.dilations[1], pads[1], kernel[3]}, branch.x[3]);
    for (size_t x = 0; x < columns.size(); ++x)
      for (const Source& source : columns[x])
        plan.columns[x].push_back({branch.sums_at + source.index, source.weight});
    plan.product_floats += kernel[2] * kernel[3] * branch.x[0] * branch.x[2] * branch.x[3] * plan.y[1];
    plan.sums += kernel[3] * branch.x[3];
    plan.branches.push_back(std::move(branch));
  }
  return plan;
}

// g * weight for every tap: [tap][image, row, column][output channel].
void multiply_taps(const Plan& plan, const Branch& branch, const float* map, float* products) {
  constexpr int64_t columns = 4 * k::panel_width;  // of one task
  const int64_t pixels = branch.x[0] * branch.x[2] * branch.x[3], in = branch.x[1], out = plan.y[1];
  const int64_t taps = plan.kernel_rows * plan.kernel_columns, parts = ceil_div(out, columns);
  parallel_for(taps * parts, 1, [&](int64_t task) {
    const int64_t tap = task / parts, first = task % parts * columns;
    const float* weight = branch.weight.data<float>().data() + tap * k::packed_floats(in, out);
    k::multiply(map, in, weight + first * in, products + tap * pixels * out + first, out,
                {pixels, std::min(columns, out - first), in}, {});
  });
}

// The sums over source rows for one output row: [kernel column][source column][output channel].
void sum_rows(const Plan& plan, const Branch& branch, int64_t image, int64_t row, const float* products,
              float* sums) {
  const int64_t out = plan.y[1], width = branch.x[3], map = branch.x[2] * width;
  const std::vector<Source>& sources = branch.rows[static_cast<size_t>(row)];
  std::vector<const float*> from(sources.size());
  std::vector<float> weights;
  for (const Source& source : sources)
    weights.push_back(source.weight);
  for (int64_t j = 0; j < plan.kernel_columns; ++j) {
    for (size_t s = 0; s < sources.size(); ++s) {
      const int64_t tap = sources[s].index / branch.x[2] * plan.kernel_columns + j;
      const int64_t pixel = image * map + sources[s].index % branch.x[2] * width;
      from[s] = products + (tap * branch.x[0] * map + pixel) * out;
    }
    k::weighted_sum(from.data(), weights.data(), static_cast<int64_t>(from.size()), sums + j * width * out,
                    width * out);
  }
}

void run(const Plan& plan, const Memory& memory) {
  auto* scratch = reinterpret_cast<float*>(memory.scratch);
  for (const Branch& branch : plan.branches)
    multiply_taps(plan, branch, memory.read(branch.map), scratch + branch.products_at);
  const int64_t out = plan.y[1], height = plan.y[2], width = plan.y[3];
  parallel_ranges(plan.y[0] * height, 1, [&](int64_t begin, int64_t end, int thread) {
    float* sums = scratch + plan.product_floats + thread * plan.sums * out;
    std::vector<const float*> rows;
    std::vector<float> weights;
    for (int64_t row = begin; row < end; ++row) {
      for (const Branch& branch : plan.branches)
        sum_rows(plan, branch, row / height, row % height, scratch + branch.products_at,
                 sums + branch.sums_at * out);
      for (int64_t x = 0; x < width; ++x) {
        rows.clear();
        weights.clear();
        for (const Source& source : plan.columns[static_cast<size_t>(x)]) {
          rows.push_back(sums + source.index * out);
          weights.push_back(source.weight);
        }
        k::weighted_sum(rows.data(), weights.data(), static_cast<int64_t>(rows.size()),
                        memory.write(plan.output) + (row * width + x) * out, out);
      }
    }
  });
}

}  // namespace

Step make_enlarged_products(const StepContext& context, const Layer& layer, const op::Conv& conv) {
  Step step = step_of(context, layer, "enlarged_products");
  Plan plan = plan_of(context, layer, conv);
  step.reads.clear();
  for (const Branch& branch : plan.branches) {
    step.reads.push_back(branch.map);
    step.report.multiply_adds += element_count(branch.x) * plan.y[1] * plan.kernel_rows * plan.kernel_columns;
    step.weight_bytes += branch.weight.bytes();
  }
  step.scratch_bytes =
      checked_mul(plan.product_floats + context.threads * plan.sums * plan.y[1], 4, layer.name);
  step.execute = [plan = std::move(plan)](const Memory& memory) { run(plan, memory); };
  return step;
}

}  // namespace vitrail::engine_detail
