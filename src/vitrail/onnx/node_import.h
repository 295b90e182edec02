#pragma once
// One ONNX node on its way into the graph; internal to onnx/.
//
// A reader asks for attributes and inputs, and emits operators:
//
//   void read_softsign(NodeImport& node) {
//     node.emit(op::Unary{op::Unary::Function::softsign}, {node.operand(0)});
//   }
//
// An operator whose operands are all constants is computed at once (weights that are transposed, scaled or
// converted), so that a reader never has to tell constants from computed tensors.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vitrail/onnx/enum_names.h"
#include "vitrail/onnx/file_value.h"

namespace vitrail::onnx_files {

class NodeImport {
 public:
  NodeImport(ImportState& state, Scope& scope, const onnx::NodeProto& proto);

  int64_t opset() const { return scope_.opset; }
  const Graph& graph() const { return state_.model.graph; }
  const onnx::NodeProto& proto() const { return proto_; }
  ImportState& state() { return state_; }
  Scope& scope() { return scope_; }
  const std::string& name() const { return name_; }  ///< of the node that makes the output
  std::string where() const;                         ///< "street.onnx: node 'conv1' (Conv)"
  [[noreturn]] void refuse(const std::string& found,
                           const std::string& allowed) const;  ///< Error(format)

  // Attributes. A value of the wrong type or out of range is Error(format).
  const onnx::AttributeProto* attribute(std::string_view name) const;
  int64_t integer(std::string_view name, int64_t otherwise, int64_t least, int64_t most) const;
  int64_t axis(std::string_view name, int64_t otherwise) const;  ///< -64..64
  bool flag(std::string_view name, bool otherwise) const {
    return integer(name, otherwise ? 1 : 0, 0, 1) != 0;
  }
  double real(std::string_view name, double otherwise) const;
  std::string text(std::string_view name, std::string_view otherwise) const;
  std::vector<int64_t> integers(std::string_view name) const;  ///< empty when it is not there
  std::vector<double> reals(std::string_view name) const;      ///< empty when it is not there
  Pair pair(std::string_view name, Pair otherwise,
            int64_t least) const;  ///< {1 or 0, v} for one dimension
  Pads pads() const;               ///< zero when the node pads automatically; {0, l, 0, r}
                                   ///< for one dimension
  template <class E, size_t N>
  E choice(const EnumNames<E, N>& names, std::string_view name, E otherwise) const;
  /// Throws Unsupported unless the attribute is left out or has its only supported value.
  void expect_integer(std::string_view name, int64_t only) const;

  // Inputs.
  int count() const { return proto_.input_size(); }
  bool has(int i) const;  ///< neither left out nor a constant without elements
  const FileValue& input(int i) const;
  Operand operand(int i);                      ///< anything to compute with
  Operand operand_of(const FileValue& value);  ///< the same of a value that is not an input
  Operand optional_operand(int i);             ///< a Value that does not exist() when left out
  Operand weight(int i,
                 Role role = Role::learnable);  ///< a constant becomes a parameter of this role
  Operand setting(int i);                       ///< as optional_operand; a constant becomes a
                                                ///< Constant node, never a parameter
  const Tensor* known_tensor(int i);            ///< nullptr when it is computed
  const Tensor& constant(int i);                ///< Unsupported when it is computed
  double number(int i,
                double otherwise);                 ///< a constant scalar, or `otherwise` when left out
  std::optional<SizeList> size_list(int i) const;  ///< sizes, or integer constants of up to one dimension
  bool is_symbolic(int i) const { return std::holds_alternative<SizeList>(input(i)); }
  std::vector<int64_t> known_sizes(int i);  ///< numbers; Unsupported where they depend on the input
  /// Axes from the attribute (before operator set `since`) or input 1; empty where left out.
  std::vector<int64_t> axes(int64_t since);
  std::optional<int64_t> known(const SizeTerm& term) const;

  // Operands.
  Shape shape(const Operand& operand) const;
  DataType type(const Operand& operand) const;
  int64_t rank(const Operand& operand) const { return static_cast<int64_t>(shape(operand).size()); }
  Operand numbers(const std::vector<int64_t>& values) const;  ///< i64 [n]
  Operand scalar(double value,
                 DataType type = DataType::f32) const;  ///< of f32 or an integer type
  Operand sizes_operand(const SizeList& list);
  Value value_of(const Operand& operand);  ///< in the graph

  /// Adds an operator, or computes it when all operands are constants.
  Operand add(Op op, std::vector<Operand> inputs);
  /// The same by this name, or one like it.
  Operand add_named(Op op, std::vector<Operand> inputs, const std::string& name);

  // Outputs.
  void emit(Op op, std::vector<Operand> inputs, int output = 0);
  void define(FileValue value, int output = 0);
  void define(Operand value, int output = 0);
  bool wants(int output) const;  ///< whether something reads it
  /// Throws Unsupported where something reads an output that the reader did not define.
  void expect_all_defined() const;

 private:
  std::optional<Tensor> folded(const Op& op, const std::vector<Operand>& inputs);
  bool computes_sizes(const std::vector<Operand>& inputs) const;
  Value parameter_of(const FileConstant& constant);
  Value constant_node_of(const FileConstant& constant);
  std::string unique_node_name(const std::string& wanted);
  Value add_to_graph(Op op, std::vector<Value> inputs, const std::string& name);

  ImportState& state_;
  Scope& scope_;
  const onnx::NodeProto& proto_;
  std::string name_;  ///< of the node that makes the output
};

template <class E, size_t N>
E NodeImport::choice(const EnumNames<E, N>& names, std::string_view name, E otherwise) const {
  if (attribute(name) == nullptr) return otherwise;
  const std::string found = text(name, "");
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
  std::string_view note = "";  ///< what of it is not read, for the list of operators
};
using Readers = std::span<const OperatorReader>;
inline constexpr int kAnyNumber = 1 << 20;

/// nullptr for an operator that the graph has no word for.
const OperatorReader* find_reader(std::string_view domain, std::string_view type);

// The tables that find_reader looks through, each beside its readers.
Readers convolution_readers();
Readers normalization_readers();
Readers elementwise_readers();
Readers shape_readers();
Readers slice_readers();
Readers resize_readers();
Readers padding_readers();
Readers reduction_readers();
Readers product_readers();
Readers quantization_readers();
Readers detection_readers();
Readers control_readers();
Readers position_readers();
Readers selection_readers();
Readers recurrent_readers();
Readers composed_readers();
Readers bit_readers();
Readers contrib_readers();  ///< of ONNX Runtime's domain "com.microsoft"
Readers own_readers();      ///< of the domain "vitrail"

}  // namespace vitrail::onnx_files
