#include "vitrail/predict/batched_part.h"

#include <algorithm>
#include <bit>

#include "vitrail/graph/part.h"

namespace vitrail {
namespace {

// A program for each power of two that batches have.
EngineOptions with_programs(EngineOptions options, int64_t most) {
  options.cached_programs =
      std::max<int64_t>(options.cached_programs, std::bit_width(static_cast<uint64_t>(most)));
  return options;
}

}  // namespace

BatchedPart::BatchedPart(const Model& model, const std::vector<std::string>& outputs,
                         const EngineOptions& options, int64_t most)
    : engine_(part_of(model.graph, outputs), model.weights, with_programs(options, most)),
      most_(static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(std::max<int64_t>(most, 1))))) {}

void BatchedPart::run(int64_t count, const std::function<std::vector<Tensor>(int64_t, int64_t)>& inputs,
                      const std::function<void(int64_t, const std::vector<Tensor>&)>& use) const {
  int64_t rows = most_;
  for (int64_t first = 0; first < count; first += rows) {
    while (rows > count - first)
      rows /= 2;
    use(first, engine_.run(inputs(first, rows)));
  }
}

}  // namespace vitrail
