#pragma once
// The end of a network for another number of classes. Private to fine_tune.cpp.

#include <map>
#include <string>

#include "vitrail/graph/model.h"

namespace vitrail::train {

/// What must change about a graph so that `logits` has `classes` channels.
struct HeadChange {
  std::map<std::string, Parameter> parameters;  ///< by name: the new shape and how it starts
  std::map<std::string, Op> ops;                ///< by node: one per-class group more or less
  Weights weights;                              ///< of parameters that go on as they were, for each class
};

/// Follows `logits` back to the convolutions that give it. Throws Error(unsupported) naming the node that
/// stands in the way.
HeadChange head_change(const Model& model, Value logits, int64_t classes);

}  // namespace vitrail::train
