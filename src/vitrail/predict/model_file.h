#pragma once
// Models from files, whatever the format.
//
//   Model model = read_model("models/street.onnx");
//   Model same = read_model("runs/street/best.safetensors");

#include <filesystem>

#include "vitrail/graph/model.h"

namespace vitrail {

/// An ONNX file (.onnx), or a safetensors file (.safetensors) whose metadata names the architecture: its
/// graph is then built by the registry and must find every parameter in the file, in its shape, under its
/// name or under "model." + name.
///
/// Throws Error(usage) for another extension, Error(file) for a path that is not a file, Error(format) for
/// damaged files, for weights without metadata and for parameters that are missing or of another shape, all
/// at once.
Model read_model(const std::filesystem::path& path);

}  // namespace vitrail
