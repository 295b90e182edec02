#pragma once
// Small models of the operators that operator_models.h does not have: those over tensors of any rank, and our
// own. Each reads one image and gives one tensor of f32 or i64.

#include <operator_models.h>

namespace vitrail {
namespace tensor_models {

using M = ModelMaker;
using Models = std::vector<OperatorModel>;

inline Tensor list(const std::vector<int64_t>& values) {
  return Tensor::from<int64_t>({static_cast<int64_t>(values.size())}, values);
}
inline Value constant(M& m, const Tensor& value, const std::string& name) {
  return m.add(op::Constant{.value = value}, {}, name);
}
inline Value numbers(M& m, const std::vector<int64_t>& values, const std::string& name) {
  return constant(m, list(values), name);
}
inline Value to_float(M& m, Value x) {
  return m.add(op::Cast{.to = DataType::f32}, {x}, "as_float");
}

inline void add_functions(Models& models) {
  using F = op::Unary::Function;
  const auto unary = [&](const std::string& name, op::Unary function, bool positive = false) {
    models.push_back(operator_model(name, [=](M& m) {
      const Value x = positive ? m.add(op::Sigmoid{}, {m.image}, "positive") : m.image;
      return m.add(function, {x}, "f");
    }));
  };
  for (const F function :
       {F::abs, F::neg, F::exp, F::floor, F::ceil, F::round, F::sign, F::erf, F::sin, F::cos, F::tanh,
        F::hard_swish, F::softplus, F::softsign, F::swish, F::mish, F::gelu, F::gelu_tanh})
    unary(cat("function ", type_name(op::Unary{function}), " ", static_cast<int>(function)), {function});
  for (const F function : {F::log, F::sqrt, F::reciprocal})
    unary(std::string(type_name(op::Unary{function})), {function}, true);
  unary("leaky relu", {F::leaky_relu, 0.1});
  unary("elu", {F::elu, 1.5});
  unary("selu", {F::selu, 1.5, 1.1});
  unary("celu", {F::celu, 0.7});
  unary("thresholded relu", {F::thresholded_relu, 0.25});
  unary("hard sigmoid", {F::hard_sigmoid, 0.3, 0.6});
  models.push_back(operator_model("not", [](M& m) {
    const Value yes = m.add(op::Cast{.to = DataType::boolean}, {m.add(op::Relu{}, {m.image}, "relu")}, "yes");
    return to_float(m, m.add(op::Unary{F::logical_not}, {yes}, "no"));
  }));
}

inline void add_arithmetic(Models& models) {
  using F = op::Binary::Function;
  const auto binary = [&](F function) {
    const std::string name(type_name(op::Binary{function}));
    models.push_back(operator_model(cat("binary ", name, " ", static_cast<int>(function)), [=](M& m) {
      const Value a = function == F::power ? m.add(op::Sigmoid{}, {m.image}, "a") : m.image;
      const Value b = m.parameter("b", {4, 1, 1}, 0.5, 1.5, Role::constant);
      const Value made = m.add(op::Binary{function}, {a, b}, "f");
      return m.model.graph.type(made) == DataType::boolean ? to_float(m, made) : made;
    }));
  };
  for (const F function : {F::subtract, F::divide, F::power, F::minimum, F::maximum, F::modulo, F::remainder,
                           F::prelu, F::equal, F::less, F::less_or_equal, F::greater, F::greater_or_equal})
    binary(function);
  for (const F function : {F::logical_and, F::logical_or, F::logical_xor})
    models.push_back(operator_model(cat("logic ", static_cast<int>(function)), [=](M& m) {
      const op::Binary above{F::greater};
      const Value a = m.add(above, {m.image, m.parameter("a", {1}, 0, 0.1, Role::constant)}, "a_is");
      const Value b = m.add(above, {m.image, m.parameter("b", {4, 1, 1}, -1, 1, Role::constant)}, "b_is");
      return to_float(m, m.add(op::Binary{function}, {a, b}, "f"));
    }));
  models.push_back(operator_model("where", [](M& m) {
    const Value zero = m.parameter("zero", {1}, 0, 0.01, Role::constant);
    const Value is = m.add(op::Binary{F::less}, {m.image, zero}, "is");
    return m.add(op::Where{}, {is, m.image, m.parameter("other", {4, 1, 1})}, "chosen");
  }));
  models.push_back(operator_model("integers", [](M& m) {
    const Value sizes = m.add(op::ShapeOf{}, {m.image}, "sizes");
    const Value parts = m.add(op::Binary{F::divide}, {sizes, numbers(m, {3}, "three")}, "parts");
    return m.add(op::Binary{F::modulo},
                 {m.add(op::Mul{}, {parts, sizes}, "product"), numbers(m, {5}, "five")}, "rest");
  }));
}

inline void add_shapes(Models& models) {
  const auto add = [&](const std::string& name, const std::function<Value(M&)>& build) {
    models.push_back(operator_model(name, build));
  };
  add("reshape", [](M& m) { return m.add(op::Reshape{}, {m.image, numbers(m, {0, 2, 2, -1}, "to")}, "y"); });
  add("reshape to computed sizes", [](M& m) {
    const Value batch = m.add(op::ShapeOf{.end = 1}, {m.image}, "batch");
    const Value width = m.add(op::ShapeOf{.start = -1}, {m.image}, "width");
    const Value sizes = m.add(op::Concat{.axis = 0}, {batch, numbers(m, {-1}, "rest"), width}, "sizes");
    return m.add(op::Reshape{}, {m.image, sizes}, "y");
  });
  add("flatten", [](M& m) { return m.add(op::Flatten{.axis = 2}, {m.image}, "y"); });
  add("squeeze, unsqueeze", [](M& m) {
    const Value mean = m.add(op::GlobalAveragePool{}, {m.image}, "mean");
    const Value flat = m.add(op::Squeeze{.axes = {2, 3}}, {mean}, "flat");
    return m.add(op::Unsqueeze{.axes = {0, 3}}, {flat}, "y");
  });
  add("transpose", [](M& m) { return m.add(op::Transpose{.permutation = {0, 2, 3, 1}}, {m.image}, "y"); });
  add("transpose reversed", [](M& m) { return m.add(op::Transpose{}, {m.image}, "y"); });
  add("expand", [](M& m) {
    const Value mean = m.add(op::GlobalAveragePool{}, {m.image}, "mean");
    return m.add(op::Expand{}, {mean, m.add(op::ShapeOf{}, {m.image}, "sizes")}, "y");
  });
  add("tile", [](M& m) { return m.add(op::Tile{}, {m.image, numbers(m, {1, 2, 1, 3}, "repeats")}, "y"); });
  add("slice with steps", [](M& m) {
    return m.add(op::Slice{},
                 {m.image, numbers(m, {-1, 1}, "starts"), numbers(m, {-100, 3}, "ends"),
                  numbers(m, {3, 1}, "axes"), numbers(m, {-2, 1}, "steps")},
                 "y");
  });
  add("gather", [](M& m) {
    return m.add(op::Gather{.axis = 1}, {m.image, numbers(m, {2, -1, 0}, "which")}, "y");
  });
  add("gather elements", [](M& m) {
    const Value which =
        m.add(op::TopK{.part = op::TopK::Part::indices, .axis = 1}, {m.image, numbers(m, {2}, "k")}, "which");
    return m.add(op::GatherElements{.axis = 1}, {m.image, which}, "y");
  });
  add("range", [](M& m) {
    const auto scalar = [&](int64_t value, const std::string& name) {
      return constant(m, Tensor::from<int64_t>({}, std::vector<int64_t>{value}), name);
    };
    const Value width =
        m.add(op::Squeeze{.axes = {0}}, {m.add(op::ShapeOf{.start = 3}, {m.image}, "size")}, "width");
    return m.add(op::Range{}, {scalar(1, "start"), width, scalar(2, "step")}, "y");
  });
  add("constant of shape", [](M& m) {
    const op::ConstantOfShape fill{.value = Tensor::from<float>({1}, std::vector<float>{0.5f})};
    const Value half = m.add(fill, {m.add(op::ShapeOf{}, {m.image}, "sizes")}, "half");
    return m.add(op::Add{}, {half, m.image}, "y");
  });
  add("concat of the last axis", [](M& m) { return m.add(op::Concat{.axis = -1}, {m.image, m.image}, "y"); });
}

inline void add_reductions(Models& models) {
  using F = op::Reduce::Function;
  for (const F function :
       {F::sum, F::mean, F::max, F::min, F::prod, F::l1, F::l2, F::sum_square, F::log_sum, F::log_sum_exp})
    for (const bool all : {false, true}) {
      const op::Reduce reduce{function, all ? std::vector<int64_t>{} : std::vector<int64_t>{1, -1}, all};
      models.push_back(operator_model(cat(type_name(reduce), all ? " of all" : ""), [=](M& m) {
        return m.add(reduce, {m.add(op::Sigmoid{}, {m.image}, "positive")}, "y");
      }));
    }
  const auto add = [&](const std::string& name, const Op& op) {
    models.push_back(operator_model(name, [=](M& m) { return m.add(op, {m.image}, "y"); }));
  };
  add("running sum", op::CumSum{.axis = 2});
  add("running sum, reversed and exclusive", op::CumSum{.axis = -1, .exclusive = true, .reverse = true});
  add("log softmax", op::LogSoftmax{.axis = 1});
  for (const bool largest : {false, true})
    for (const auto part : {op::TopK::Part::values, op::TopK::Part::indices})
      models.push_back(operator_model(cat("top k ", largest, static_cast<int>(part)), [=](M& m) {
        return m.add(op::TopK{.part = part, .axis = 1, .largest = largest}, {m.image, numbers(m, {3}, "k")},
                     "y");
      }));
}

inline void add_products(Models& models) {
  models.push_back(operator_model("attention", [](M& m) {
    const Value flat = m.add(op::Reshape{}, {m.image, numbers(m, {0, 0, -1}, "to")}, "flat");
    const Value turned = m.add(op::Transpose{.permutation = {0, 2, 1}}, {flat}, "turned");
    return m.add(op::MatMul{}, {flat, turned}, "y");
  }));
  models.push_back(operator_model("linear", [](M& m) {
    const Value last = m.add(op::Transpose{.permutation = {0, 2, 3, 1}}, {m.image}, "last");
    return m.add(op::MatMul{}, {last, m.parameter("weight", {4, 6})}, "y");
  }));
  models.push_back(operator_model("layer normalization", [](M& m) {
    const Value last = m.add(op::Transpose{.permutation = {0, 2, 3, 1}}, {m.image}, "last");
    return m.add(op::LayerNormalization{.axis = -1, .epsilon = 1e-3},
                 {last, m.parameter("scale", {4}), m.parameter("bias", {4})}, "y");
  }));
  models.push_back(operator_model("instance normalization", [](M& m) {
    return m.add(op::InstanceNormalization{.epsilon = 1e-3},
                 {m.image, m.parameter("scale", {4}), m.parameter("bias", {4})}, "y");
  }));
  models.push_back(operator_model("quantize, dequantize", [](M& m) {
    const Value scale = constant(m, Tensor::from<float>({}, std::vector<float>{0.02f}), "scale");
    const Value zero = constant(m, Tensor::from<uint8_t>({}, std::vector<uint8_t>{120}), "zero");
    const Value small = m.add(op::QuantizeLinear{}, {m.image, scale, zero}, "small");
    return m.add(op::DequantizeLinear{}, {small, scale, zero}, "y");
  }));
  models.push_back(operator_model("quantized weight", [](M& m) {
    const Tensor values =
        Tensor::from<int8_t>({3, 4, 1, 1}, std::vector<int8_t>{1, -2, 3, 4, 5, -6, 7, 8, 9, 10, -11, 127});
    const Value scale = constant(m, Tensor::from<float>({3}, std::vector<float>{0.1f, 0.2f, 0.05f}), "scale");
    const Value weight =
        m.add(op::DequantizeLinear{.axis = 0}, {constant(m, values, "values"), scale}, "weight");
    return m.add(op::Conv{}, {m.image, weight}, "y");
  }));
}

inline void add_space(Models& models) {
  const auto add = [&](const std::string& name, const std::function<Value(M&)>& build) {
    models.push_back(operator_model(name, build));
  };
  add("global max pool", [](M& m) { return m.add(op::GlobalMaxPool{}, {m.image}, "y"); });
  add("max pool dilated", [](M& m) {
    return m.add(op::MaxPool{.kernel = {3, 3}, .strides = {1, 2}, .dilations = {2, 1}}, {m.image}, "y");
  });
  add("max pool indices", [](M& m) { return m.add(op::MaxPoolIndices{.strides = {2, 2}}, {m.image}, "y"); });
  add("max unpool", [](M& m) {
    const Value pooled = m.add(op::MaxPool{}, {m.image}, "pooled");
    const Value where = m.add(op::MaxPoolIndices{}, {m.image}, "where");
    return m.add(op::MaxUnpool{}, {pooled, where, m.image}, "y");
  });
  add("lrn",
      [](M& m) { return m.add(op::LRN{.size = 3, .alpha = 0.5, .beta = 0.6, .bias = 1.5}, {m.image}, "y"); });
  for (const auto mode : {op::DepthToSpace::Mode::dcr, op::DepthToSpace::Mode::crd})
    add(cat("depth to space ", static_cast<int>(mode)), [=](M& m) {
      return m.add(op::DepthToSpace{.block = 2, .mode = mode}, {m.conv({}, m.image, {8, 4, 1, 1}, "deep")},
                   "y");
    });
  models.push_back(operator_model("space to depth",
                                  [](M& m) { return m.add(op::SpaceToDepth{.block = 2}, {m.image}, "y"); },
                                  {2, 4, 6, 10}));
  add("resize to a computed size", [](M& m) {
    const Value size = m.add(op::ShapeOf{.start = 2}, {m.image}, "size");
    const Value twice = m.add(op::Mul{}, {size, numbers(m, {2, 3}, "factors")}, "target");
    return m.add(op::Resize{}, {m.image, Value{}, twice}, "y");
  });
  add("resize tf half pixel", [](M& m) {
    return m.add(op::Resize{.mode = op::ResizeMode::nearest,
                            .coordinates = op::CoordinateMode::tf_half_pixel_for_nn,
                            .nearest = op::NearestMode::floor,
                            .sizes = Pair{9, 31}},
                 {m.image}, "y");
  });
  for (const bool aligned : {false, true})
    for (const int64_t samples : {0, 2})
      add(cat("roi align ", aligned, samples), [=](M& m) {
        const Tensor boxes = Tensor::from<float>({2, 4}, std::vector<float>{1, 2, 15, 12.5f, 30, 4, 44, 30});
        return m.add(
            op::RoiAlign{
                .height = 3, .width = 4, .sampling_ratio = samples, .spatial_scale = 0.5, .aligned = aligned},
            {m.image, constant(m, boxes, "boxes"), numbers(m, {1, 0}, "images")}, "y");
      });
  for (const auto mode : {op::ResizeMode::nearest, op::ResizeMode::linear, op::ResizeMode::cubic})
    for (const auto padding : {op::GridSample::Padding::zeros, op::GridSample::Padding::border,
                               op::GridSample::Padding::reflection})
      for (const bool corners : {false, true})
        add(cat("grid sample ", static_cast<int>(mode), static_cast<int>(padding), corners), [=](M& m) {
          const Value flow = m.conv({.strides = {2, 1}}, m.image, {2, 4, 1, 1}, "flow");
          const Value grid = m.add(op::Transpose{.permutation = {0, 2, 3, 1}}, {flow}, "grid");
          return m.add(op::GridSample{.mode = mode, .padding = padding, .align_corners = corners},
                       {m.image, grid}, "y");
        });
  add("adaptive mean pool", [](M& m) { return m.add(op::AdaptivePool{.bins = {3, 6}}, {m.image}, "y"); });
  add("adaptive max pool", [](M& m) {
    return m.add(op::AdaptivePool{.bins = {5, 2}, .maximum = true}, {m.image}, "y");
  });
  add("encoding", [](M& m) {
    return m.add(op::Encoding{}, {m.image, m.parameter("codewords", {3, 4}), m.parameter("smoothing", {3})},
                 "y");
  });
  for (const auto form : {op::DynamicDeconvolution::Form::exact, op::DynamicDeconvolution::Form::matrix})
    for (const int64_t stride : {1, 2})
      for (const bool like : {false, true})
        add(cat("dynamic deconvolution ", static_cast<int>(form), stride, like ? " like" : ""), [=](M& m) {
          const Value evidence = m.halved();
          const Value votes =
              m.conv({.strides = {2, 2}, .pads = {1, 1, 1, 1}}, m.image, {9, 4, 3, 3}, "votes");
          std::vector<Value> inputs{evidence, votes};
          if (like) inputs.push_back(stride == 2 ? m.image : evidence);
          return m.add(op::DynamicDeconvolution{.stride = stride, .form = form}, inputs, "y");
        });
}

}  // namespace tensor_models

inline std::vector<OperatorModel> tensor_operator_models() {
  std::vector<OperatorModel> models;
  tensor_models::add_functions(models);
  tensor_models::add_arithmetic(models);
  tensor_models::add_shapes(models);
  tensor_models::add_reductions(models);
  tensor_models::add_products(models);
  tensor_models::add_space(models);
  return models;
}

/// operator_models() and these.
inline std::vector<OperatorModel> all_operator_models() {
  std::vector<OperatorModel> models = operator_models(), extra = tensor_operator_models();
  for (OperatorModel& model : extra)
    models.push_back(std::move(model));
  return models;
}

}  // namespace vitrail
