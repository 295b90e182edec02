#pragma once
// A part of a network that reads crops (graph/instance_system.h), run on any number of them.
//
//   BatchedPart boxes(model, {"class_logits", "box_codes"}, options, 64);
//   boxes.run(count, [&](int64_t first, int64_t rows) { return crops_of(first, rows); },
//             [&](int64_t first, const std::vector<Tensor>& outputs) { ... });
//
// Batches are powers of two, so that a handful of programs serves every number of boxes and nothing is
// computed that nobody asked for; and no more crops are alive at once than one batch has.

#include <functional>
#include <string>
#include <vector>

#include "vitrail/engine/engine.h"

namespace vitrail {

class BatchedPart {
 public:
  /// Batches have at most `most` rows, rounded down to a power of two.
  BatchedPart(const Model& model, const std::vector<std::string>& outputs, const EngineOptions& options,
              int64_t most);

  /// `inputs(first, rows)` gives the part's inputs, in order, for that many rows from `first` on; `use(first,
  /// outputs)` gets what the part computes from them. Thread-safe.
  void run(int64_t count, const std::function<std::vector<Tensor>(int64_t first, int64_t rows)>& inputs,
           const std::function<void(int64_t first, const std::vector<Tensor>& outputs)>& use) const;

 private:
  Engine engine_;
  int64_t most_;
};

}  // namespace vitrail
