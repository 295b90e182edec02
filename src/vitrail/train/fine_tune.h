#pragma once
// Training that starts from a model file: any float network of an ONNX file, from its own weights.
//
//   Model model = network_from_file("third_party.onnx", {.mean = {124, 116, 104}, .std = {58, 57, 57}},
//   classes); Module module(model.graph, initial_weights(model.graph, 0) updated by model.weights);
//
// The network ends at its logits: a Softmax, LogSoftmax, ArgMax or Sigmoid after them is cut off. Where the
// file has logits for another number of classes, `replace_head` makes the convolutions that give them anew
// (all of them where scores of several depths are added up, as in FCN); every other weight is kept.
// Upsampling of the old classes' scores goes on as it was, for the new ones.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "vitrail/graph/model.h"

namespace vitrail::train {

struct FineTuneOptions {
  std::string output;             ///< name of the output that has the logits; empty = the only one
  bool replace_head = false;      ///< for `classes`, even if the file's number is the same
  std::vector<double> mean, std;  ///< 0..255 scale; empty = what the file's metadata say
  std::string order = "file";     ///< rgb, bgr, grey, or what the file's metadata say (else rgb)
  int64_t multiple = 0;           ///< 0 = what the file's metadata say
};

/// The note of `model.info.notes` that says what was done to the file's network.
inline constexpr const char* fine_tuned_note = "fine_tuned_from";

/// The network of `path` with one output of logits for `classes`, any batch size where the file allows that,
/// and the weights that the file has for it; what is made anew has none. A network over N x H x W x C gets
/// its image and gives its logits as N x C x H x W. Throws Error(usage) saying which option helps: for a file
/// without a single map of logits, for one of another number of classes, and for one that does not say how
/// its images are prepared; Error(unsupported) for a network that does not map one image to logits.
Model network_from_file(const std::filesystem::path& path, const FineTuneOptions& options,
                        const std::vector<ClassInfo>& classes);

}  // namespace vitrail::train
