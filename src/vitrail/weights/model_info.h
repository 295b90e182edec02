#pragma once
// ModelInfo as text pairs: the same metadata in an ONNX file (metadata_props) and in a safetensors header
// (__metadata__).
//
// Keys, all starting with "vitrail.": task, architecture, classes (JSON list of names, empty where nobody
// named them), palette (JSON list of [r,g,b]), channel_order, mean, std (JSON lists, 0..255 scale, a number
// for each channel), multiple, height, width, label_map (JSON object), dataset, recipe, instance (JSON
// object, instance_info.h; of instance segmentation networks only), and "vitrail.note.<key>" for each note.
// "vitrail.format" is the version of this layout.

#include <map>
#include <string>

#include "vitrail/graph/model.h"

namespace vitrail {

/// Whether `info` is about its network, so that a file should keep it: it names the classes, or the
/// architecture whose preprocessing it has. A foreign network that nobody described yet is not.
bool is_described(const ModelInfo& info);

std::map<std::string, std::string> metadata_from_info(const ModelInfo& info);

/// Whether these pairs hold what predict needs.
bool has_model_info(const std::map<std::string, std::string>& metadata);

/// Throws Error(format) naming `source` and the key for a value that is malformed, of the wrong length or out
/// of range.
ModelInfo info_from_metadata(const std::map<std::string, std::string>& metadata, const std::string& source);

}  // namespace vitrail
