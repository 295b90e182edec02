#include "bench/cases.h"

#include "vitrail/base/error.h"
#include "vitrail/base/random.h"
#include "vitrail/base/text.h"
#include "vitrail/nets/encoders/mobilenet_v1.h"
#include "vitrail/nets/registry.h"
#include "vitrail/predict/prediction_graph.h"
#include "vitrail/weights/initialize.h"

namespace vitrail::bench {
namespace {

struct Line {
  const char* key;
  const char* net;  ///< of the registry
  int64_t classes, height, width;
};

constexpr Line lines[] = {
    {"M1", "mobilenet-x0.5-fcn16", 19, 1024, 2048},
    {"M2", "fcn8s-resnet50", 59, 512, 512},
    {"M3", "pspnet-resnet50-os8", 59, 512, 512},
    {"M3J", "fastfcn-psp-resnet50", 59, 512, 512},
};

/// SSD's trunk is MobileNetV1 at stride 32.
Case encoder_case() {
  Case net{"M4", "MobileNetV1 x1.0 trunk, 640x640", {}, {1, 3, 640, 640}};
  Graph& graph = net.model.graph;
  const Value image = graph.input("image", {-1, 3, -1, -1});
  graph.output("features", mobilenet_v1(Scope(graph) / "backbone", image).top);
  net.model.weights = initial_weights(graph, 1);
  return net;
}

}  // namespace

Case make_case(const std::string& key) {
  if (key == "M4") return encoder_case();
  for (const Line& line : lines) {
    if (key != line.key) continue;
    Model model = build_net(line.net, {.classes = line.classes});
    for (int64_t i = 0; i < line.classes; ++i)
      model.info.classes.push_back({cat("class ", i), {}});
    model.weights = initial_weights(model.graph, 1);
    const PredictionGraph labels = prediction_graph(model, Ending::labels);
    Case net{key, cat(line.net, ", ", line.classes, " classes, ", line.height, "x", line.width), {}, {}};
    net.model.graph = labels.graph;
    net.model.weights = labels.weights;
    net.input = {1, 3, line.height, line.width};
    return net;
  }
  throw Error(ErrorKind::usage, {.where = "case", .found = key, .allowed = join(case_keys())});
}

const std::vector<std::string>& case_keys() {
  static const std::vector<std::string> keys = {"M1", "M2", "M3", "M3J", "M4"};
  return keys;
}

Tensor input_of(const Case& net) {
  Tensor input = Tensor::empty(DataType::f32, net.input);
  Random random(7);
  for (float& value : input.data<float>())
    value = static_cast<float>(random.uniform(-2, 2));
  return input;
}

}  // namespace vitrail::bench
