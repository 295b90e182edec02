#pragma once
// Runs a graph the slow and obvious way, in double precision, one node after the other in row-major N x C x H
// x W: the oracle that fast paths are compared with. Written from the operators' definitions in graph/op.h
// alone.
//
//   std::vector<vitrail::reference::Array> outputs = vitrail::reference::run(graph, weights, {image});

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <stdexcept>
#include <vector>

#include "reference_array.h"
#include "reference_tensor_operators.h"
#include "vitrail/graph/evaluate.h"
#include "vitrail/graph/model.h"
#include "vitrail/graph/shape_inference.h"

namespace vitrail::reference {

namespace detail {

inline void compute(const op::Conv& conv, const Arrays& in, Array& out) {
  const Array &x = *in[0], &w = *in[1];
  const Pads pads = resolved_pads(conv.auto_pad, conv.pads, {x.shape[2], x.shape[3]},
                                  {w.shape[2], w.shape[3]}, conv.strides, conv.dilations);
  const int64_t per_group = out.shape[1] / conv.group, depth = w.shape[1];
  for_each(out.shape, [&](int64_t n, int64_t m, int64_t oy, int64_t ox) {
    double sum = in.size() > 2 && in[2] ? in[2]->values[static_cast<size_t>(m)] : 0.0;
    for (int64_t c = 0; c < depth; ++c)
      for (int64_t ky = 0; ky < w.shape[2]; ++ky)
        for (int64_t kx = 0; kx < w.shape[3]; ++kx) {
          const int64_t iy = oy * conv.strides[0] - pads[0] + ky * conv.dilations[0];
          const int64_t ix = ox * conv.strides[1] - pads[1] + kx * conv.dilations[1];
          if (inside(x.shape, iy, ix)) sum += w.at(m, c, ky, kx) * x.at(n, m / per_group * depth + c, iy, ix);
        }
    out.at(n, m, oy, ox) = sum;
  });
}

inline void compute(const op::ConvTranspose& conv, const Arrays& in, Array& out) {
  const Array &x = *in[0], &w = *in[1];
  if (in.size() > 2 && in[2])
    for_each(out.shape, [&](int64_t n, int64_t m, int64_t y, int64_t xx) {
      out.at(n, m, y, xx) = in[2]->values[static_cast<size_t>(m)];
    });
  const int64_t in_group = x.shape[1] / conv.group, out_group = w.shape[1];
  for_each(x.shape, [&](int64_t n, int64_t c, int64_t iy, int64_t ix) {
    for (int64_t m = 0; m < out_group; ++m)
      for (int64_t ky = 0; ky < w.shape[2]; ++ky)
        for (int64_t kx = 0; kx < w.shape[3]; ++kx) {
          const int64_t oy = iy * conv.strides[0] - conv.pads[0] + ky * conv.dilations[0];
          const int64_t ox = ix * conv.strides[1] - conv.pads[1] + kx * conv.dilations[1];
          if (inside(out.shape, oy, ox))
            out.at(n, c / in_group * out_group + m, oy, ox) += x.at(n, c, iy, ix) * w.at(c, m, ky, kx);
        }
  });
}

inline void compute(const op::BatchNormalization& norm, const Arrays& in, Array& out) {
  int64_t inner = 1;
  for (size_t d = 2; d < out.shape.size(); ++d)
    inner *= out.shape[d];
  for (size_t i = 0; i < out.values.size(); ++i) {
    const auto c = static_cast<size_t>(static_cast<int64_t>(i) / inner % out.shape[1]);
    out.values[i] = (in[0]->values[i] - in[3]->values[c]) / std::sqrt(in[4]->values[c] + norm.epsilon) *
                        in[1]->values[c] +
                    in[2]->values[c];
  }
}

inline void unary(const Arrays& in, Array& out, const std::function<double(double)>& f) {
  std::transform(in[0]->values.begin(), in[0]->values.end(), out.values.begin(), f);
}
inline void compute(const op::Relu&, const Arrays& in, Array& out) {
  unary(in, out, [](double x) { return std::max(x, 0.0); });
}
inline void compute(const op::Clip& clip, const Arrays& in, Array& out) {
  unary(in, out, [&](double x) { return std::min(std::max(x, clip.min), clip.max); });
}
inline void compute(const op::Sigmoid&, const Arrays& in, Array& out) {
  unary(in, out, [](double x) { return 1 / (1 + std::exp(-x)); });
}
inline void compute(const op::Identity&, const Arrays& in, Array& out) {
  out.values = in[0]->values;
}
inline void compute(const op::Dropout&, const Arrays& in, Array& out) {
  out.values = in[0]->values;
}

inline void compute(const op::Add&, const Arrays& in, Array& out) {
  for (size_t i = 0; i < out.values.size(); ++i)
    out.values[i] = broadcast_value(*in[0], out.shape, i) + broadcast_value(*in[1], out.shape, i);
}
inline void compute(const op::Mul&, const Arrays& in, Array& out) {
  for (size_t i = 0; i < out.values.size(); ++i)
    out.values[i] = broadcast_value(*in[0], out.shape, i) * broadcast_value(*in[1], out.shape, i);
}

inline void compute(const op::Concat& concat, const Arrays& in, Array& out) {
  const Axis to(out.shape, concat.axis);
  int64_t offset = 0;
  for (const Array* part : in) {
    const Axis from(part->shape, concat.axis);
    for (int64_t o = 0; o < from.outer; ++o)
      for (int64_t i = 0; i < from.size; ++i)
        for (int64_t r = 0; r < from.inner; ++r)
          out.values[to.index(o, offset + i, r)] = part->values[from.index(o, i, r)];
    offset += from.size;
  }
}

inline void compute(const op::Softmax& softmax, const Arrays& in, Array& out) {
  const Axis a(out.shape, softmax.axis);
  for (int64_t o = 0; o < a.outer; ++o)
    for (int64_t r = 0; r < a.inner; ++r) {
      double most = -std::numeric_limits<double>::infinity(), sum = 0;
      for (int64_t i = 0; i < a.size; ++i)
        most = std::max(most, in[0]->values[a.index(o, i, r)]);
      for (int64_t i = 0; i < a.size; ++i)
        sum += std::exp(in[0]->values[a.index(o, i, r)] - most);
      for (int64_t i = 0; i < a.size; ++i)
        out.values[a.index(o, i, r)] = std::exp(in[0]->values[a.index(o, i, r)] - most) / sum;
    }
}

inline void compute(const op::ArgMax& argmax, const Arrays& in, Array& out) {
  const Axis a(in[0]->shape, argmax.axis);
  for (int64_t o = 0; o < a.outer; ++o)
    for (int64_t r = 0; r < a.inner; ++r) {
      int64_t best = 0;
      for (int64_t i = 1; i < a.size; ++i)
        if (in[0]->values[a.index(o, i, r)] > in[0]->values[a.index(o, best, r)]) best = i;
      out.values[static_cast<size_t>(o * a.inner + r)] = static_cast<double>(best);
    }
}

inline Pair dilations_of(const op::MaxPool& pool) {
  return pool.dilations;
}
inline Pair dilations_of(const op::AveragePool&) {
  return {1, 1};
}

// visit(value, position inside the input?) for every position of a pooling window that lies in the padded
// input.
template <class Pool, class Visit>
void visit_window(const Pool& pool, const Array& x, int64_t n, int64_t c, int64_t oy, int64_t ox,
                  const Visit& visit) {
  const Shape& s = x.shape;
  const Pair dilations = dilations_of(pool);
  const Pads pads =
      resolved_pads(pool.auto_pad, pool.pads, {s[2], s[3]}, pool.kernel, pool.strides, dilations);
  for (int64_t ky = 0; ky < pool.kernel[0]; ++ky)
    for (int64_t kx = 0; kx < pool.kernel[1]; ++kx) {
      const int64_t iy = oy * pool.strides[0] - pads[0] + ky * dilations[0];
      const int64_t ix = ox * pool.strides[1] - pads[1] + kx * dilations[1];
      if (iy >= s[2] + pads[2] || ix >= s[3] + pads[3]) continue;
      const bool real = inside(s, iy, ix);
      visit(real ? x.at(n, c, iy, ix) : 0.0, real);
    }
}
inline void compute(const op::MaxPool& pool, const Arrays& in, Array& out) {
  for_each(out.shape, [&](int64_t n, int64_t c, int64_t oy, int64_t ox) {
    double best = -std::numeric_limits<double>::infinity();
    visit_window(pool, *in[0], n, c, oy, ox, [&](double v, bool real) {
      if (real) best = std::max(best, v);
    });
    out.at(n, c, oy, ox) = best;
  });
}
inline void compute(const op::AveragePool& pool, const Arrays& in, Array& out) {
  for_each(out.shape, [&](int64_t n, int64_t c, int64_t oy, int64_t ox) {
    double sum = 0, count = 0;
    visit_window(pool, *in[0], n, c, oy, ox, [&](double v, bool real) {
      sum += v;
      count += real || pool.count_include_pad ? 1 : 0;
    });
    out.at(n, c, oy, ox) = sum / count;
  });
}
inline void compute(const op::GlobalAveragePool&, const Arrays& in, Array& out) {
  const double area = static_cast<double>(in[0]->shape[2] * in[0]->shape[3]);
  for_each(in[0]->shape, [&](int64_t n, int64_t c, int64_t y, int64_t x) {
    out.at(n, c, 0, 0) += in[0]->at(n, c, y, x) / area;
  });
}

inline double source_coordinate(const op::Resize& resize, size_t d, int64_t in, int64_t out, double at) {
  const auto unscaled = [&](double p) {
    return resize.scales ? p / (*resize.scales)[d] : p * static_cast<double>(in) / static_cast<double>(out);
  };
  switch (resize.coordinates) {
    case op::CoordinateMode::half_pixel: return unscaled(at + 0.5) - 0.5;
    case op::CoordinateMode::pytorch_half_pixel: return out > 1 ? unscaled(at + 0.5) - 0.5 : 0.0;
    case op::CoordinateMode::asymmetric: return unscaled(at);
    case op::CoordinateMode::align_corners:
      return out > 1 ? at * static_cast<double>(in - 1) / static_cast<double>(out - 1) : 0.0;
    case op::CoordinateMode::half_pixel_symmetric: {
      const double whole = resize.scales ? static_cast<double>(in) * (*resize.scales)[d] : out;
      const double adjustment = static_cast<double>(out) / whole, center = static_cast<double>(in) / 2;
      return center * (1 - adjustment) + unscaled(at + 0.5) - 0.5;
    }
    case op::CoordinateMode::tf_half_pixel_for_nn: return unscaled(at + 0.5);
    case op::CoordinateMode::tf_crop_and_resize: {
      const double start = resize.roi->at(d), end = resize.roi->at(d + 2), last = static_cast<double>(in - 1);
      return out > 1 ? start * last + at * (end - start) * last / static_cast<double>(out - 1)
                     : 0.5 * (start + end) * last;
    }
  }
  throw std::logic_error("coordinate mode");
}

// Weight of the sample at input position `p` for coordinate `x`, before borders are repeated.
inline double resize_weight(const op::Resize& resize, double x, double p) {
  if (resize.mode == op::ResizeMode::nearest) {
    const double low = std::floor(x), fraction = x - low;
    switch (resize.nearest) {
      case op::NearestMode::floor: return p == low ? 1 : 0;
      case op::NearestMode::ceil: return p == std::ceil(x) ? 1 : 0;
      case op::NearestMode::round_prefer_floor: return p == (fraction <= 0.5 ? low : low + 1) ? 1 : 0;
      case op::NearestMode::round_prefer_ceil: return p == (fraction < 0.5 ? low : low + 1) ? 1 : 0;
    }
  }
  const double d = std::abs(x - p), a = resize.cubic_a;
  if (resize.mode == op::ResizeMode::linear) return std::max(1 - d, 0.0);
  if (d <= 1) return (a + 2) * d * d * d - (a + 3) * d * d + 1;
  return d < 2 ? a * d * d * d - 5 * a * d * d + 8 * a * d - 4 * a : 0;
}

inline std::vector<double> resize_weights(const op::Resize& resize, size_t d, int64_t in, int64_t out,
                                          int64_t at) {
  const double x = source_coordinate(resize, d, in, out, static_cast<double>(at));
  std::vector<double> weights(static_cast<size_t>(in), 0.0);
  const bool crops = resize.coordinates == op::CoordinateMode::tf_crop_and_resize;
  if (crops && (x < 0 || x > static_cast<double>(in - 1))) return weights;
  const double covered =
      resize.scales ? 1 / (*resize.scales)[d] : static_cast<double>(in) / static_cast<double>(out);
  const double wider = resize.antialias ? std::max(covered, 1.0) : 1.0;
  double sum = 0;
  for (int64_t p = -4 * in - 4; p <= 5 * in + 4; ++p) {
    const int64_t inside = std::clamp<int64_t>(p, 0, in - 1);
    if (resize.exclude_outside && inside != p) continue;
    const double weight = resize_weight(
        resize, x, wider == 1 ? static_cast<double>(p) : x + (static_cast<double>(p) - x) / wider);
    weights[static_cast<size_t>(inside)] += weight;
    sum += weight;
  }
  for (double& weight : weights)
    weight /= sum;
  return weights;
}

inline void compute(const op::Resize& given, const Arrays& in, Array& out) {
  const Array& x = *in[0];
  op::Resize resize = given;
  if (in.size() > 2 && in[2] && in[2]->type == DataType::f32)
    resize.scales = {in[2]->values[0], in[2]->values[1]};
  for_each(out.shape, [&](int64_t n, int64_t c, int64_t oy, int64_t ox) {
    const std::vector<double> rows = resize_weights(resize, 0, x.shape[2], out.shape[2], oy);
    const std::vector<double> columns = resize_weights(resize, 1, x.shape[3], out.shape[3], ox);
    double sum = 0;
    for (int64_t y = 0; y < x.shape[2]; ++y)
      for (int64_t xx = 0; xx < x.shape[3]; ++xx)
        sum += rows[static_cast<size_t>(y)] * columns[static_cast<size_t>(xx)] * x.at(n, c, y, xx);
    out.at(n, c, oy, ox) = sum;
  });
}

inline void compute(const op::Crop& crop, const Arrays& in, Array& out) {
  for_each(out.shape, [&](int64_t n, int64_t c, int64_t y, int64_t x) {
    out.at(n, c, y, x) = in[0]->at(n, c, y + crop.top, x + crop.left);
  });
}

inline void compute(const op::Pad& pad, const Arrays& in, Array& out) {
  const auto from = [&](int64_t p, int64_t size) {
    if (pad.mode == op::PadMode::edge) return std::clamp<int64_t>(p, 0, size - 1);
    if (pad.mode == op::PadMode::reflect && p < 0) return -p;
    if (pad.mode == op::PadMode::reflect && p >= size) return 2 * size - 2 - p;
    return p;
  };
  for_each(out.shape, [&](int64_t n, int64_t c, int64_t y, int64_t x) {
    const int64_t iy = from(y - pad.pads[0], in[0]->shape[2]), ix = from(x - pad.pads[1], in[0]->shape[3]);
    out.at(n, c, y, x) = inside(in[0]->shape, iy, ix) ? in[0]->at(n, c, iy, ix) : pad.value;
  });
}

// `array` as a tensor of the type the graph says, but in double precision where that is f32 and the operator
// allows it.
inline Tensor tensor_of(const Array& array, bool keep_f32) {
  const DataType type = array.type == DataType::f32 && !keep_f32 ? DataType::f64 : array.type;
  const Tensor values = Tensor::from<double>(array.shape, array.values);
  const Tensor inputs[] = {values};
  return type == DataType::f64 ? values : evaluate(op::Cast{type}, inputs);
}

// Operators without a reference of their own here (they move elements, or compare, choose and convert them):
// graph/evaluate.h has the obvious way to compute them, and its own tests.
inline Array evaluated(const Op& op, const Arrays& in) {
  const bool keep_f32 = std::holds_alternative<op::QuantizeLinear>(op) ||
                        std::holds_alternative<op::DequantizeLinear>(op) ||
                        std::holds_alternative<op::NonMaxSuppression>(op);
  std::vector<Tensor> tensors;
  for (const Array* array : in)
    tensors.push_back(array ? tensor_of(*array, keep_f32) : Tensor());
  return array_of(evaluate(op, tensors));
}

}  // namespace detail

/// Every value of the graph, by value id.
inline std::vector<Array> run_all(const Graph& graph, const Weights& weights,
                                  const std::vector<Tensor>& inputs) {
  std::map<std::string, Shape> shapes;
  for (size_t i = 0; i < inputs.size(); ++i)
    shapes[graph.inputs()[i].name] = inputs[i].shape();
  const ShapeTable table = infer_shapes(graph, shapes);
  std::vector<Array> values(static_cast<size_t>(graph.value_count()));
  for (size_t i = 0; i < inputs.size(); ++i)
    values[static_cast<size_t>(graph.inputs()[i].value.id)] = array_of(inputs[i]);
  for (const Parameter& parameter : graph.parameters()) {
    const Tensor& tensor = weights.at(parameter.name);
    const bool half = tensor.type() == DataType::f16 || tensor.type() == DataType::bf16;
    values[static_cast<size_t>(graph.value_of_parameter(parameter.name).id)] =
        array_of(half ? tensor.to_f32() : tensor);
  }
  for (const Node& node : graph.nodes()) {
    detail::Arrays in;
    for (const Value input : node.inputs)
      in.push_back(input.exists() ? &values[static_cast<size_t>(input.id)] : nullptr);
    Array out(table[node.outputs[0]]);
    out.type = graph.type(node.outputs[0]);
    std::visit(
        [&](const auto& op) {
          if constexpr (requires { detail::compute(op, in, out); })
            detail::compute(op, in, out);
          else
            out = detail::evaluated(op, in);
        },
        node.op);
    out.type = graph.type(node.outputs[0]);
    values[static_cast<size_t>(node.outputs[0].id)] = std::move(out);
  }
  return values;
}

/// The graph's outputs, in order (training-only ones included).
inline std::vector<Array> run(const Graph& graph, const Weights& weights, const std::vector<Tensor>& inputs) {
  const std::vector<Array> values = run_all(graph, weights, inputs);
  std::vector<Array> outputs;
  for (const Output& output : graph.outputs())
    outputs.push_back(values[static_cast<size_t>(output.value.id)]);
  return outputs;
}

/// max |tensor - expected| / max(max |expected|, tiny); infinite where the shapes differ or a value is not
/// finite.
inline double relative_difference(const Tensor& tensor, const Array& expected) {
  if (tensor.shape() != expected.shape) return std::numeric_limits<double>::infinity();
  const Array actual = array_of(tensor);
  double difference = 0, largest = 1e-30;
  for (size_t i = 0; i < actual.values.size(); ++i) {
    if (!std::isfinite(actual.values[i])) return std::numeric_limits<double>::infinity();
    difference = std::max(difference, std::abs(actual.values[i] - expected.values[i]));
    largest = std::max(largest, std::abs(expected.values[i]));
  }
  return difference / largest;
}

}  // namespace vitrail::reference
