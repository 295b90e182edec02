#include <algorithm>
#include <cmath>

#include "vitrail/engine/passes/passes.h"
#include "vitrail/engine/steps/byte_maps.h"

// QuantizeLinear and DequantizeLinear around a convolution say that it may be computed with bytes. Values
// that go from the one to the other become 8-bit maps, channels-last; what stands between reads and makes
// them without ever being floats.

namespace vitrail::engine_detail {
namespace {

constexpr size_t nowhere = static_cast<size_t>(-1);

class QuantizedFuser {
 public:
  explicit QuantizedFuser(Network& network) : network_(network), gone_(network.layers.size(), false) {}

  void run() {
    for (size_t i = 0; i < network_.layers.size(); ++i)
      if (is<op::QuantizeLinear>(i)) mark_map(i);
    for (size_t i = 0; i < network_.layers.size(); ++i)
      move_bytes(i);
    if (has_byte_products())
      for (size_t i = 0; i < network_.layers.size(); ++i)
        fuse_convolution(i);
    erase_layers(network_, gone_);
    drop_dead(network_);
  }

 private:
  // A convolution and what it has taken over; it takes the place of the last of them.
  struct Candidate {
    Layer layer;
    size_t place = 0;
    std::vector<size_t> taken;
  };

  Layer& layer(size_t i) { return network_.layers[i]; }
  template <class T>
  bool is(size_t i) const {
    return i != nowhere && !gone_[i] && std::holds_alternative<T>(network_.layers[i].op);
  }

  size_t maker_of(ValueId id) const {
    for (size_t i = 0; i < network_.layers.size(); ++i)
      if (!gone_[i] && network_.layers[i].output == id) return i;
    return nowhere;
  }
  std::vector<size_t> readers_of(ValueId id) const {
    std::vector<size_t> readers;
    for (size_t i = 0; i < network_.layers.size(); ++i) {
      const Layer& layer = network_.layers[i];
      if (gone_[i]) continue;
      if (layer.residual == id ||
          std::find(layer.inputs.begin(), layer.inputs.end(), id) != layer.inputs.end())
        readers.push_back(i);
    }
    return readers;
  }
  bool is_output(ValueId id) const {
    return std::any_of(network_.outputs.begin(), network_.outputs.end(),
                       [&](const NetworkPort& port) { return port.value == id; });
  }
  size_t only_reader(ValueId id) const {
    const std::vector<size_t> readers = readers_of(id);
    return readers.size() == 1 && !is_output(id) ? readers[0] : nowhere;
  }

  // The one scale and zero point of a QuantizeLinear or DequantizeLinear; nullopt where it is another kind.
  std::optional<ByteScale> plain_scale(const Layer& layer) const {
    const Tensor& scale = network_.value(layer.inputs[1]).constant;
    if (!scale.defined() || scale.elements() != 1 || scale.type() != DataType::f32) return std::nullopt;
    ByteScale result{.scale = scale.data<float>()[0]};
    if (optional_input(layer, 2) != no_value) {
      const Tensor& zero = network_.value(layer.inputs[2]).constant;
      if (!zero.defined() || zero.elements() != 1) return std::nullopt;
      if (zero.type() == DataType::u8)
        result.zero = zero.data<uint8_t>()[0];
      else if (zero.type() == DataType::i8)
        result.zero = zero.data<int8_t>()[0];
      else
        return std::nullopt;
    }
    if (!std::isnormal(result.scale) || result.scale <= 0) return std::nullopt;
    return result;
  }

  // Q -> DQ of rank-4 floats: the value between them is an 8-bit map, whatever reads it.
  void mark_map(size_t i) {
    const Layer& quantize = layer(i);
    const NetworkValue& map = network_.value(quantize.output);
    const std::optional<ByteScale> scale = plain_scale(quantize);
    if (!scale || map.shape.size() != 4 || is_output(quantize.output) ||
        network_.value(quantize.inputs[0]).type != DataType::f32 ||
        network_.is_constant(quantize.inputs[0]) || (map.type != DataType::u8 && map.type != DataType::i8))
      return;
    const std::vector<size_t> readers = readers_of(quantize.output);
    for (const size_t reader : readers)
      if (!is<op::DequantizeLinear>(reader) || plain_scale(layer(reader)) != scale) return;
    layer(i).inputs.resize(1);
    layer(i).bytes = ByteMaps{.output = *scale};
    for (const size_t reader : readers) {
      layer(reader).inputs.resize(1);
      layer(reader).bytes = ByteMaps{.input = *scale};
    }
  }

  // The DequantizeLinear of a map that makes `id`.
  size_t map_reader(ValueId id) const {
    const size_t i = maker_of(id);
    return is<op::DequantizeLinear>(i) && network_.layers[i].bytes ? i : nowhere;
  }

  // Where moving bytes does what moving the floats they stand for does.
  void move_bytes(size_t i) {
    const auto* concat = std::get_if<op::Concat>(&layer(i).op);
    const auto* pool = std::get_if<op::MaxPool>(&layer(i).op);
    const bool moves = (concat && concat->axis == 1) || (pool && pool->dilations == Pair{1, 1});
    if (gone_[i] || !moves) return;
    const size_t quantize = only_reader(layer(i).output);
    if (!is<op::QuantizeLinear>(quantize) || !layer(quantize).bytes) return;
    Layer moved = layer(i);
    const ByteScale scale = layer(quantize).bytes->output;
    for (ValueId& input : moved.inputs) {
      const size_t from = map_reader(input);
      if (from == nowhere || layer(from).bytes->input != scale ||
          network_.value(layer(from).inputs[0]).type != network_.value(layer(quantize).output).type)
        return;
      input = layer(from).inputs[0];
    }
    moved.bytes = ByteMaps{.input = scale, .output = scale};
    take(moved, layer(quantize));
    layer(quantize) = moved;
    gone_[i] = true;
  }

