#pragma once
// ONNX files of one layer over volumes N x C x D x H x W, drawn at random, and what the layer means, in plain
// loops.
//
//   Random random(1);
//   const VolumeLayer layer = random_volume_layer("Conv", random);
//   layer.file();                  // to be read
//   layer.expected(layer.input())  // to be found

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "onnx/onnx_pb.h"
#include "operator_models.h"
#include "vitrail/base/checked.h"
#include "vitrail/base/random.h"

namespace vitrail {

/// A window along one dimension.
struct WindowAlong {
  int64_t in = 1, kernel = 1, stride = 1, dilation = 1, before = 0, after = 0, output_padding = 0;

  int64_t reach() const { return (kernel - 1) * dilation + 1; }
};

struct VolumeLayer {
  std::string type;  ///< Conv, ConvTranspose, MaxPool or AveragePool
  int64_t samples = 1, channels = 1, filters = 1, group = 1;
  std::array<WindowAlong, 3> along;
  std::string auto_pad = "NOTSET";
  bool bias = false, ceil_mode = false, count_padding = false;
  bool open = false;  ///< the file leaves N, D, H and W open
  uint64_t seed = 1;

  bool has_weight() const { return type.starts_with("Conv"); }
  Shape shape() const { return {samples, channels, along[0].in, along[1].in, along[2].in}; }
  Tensor input() const { return random_tensor(shape(), seed); }
  Tensor weight() const {
    const Shape kernel = type == "Conv" ? Shape{filters, channels / group} : Shape{channels, filters / group};
    return random_tensor({kernel[0], kernel[1], along[0].kernel, along[1].kernel, along[2].kernel}, seed + 1);
  }
  Tensor biases() const { return random_tensor({filters}, seed + 2); }

  std::string file() const;
  /// The layer's result, by loops over everything.
  Tensor expected(const Tensor& x) const;
  std::string text() const;

 private:
  /// The window with the padding that auto_pad gives it.
  WindowAlong settled(size_t d) const;
  int64_t result_size(const WindowAlong& window) const;
};

namespace volume_models {

inline void add_list(onnx::NodeProto& node, const char* name, const std::vector<int64_t>& values) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::INTS);
  for (const int64_t value : values)
    attribute.add_ints(value);
}

inline void add_number(onnx::NodeProto& node, const char* name, int64_t value) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::INT);
  attribute.set_i(value);
}

inline void add_tensor(onnx::GraphProto& graph, const char* name, const Tensor& tensor) {
  onnx::TensorProto& proto = *graph.add_initializer();
  proto.set_name(name);
  proto.set_data_type(onnx::TensorProto::FLOAT);
  for (const int64_t size : tensor.shape())
    proto.add_dims(size);
  for (const float value : tensor.data<float>())
    proto.add_float_data(value);
}

inline void describe(onnx::ValueInfoProto& info, const char* name, const Shape& shape) {
  info.set_name(name);
  auto& type = *info.mutable_type()->mutable_tensor_type();
  type.set_elem_type(onnx::TensorProto::FLOAT);
  for (const int64_t size : shape) {
    auto& dimension = *type.mutable_shape()->add_dim();
    if (size >= 0)
      dimension.set_dim_value(size);
    else
      dimension.set_dim_param(cat(name, type.shape().dim_size()));
  }
}

/// body(z, y, x) for every place of these sizes.
inline void for_each_place(const std::array<int64_t, 3>& sizes,
                           const std::function<void(const std::array<int64_t, 3>&)>& body) {
  for (int64_t z = 0; z < sizes[0]; ++z)
    for (int64_t y = 0; y < sizes[1]; ++y)
      for (int64_t x = 0; x < sizes[2]; ++x)
        body({z, y, x});
}

}  // namespace volume_models

