#pragma once
// Small models that between them use every operator and every attribute of the graph, with fixed seeds: what
// is done to a graph (files, engine, training) is tested on each.
//
//   for (const OperatorModel& small : operator_models()) check(small.model, small.input);

#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "vitrail/base/random.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/model.h"

namespace vitrail {

inline Tensor random_tensor(Shape shape, uint64_t seed, double low = -1, double high = 1) {
  Tensor tensor = Tensor::empty(DataType::f32, std::move(shape));
  Random random(seed);
  for (float& value : tensor.data<float>())
    value = static_cast<float>(random.uniform(low, high));
  return tensor;
}

struct OperatorModel {
  std::string name;
  Model model;
  Shape input;  ///< a shape that suits the model, with odd sizes
};

/// A model under construction: one input "image" of `channels`, sizes open.
class ModelMaker {
 public:
  explicit ModelMaker(int64_t channels) { image = model.graph.input("image", {-1, channels, -1, -1}); }

  Value parameter(const std::string& name, Shape shape, double low = -1, double high = 1,
                  Role role = Role::learnable) {
    model.weights[name] = random_tensor(shape, 7 + model.weights.size(), low, high);
    return model.graph.parameter({.name = name, .shape = std::move(shape), .role = role});
  }
  Value add(Op op, std::vector<Value> inputs, const std::string& name) {
    return model.graph.add(std::move(op), std::move(inputs), name);
  }
  Value conv(op::Conv conv, Value x, Shape weight, const std::string& name, bool bias = true) {
    std::vector<Value> inputs{x, parameter(name + ".weight", weight)};
    if (bias) inputs.push_back(parameter(name + ".bias", {weight[0]}));
    return add(conv, std::move(inputs), name);
  }
  /// Half the size: something that a Resize with a reference can bring back.
  Value halved(const std::string& name = "halved") {
    return conv({.strides = {2, 2}, .pads = {1, 1, 1, 1}}, image, {3, model.graph.channels(image), 3, 3},
                name);
  }