  static void take(Layer& to, const Layer& next) {
    to.fused.push_back(to.name);
    to.name = next.name;
    to.output = next.output;
  }

  void fuse_convolution(size_t i) {
    if (!is<op::Conv>(i) || layer(i).bytes || layer(i).residual != no_value || layer(i).activation.active())
      return;
    const size_t source = map_reader(layer(i).inputs[0]);
    if (source == nowhere || !has_byte_weights(layer(i))) return;
    Candidate candidate{layer(i), i, {}};
    candidate.layer.inputs[0] = layer(source).inputs[0];
    candidate.layer.bytes = ByteMaps{.input = layer(source).bytes->input};
    // Each of them is the one before with more taken over; the last that has a fast kernel is kept.
    std::vector<Candidate> candidates = {candidate};
    if (take_end(candidate)) candidates.push_back(candidate);
    if (take_sum(candidate)) candidates.push_back(candidate);
    while (!candidates.empty() && !has_byte_kernel(network_, candidates.back().layer))
      candidates.pop_back();
    if (candidates.empty()) return;
    const Candidate& chosen = candidates.back();
    for (const size_t taken : chosen.taken)
      gone_[taken] = true;
    gone_[i] = true;
    gone_[chosen.place] = false;
    layer(chosen.place) = chosen.layer;
  }

  bool has_byte_weights(const Layer& layer) const {
    const NetworkValue& weight = network_.value(layer.inputs[1]);
    if (!weight.quantized || !weight.constant.defined()) return false;
    const std::vector<float>& scales = weight.quantized->scales;
    const bool usable = std::all_of(scales.begin(), scales.end(),
                                    [](float scale) { return std::isnormal(scale) && scale > 0; });
    return usable &&
           (layer.inputs.size() < 3 || layer.inputs[2] == no_value || network_.is_constant(layer.inputs[2]));
  }

  void take_over(Candidate& candidate, size_t next) {
    candidate.taken.push_back(candidate.place);
    candidate.place = next;
    take(candidate.layer, layer(next));
  }

  // [Relu or Clip ->] Q
  bool take_end(Candidate& candidate) {
    Candidate longer = candidate;
    size_t next = only_reader(longer.layer.output);
    if (is<op::Relu>(next)) {
      longer.layer.activation = {.low = 0};
    } else if (is<op::Clip>(next)) {
      const auto& clip = std::get<op::Clip>(layer(next).op);
      longer.layer.activation = {static_cast<float>(clip.min), static_cast<float>(clip.max)};
    }
    if (longer.layer.activation.active()) {
      take_over(longer, next);
      next = only_reader(longer.layer.output);
    }
    if (!is<op::QuantizeLinear>(next) || !layer(next).bytes) return false;
    longer.layer.bytes->output = layer(next).bytes->output;
    take_over(longer, next);
    candidate = std::move(longer);
    return true;
  }

  // The sum is made without the bytes that the convolution would have become; what they cut off stays cut.
  void bound_term(Layer& layer) const {
    const bool is_signed = network_.value(layer.output).type == DataType::i8;
    const ByteScale map = layer.bytes->output;
    const auto value_of = [&](int32_t byte) { return static_cast<float>(byte - map.zero) * map.scale; };
    layer.bytes->term = {std::max(layer.activation.low, value_of(is_signed ? -128 : 0)),
                         std::min(layer.activation.high, value_of(is_signed ? 127 : 255))};
    layer.activation = {};
  }

  // [Q -> DQ ->] Add to another map, [Relu or Clip ->] Q. The sum grows in the other map's buffer.
  bool take_sum(Candidate& candidate) {
    Candidate longer = candidate;
    size_t next = only_reader(longer.layer.output);
    if (is<op::DequantizeLinear>(next)) {
      bound_term(longer.layer);
      take_over(longer, next);
      next = only_reader(longer.layer.output);
    }
    if (!is<op::Add>(next) || longer.layer.activation.active()) return false;
    const std::vector<ValueId>& terms = layer(next).inputs;
    const size_t other = map_reader(terms[0] == longer.layer.output ? terms[1] : terms[0]);
    if (other == nowhere || terms[0] == terms[1]) return false;
    longer.layer.residual = layer(other).inputs[0];
    longer.layer.bytes->residual = layer(other).bytes->input;
    take_over(longer, next);
    if (!take_end(longer) || !may_accumulate(longer)) return false;
    candidate = std::move(longer);
    return true;
  }

  // The residual's bytes are dead after the sum, and the convolution's input, which is now read later, is not
  // overwritten by another sum.
  bool may_accumulate(const Candidate& candidate) const {
    const Layer& sum = candidate.layer;
    if (sum.residual == sum.inputs[0] || network_.shape(sum.residual) != network_.shape(sum.output))
      return false;
    if (maker_of(sum.residual) == nowhere) return false;
    for (const size_t reader : readers_of(sum.residual)) {
      if (reader > candidate.place) return false;
      if (is<op::DequantizeLinear>(reader))
        for (const size_t later : readers_of(network_.layers[reader].output))
          if (later > candidate.place) return false;
    }
    return std::none_of(network_.layers.begin(), network_.layers.end(), [&](const Layer& layer) {
      return layer.residual == sum.residual || layer.residual == sum.inputs[0];
    });
  }

  Network& network_;
  std::vector<bool> gone_;
};

}  // namespace

void fuse_quantized(Network& network) {
  QuantizedFuser(network).run();
}

}  // namespace vitrail::engine_detail
