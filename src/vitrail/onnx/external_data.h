#pragma once
// Values of initialisers that lie in files beside the model; internal to onnx/.

#include <filesystem>

#include "onnx/onnx_pb.h"

namespace vitrail::onnx_files {

/// Takes the values of every initialiser of `model` that lie in another file into the message. The file must
/// be inside the folder of `path`: no absolute paths, no "..", no links that lead out. Throws Error(format)
/// naming the initialiser for a place beyond the end of its file, Error(file) where the file is missing.
void load_external_data(onnx::ModelProto& model, const std::filesystem::path& path);

}  // namespace vitrail::onnx_files
