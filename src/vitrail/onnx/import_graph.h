#pragma once
// The nodes of a graph, a branch or a function on their way into the graph; internal to onnx/.

#include "vitrail/onnx/node_import.h"

namespace vitrail::onnx_files {

using Nodes = google::protobuf::RepeatedPtrField<onnx::NodeProto>;

/// Constants of a graph or a branch into `scope`.
void read_initializers(const onnx::GraphProto& graph, ImportState& state, Scope& scope);

/// Adds to `needed` (which holds the names of the outputs) what they are computed from.
void collect_needed(const Nodes& nodes, std::set<std::string>& needed);

/// Reads the nodes that make something that `scope.read` names. What cannot be read is told in
/// `state.refused`.
void read_nodes(const Nodes& nodes, ImportState& state, Scope& scope);

}  // namespace vitrail::onnx_files
