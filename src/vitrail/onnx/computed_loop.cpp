#include "vitrail/onnx/computed_loop.h"

#include <algorithm>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/onnx/checked_proto.h"

namespace vitrail::onnx_files {
namespace {

// Names that the body reads and does not make itself.
std::set<std::string> names_from_outside(const onnx::GraphProto& body) {
  std::set<std::string> names;
  for (const onnx::ValueInfoProto& output : body.output())
    names.insert(output.name());
  collect_needed(body.node(), names);
  for (const onnx::ValueInfoProto& input : body.input())
    names.erase(input.name());
  for (const onnx::TensorProto& initializer : body.initializer())
    names.erase(initializer.name());
  for (const onnx::NodeProto& node : body.node())
    for (const std::string& output : node.output())
      names.erase(output);
  return names;
}

// Both the trip's number and the condition may be scalars or lists of one.
Shape shape_of_number(const onnx::ValueInfoProto& input) {
  return Shape(input.type().tensor_type().shape().dim_size() == 1 ? 1 : 0, 1);
}

// The body as a graph, for one choice of which sizes stay the same from trip to trip.
class BodyImport {
 public:
  BodyImport(NodeImport& node, const onnx::GraphProto& proto)
      : node_(node), proto_(proto), outer_(node.state()) {
    inner_.source = outer_.source;
    inner_.proto = outer_.proto;
    inner_.most_constant_bytes = outer_.most_constant_bytes;
    inner_.constant_bytes = outer_.constant_bytes;
    inner_.nodes_read = outer_.nodes_read + proto.node_size();  // a body may be read several times
    inner_.has_parameters = false;
    scope_.opset = node.scope().opset;
    scope_.prefix = node.scope().prefix;
    scope_.depth = node.scope().depth + 1;
    scope_.arguments = node.scope().arguments;
  }

  /// `carried`: what the body is to read, `types` beside them.
  void read(const std::vector<Shape>& carried, const std::vector<DataType>& types) {
    Graph& graph = inner_.model.graph;
    const auto define = [&](int i, Value value) { scope_.values[proto_.input(i).name()] = value; };
    define(0, graph.input("trip", shape_of_number(proto_.input(0)), DataType::i64));
    define(1, graph.input("go_on", shape_of_number(proto_.input(1)), DataType::boolean));
    for (size_t i = 0; i < carried.size(); ++i)
      define(static_cast<int>(2 + i), graph.input(cat("carried ", i), carried[i], types[i]));
    for (const std::string& name : names_from_outside(proto_))
      if (const auto found = node_.scope().values.find(name); found != node_.scope().values.end())
        scope_.values[name] = from_outside(found->second);
    read_initializers(proto_, inner_, scope_);
    for (const onnx::ValueInfoProto& output : proto_.output())
      scope_.read.insert(output.name());
    collect_needed(proto_.node(), scope_.read);
    read_nodes(proto_.node(), inner_, scope_);
    outer_.nodes_read = inner_.nodes_read;
    outer_.constant_bytes = inner_.constant_bytes;
    if (!inner_.refused.empty()) {
      outer_.refused.insert(outer_.refused.end(), inner_.refused.begin(), inner_.refused.end());
      throw ReadsUnsupported{};
    }
    name_outputs();
  }

  const Graph& graph() const { return inner_.model.graph; }
  /// Values of the outer graph, in the order in which the body reads them after what is carried.
  const std::vector<Value>& captured() const { return captured_; }

 private:
  FileValue from_outside(const FileValue& value) {
    if (const auto* computed = std::get_if<Value>(&value)) {
      const Tensor content = computed->exists() ? node_.graph().content(*computed) : Tensor();
      if (content.defined()) return FileConstant{.tensor = content, .name = "known"};
      return capture(*computed);
    }
    if (const auto* sizes = std::get_if<SizeList>(&value)) {
      SizeList list = *sizes;
      for (SizeTerm& term : list.terms)
        term.of = capture(term.of);
      return list;
    }
    return value;
  }

  Value capture(Value outside) {
    if (!outside.exists()) return {};
    const auto [found, is_new] = inside_.try_emplace(outside.id);
    if (is_new) {
      found->second = inner_.model.graph.input(cat("read ", captured_.size()), node_.graph().shape(outside),
                                               node_.graph().type(outside));
      if (outer_.sizes.contains(outside.id)) inner_.sizes.insert(found->second.id);
      captured_.push_back(outside);
    }
    return found->second;
  }

  void name_outputs() {
    NodeImport reader(inner_, scope_, node_.proto());
    for (int i = 0; i < proto_.output_size(); ++i) {
      const Operand made = reader.operand_of(scope_.values.at(proto_.output(i).name()));
      inner_.model.graph.output(i == 0 ? "go_on" : cat("made ", i - 1), reader.value_of(made));
    }
  }

  NodeImport& node_;
  const onnx::GraphProto& proto_;
  ImportState& outer_;
  ImportState inner_{};
  Scope scope_{};
  std::vector<Value> captured_;
  std::map<int32_t, Value> inside_;  // by the id of the outer value
};

// The sizes that `before` and what the body makes of it have in common.
Shape common_sizes(const Shape& before, const Shape& after) {
  if (before.size() != after.size())
    throw Unsupported{cat("a loop that makes ", to_string(after), " of ", to_string(before),
                          ": another number of dimensions")};
  Shape common = before;
  for (size_t d = 0; d < common.size(); ++d)
    if (before[d] != after[d]) common[d] = -1;
  return common;
}

// What the next trip would read.
std::vector<Shape> carried_on(const Graph& body, const std::vector<Shape>& shapes,
                              const std::vector<DataType>& types) {
  std::vector<Shape> next;
  for (size_t i = 0; i < shapes.size(); ++i) {
    const Value made = body.outputs()[1 + i].value;
    if (body.type(made) != types[i])
      throw Unsupported{cat("a loop that makes ", name_of(body.type(made)), " of ", name_of(types[i]))};
    next.push_back(common_sizes(shapes[i], body.shape(made)));
  }
  return next;
}

}  // namespace

void read_computed_loop(NodeImport& node, const onnx::GraphProto& body) {
  std::vector<Operand> inputs{node.optional_operand(0), node.optional_operand(1)};
  std::vector<Shape> shapes;
  std::vector<DataType> types;
  for (int i = 2; i < node.count(); ++i) {
    inputs.push_back(node.operand(i));
    shapes.push_back(node.shape(inputs.back()));
    std::replace(shapes.back().begin(), shapes.back().end(), int64_t{0}, int64_t{-1});  // it will grow
    types.push_back(node.type(inputs.back()));
  }
  for (int attempt = 0;; ++attempt) {
    BodyImport import(node, body);
    import.read(shapes, types);
    std::vector<Shape> next = carried_on(import.graph(), shapes, types);
    if (next != shapes) {
      for (size_t i = 0; attempt > 0 && i < next.size(); ++i)
        std::fill(next[i].begin(), next[i].end(), -1);
      shapes = std::move(next);
      continue;
    }
    inputs.insert(inputs.end(), import.captured().begin(), import.captured().end());
    const auto shared = std::make_shared<const Graph>(import.graph().for_inference());
    for (int i = 0; i < node.proto().output_size(); ++i)
      if (node.wants(i))
        node.emit(op::Loop{.body = shared, .carried = static_cast<int64_t>(shapes.size()), .output = i},
                  inputs, i);
    return;
  }
}

}  // namespace vitrail::onnx_files
