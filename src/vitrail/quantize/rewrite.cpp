#include "vitrail/quantize/rewrite.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace vitrail {
namespace {

constexpr double largest_bias = 1 << 30;

float largest_magnitude(std::span<const float> values) {
  float largest = 0;
  for (const float value : values)
    largest = std::max(largest, std::abs(value));
  return largest;
}

class Rewriter {
 public:
  Rewriter(const Model& model, const QuantizationPoints& points, const std::map<int32_t, ByteCode>& codes)
      : from_(model),
        points_(points),
        codes_(codes),
        plain_(static_cast<size_t>(model.graph.value_count())),
        read_(plain_.size()),
        writer_(to_.graph, to_.weights) {
    for (const Node* node : points.convolutions)
      quantized_.insert(node);
  }

  Model run() {
    for (const Input& input : from_.graph.inputs())
      set(input.value,
          to_.graph.input(input.name, from_.graph.shape(input.value), from_.graph.type(input.value)));
    for (const Node& node : from_.graph.nodes())
      add(node);
    for (const Output& output : from_.graph.outputs())
      to_.graph.output(output.name, plain_[static_cast<size_t>(output.value.id)], output.training_only);
    to_.info = from_.info;
    return std::move(to_);
  }

 private:
  // What the original's value is now, and what its readers read.
  void set(Value original, Value value) {
    const auto id = static_cast<size_t>(original.id);
    plain_[id] = read_[id] = value;
    if (points_.is_rounded(original))
      read_[id] = writer_.through_bytes(value, codes_.at(original.id), from_.graph.name_of(original));
  }

  Value input(Value value) {
    if (!value.exists()) return {};
    const auto id = static_cast<size_t>(value.id);
    const Parameter* parameter = from_.graph.parameter_of(value);
    if (parameter && !read_[id].exists()) {
      plain_[id] = read_[id] = to_.graph.parameter(*parameter);
      to_.weights[parameter->name] = from_.weights.at(parameter->name);
    }
    return read_[id];
  }

  void add(const Node& node) {
    std::vector<Value> inputs = quantized_.contains(&node) ? byte_inputs(node) : std::vector<Value>{};
    if (inputs.empty())
      for (const Value value : node.inputs)
        inputs.push_back(input(value));
    to_.graph.add(node.op, std::move(inputs), node.name);
    const Node made = to_.graph.nodes().back();
    for (size_t i = 0; i < node.outputs.size(); ++i)
      set(node.outputs[i], made.outputs[i]);
  }

  Tensor tensor(Value value) const {
    return from_.weights.at(from_.graph.parameter_of(value)->name).to_f32();
  }

  std::vector<Value> byte_inputs(const Node& node) {
    const float input_scale = codes_.at(node.inputs[0].id).scale;
    const bool has_bias = node.inputs.size() > 2 && node.inputs[2].exists();
    std::vector<float> least;
    if (has_bias)
      for (const float value : tensor(node.inputs[2]).data<float>())
        least.push_back(static_cast<float>(std::abs(value) / (largest_bias * input_scale)));
    const ByteWeight weight = byte_weight(tensor(node.inputs[1]), least);
    std::vector<Value> inputs = {read_[static_cast<size_t>(node.inputs[0].id)],
                                 writer_.weight(weight, node.name + ".weight")};
    if (has_bias)
      inputs.push_back(writer_.bias(tensor(node.inputs[2]), input_scale, weight.scales, node.name + ".bias"));
    return inputs;
  }

  const Model& from_;
  const QuantizationPoints& points_;
  const std::map<int32_t, ByteCode>& codes_;
  Model to_;
  std::vector<Value> plain_, read_;
  std::set<const Node*> quantized_;
  QuantizeWriter writer_;
};

}  // namespace

ByteCode byte_code(double threshold, bool never_negative) {
  const double usable = threshold > 0 && std::isfinite(threshold) ? threshold : 1;
  return {static_cast<float>(usable / (never_negative ? 255 : 127)),
          never_negative ? DataType::u8 : DataType::i8};
}

ByteWeight byte_weight(const Tensor& weight, const std::vector<float>& least) {
  const int64_t rows = weight.size(0), each = weight.elements() / rows;
  ByteWeight result{Tensor::empty(DataType::i8, weight.shape()), Tensor::empty(DataType::f32, {rows})};
  for (int64_t m = 0; m < rows; ++m) {
    const auto first = static_cast<size_t>(m * each), count = static_cast<size_t>(each);
    const auto row = weight.data<float>().subspan(first, count);
    float scale = largest_magnitude(row) / 127;
    if (!least.empty()) scale = std::max(scale, least[static_cast<size_t>(m)]);
    if (!std::isnormal(scale)) scale = 1;  // a row of zeros
    result.scales.data<float>()[static_cast<size_t>(m)] = scale;
    for (size_t i = 0; i < count; ++i)
      result.bytes.data<int8_t>()[first + i] =
          static_cast<int8_t>(std::clamp(std::nearbyint(row[i] / scale), -127.0f, 127.0f));
  }
  return result;
}

Value QuantizeWriter::constant(const std::string& name, Tensor tensor) {
  const Value value = graph_.parameter(
      {.name = name, .shape = tensor.shape(), .type = tensor.type(), .role = Role::constant});
  weights_[name] = std::move(tensor);
  return value;
}

Value QuantizeWriter::through_bytes(Value x, const ByteCode& code, const std::string& name) {
  const Value scale = constant(name + ".scale", Tensor::from<float>({}, {code.scale}));
  const Value zero = constant(name + ".zero_point", Tensor::zeros(code.type, {}));
  const Value bytes = graph_.add(op::QuantizeLinear{}, {x, scale, zero}, name + ".quantize");
  return graph_.add(op::DequantizeLinear{}, {bytes, scale, zero}, name + ".dequantize");
}

Value QuantizeWriter::weight(const ByteWeight& weight, const std::string& name) {
  const Value bytes = constant(name + ".bytes", weight.bytes);
  const Value scales = constant(name + ".scales", weight.scales);
  const Value zeros = constant(name + ".zero_points", Tensor::zeros(DataType::i8, weight.scales.shape()));
  return graph_.add(op::DequantizeLinear{0}, {bytes, scales, zeros}, name + ".dequantize");
}

Value QuantizeWriter::bias(const Tensor& bias, float input_scale, const Tensor& weight_scales,
                           const std::string& name) {
  Tensor sums = Tensor::empty(DataType::i32, bias.shape()),
         units = Tensor::empty(DataType::f32, bias.shape());
  for (size_t m = 0; m < bias.data<float>().size(); ++m) {
    units.data<float>()[m] = input_scale * weight_scales.data<float>()[m];
    sums.data<int32_t>()[m] =
        static_cast<int32_t>(std::nearbyint(double{bias.data<float>()[m]} / units.data<float>()[m]));
  }
  const Value integers = constant(name + ".sums", sums), scales = constant(name + ".scales", units);
  const Value zeros = constant(name + ".zero_points", Tensor::zeros(DataType::i32, bias.shape()));
  return graph_.add(op::DequantizeLinear{0}, {integers, scales, zeros}, name + ".dequantize");
}

Model with_bytes(const Model& model, const QuantizationPoints& points,
                 const std::map<int32_t, ByteCode>& codes) {
  return Rewriter(model, points, codes).run();
}

}  // namespace vitrail
