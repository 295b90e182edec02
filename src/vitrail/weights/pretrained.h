#pragma once
// Weights of an encoder trained elsewhere, loaded by name into a network of ours.
//
//   Model model = build_net("mobilenet-x0.5-fcn8");
//   model.weights = initial_weights(model.graph, seed);                       // decoder and head start fresh
//   Pretrained encoder = load_pretrained("mobilenet_v1_x0.50.safetensors", model.graph);
//   for (auto& [name, tensor] : encoder.weights) model.weights[name] = tensor;
//
// Files are .safetensors, or .pth of PyTorch (torch_file.h): those of torchvision load into the networks that
// have its names. A file whose names begin with the prefix itself is of a whole network and loads by the
// names as they are; those of torchvision's detectors may be the ones it publishes or the ones it saves. A
// detector with a feature pyramid has its encoder at `backbone.body.`, and an encoder's file finds it there.
//
// The file's tensor `X.weight` becomes the parameter `backbone.X.weight`, in f32; the [out, in] matrix of a
// linear layer also fits a convolution of as many weights, [out, C, h, w]. Its `X.bias` becomes
// `backbone.X.bias` where the network has that; where the network follows X with a batch normalisation
// `backbone.X.BatchNorm.{weight,bias,running_mean,running_var}` instead, the file's convolution has it folded
// in, and it is unfolded with the statistics that the file carries of the convolution before its bias:
//
//   running_mean = output_mean, running_var = output_var,
//   gamma = sqrt(output_var + epsilon), beta = bias + output_mean
//
// Then gamma * (Wx - mean) / sqrt(var + epsilon) + beta = Wx + bias: the same function in evaluation, and in
// training a normalisation whose inputs and outputs have the scale that it expects. Where the file says that
// its activations are ReLU6 and a channel's output_var is larger than its convolution's outputs can spread, 0
// and 1 are taken for mean and variance (the same function), and `skipped` says so.
//
// A network may read more channels than the file's (or fewer): its first layer keeps the weights of the first
// three, and those of further channels start at 0 (first_layer.h); `adapted` says so. A network with an
// encoder for each of its parts (`color.backbone.`, `hha.backbone.`) gets the file's weights in all of them.
//
// A tensor that has no place after the prefix may have one without it: a detector's file fills its predictors
// as well as its encoder. Predictors that were trained on COCO's classes give the rows of those that the
// network has, by name ("person"); a class that COCO does not have starts as the mean of all that it has.

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "vitrail/graph/model.h"

namespace vitrail {

struct PretrainedOptions {
  std::string prefix = "backbone.";  ///< of the encoder's parameters in the graph
  bool allow_missing = false;        ///< accept a file that lacks some encoder parameters
  std::vector<std::string>
      classes;  ///< names of a detector's classes; empty: predictors must fit as they are
};

struct Pretrained {
  Weights weights;                   ///< by the graph's names, f32; only what the file filled
  std::vector<std::string> unused;   ///< tensors of the file that the graph has no place for (its classifier)
  std::vector<std::string> skipped;  ///< "classifier.4.weight: 21 classes in the file, 11 here", for people
  std::vector<std::string> adapted;  ///< "features.0.weight: 3 channels in the file, 4 here", for people
  std::vector<std::string> missing;  ///< encoder parameters that the file lacks
  std::map<std::string, std::string>
      metadata;  ///< the file's: how its input was scaled and padded, its licence
};

/// Throws Error(format) naming the tensor for a damaged file or values that are not finite, Error(shape)
/// naming both shapes where a tensor of the encoder does not fit (a wrong depth multiplier, say), and
/// Error(usage) listing the encoder parameters that the file lacks, unless they may be missing.
Pretrained load_pretrained(const std::filesystem::path& path, const Graph& graph,
                           const PretrainedOptions& options = {});

}  // namespace vitrail
