#pragma once
// Bytes from anywhere as ONNX messages whose structure can be trusted; internal to onnx/.

#include <optional>
#include <string>
#include <string_view>

#include "onnx/onnx_pb.h"
#include "vitrail/base/tensor.h"

namespace vitrail::onnx_files {

/// `text` for a message: control bytes, and bytes that are no UTF-8, replaced; cut after 100 bytes.
std::string printable(std::string_view text);

/// More than any network has; a bound on what a few bytes of nested functions may become.
inline constexpr int64_t kMostNodes = 1 << 17;

/// Whether these are ONNX's own operators.
bool is_default(std::string_view domain);

/// Parses a model and checks what every reader relies on: version, one default operator set of 6 to 21, plain
/// names, every value of a graph, branch or function made once and before it is read. Throws Error naming
/// `source`.
onnx::ModelProto parse_model(std::string_view bytes, const std::string& source);

/// The version of the default operator set.
int64_t opset_of(const onnx::ModelProto& model);

/// Our word for ONNX's number of an element type; nothing where there is none, as for unsigned numbers of 32
/// and 64 bits.
std::optional<DataType> data_type_of(int32_t type);
/// Bytes of one element in the file.
std::optional<int64_t> stored_size(int32_t type);
/// What values of a stored type are computed in: f32 for floats of any width, i32 for integers of 16 bits.
DataType computed_type(DataType stored);
/// The same of ONNX's number: i64 for unsigned numbers of 32 and 64 bits.
std::optional<DataType> computed_type_of(int32_t type);
Tensor computed_tensor(Tensor tensor);

/// The tensor's values, after its sizes have been checked against the bytes that are there. `where` is for
/// errors. Unsigned numbers of 32 and 64 bits become i64; not defined() for an element type that there is no
/// word for.
Tensor tensor_from_proto(const onnx::TensorProto& proto, const std::string& where);

}  // namespace vitrail::onnx_files
