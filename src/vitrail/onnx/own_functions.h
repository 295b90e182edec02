#pragma once
// Our own operators as model-local functions of standard operators (operator set 17), so that every runtime
// can run our files; internal to onnx/. A function's name says what its body is made for, its attributes hold
// what our reader needs, and its body is right for any size.

#include "onnx/onnx_pb.h"
#include "vitrail/graph/op.h"

namespace vitrail::onnx_files {

/// Inputs evidence, votes and, with a reference, the tensor whose H and W the result has.
onnx::FunctionProto deconvolution_function(const op::DynamicDeconvolution& op, bool has_reference);
/// Inputs x, codewords, smoothing.
onnx::FunctionProto encoding_function();
/// Input x.
onnx::FunctionProto adaptive_pool_function(const op::AdaptivePool& pool);
/// Inputs x, indices, reference.
onnx::FunctionProto max_unpool_function();

}  // namespace vitrail::onnx_files
