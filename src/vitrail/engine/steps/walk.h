#pragma once
// Walking a result in memory order while operands, each with strides of its own, are walked along: the loop
// under every element-wise step and every copy that moves elements.
//
//   Walk walk = walk_of(context, layer.output, {a, b});            // broadcast as ONNX says
//   walk.run(16384, [&](int64_t at, const Walk::Offsets& from, int64_t count) {
//     add(a + from[0], walk.step(0), b + from[1], walk.step(1), y + at, count);   // one piece of a row
//   });

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "vitrail/base/parallel.h"
#include "vitrail/engine/steps/steps.h"

namespace vitrail::engine_detail {

constexpr int64_t elements_worth_a_thread = 16384;

class Walk {
 public:
  static constexpr size_t most_operands = 3;
  using Offsets = std::array<int64_t, most_operands>;

  /// `sizes` are the result's dimensions from the slowest to the fastest in memory; strides[k] are operand
  /// k's along them (0 = repeated). Neighbouring dimensions that all walk as one become one.
  Walk(const std::vector<int64_t>& sizes, const std::vector<std::vector<int64_t>>& strides);

  int64_t count() const { return count_; }                                 ///< elements of the result
  int64_t inner() const { return sizes_.back(); }                          ///< elements of a row
  int64_t step(size_t operand) const { return strides_[operand].back(); }  ///< along a row
  const std::vector<int64_t>& sizes() const { return sizes_; }
  const std::vector<int64_t>& strides(size_t operand) const { return strides_[operand]; }

  /// row(at, offsets, count) for pieces of rows that together cover the result once: `count` elements from
  /// `at` of the result, and where each operand is there. Over threads, in parts of at least `grain`
  /// elements.
  template <class Row>
  void run(int64_t grain, const Row& row) const {
    parallel_ranges(count_, grain, [&](int64_t begin, int64_t end, int) { part(begin, end, row); });
  }

 private:
  template <class Row>
  void part(int64_t begin, int64_t end, const Row& row) const {
    std::array<int64_t, 16> index{};
    Offsets from{};
    start(begin, index, from);
    const size_t last = sizes_.size() - 1;
    for (int64_t at = begin; at < end;) {
      const int64_t length = std::min(sizes_[last] - index[last], end - at);
      row(at, from, length);
      at += length;
      move(last, length, index, from);
    }
  }
  void start(int64_t at, std::array<int64_t, 16>& index, Offsets& from) const;
  /// Along dimension d, and into the next slower one at its end.
  void move(size_t d, int64_t length, std::array<int64_t, 16>& index, Offsets& from) const {
    for (;; --d, length = 1) {
      index[d] += length;
      for (size_t k = 0; k < strides_.size(); ++k)
        from[k] += length * strides_[k][d];
      if (index[d] < sizes_[d] || d == 0) return;
      index[d] = 0;
      for (size_t k = 0; k < strides_.size(); ++k)
        from[k] -= sizes_[d] * strides_[k][d];
    }
  }

  std::vector<int64_t> sizes_;
  std::vector<std::vector<int64_t>> strides_;
  int64_t count_ = 1;
};

/// Elements between neighbours of a value as it lies in memory, by logical dimension.
std::vector<int64_t> strides_of(const StepContext& context, ValueId id);
/// The same along the dimensions of `output`, to which the value broadcasts.
std::vector<int64_t> broadcast_strides(const StepContext& context, ValueId id, const Shape& output);
/// `by_dimension` in the order in which `output` lies in memory, slowest first.
std::vector<int64_t> in_storage_order(const StepContext& context, ValueId output,
                                      const std::vector<int64_t>& by_dimension);
/// Over `output`, with operands that broadcast to it.
Walk walk_of(const StepContext& context, ValueId output, const std::vector<ValueId>& operands);

}  // namespace vitrail::engine_detail
