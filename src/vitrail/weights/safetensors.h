#pragma once
// safetensors files: named tensors with a JSON header, nothing executable
// (https://github.com/huggingface/safetensors).
//
//   Safetensors file = read_safetensors("mobilenet_v1_x0.50.safetensors");   // mapped, not copied
//   Tensor weight = file.tensors.at("Conv2d_0.weight").to_f32();

#include <filesystem>
#include <map>
#include <string>

#include "vitrail/base/tensor.h"
#include "vitrail/graph/model.h"

namespace vitrail {

struct Safetensors {
  Weights tensors;                              ///< views of the mapped file
  std::map<std::string, std::string> metadata;  ///< the header's __metadata__
};

/// Nothing in the header is believed before it is checked: its length, each name, type, shape, and that each
/// range of bytes lies inside the file, has the size that its shape needs and overlaps no other. Throws
/// Error(format) naming file and tensor.
Safetensors read_safetensors(const std::filesystem::path& path);

/// Writes atomically (temporary name, fsync, rename), tensors in order of name, data 64-byte aligned in the
/// file.
void write_safetensors(const std::filesystem::path& path, const Weights& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace vitrail
