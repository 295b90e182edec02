#include "vitrail/engine/kernels/winograd.h"

#include <algorithm>

#include "vitrail/base/checked.h"
#include "vitrail/base/parallel.h"
#include "vitrail/engine/kernels/gemm.h"
#include "vitrail/engine/steps/convolution_step.h"
#include "vitrail/graph/shape_inference.h"

// A 3x3 convolution with stride 1 as 36 products of matrices. A dilated one is as many undilated ones as it
// has phases: the results whose rows and columns are equal modulo the dilation see only pixels of that kind.

namespace vitrail::engine_detail {
namespace {

namespace k = kernel;

struct TilePlace {
  int64_t image, row, column;  // of the tile's first result
};

struct Plan {
  Shape x, y;
  Pair dilations;
  Pads pads;
  std::vector<TilePlace> tiles;
  int64_t block = 0;           // tiles that are in memory at once
  bool by_block = false;       // each thread has blocks of its own; else all threads share one block
  Tensor weight;               // 36 packed matrices
  std::vector<float> nothing;  // a pixel outside
  ConvolutionEnd end;
  ValueId input = no_value, output = no_value;
  int64_t pixel_step = 0;  // of the output

  int64_t in() const { return x[1]; }
  int64_t out() const { return y[1]; }
  // A line apart from a power of two: the 36 elements of a tile would fall into the same cache sets.
  int64_t input_step() const { return block * in() + 16; }
  int64_t output_step() const { return block * out() + 16; }
  int64_t block_floats() const { return k::winograd_products * (input_step() + output_step()); }
};

std::vector<TilePlace> tiles_of(const Shape& y, const Pair& dilations) {
  std::vector<TilePlace> tiles;
  for (int64_t image = 0; image < y[0]; ++image)
    for (int64_t row_phase = 0; row_phase < std::min(dilations[0], y[2]); ++row_phase)
      for (int64_t column_phase = 0; column_phase < std::min(dilations[1], y[3]); ++column_phase)
        for (int64_t row = row_phase; row < y[2]; row += k::winograd_tile * dilations[0])
          for (int64_t column = column_phase; column < y[3]; column += k::winograd_tile * dilations[1])
            tiles.push_back({image, row, column});
  return tiles;
}

void transform_input(const Plan& plan, const TilePlace& tile, const float* x, float* to) {
  const float* pixels[k::winograd_products];
  for (int64_t i = 0; i < k::winograd_patch; ++i)
    for (int64_t j = 0; j < k::winograd_patch; ++j) {
      const int64_t row = tile.row - plan.pads[0] + i * plan.dilations[0];
      const int64_t column = tile.column - plan.pads[1] + j * plan.dilations[1];
      const bool inside = row >= 0 && row < plan.x[2] && column >= 0 && column < plan.x[3];
      pixels[i * k::winograd_patch + j] =
          inside ? x + ((tile.image * plan.x[2] + row) * plan.x[3] + column) * plan.in()
                 : plan.nothing.data();
    }
  k::winograd_input(pixels, plan.in(), to, plan.input_step());
}

void transform_output(const Plan& plan, const TilePlace& tile, const float* from, float* y) {
  float* pixels[k::winograd_tile * k::winograd_tile];
  for (int64_t i = 0; i < k::winograd_tile; ++i)
    for (int64_t j = 0; j < k::winograd_tile; ++j) {
      const int64_t row = tile.row + i * plan.dilations[0], column = tile.column + j * plan.dilations[1];
      pixels[i * k::winograd_tile + j] =
          row < plan.y[2] && column < plan.y[3]
              ? y + ((tile.image * plan.y[2] + row) * plan.y[3] + column) * plan.pixel_step
              : nullptr;
    }
  k::winograd_output(from, plan.output_step(), plan.out(), pixels, plan.end.matrix_end());
}

// Product `i` of a block's first `count` tiles, for the output channels [first, first + columns).
void multiply(const Plan& plan, const float* transformed, float* products, int64_t i, int64_t count,
              int64_t first, int64_t columns) {
  const float* weight = plan.weight.data<float>().data() + i * k::packed_floats(plan.in(), plan.out());
  k::multiply(transformed + i * plan.input_step(), plan.in(), weight + first * plan.in(),
              products + i * plan.output_step() + first, plan.out(), {count, columns, plan.in()}, {});
}

// Blocks small enough for a core's own cache, one after the other by each thread.
void run_by_block(const Plan& plan, const float* x, float* y, float* scratch) {
  const auto tiles = static_cast<int64_t>(plan.tiles.size());
  parallel_ranges(ceil_div(tiles, plan.block), 1, [&](int64_t begin, int64_t end, int thread) {
    float* transformed = scratch + thread * plan.block_floats();
    float* products = transformed + k::winograd_products * plan.input_step();
    for (int64_t b = begin; b < end; ++b) {
      const int64_t first = b * plan.block, count = std::min(plan.block, tiles - first);
      for (int64_t t = 0; t < count; ++t)
        transform_input(plan, plan.tiles[static_cast<size_t>(first + t)], x, transformed + t * plan.in());
      for (int64_t i = 0; i < k::winograd_products; ++i)
        multiply(plan, transformed, products, i, count, 0, plan.out());
      for (int64_t t = 0; t < count; ++t)
        transform_output(plan, plan.tiles[static_cast<size_t>(first + t)], products + t * plan.out(), y);
    }
  });
}

// All threads work on one large block, so that large weights are read once for all its tiles.
void run_together(const Plan& plan, const float* x, float* y, float* scratch) {
  constexpr int64_t columns = 2 * k::panel_width;  // of one task
  const auto tiles = static_cast<int64_t>(plan.tiles.size());
  float* products = scratch + k::winograd_products * plan.input_step();
  for (int64_t first = 0; first < tiles; first += plan.block) {
    const int64_t count = std::min(plan.block, tiles - first), parts = ceil_div(plan.out(), columns);
    parallel_for(count, 1, [&](int64_t t) {
      transform_input(plan, plan.tiles[static_cast<size_t>(first + t)], x, scratch + t * plan.in());
    });
    parallel_for(k::winograd_products * parts, 1, [&](int64_t task) {
      const int64_t column = task % parts * columns;
      multiply(plan, scratch, products, task / parts, count, column, std::min(columns, plan.out() - column));
    });
    parallel_for(count, 1, [&](int64_t t) {
      transform_output(plan, plan.tiles[static_cast<size_t>(first + t)], products + t * plan.out(), y);
    });
  }
}

Tensor transformed_weight(const Tensor& weight) {
  const int64_t out = weight.size(0), in = weight.size(1), floats = k::packed_floats(in, out);
  Tensor packed = Tensor::empty(DataType::f32, {k::winograd_products, floats});
  std::vector<float> plain(static_cast<size_t>(in * out * k::winograd_products));
  const float* kernels = weight.data<float>().data();
  parallel_for(out * in, 64, [&](int64_t i) {
    k::winograd_weight(kernels + i * 9, plain.data() + i * k::winograd_products);
  });
  parallel_for(k::winograd_products, 1, [&](int64_t i) {
    k::pack_matrix(plain.data() + i, k::winograd_products, in * k::winograd_products, in, out,
                   packed.data<float>().data() + i * floats);
  });
  return packed;
}

// Transformed weights this large stay in the shared cache while blocks of tiles pass by.
constexpr int64_t cached_weight_bytes = int64_t{10} << 20;
constexpr int64_t own_block_bytes = int64_t{1} << 20, shared_block_bytes = int64_t{48} << 20;
constexpr int64_t thrifty_block_bytes = int64_t{4} << 20;

void choose_block(Plan& plan, int threads, Thrift thrift) {
  const auto tiles = static_cast<int64_t>(plan.tiles.size());
  const int64_t tile_bytes = k::winograd_products * (plan.in() + plan.out()) * 4;
  plan.by_block = plan.weight.bytes() <= cached_weight_bytes;
  const int64_t shared = thrift == Thrift::none ? shared_block_bytes : thrifty_block_bytes;
  const int64_t most = (plan.by_block ? own_block_bytes : shared) / tile_bytes;
  plan.block = std::clamp<int64_t>(most / 12 * 12, 12, 4096);
  if (plan.by_block) plan.block = std::min(plan.block, std::max<int64_t>(ceil_div(tiles, threads), 1));
  plan.block = std::min(plan.block, tiles);
}

}  // namespace

Step make_winograd(const StepContext& context, const Layer& layer, const op::Conv& conv) {
  Step step = step_of(context, layer, "convolution");
  Plan plan;
  plan.input = layer.inputs[0];
  plan.output = layer.output;
  plan.pixel_step = pixel_step(context, plan.output);
  plan.x = context.shape(layer.inputs[0]);
  plan.y = context.shape(layer.output);
  plan.dilations = conv.dilations;
  plan.pads =
      resolved_pads(conv.auto_pad, conv.pads, {plan.x[2], plan.x[3]}, {3, 3}, conv.strides, conv.dilations);
  plan.tiles = tiles_of(plan.y, plan.dilations);
  const Tensor& weight = context.network.value(layer.inputs[1]).constant;
  plan.weight = context.network.derived->get(weight, "winograd", [&] { return transformed_weight(weight); });
  plan.nothing.assign(static_cast<size_t>(plan.in()), 0.0f);
  plan.end = end_of(context, layer);
  choose_block(plan, context.threads, context.thrift);
  step.report.kernel = "vitrail winograd";
  step.report.multiply_adds = work_of(context, layer);
  step.scratch_bytes = checked_mul((plan.by_block ? context.threads : 1) * plan.block_floats(),
                                   static_cast<int64_t>(sizeof(float)), layer.name);
  step.weight_bytes = plan.weight.bytes();
  read_input_and_residual(step, layer);
  step.execute = [plan = std::move(plan)](const Memory& memory) {
    auto* scratch = reinterpret_cast<float*>(memory.scratch);
    (plan.by_block ? run_by_block : run_together)(plan, memory.read(plan.input), memory.write(plan.output),
                                                  scratch);
  };
  return step;
}

}  // namespace vitrail::engine_detail
