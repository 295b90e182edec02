#pragma once
// Batch normalisation folded into the convolutions before it, in the graph: for quantisation, and
// for runtimes that leave it to their user.

#include "vitrail/graph/model.h"

namespace vitrail {

/// `model` without the batch normalisations that alone read a convolution's output. Nodes keep their
/// names, the convolution's parameters become NAME.folded_weight and NAME.folded_bias, which convolutions of
/// the same parameters share.
Model folded(const Model& model);

}  // namespace vitrail
