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
/// range of bytes lies inside the file, has the size that its shape needs and overlaps no other; every byte
/// belongs to a tensor. Throws Error(format) naming file and tensor. The values are not looked at: they may
/// be NaN.
Safetensors read_safetensors(const std::filesystem::path& path);

/// Writes atomically (temporary name, fsync, rename). The data begin at a multiple of 64 bytes; tensors are
/// in order of element size, widest first, and then of name, so that each is aligned to its type without the
/// gaps that the format forbids. The same tensors and metadata give the same bytes.
void write_safetensors(const std::filesystem::path& path, const Weights& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace vitrail
