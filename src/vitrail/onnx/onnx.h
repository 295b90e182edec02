#pragma once
// Models as ONNX files, both ways.
//
//   write_onnx("street.onnx", model);        // opset 17, any batch, height and width, metadata, checked
//   Model model = read_onnx("street.onnx");  // graph, weights and metadata back
//
// An instance segmentation network is one file of several inputs, of which the first is the image: sizes are
// fixed for that one.
//
// A file is complete: its metadata carries task, classes, palette, preprocessing and label map
// (weights/model_info.h). A model whose info names neither classes nor an architecture is written without
// metadata, as the bare network it is.

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "vitrail/graph/model.h"

namespace vitrail {

struct OnnxExportOptions {
  int64_t batch = 0;   ///< 0 = any batch size ("N" in the file)
  int64_t height = 0;  ///< 0 = any height ("H"); fixed sizes let other runtimes fold every shape computation
  int64_t width = 0;   ///< 0 = any width ("W")
  /// Kernels and matrices are written as 16-bit floats (with a Cast behind each), at half the bytes; whoever
  /// runs the file computes in 32 bits. Weights beyond 65504 and small ones stay as they are.
  bool half_weights = false;
};

/// The inference part of `model` as the bytes of an ONNX file (opset 17, IR version 8), passed by the ONNX
/// checker. Throws Error(usage) naming every parameter without a value.
std::string onnx_bytes(const Model& model, const OnnxExportOptions& options = {});
/// onnx_bytes, written atomically.
void write_onnx(const std::filesystem::path& path, const Model& model, const OnnxExportOptions& options = {});

struct OnnxImportOptions {
  /// What constants that are computed while a file is read may take. A file of a few bytes can ask for any
  /// amount (ConstantOfShape, Expand, Range).
  int64_t most_constant_bytes = int64_t{2} << 30;
};

/// Reads a model. `name` appears in errors. Throws Error(format) for bytes that are not a sound ONNX model
/// and Error(unsupported) listing every node whose operator or attribute the graph has no word for, all at
/// once (onnx/operators.h lists those that it has). A file without Vitrail's metadata is read too; its
/// `info.classes` is then empty. Floats of 16 and 64 bits are read as 32-bit ones.
Model onnx_from_bytes(std::string_view bytes, const std::string& name, const OnnxImportOptions& options = {});
/// The same, with initialisers that lie in other files of the model's folder ("external data").
Model read_onnx(const std::filesystem::path& path, const OnnxImportOptions& options = {});

/// The bytes of the ONNX file at `path` with `info` as its metadata, in place of what it had; its nodes stay
/// as they are, and data in other files is taken in. So a file from elsewhere becomes a complete one.
std::string onnx_with_info(const std::filesystem::path& path, const ModelInfo& info);

}  // namespace vitrail
