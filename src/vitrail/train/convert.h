#pragma once
// Between host tensors and LibTorch's.
//
//   Weights weights = to_host(module.tensors());        // for a file, the engine, a checkpoint
//   copy_by_name(weights, module.tensors(), "model.safetensors");

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <torch/torch.h>

#include "vitrail/graph/model.h"

namespace vitrail::train {

/// Tensors by name, in an order that means something (the graph's).
using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

/// A contiguous copy of the same type. Throws Error(unsupported) for u16, which LibTorch 1 does not have.
at::Tensor to_torch(const Tensor& tensor);
Tensor from_torch(const at::Tensor& tensor);

/// Copies of all, by name.
Weights to_host(const NamedTensors& tensors);

/// Copies the values of `source` into `targets` of the same names, converting the element type. Throws
/// Error(usage) naming all missing and unexpected names, Error(shape) all of another shape, with `where` (a
/// file, say) in front; then nothing has changed.
void copy_by_name(const Weights& source, const NamedTensors& targets, std::string_view where);

}  // namespace vitrail::train