  Model model;
  Value image;
};

/// One model per case: `build` adds nodes to a maker over 4 channels and returns the output.
inline OperatorModel operator_model(const std::string& name, const std::function<Value(ModelMaker&)>& build,
                                    Shape input = {2, 4, 17, 23}) {
  ModelMaker maker(4);
  maker.model.graph.output("result", build(maker));
  return {name, std::move(maker.model), std::move(input)};
}

inline void add_convolution_models(std::vector<OperatorModel>& models) {
  using M = ModelMaker;
  const auto conv_case = [&](const std::string& name, op::Conv conv, Shape weight, bool bias = true) {
    models.push_back(operator_model(name, [=](M& m) { return m.conv(conv, m.image, weight, "conv", bias); }));
  };
  conv_case("conv", {.pads = {1, 1, 1, 1}}, {5, 4, 3, 3});
  conv_case("conv without bias", {.strides = {2, 1}, .pads = {1, 0, 2, 1}}, {5, 4, 3, 2}, false);
  conv_case("conv depthwise dilated", {.pads = {2, 2, 2, 2}, .dilations = {2, 2}, .group = 4}, {4, 1, 3, 3});
  conv_case("conv grouped, multiplier", {.pads = {1, 1, 1, 1}, .group = 4}, {8, 1, 3, 3});
  for (const AutoPad pad : {AutoPad::same_upper, AutoPad::same_lower, AutoPad::valid})
    for (const int64_t stride : {1, 2, 3}) {
      const std::string name = cat(" auto_pad ", static_cast<int>(pad), " stride ", stride);
      conv_case("conv" + name, {.strides = {stride, stride}, .auto_pad = pad}, {5, 4, 3, 3});
      conv_case("conv dilated" + name, {.strides = {stride, stride}, .dilations = {2, 3}, .auto_pad = pad},
                {5, 4, 3, 3});
    }
  const auto transpose_case = [&](const std::string& name, op::ConvTranspose conv, Shape weight, bool bias) {
    models.push_back(operator_model(name, [=](M& m) {
      std::vector<Value> inputs{m.image, m.parameter("up.weight", weight)};
      if (bias) inputs.push_back(m.parameter("up.bias", {weight[1] * conv.group}));
      return m.add(conv, inputs, "up");
    }));
  };
  transpose_case("conv transpose", {.strides = {2, 2}, .pads = {1, 1, 1, 1}}, {4, 3, 4, 4}, true);
  transpose_case("conv transpose grouped", {.strides = {3, 2}, .output_padding = {1, 0}, .group = 2},
                 {4, 2, 3, 3}, false);
  transpose_case("conv transpose dilated", {.pads = {0, 1, 2, 1}, .dilations = {2, 1}}, {4, 3, 3, 3}, true);
}

inline void add_pointwise_models(std::vector<OperatorModel>& models) {
  using M = ModelMaker;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const auto add = [&](const std::string& name, const std::function<Value(M&)>& build) {
    models.push_back(operator_model(name, build));
  };
  add("batch normalization", [](M& m) {
    return m.add(op::BatchNormalization{.epsilon = 1e-3, .momentum = 0.99},
                 {m.image, m.parameter("bn.weight", {4}), m.parameter("bn.bias", {4}),
                  m.parameter("bn.running_mean", {4}, -1, 1, Role::running_statistic),
                  m.parameter("bn.running_var", {4}, 0.1, 2, Role::running_statistic)},
                 "bn");
  });
  add("relu", [](M& m) { return m.add(op::Relu{}, {m.image}, "relu"); });
  add("clip", [](M& m) { return m.add(op::Clip{.min = -0.25, .max = 0.5}, {m.image}, "clip"); });
  add("clip one side", [](M& m) { return m.add(op::Clip{.min = 0.1, .max = kInfinity}, {m.image}, "clip"); });
  add("sigmoid", [](M& m) { return m.add(op::Sigmoid{}, {m.image}, "sigmoid"); });
  add("identity", [](M& m) { return m.add(op::Identity{}, {m.image}, "identity"); });
  add("add", [](M& m) {
    const Value a = m.add(op::Relu{}, {m.image}, "relu");
    const Value b = m.add(op::Add{}, {a, m.image}, "sum");
    return m.add(op::Add{}, {b, m.parameter("offset", {4, 1, 1}, -1, 1, Role::constant)}, "shifted");
  });
  add("mul", [](M& m) {
    const Value gate = m.add(op::GlobalAveragePool{}, {m.image}, "mean");
    const Value gated = m.add(op::Mul{}, {m.image, gate}, "gated");
    return m.add(op::Mul{}, {gated, m.parameter("scale", {1, 4, 1, 1})}, "scaled");
  });
  add("concat", [](M& m) {
    const Value a = m.add(op::Relu{}, {m.image}, "relu");
    return m.add(op::Concat{.axis = 1}, {a, m.image, a}, "joined");
  });
  add("softmax", [](M& m) { return m.add(op::Softmax{.axis = 1}, {m.image}, "softmax"); });
  add("softmax last axis", [](M& m) { return m.add(op::Softmax{.axis = 3}, {m.image}, "softmax"); });
  add("argmax", [](M& m) { return m.add(op::ArgMax{.axis = 1}, {m.image}, "argmax"); });
  add("argmax dropping axis",
      [](M& m) { return m.add(op::ArgMax{.axis = 1, .keep_dims = false}, {m.image}, "argmax"); });
  add("dropout", [](M& m) {
    const Value dropped = m.add(op::Dropout{.ratio = 0.3}, {m.image}, "dropout");
    return m.add(op::Relu{}, {dropped}, "relu");
  });
}

inline void add_pooling_models(std::vector<OperatorModel>& models) {
  using M = ModelMaker;
  for (const bool ceil_mode : {false, true})
    for (const int64_t pad : {0, 1})
      for (const int64_t kernel : {2, 3}) {
        const std::string name = cat(" kernel ", kernel, " pad ", pad, ceil_mode ? " ceil" : "");
        models.push_back(operator_model("max pool" + name, [=](M& m) {
          return m.add(op::MaxPool{.kernel = {kernel, kernel},
                                   .strides = {2, 2},
                                   .pads = {pad, pad, pad, pad},
                                   .ceil_mode = ceil_mode},
                       {m.image}, "pool");
        }));
        for (const bool include : {false, true})
          models.push_back(operator_model(cat("average pool", name, include ? " with pad" : ""), [=](M& m) {
            return m.add(op::AveragePool{.kernel = {kernel, kernel},
                                         .strides = {2, 2},
                                         .pads = {pad, pad, pad, pad},
                                         .ceil_mode = ceil_mode,
                                         .count_include_pad = include},
                         {m.image}, "pool");
          }));
      }
  models.push_back(operator_model("max pool same", [](M& m) {
    return m.add(op::MaxPool{.kernel = {3, 3}, .auto_pad = AutoPad::same_upper}, {m.image}, "pool");
  }));
  models.push_back(operator_model("average pool same", [](M& m) {
    return m.add(op::AveragePool{.kernel = {3, 3}, .strides = {1, 2}, .auto_pad = AutoPad::same_upper},
                 {m.image}, "pool");
  }));
  models.push_back(operator_model("global average pool",
                                  [](M& m) { return m.add(op::GlobalAveragePool{}, {m.image}, "mean"); }));
}

inline void add_resizing_models(std::vector<OperatorModel>& models) {
  using M = ModelMaker;
  using C = op::CoordinateMode;
  const auto resize_case = [&](const std::string& name, const op::Resize& resize) {
    models.push_back(operator_model(name + " to reference", [=](M& m) {
      return m.add(resize, {m.halved(), m.image}, "resize");
    }));
    models.push_back(operator_model(name + " to sizes", [=](M& m) {
      op::Resize sized = resize;
      sized.sizes = Pair{11, 40};
      return m.add(sized, {m.image}, "resize");
    }));
    models.push_back(operator_model(name + " by scales", [=](M& m) {
      op::Resize scaled = resize;
      scaled.scales = std::array<double, 2>{2, 1.5};
      return m.add(scaled, {m.image}, "resize");
    }));
  };
  const std::vector<std::pair<C, std::string>> coordinates{{C::half_pixel, "half_pixel"},
                                                           {C::align_corners, "align_corners"},
                                                           {C::asymmetric, "asymmetric"},
                                                           {C::pytorch_half_pixel, "pytorch_half_pixel"}};
  for (const auto& [mode, name] : coordinates) {
    resize_case("linear " + name, {.mode = op::ResizeMode::linear, .coordinates = mode});
    resize_case("cubic " + name, {.mode = op::ResizeMode::cubic, .coordinates = mode});
    resize_case("nearest floor " + name,
                {.mode = op::ResizeMode::nearest, .coordinates = mode, .nearest = op::NearestMode::floor});
  }
  for (const auto& [mode, name] : std::vector<std::pair<op::NearestMode, std::string>>{
           {op::NearestMode::round_prefer_floor, "prefer floor"},
           {op::NearestMode::round_prefer_ceil, "prefer ceil"},
           {op::NearestMode::ceil, "ceil"}})
    resize_case("nearest " + name, {.mode = op::ResizeMode::nearest, .nearest = mode});

  models.push_back(operator_model("crop", [](M& m) {
    const Value wide = m.add(op::Pad{.pads = {5, 6, 7, 8}}, {m.image}, "pad");
    return m.add(op::Crop{.top = 3, .left = 4}, {wide, m.image}, "crop");
  }));
  models.push_back(operator_model("crop at the corner", [](M& m) {
    return m.add(op::Crop{}, {m.add(op::Relu{}, {m.image}, "relu"), m.halved()}, "crop");
  }));
  for (const auto& [mode, name] :
       std::vector<std::pair<op::PadMode, std::string>>{{op::PadMode::constant, "constant"},
                                                        {op::PadMode::reflect, "reflect"},
                                                        {op::PadMode::edge, "edge"}})
    models.push_back(operator_model("pad " + name, [mode = mode](M& m) {
      return m.add(
          op::Pad{.pads = {1, 2, 3, 4}, .mode = mode, .value = mode == op::PadMode::constant ? 0.5 : 0.0},
          {m.image}, "pad");
    }));
  models.push_back(operator_model("pad negative", [](M& m) {
    return m.add(op::Pad{.pads = {-1, 2, -3, -4}, .value = 2}, {m.image}, "pad");
  }));
}

inline std::vector<OperatorModel> operator_models() {
  std::vector<OperatorModel> models;
  add_convolution_models(models);
  add_pointwise_models(models);
  add_pooling_models(models);
  add_resizing_models(models);
  return models;
}

}  // namespace vitrail