inline std::string VolumeLayer::file() const {
  using namespace volume_models;
  onnx::ModelProto model;
  model.set_ir_version(8);
  model.add_opset_import()->set_version(17);
  onnx::GraphProto& graph = *model.mutable_graph();
  graph.set_name("volume");
  describe(*graph.add_input(), "x", open ? Shape{-1, channels, -1, -1, -1} : shape());
  describe(*graph.add_output(), "y", Shape(5, -1));
  onnx::NodeProto& node = *graph.add_node();
  node.set_op_type(type);
  node.set_name("layer");
  node.add_input("x");
  node.add_output("y");
  const auto list = [&](const char* name, int64_t WindowAlong::*member) {
    add_list(node, name, {along[0].*member, along[1].*member, along[2].*member});
  };
  list("kernel_shape", &WindowAlong::kernel);
  list("strides", &WindowAlong::stride);
  if (type != "AveragePool") list("dilations", &WindowAlong::dilation);
  if (auto_pad == "NOTSET")
    add_list(
        node, "pads",
        {along[0].before, along[1].before, along[2].before, along[0].after, along[1].after, along[2].after});
  onnx::AttributeProto& padding = *node.add_attribute();
  padding.set_name("auto_pad");
  padding.set_type(onnx::AttributeProto::STRING);
  padding.set_s(auto_pad);
  if (type == "ConvTranspose") list("output_padding", &WindowAlong::output_padding);
  if (has_weight()) {
    add_number(node, "group", group);
    node.add_input("weight");
    add_tensor(graph, "weight", weight());
    if (bias) node.add_input("bias");
    if (bias) add_tensor(graph, "bias", biases());
  } else {
    add_number(node, "ceil_mode", ceil_mode ? 1 : 0);
    if (type == "AveragePool") add_number(node, "count_include_pad", count_padding ? 1 : 0);
  }
  return model.SerializeAsString();
}

inline WindowAlong VolumeLayer::settled(size_t d) const {
  WindowAlong window = along[d];
  if (auto_pad == "NOTSET") return window;
  window.before = window.after = 0;
  if (auto_pad == "VALID") return window;
  const int64_t padding = type == "ConvTranspose" ? window.reach() + window.output_padding - window.stride
                                                  : (ceil_div(window.in, window.stride) - 1) * window.stride +
                                                        window.reach() - window.in;
  const int64_t all = std::max<int64_t>(padding, 0);
  window.before = auto_pad == "SAME_UPPER" ? all / 2 : all - all / 2;
  window.after = all - window.before;
  if (type == "ConvTranspose") window.output_padding += all - padding;
  return window;
}

inline int64_t VolumeLayer::result_size(const WindowAlong& window) const {
  if (type == "ConvTranspose")
    return (window.in - 1) * window.stride + window.reach() + window.output_padding - window.before -
           window.after;
  if (auto_pad.starts_with("SAME")) return ceil_div(window.in, window.stride);
  const int64_t room = window.in + window.before + window.after - window.reach();
  if (!ceil_mode) return room / window.stride + 1;
  int64_t size = ceil_div(room, window.stride) + 1;
  if ((size - 1) * window.stride >= window.in + window.before) --size;  // nothing but padding
  return size;
}

