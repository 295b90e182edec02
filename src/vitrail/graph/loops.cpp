#include "vitrail/graph/loops.h"

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail {

void refuse_loops(const Graph& graph, const std::string& doing) {
  for (const Node& node : graph.nodes())
    if (std::holds_alternative<op::Loop>(node.op))
      throw Error(
          ErrorKind::unsupported,
          {.where = cat(doing, ", node '", node.name, "' (Loop)"),
           .found = "a loop whose length is computed",
           .allowed = "it can be run, but neither trained, quantised nor exported",
           .next = "Export the network without it from where it was made: it is often postprocessing"});
}

}  // namespace vitrail
