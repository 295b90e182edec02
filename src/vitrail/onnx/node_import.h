#pragma once
// One ONNX node on its way into the graph; internal to onnx/.
//
// A value of the file is one of three things while it is read: a value of the graph, a constant tensor (it
// becomes a parameter when a node computes with it), or a list of sizes: numbers and "the size of that value
// along this axis", which is how Shape, Gather, Slice and Concat nodes turn back into a Resize with a
// reference or a Crop.

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "onnx/onnx_pb.h"
#include "vitrail/graph/model.h"
#include "vitrail/onnx/enum_names.h"

namespace vitrail::onnx_files {

/// The size of `of` along `axis`, plus `number`; just `number` when `of` does not exist.
struct SizeTerm {
  int64_t number = 0;
  Value of;
  size_t axis = 0;
};
using SizeTerms = std::vector<SizeTerm>;

struct NotRead {};  ///< made by a node that could not be read
using FileValue = std::variant<NotRead, Value, Tensor, SizeTerms>;

/// Thrown for a node that the graph has no word for; the reader collects these.
struct Unsupported {
  std::string reason;
};
/// Thrown for a node that reads what an unsupported node makes.
struct ReadsUnsupported {};

struct ImportState {
  std::string source;  ///< the file's name, for errors
  int64_t opset = 0;
  Model model;
  std::map<std::string, FileValue> values;
  std::map<std::string, Role> roles;        ///< of initialisers, where the file says
  std::map<std::string, Value> parameters;  ///< constants that became parameters
  std::set<std::string> read;               ///< names that some node or the list of outputs reads
  std::set<std::string> node_names;
};

class NodeImport {
 public:
  NodeImport(ImportState& state, const onnx::NodeProto& proto) : state_(state), proto_(proto) {}

  int64_t opset() const { return state_.opset; }
  const Graph& graph() const { return state_.model.graph; }
  const onnx::NodeProto& proto() const { return proto_; }
  std::string where() const;  ///< "street.onnx: node 'conv1' (Conv)"

  // Attributes. A value of the wrong type or out of range is Error(format).
  const onnx::AttributeProto* attribute(std::string_view name) const;
  int64_t integer(std::string_view name, int64_t otherwise, int64_t least, int64_t most) const;
  bool flag(std::string_view name, bool otherwise) const {
    return integer(name, otherwise ? 1 : 0, 0, 1) != 0;
  }
  double real(std::string_view name, double otherwise) const;
  std::vector<int64_t> integers(std::string_view name) const;  ///< empty when it is not there
  Pair pair(std::string_view name, Pair otherwise, int64_t least) const;
  Pads pads() const;  ///< zero when the node pads automatically
  template <class E, size_t N>
  E choice(const EnumNames<E, N>& names, std::string_view name, E otherwise) const;
  /// Throws Unsupported unless the attribute is left out or has its only supported value.
  void expect_integer(std::string_view name, int64_t only) const;

  // Inputs.
  int count() const { return proto_.input_size(); }
  bool has(int i) const { return i < count() && !proto_.input(i).empty() && !is_empty_constant(i); }
  const FileValue& input(int i) const;
  Value tensor(int i, Role role = Role::constant);   ///< something computed, an input or a parameter
  Value weight(int i, Role role = Role::learnable);  ///< a parameter
  const Tensor& constant(int i) const;               ///< Unsupported when it is computed
  double number(int i, double otherwise) const;      ///< a constant scalar, or `otherwise` when left out
  SizeTerms sizes(int i) const;                      ///< a list of sizes or integer constants
  bool is_size_list(int i) const;                    ///< whether `sizes(i)` would succeed
  std::vector<int64_t> known_sizes(int i) const;     ///< the same, all of them numbers
  std::optional<int64_t> known(const SizeTerm& term) const;

  // Outputs.
  void emit(Op op, std::vector<Value> inputs);
  void define(FileValue value);  ///< the (only) output is this

 private:
  bool is_empty_constant(int i) const;
  [[noreturn]] void refuse(const std::string& found, const std::string& allowed) const;
  void expect_one_output() const;
  std::string text(std::string_view name) const;

  ImportState& state_;
  const onnx::NodeProto& proto_;
};

template <class E, size_t N>
E NodeImport::choice(const EnumNames<E, N>& names, std::string_view name, E otherwise) const {
  if (attribute(name) == nullptr) return otherwise;
  const std::string found = text(name);
  if (const std::optional<E> value = from_onnx_name(names, found)) return *value;
  throw Unsupported{std::string(name) + " '" + found.substr(0, 100) + "'"};
}

/// How one ONNX operator is read.
struct OperatorReader {
  std::string_view type;
  std::string_view attributes;  ///< those it knows, separated by spaces
  int least_inputs;
  int most_inputs;
  void (*read)(NodeImport& node);
};

/// nullptr for an operator that the graph has no word for.
const OperatorReader* find_reader(std::string_view type);

// Operators over sizes; they take part in find_reader's table.
void read_shape(NodeImport& node);
void read_gather(NodeImport& node);
void read_squeeze(NodeImport& node);
void read_cast(NodeImport& node);
void read_constant(NodeImport& node);
void read_size_concat(NodeImport& node);
void read_size_sum(NodeImport& node, int64_t sign);
void read_slice(NodeImport& node);

}  // namespace vitrail::onnx_files
