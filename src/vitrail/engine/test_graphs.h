#pragma once
// Random graphs, weights and inputs for the engine's tests.

#include <cmath>
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
  /// Weights scaled so that values keep their magnitude: a deep network neither explodes nor vanishes.
  Value conv(Value x, int64_t in, int64_t out, int64_t kernel, op::Conv attributes = {}) {
    const int64_t depth = in / attributes.group;
    const double bound = std::sqrt(3.0 / static_cast<double>(depth * kernel * kernel));
    std::vector<Value> values = {x, parameter({out, depth, kernel, kernel}, -bound, bound)};
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
  const op::Conv same{.pads = {1, 1, 1, 1}};
  const int64_t height = c.pick(5, 11), width = c.pick(5, 11), channels = 8 * c.pick(1, 2);
  const Value image = c.input({c.pick(1, 2), 3, height, width});
  std::vector<Value> maps = {c.conv(image, 3, channels, 3, same)};
  const auto any = [&] {
    return maps[static_cast<size_t>(c.pick(0, static_cast<int64_t>(maps.size()) - 1))];
  };
  const auto add_node = [&](Op op, std::vector<Value> inputs) { maps.push_back(c.graph.add(op, inputs)); };
  for (int64_t i = c.pick(5, 12); i > 0; --i) {
    const Value x = c.random.chance(0.8) ? maps.back() : any();
    switch (c.pick(0, 9)) {
      case 0: maps.push_back(c.conv(x, channels, channels, 3, same)); break;
      case 1: maps.push_back(c.conv(x, channels, channels, 1)); break;
      case 2: maps.push_back(c.batch_norm(x, channels)); break;
      case 3: add_node(op::Relu{}, {x}); break;
      case 4: add_node(op::Clip{-0.5, 6}, {x}); break;
      case 5: add_node(op::Add{}, {x, any()}); break;
      case 6: add_node(op::Identity{}, {x}); break;
      case 7: {
        const Value joined = c.graph.add(op::Concat{}, {x, any()});
        maps.push_back(c.conv(joined, 2 * channels, channels, 1));
        break;
      }
      default: {  // a residual block
        const Value first = c.batch_norm(c.conv(x, channels, channels, 3, same), channels);
        const Value second = c.conv(c.graph.add(op::Relu{}, {first}), channels, channels, 3, same);
        const Value sum = c.graph.add(op::Add{}, {c.random.chance(0.5) ? x : any(), second});
        add_node(op::Relu{}, {sum});
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
