#pragma once
// Random graphs, weights and inputs for the engine's tests.

#include <string>
#include <vector>

#include "vitrail/base/random.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/model.h"

namespace vitrail::engine_test {

inline Tensor random_tensor(Random& random, const Shape& shape, double low = -1, double high = 1) {
  Tensor tensor = Tensor::empty(DataType::f32, shape);
  for (float& value : tensor.data<float>())
    value = static_cast<float>(random.uniform(low, high));
  return tensor;
}

/// A graph under construction with the weights and inputs that go with it.
struct Case {
  Graph graph;
  Weights weights;
  std::vector<Tensor> inputs;
  Random random;
  std::string description;  ///< printed when the case fails

  explicit Case(uint64_t seed) : random(seed), description(cat("seed ", seed)) {}

  /// An input with random values; its sizes are left unknown to the graph but for the channels.
  Value input(const Shape& shape) {
    inputs.push_back(random_tensor(random, shape));
    Shape declared = shape;
    if (shape.size() == 4) declared = {-1, shape[1], -1, -1};
    description += cat(", input ", to_string(shape));
    return graph.input(cat("input", inputs.size()), declared);
  }
  Value parameter(const Shape& shape, double low = -1, double high = 1) {
    const std::string name = cat("parameter", graph.parameters().size());
    weights[name] = random_tensor(random, shape, low, high);
    return graph.parameter({.name = name, .shape = shape});
  }
  Value batch_norm(Value x, int64_t channels) {
    return graph.add(op::BatchNormalization{.epsilon = 1e-3},
                     {x, parameter({channels}, 0.5, 1.5), parameter({channels}), parameter({channels}),
                      parameter({channels}, 0.5, 2)});
  }
  Value conv(Value x, int64_t in, int64_t out, int64_t kernel, op::Conv attributes = {}) {
    std::vector<Value> values = {x, parameter({out, in / attributes.group, kernel, kernel})};
    if (random.chance(0.5)) values.push_back(parameter({out}));
    return graph.add(attributes, values);
  }
  int64_t pick(int64_t low, int64_t high) { return random.integer(low, high); }
  Pads pads(int64_t most) { return {pick(0, most), pick(0, most), pick(0, most), pick(0, most)}; }
  Pair pair(int64_t low, int64_t high) { return {pick(low, high), pick(low, high)}; }
};

/// A small network of convolutions, batch norms, activations, residual sums, concatenations and a resize.
/// Every map has the same size, so that any two can be joined.
inline Case random_network(uint64_t seed) {
  Case c(seed);
  const int64_t height = c.pick(5, 13), width = c.pick(5, 13), channels = 8 * c.pick(1, 3);
  const Value image = c.input({c.pick(1, 2), 3, height, width});
  std::vector<Value> maps = {c.conv(image, 3, channels, 3, {.pads = {1, 1, 1, 1}})};
  const auto any = [&] {
    return maps[static_cast<size_t>(c.pick(0, static_cast<int64_t>(maps.size()) - 1))];
  };
  const int64_t nodes = c.pick(6, 18);
  for (int64_t i = 0; i < nodes; ++i) {
    const Value x = c.random.chance(0.6) ? maps.back() : any();
    switch (c.pick(0, 8)) {
      case 0:
      case 1: maps.push_back(c.conv(x, channels, channels, 3, {.pads = {1, 1, 1, 1}})); break;
      case 2: maps.push_back(c.conv(x, channels, channels, 1)); break;
      case 3: maps.push_back(c.batch_norm(x, channels)); break;
      case 4: maps.push_back(c.graph.add(op::Relu{}, {x})); break;
      case 5: maps.push_back(c.graph.add(op::Clip{-0.5, 6}, {x})); break;
      case 6: maps.push_back(c.graph.add(op::Add{}, {x, any()})); break;
      case 7: maps.push_back(c.graph.add(op::Identity{}, {x})); break;
      default: {
        const Value joined = c.graph.add(op::Concat{}, {x, any()});
        maps.push_back(c.conv(joined, 2 * channels, channels, 1));
      }
    }
  }
  if (c.random.chance(0.5)) c.graph.output("side", any());
  c.graph.output("features", maps.back());
  const Value logits = c.conv(maps.back(), channels, 5, 1);
  c.graph.output("resized", c.graph.add(op::Resize{}, {logits, image}));
  return c;
}

}  // namespace vitrail::engine_test
