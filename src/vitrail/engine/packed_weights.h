#pragma once
// Convolution weights in the layouts that oneDNN's kernels want, made once and shared by all programs of an
// Engine.

#include <list>
#include <mutex>
#include <vector>

#include "oneapi/dnnl/dnnl.hpp"
#include "vitrail/base/tensor.h"
#include "vitrail/engine/network.h"

namespace vitrail::engine_detail {

class PackedWeights {
 public:
  /// `tensor`, which lies as `plain` says, as `wanted`. Thread-safe. The result must not be written to.
  dnnl::memory get(const Tensor& tensor, const dnnl::memory::desc& plain, const dnnl::memory::desc& wanted,
                   const dnnl::engine& engine);
  /// A constant of a step in storage layout (channels-last for rank 4). Thread-safe.
  Tensor stored(const Tensor& tensor);

 private:
  struct Packed {
    Tensor source;  // keeps the bytes that identify it alive
    dnnl::memory::desc plain;
    dnnl::memory memory;
  };
  struct Stored {
    Tensor source, stored;
  };
  std::mutex mutex_;
  std::list<Packed> packed_;
  std::list<Stored> stored_;
};

}  // namespace vitrail::engine_detail
