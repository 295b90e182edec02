#pragma once
// Batch normalisation folded into the convolutions before it, for the runtimes that leave that to their user.

#include "vitrail/graph/model.h"

namespace vitrail::bench {

/// `model` without the batch normalisations that alone read a convolution's output.
Model folded(const Model& model);

}  // namespace vitrail::bench
