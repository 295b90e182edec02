#pragma once
// A model: a graph, its weights, and everything one must know to use it, so that no preprocessing is ever
// guessed.

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "vitrail/base/tensor.h"
#include "vitrail/graph/graph.h"
#include "vitrail/graph/instance_system.h"

namespace vitrail {

/// Values by parameter name. Tensors share their bytes, so copying a Weights is cheap.
using Weights = std::map<std::string, Tensor>;

enum class Task { semantic, instance };
enum class ChannelOrder { rgb, bgr, grey };

/// What happens to an image before the network: network input = (pixel - mean) / std per channel, in `order`.
struct Preprocessing {
  ChannelOrder order = ChannelOrder::rgb;
  std::vector<double> mean = {0, 0, 0};       ///< on the 0..255 scale, in `order`
  std::vector<double> std = {255, 255, 255};  ///< on the 0..255 scale, in `order`; never 0
  int64_t multiple = 1;  ///< height and width are padded (bottom, right, with `mean`) to a multiple of this,
                         ///< and cropped back
  int64_t height = 0;    ///< a fixed input height in pixels; 0 = any size
  int64_t width = 0;     ///< a fixed input width in pixels; 0 = any size
};

struct ClassInfo {
  std::string name;
  std::array<uint8_t, 3> color{};  ///< R, G, B
};

/// What a model file carries beside the graph. Everything in it has a meaning to `segment`, `evaluate` or a
/// reader.
struct ModelInfo {
  std::string architecture;  ///< registry name, "mobilenet-x0.5-fcn8"; empty for a foreign network
  Task task = Task::semantic;
  std::vector<ClassInfo> classes;  ///< by index
  Preprocessing preprocessing;
  std::map<int64_t, int64_t> label_map;  ///< dataset label -> class index it was trained as; 255 = ignored
  std::string dataset;                   ///< "camvid", for people
  std::string recipe;                    ///< the recipe's text, so that a model can be trained again
  InstanceSystem instance;               ///< of an instance segmentation network: what joins its parts
  std::map<std::string, std::string> notes;  ///< free: figures, licence, version
};

struct Model {
  Graph graph;
  Weights weights;
  ModelInfo info;
};

}  // namespace vitrail
