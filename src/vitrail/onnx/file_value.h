#pragma once
// What the names of an ONNX file stand for while it is read; internal to onnx/.
//
// A value of the file is one of three things: a value of the graph; a constant (a parameter or a Constant
// node once something computes with it); or a list of sizes, "the size of that value along this axis" and
// numbers, which is how Shape, Gather, Slice and Concat nodes turn back into a Resize with a reference or a
// Crop. Where a list of sizes meets an operator that wants a tensor, the nodes that compute it go into the
// graph.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "onnx/onnx_pb.h"
#include "vitrail/graph/model.h"

namespace vitrail::onnx_files {

/// The size of `of` along `axis`, plus `number`; just `number` when `of` does not exist.
struct SizeTerm {
  int64_t number = 0;
  Value of;
  size_t axis = 0;
};

struct SizeList {
  std::vector<SizeTerm> terms;
  bool scalar = false;            ///< a tensor without dimensions instead of one of [1]
  DataType type = DataType::i64;  ///< or i32
};

struct FileConstant {
  Tensor tensor;     ///< not defined() for an element type that there is no word for
  std::string name;  ///< of the parameter or node it becomes
  Role role = Role::constant;
  bool is_number = false;  ///< always a Constant node: a threshold, not a weight
};

struct NotRead {};  ///< made by a node that could not be read
using FileValue = std::variant<NotRead, Value, FileConstant, SizeList>;

/// What a reader computes with.
using Operand = std::variant<Value, FileConstant>;

/// A volume N x C x D x H x W as what its slices are (slices.h).
struct Slices {
  Operand maps;            ///< [N D, C, H, W]
  Operand samples, depth;  ///< N and D, i64 [1] each
};

/// Thrown for a node that the graph has no word for; the reader collects these.
struct Unsupported {
  std::string reason;
};
/// Thrown for a node that reads what an unsupported node makes.
struct ReadsUnsupported {};

/// The whole file.
struct ImportState {
  std::string source;  ///< the file's name, for errors
  const onnx::ModelProto* proto = nullptr;
  int64_t most_constant_bytes = 0;  ///< that constants computed while reading may take
  Model model;
  std::map<std::string, Role> roles;        ///< of initialisers, where the file says
  std::map<std::string, Value> parameters;  ///< constants that became parameters, by name
  std::map<std::string, Value> constants;   ///< constants that became nodes, by name
  std::set<int32_t> sizes;                  ///< ids of values computed from sizes and constants alone
  std::map<int32_t, Slices> slices;         ///< of volumes, by the value's id
  std::set<std::string> node_names;
  std::map<std::string, int64_t> name_counts;  ///< how often each name was wanted
  std::vector<std::string> refused;            ///< one text per node that could not be read
  int64_t nodes_read = 0;
  int64_t constant_bytes = 0;  ///< computed while reading
  bool has_parameters = true;  ///< not the body of a loop: all its constants are nodes
  bool has_leftovers = false;  ///< nodes of an attempt that was given up
};

/// The names of the graph, or of one call of a function.
struct Scope {
  int64_t opset = 0;
  std::string prefix;  ///< of the nodes' names
  int depth = 0;       ///< of calls and branches
  std::map<std::string, FileValue> values;
  std::set<std::string> read;                             ///< names that some node or an output reads
  std::map<std::string, onnx::AttributeProto> arguments;  ///< attributes of the call
};

}  // namespace vitrail::onnx_files
