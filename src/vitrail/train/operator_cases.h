#pragma once
// Every operator of graph/op.h on small random tensors in double precision: what its gradients are checked on
// and its values compared. For tests.
//
//   for (const OperatorCase& c : operator_cases()) apply_operator(c.op, c.call());

#include <string>
#include <vector>

#include "vitrail/base/random.h"
#include "vitrail/train/operators.h"

namespace vitrail::train {

struct OperatorCase {
  std::string name;
  Op op;
  std::vector<at::Tensor> inputs;  ///< doubles are differentiated
  std::vector<size_t> constants;   ///< ... but for these
  bool flat = false;               ///< its derivative is zero wherever there is one
  bool smooth = true;              ///< false: it has no derivative (indices, booleans, integers)

  /// What Module would hand to the operator. `output` is filled for the operators that read it.
  OperatorCall call() const;
};

/// At least one per operator, most in several forms. Values keep their distance from the points where a
/// function is not differentiable, and no two of a tensor are equal.
std::vector<OperatorCase> operator_cases();

/// [sizes] of distinct values in (-2, 2), in random order.
at::Tensor distinct(Random& random, const std::vector<int64_t>& sizes);
at::Tensor whole(const std::vector<int64_t>& values);

}  // namespace vitrail::train
