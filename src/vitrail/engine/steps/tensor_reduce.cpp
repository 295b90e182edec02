#include <cmath>

#include "vitrail/engine/layout.h"
#include "vitrail/engine/steps/reduce_kernels.h"
#include "vitrail/engine/steps/tensor_steps.h"
#include "vitrail/engine/steps/walk.h"

// The result is walked in memory order. Where a row of it lies side by side in x (channels-last maps reduced
// over space), whole rows are folded into each other; elsewhere one element after the other is folded from
// what belongs to it (the last axes of row-major tensors).

namespace vitrail::engine_detail {
namespace {

using kernel::Fold;

Fold fold_of(op::Reduce::Function function) {
  using F = op::Reduce::Function;
  switch (function) {
    case F::max: return Fold::maximum;
    case F::min: return Fold::minimum;
    case F::prod: return Fold::product;
    case F::l1: return Fold::sum_abs;
    case F::l2:
    case F::sum_square: return Fold::sum_square;
    default: return Fold::sum;
  }
}

struct Reduction {
  Fold fold = Fold::sum;
  op::Reduce::Function function = op::Reduce::Function::sum;
  int64_t folded = 1;             // elements of x behind each of y
  std::vector<int64_t> starts;    // offsets in x of the runs behind an element
  int64_t run = 1, run_step = 1;  // elements of a run and their distance
};

float finished(const Reduction& r, double total) {
  using F = op::Reduce::Function;
  if (r.function == F::mean) total /= static_cast<double>(r.folded);
  if (r.function == F::l2) total = std::sqrt(total);
  if (r.function == F::log_sum) total = std::log(total);
  return static_cast<float>(total);
}

// y[0..count) from elements of x that lie side by side.
void fold_together(const Reduction& r, const float* x, float* y, int64_t count) {
  for (int64_t first = 0; first < count; first += kernel::fold_columns) {
    const int64_t columns = std::min(kernel::fold_columns, count - first);
    double totals[kernel::fold_columns];
    std::fill_n(totals, columns, kernel::fold_start(r.fold));
    for (const int64_t start : r.starts)
      kernel::fold_rows(r.fold, x + start + first, r.run_step, r.run, columns, totals);
    for (int64_t i = 0; i < columns; ++i)
      y[first + i] = finished(r, totals[i]);
  }
}

void fold_each(const Reduction& r, const float* x, int64_t step, float* y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    double total = kernel::fold_start(r.fold);
    for (const int64_t start : r.starts)
      total = kernel::fold_row(r.fold, x + i * step + start, r.run_step, r.run, total);
    y[i] = finished(r, total);
  }
}

std::vector<bool> reduced_dimensions(const Shape& x, const op::Reduce& reduce) {
  std::vector<bool> reduced(x.size(), reduce.axes.empty());
  for (const int64_t axis : reduce.axes)
    reduced[static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(x.size()) : axis)] = true;
  return reduced;
}

void set_runs(Reduction& r, const Walk& walk) {
  const size_t last = walk.sizes().size() - 1;
  r.folded = walk.count();
  r.run = walk.inner();
  r.run_step = walk.step(0);
  r.starts = {0};
  for (size_t d = 0; d < last; ++d) {
    std::vector<int64_t> more;
    for (const int64_t start : r.starts)
      for (int64_t i = 0; i < walk.sizes()[d]; ++i)
        more.push_back(start + i * walk.strides(0)[d]);
    r.starts = std::move(more);
  }
}

}  // namespace

Step make_reduce(const StepContext& context, const Layer& layer, const op::Reduce& reduce) {
  Step step = step_of(context, layer, "");
  step.report.kind = type_name(layer.op);
  step.reads = {layer.inputs[0]};
  const Shape& x = context.shape(layer.inputs[0]);
  const std::vector<int64_t> strides = strides_of(context, layer.inputs[0]);
  const std::vector<bool> reduced = reduced_dimensions(x, reduce);
  std::vector<int64_t> sizes, kept, inside_sizes, inside_strides;
  for (size_t d = 0; d < x.size(); ++d) {
    if (!reduced[d] || reduce.keep_dims) {
      sizes.push_back(reduced[d] ? 1 : x[d]);
      kept.push_back(reduced[d] ? 0 : strides[d]);
    }
  }
  for (const size_t d : storage_order(x.size(), !context.network.value(layer.inputs[0]).channels_last()))
    if (reduced[d]) {
      inside_sizes.push_back(x[d]);
      inside_strides.push_back(strides[d]);
    }
  Reduction r{.fold = fold_of(reduce.function), .function = reduce.function};
  set_runs(r, Walk(inside_sizes, {inside_strides}));
  const Walk walk(in_storage_order(context, layer.output, sizes),
                  {in_storage_order(context, layer.output, kept)});
  step.execute = [r, walk, from = layer.inputs[0], to = layer.output](const Memory& memory) {
    const float* source = memory.read(from);
    float* target = memory.write(to);
    const int64_t grain = std::max<int64_t>(elements_worth_a_thread / std::max<int64_t>(r.folded, 1), 1);
    walk.run(grain, [&](int64_t at, const Walk::Offsets& offsets, int64_t count) {
      if (walk.step(0) == 1 && r.run_step != 1)
        fold_together(r, source + offsets[0], target + at, count);
      else
        fold_each(r, source + offsets[0], walk.step(0), target + at, count);
    });
  };
  return step;
}

}  // namespace vitrail::engine_detail
