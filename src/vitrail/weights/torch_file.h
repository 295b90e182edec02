#pragma once
// Weight files of PyTorch (.pth, .pt), torchvision's above all: a state dict, saved by torch.save as a zip
// archive (since 1.6) or as pickles with raw data behind them (before; many of torchvision's files). Read as
// data: nothing is executed (pickle.h).
//
//   TorchFile file = read_torch_file("resnet50-0676ba61.pth");
//   Tensor weight = file.tensors.at("conv1.weight");

#include <filesystem>
#include <string>
#include <vector>

#include "vitrail/graph/model.h"

namespace vitrail {

struct TorchFile {
  Weights tensors;  ///< views of the mapped file where they lie contiguous and aligned in it, else copies
  std::vector<std::string> ignored;  ///< entries of the dictionary that are no tensors
};

/// The tensors of the dictionary in the file: of itself, or of its entry "state_dict", "model" or
/// "model_state_dict" where it is a checkpoint; names lose a "module." that all of them begin with
/// (DataParallel). Sizes, strides and storages are checked against the file before they are believed. Throws
/// Error(format), Error(unsupported) or Error(limit) naming the file, and the tensor, function or entry.
TorchFile read_torch_file(const std::filesystem::path& path);

/// Whether the file begins as torch.save begins its files.
bool is_torch_file(const std::filesystem::path& path);

}  // namespace vitrail
