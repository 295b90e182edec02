#pragma once
// Network -> Program: one step per layer, steps that change the layout of inputs and outputs, and the memory
// plan.

#include <memory>

#include "vitrail/engine/memory_budget.h"
#include "vitrail/engine/packed_weights.h"
#include "vitrail/engine/program.h"

namespace vitrail::engine_detail {

/// What compiling needs beside the network; shared by all programs of one Engine.
struct CompileContext {
  dnnl::engine engine;
  PackedWeights& weights;
  int threads = 1;
  bool bf16 = false;  ///< products may round their operands to bf16
  Thrift thrift = Thrift::none;
};

/// Runs the passes for one input size on a bound network.
void run_bound_passes(Network& network, int threads, Thrift thrift = Thrift::none);

/// `network` is bound to shapes. Throws Error(unsupported) where oneDNN refuses a step.
std::shared_ptr<const Program> compile(Network network, const CompileContext& context);

}  // namespace vitrail::engine_detail