inline Tensor VolumeLayer::expected(const Tensor& x) const {
  using namespace volume_models;
  using Place = std::array<int64_t, 3>;
  const std::array<WindowAlong, 3> windows{settled(0), settled(1), settled(2)};
  Place in{}, out{}, taps{};
  for (size_t d = 0; d < 3; ++d) {
    in[d] = windows[d].in;
    out[d] = result_size(windows[d]);
    taps[d] = windows[d].kernel;
  }
  const int64_t made = has_weight() ? filters : channels;
  Tensor result = Tensor::empty(DataType::f32, {samples, made, out[0], out[1], out[2]});
  const auto index = [](const Place& sizes, int64_t map, const Place& at) {
    return static_cast<size_t>(((map * sizes[0] + at[0]) * sizes[1] + at[1]) * sizes[2] + at[2]);
  };
  // Where tap `k` of the result at `o` lies in x; whether it is there.
  const auto source = [&](const Place& o, const Place& k, Place& at) {
    for (size_t d = 0; d < 3; ++d) {
      at[d] = type == "ConvTranspose"
                  ? o[d] + windows[d].before - k[d] * windows[d].dilation
                  : o[d] * windows[d].stride - windows[d].before + k[d] * windows[d].dilation;
      if (type == "ConvTranspose") {
        if (at[d] < 0 || at[d] % windows[d].stride != 0) return false;
        at[d] /= windows[d].stride;
      }
      if (at[d] < 0 || at[d] >= in[d]) return false;
    }
    return true;
  };
  // Whether it lies on the padded input.
  const auto is_padded = [&](const Place& o, const Place& k) {
    for (size_t d = 0; d < 3; ++d)
      if (o[d] * windows[d].stride - windows[d].before + k[d] >= in[d] + windows[d].after) return false;
    return true;
  };
  const Tensor w = has_weight() ? weight() : Tensor(), b = has_weight() && bias ? biases() : Tensor();
  for (int64_t n = 0; n < samples; ++n)
    for (int64_t m = 0; m < made; ++m)
      for_each_place(out, [&](const Place& o) {
        double sum = bias && has_weight() ? b.data<float>()[static_cast<size_t>(m)] : 0, count = 0;
        double largest = -std::numeric_limits<double>::infinity();
        for_each_place(taps, [&](const Place& k) {
          Place at{};
          const bool there = source(o, k, at);
          count += there || (count_padding && is_padded(o, k)) ? 1 : 0;
          if (!there) return;
          if (!has_weight()) {
            const double value = x.data<float>()[index(in, n * channels + m, at)];
            sum += value;
            largest = std::max(largest, value);
            return;
          }
          const int64_t read = channels / group, written = filters / group, g = m / written;
          for (int64_t c = 0; c < read; ++c) {
            const int64_t map = type == "Conv" ? m * read + c : (g * read + c) * written + m % written;
            sum += double{w.data<float>()[index(taps, map, k)]} *
                   x.data<float>()[index(in, n * channels + g * read + c, at)];
          }
        });
        const double value = type == "MaxPool" ? largest : type == "AveragePool" ? sum / count : sum;
        result.data<float>()[index(out, n * made + m, o)] = static_cast<float>(value);
      });
  return result;
}

inline std::string VolumeLayer::text() const {
  std::string text =
      cat(type, " of ", to_string(shape()), " to ", filters, " in ", group, " groups, ", auto_pad,
          ceil_mode ? ", ceil" : "", count_padding ? ", counting padding" : "", open ? ", open" : "");
  for (const WindowAlong& w : along)
    text += cat("; kernel ", w.kernel, " stride ", w.stride, " dilation ", w.dilation, " pads ", w.before,
                "+", w.after, " output ", w.output_padding);
  return text;
}

/// One that every runtime has: SAME padding without dilation and with windows that meet, padding below the
/// kernel.
inline VolumeLayer random_volume_layer(const std::string& type, Random& random) {
  VolumeLayer layer{.type = type, .along = {}};
  const bool is_pool = !layer.has_weight();
  layer.samples = random.integer(1, 2);
  layer.group = is_pool ? 1 : random.integer(1, 3);
  layer.channels = layer.group * random.integer(1, 3);
  layer.filters = layer.group * random.integer(1, 3);
  layer.bias = random.chance(0.5);
  layer.open = random.chance(0.5);
  layer.seed = random.next() % 1000000;
  if (random.chance(0.4))
    layer.auto_pad = random.chance(0.5) ? "SAME_UPPER" : random.chance(0.5) ? "SAME_LOWER" : "VALID";
  layer.ceil_mode = is_pool && layer.auto_pad == "NOTSET" && random.chance(0.5);
  layer.count_padding = type == "AveragePool" && random.chance(0.5);
  for (WindowAlong& window : layer.along) {
    window.kernel = random.integer(1, 3);
    window.stride = random.integer(1, layer.auto_pad.starts_with("SAME") ? window.kernel : 3);
    window.dilation = type == "AveragePool" || layer.auto_pad.starts_with("SAME") ? 1 : random.integer(1, 2);
    if (layer.auto_pad == "NOTSET") {  // else output_padding means different things to different runtimes
      window.before = random.integer(0, window.kernel - 1);
      window.after = random.integer(0, window.kernel - 1);
      if (type == "ConvTranspose") window.output_padding = random.integer(0, window.stride - 1);
    }
    window.in = random.integer(window.reach(), 7);
  }
  return layer;
}

}  // namespace vitrail
