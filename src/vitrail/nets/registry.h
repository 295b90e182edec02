#pragma once
// The networks by name. `vitrail list nets` prints this table; every entry is tested without another word:
// shapes, parameter counts, engine == LibTorch, gradients, ONNX round trip.
//
//   Model model = build_net("mobilenet-x0.5-fcn8", {.classes = 19});   // graph and preprocessing; no weights
//   yet
//
// Adding one: its function in nets/semantic/ or nets/instance/, and one line in a table (registry_*.cpp).

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "vitrail/graph/model.h"

namespace vitrail {

struct NetOptions {
  int64_t classes = 19;
  /// `--set key=value`; a key the network does not know is refused. Every network of semantic segmentation
  /// knows in_channels=N: how many channels its image has (image_input, nets/semantic/preprocessing.h).
  std::map<std::string, std::string> set;
  int64_t in_channels = 0;  ///< the same as a number; 0 = what `set` says, else as the network is published
};

/// Parameter counts that the network must have (tested): from a paper's table or computed by an independent
/// count.
struct DeclaredCount {
  int64_t classes = 0;
  int64_t learnable = 0;
  int64_t with_running_statistics = 0;
};

struct NetEntry {
  std::string name;
  std::string summary;                ///< one line
  std::string source;                 ///< paper, section or table
  Model (*build)(const NetOptions&);  ///< weights empty; info has architecture and preprocessing
  std::vector<DeclaredCount> declared;
  std::string pretrained;  ///< file name of the encoder's ImageNet weights, or empty
  /// `--set` of the tests that run every net: the same graph with fewer channels, so that running it takes a
  /// blink.
  std::map<std::string, std::string> quick = {};
  int64_t smallest_side = 1;  ///< pixels that an image's height and width must have
};

/// Semantic segmentation: image -> logits of the image's size.
const std::vector<NetEntry>& nets();
/// Detection and instance segmentation: several parts in one graph (graph/instance_system.h).
const std::vector<NetEntry>& instance_nets();
/// Of either kind. Throws Error(usage) listing what exists, with the nearest name first.
const NetEntry& find_net(const std::string& name);
Model build_net(const std::string& name, const NetOptions& options = {});
/// How many channels the image of a network has.
int64_t image_channels(const Graph& graph);
/// The net as the tests over the whole table run it: with its `quick` options.
Model build_quick(const NetEntry& entry, int64_t classes);

}  // namespace vitrail
