#pragma once
// What joins the parts of an instance segmentation network as JSON: `vitrail.instance` in a file's metadata
// (model_info.h). Every field of graph/instance_system.h is there under its own name:
//
//   {"kind": "ssd", "anchors": {"levels": [{"sizes": [[0.1, 0.1], ...], "step": 0}, ...], ...}, ...}
//
// A field that the text leaves out keeps its default, so that files stay readable when one is added.

#include <string>

#include "vitrail/graph/instance_system.h"

namespace vitrail {

/// "" where there is nothing to say.
std::string instance_to_json(const InstanceSystem& system);

/// Throws Error(format) naming `where` and the field for text that is not such JSON, a field that nobody
/// knows, one that is there twice, or a value out of range.
InstanceSystem instance_from_json(const std::string& text, const std::string& where);

}  // namespace vitrail
