#include "vitrail/engine/loop_body.h"

#include <algorithm>

#include "vitrail/graph/part.h"

namespace vitrail::engine_detail {
namespace {

int64_t readers_of(const Graph& graph, Value value) {
  int64_t readers = 0;
  for (const Node& node : graph.nodes())
    readers += std::count(node.inputs.begin(), node.inputs.end(), value);
  for (const Output& output : graph.outputs())
    readers += output.value == value ? 1 : 0;
  return readers;
}

// The Concat that puts something behind carried value `i`, which nothing else reads; nullptr for any other
// node. Its result may be collected, too: then it is needed whole.
const Node* appends_to(const Graph& body, size_t i) {
  const Value carried = body.inputs()[2 + i].value, made = body.outputs()[1 + i].value;
  const Node* node = body.producer_of(made);
  if (node == nullptr || !std::holds_alternative<op::Concat>(node->op) || node->inputs.size() != 2)
    return nullptr;
  const bool alone = readers_of(body, carried) == 1 && readers_of(body, made) == 1;
  return alone && node->inputs[0] == carried ? node : nullptr;
}

}  // namespace

LoopBody body_of(const op::Loop& loop) {
  const Graph body = loop.body->for_inference();
  LoopBody made;
  std::vector<Output> outputs = body.outputs();
  for (size_t i = 0; i < static_cast<size_t>(loop.carried); ++i) {
    made.appended.emplace_back();
    if (const Node* node = appends_to(body, i)) {
      outputs[1 + i].value = node->inputs[1];
      made.appended[i] = std::get<op::Concat>(node->op).axis;
    }
  }
  made.graph = computing(body, outputs, false);
  for (const Input& input : made.graph.inputs())
    made.reads.push_back(
        static_cast<size_t>(std::find_if(body.inputs().begin(), body.inputs().end(),
                                         [&](const Input& each) { return each.name == input.name; }) -
                            body.inputs().begin()));
  return made;
}

}  // namespace vitrail::engine_detail
