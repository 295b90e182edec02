#pragma once
// Checkpoints: everything a training run needs to go on as if it had never stopped.
//
//   write_checkpoint(folder, "last", checkpoint);
//   std::optional<Checkpoint> checkpoint = read_checkpoint(folder, "last");   // nothing if there is none yet
//
// On disk a checkpoint is NAME-<step>.safetensors (the tensors) and NAME.json (everything else, and the name,
// size and CRC-32C of the tensors' file). The tensors are written and flushed first under a name that nothing
// refers to yet; then NAME.json is replaced atomically, and that is the instant at which the new checkpoint
// counts; then older tensors are deleted. A kill at any moment leaves the last complete checkpoint.

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "vitrail/graph/model.h"
#include "vitrail/train/history.h"

namespace vitrail::train {

struct Checkpoint {
  int64_t step = 0;   ///< optimiser steps done; batch and dropout of the next follow from it and the seed
  Weights model;      ///< weights and running statistics
  Weights optimizer;  ///< Optimizer::state
  Weights average;    ///< Ema::state; empty without one
  std::optional<double> best_score;  ///< best score of an evaluation so far
  int64_t best_step = 0;
  double seconds = 0;  ///< spent training, over all resumptions
  History history;
  std::string recipe;  ///< recipe_to_toml of the run
  /// Written into the tensors' file, so that it is a model file too (predict/model_file.h). Not read back.
  std::map<std::string, std::string> metadata;
  std::map<std::string, std::string> environment;  ///< versions and threads it was made with
};

/// Writes as said above. Throws Error(file).
void write_checkpoint(const std::filesystem::path& folder, const std::string& name,
                      const Checkpoint& checkpoint);

/// The checkpoint called `name`, or nothing where folder or NAME.json does not exist. Throws Error(format)
/// naming the file for one that is damaged: wrong size, wrong checksum, missing or malformed entries.
std::optional<Checkpoint> read_checkpoint(const std::filesystem::path& folder, const std::string& name);

/// Deletes what kills have left in `folder`: temporary files and tensors of checkpoint `name` that NAME.json
/// does not refer to. Call it when no other process writes there.
void remove_leftovers(const std::filesystem::path& folder, const std::string& name);

}  // namespace vitrail::train
