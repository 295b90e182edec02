#include <map>

#include "vitrail/engine/layout.h"
#include "vitrail/engine/passes/passes.h"
#include "vitrail/engine/takes_images.h"

namespace vitrail::engine_detail {
namespace {

// How an operator stands to the layout of rank-4 floats.
enum class Habit {
  spatial,    // reads and writes channels-last
  sampled,    // the same, but for the positions: any layout will do for them
  follows,    // the same layout for everything it reads and writes, whichever it is
  strided,    // reads any layout and writes the one that is asked for
  images,     // takes whole images: the same layout for the map it reads and the one it makes
  row_major,  // reads and writes row-major
};

struct HabitOf {
  Habit operator()(const op::Conv&) const { return Habit::spatial; }
  Habit operator()(const op::ConvTranspose&) const { return Habit::spatial; }
  Habit operator()(const op::MaxPool&) const { return Habit::spatial; }
  Habit operator()(const op::AveragePool&) const { return Habit::spatial; }
  Habit operator()(const op::GlobalAveragePool&) const { return Habit::spatial; }
  Habit operator()(const op::GlobalMaxPool&) const { return Habit::spatial; }
  Habit operator()(const op::AdaptivePool&) const { return Habit::spatial; }
  Habit operator()(const op::MaxPoolIndices&) const { return Habit::spatial; }
  Habit operator()(const op::MaxUnpool&) const { return Habit::spatial; }
  Habit operator()(const op::LRN&) const { return Habit::spatial; }
  Habit operator()(const op::InstanceNormalization&) const { return Habit::spatial; }
  Habit operator()(const op::Resize&) const { return Habit::spatial; }
  Habit operator()(const op::Crop&) const { return Habit::spatial; }
  Habit operator()(const op::Pad&) const { return Habit::spatial; }
  Habit operator()(const op::RoiAlign&) const { return Habit::spatial; }
  Habit operator()(const op::GridSample&) const { return Habit::sampled; }
  Habit operator()(const op::DynamicDeconvolution&) const { return Habit::spatial; }
  Habit operator()(const op::Encoding&) const { return Habit::spatial; }

  Habit operator()(const op::BatchNormalization&) const { return Habit::follows; }
  Habit operator()(const op::Relu&) const { return Habit::follows; }
  Habit operator()(const op::Clip&) const { return Habit::follows; }
  Habit operator()(const op::Sigmoid&) const { return Habit::follows; }
  Habit operator()(const op::Identity&) const { return Habit::follows; }
  Habit operator()(const op::Dropout&) const { return Habit::follows; }
  Habit operator()(const op::Unary&) const { return Habit::follows; }
  Habit operator()(const op::Add&) const { return Habit::follows; }
  Habit operator()(const op::Mul&) const { return Habit::follows; }
  Habit operator()(const op::Binary&) const { return Habit::follows; }
  Habit operator()(const op::Where&) const { return Habit::follows; }
  Habit operator()(const op::Concat&) const { return Habit::follows; }
  Habit operator()(const op::Softmax&) const { return Habit::follows; }
  Habit operator()(const op::LogSoftmax&) const { return Habit::follows; }

  Habit operator()(const op::ArgMax&) const { return Habit::strided; }
  Habit operator()(const op::Transpose&) const { return Habit::strided; }
  Habit operator()(const op::Expand&) const { return Habit::strided; }
  Habit operator()(const op::Tile&) const { return Habit::strided; }
  Habit operator()(const op::Slice&) const { return Habit::strided; }
  Habit operator()(const op::Reduce&) const { return Habit::strided; }
  Habit operator()(const op::DepthToSpace&) const { return Habit::strided; }
  Habit operator()(const op::SpaceToDepth&) const { return Habit::strided; }

  template <class Other>
  Habit operator()(const Other&) const {
    return Habit::row_major;
  }
};

class LayoutChooser {
 public:
  explicit LayoutChooser(Network& network) : network_(network) {}

  void run() {
    find_wishes();
    for (const NetworkPort& input : network_.inputs)
      if (has_choice(input.value)) network_.value(input.value).row_major = !wanted(input.value);
    std::vector<Layer> layers = std::move(network_.layers);
    network_.layers.clear();
    for (Layer& layer : layers) {
      place(layer);
      network_.layers.push_back(std::move(layer));
    }
  }

 private:
  bool has_choice(ValueId id) const {
    const NetworkValue& value = network_.value(id);
    return value.type == DataType::f32 && value.shape.size() == 4;
  }
  bool wanted(ValueId id) const { return wants_channels_last_[static_cast<size_t>(id)]; }

  // Which values somebody down the line would rather read channels-last.
  void find_wishes() {
    wants_channels_last_.assign(network_.values.size(), false);
    for (size_t i = network_.layers.size(); i-- > 0;) {
      const Layer& layer = network_.layers[i];
      const Habit habit = habit_of(layer);
      const bool passes_on = habit == Habit::follows || habit == Habit::images ||
                             (habit == Habit::strided && keeps_dimensions(layer));
      const bool wishes =
          habit == Habit::spatial || (passes_on && has_choice(layer.output) && wanted(layer.output));
      for (const ValueId input : layer.inputs)
        if (wishes && !reads_planes(network_, layer) && input != no_value)
          wants_channels_last_[static_cast<size_t>(input)] = true;
      if (habit == Habit::sampled) wants_channels_last_[static_cast<size_t>(layer.inputs[0])] = true;
      if (layer.residual != no_value) wants_channels_last_[static_cast<size_t>(layer.residual)] = true;
    }
  }
  static bool keeps_dimensions(const Layer& layer) {
    return !std::holds_alternative<op::Transpose>(layer.op);
  }
  Habit habit_of(const Layer& layer) const {
    if (layer.resized) return Habit::spatial;
    if (layer.bytes)
      return std::holds_alternative<op::QuantizeLinear>(layer.op) ? Habit::strided : Habit::spatial;
    if (takes_images(network_, layer)) return Habit::images;
    return has_own_step(network_, layer) ? std::visit(HabitOf{}, layer.op) : Habit::row_major;
  }

  void place(Layer& layer) {
    switch (habit_of(layer)) {
      case Habit::spatial:
        if (!reads_planes(network_, layer)) read_all(layer, false);
        // Whatever else reads the copy does so before the sum overwrites it: fuse_residual saw to that.
        if (layer.residual != no_value && has_choice(layer.residual))
          layer.residual = converted(layer.residual, false);
        break;  // its result is channels-last unless a pass said so
      case Habit::sampled: layer.inputs[0] = converted(layer.inputs[0], false); break;
      case Habit::follows: {
        const bool row_major = followed(layer);
        read_all(layer, row_major);
        if (has_choice(layer.output)) network_.value(layer.output).row_major = row_major;
        break;
      }
      case Habit::strided: choose_result(layer); break;
      case Habit::images:  // rather one map in the other layout than each of those that are taken from it
        if (wanted(layer.output)) layer.inputs[0] = converted(layer.inputs[0], false);
        network_.value(layer.output).row_major = network_.value(layer.inputs[0]).row_major;
        break;
      case Habit::row_major:
        read_all(layer, true);
        network_.value(layer.output).row_major = has_choice(layer.output);
    }
  }

  // Row-major where all that it reads is, or where the result or an operand can be nothing else.
  bool followed(const Layer& layer) const {
    if (network_.shape(layer.output).size() == 4 && !has_choice(layer.output)) return true;
    bool any_channels_last = false, any_row_major = false;
    for (const ValueId input : layer.inputs) {
      if (input == no_value || same_as_row_major(network_.shape(input))) continue;
      if (!has_choice(input)) return true;
      if (!network_.is_constant(input))
        (network_.value(input).row_major ? any_row_major : any_channels_last) = true;
    }
    return any_channels_last != any_row_major ? any_row_major : !wanted(layer.output);
  }

  // What it asks for, or, where that costs nothing, what makes the step a mere view of its input.
  void choose_result(Layer& layer) {
    if (!has_choice(layer.output)) return;
    NetworkValue& result = network_.value(layer.output);
    result.row_major = !wanted(layer.output);
    const auto* transpose = std::get_if<op::Transpose>(&layer.op);
    if (transpose == nullptr) return;
    const bool from_row_major = !network_.value(layer.inputs[0]).channels_last();
    if (!from_row_major && transpose->permutation == std::vector<int64_t>{0, 2, 3, 1})
      result.row_major = true;
    if (from_row_major && transpose->permutation == std::vector<int64_t>{0, 3, 1, 2})
      result.row_major = false;
  }

  void read_all(Layer& layer, bool row_major) {
    for (ValueId& input : layer.inputs)
      if (input != no_value && has_choice(input)) input = converted(input, row_major);
  }

  // `id` in that layout; a constant is stored so, anything else goes through a layer of its own.
  ValueId converted(ValueId id, bool row_major) {
    if (network_.value(id).row_major == row_major || same_as_row_major(network_.shape(id))) return id;
    const auto [known, added] = converted_.try_emplace(id, no_value);
    if (added) known->second = added_copy(id, row_major);
    return known->second;
  }

  ValueId added_copy(ValueId id, bool row_major) {
    const auto copy = static_cast<ValueId>(network_.values.size());
    NetworkValue value = network_.value(id);
    value.row_major = row_major;
    network_.values.push_back(std::move(value));
    wants_channels_last_.push_back(!row_major);
    if (!network_.is_constant(id)) {
      Layer layer;
      layer.name = network_.value(id).name;
      layer.op = op::Identity{};
      layer.inputs = {id};
      layer.output = copy;
      network_.layers.push_back(std::move(layer));
    }
    return copy;
  }

  Network& network_;
  std::vector<bool> wants_channels_last_;  // by value
  std::map<ValueId, ValueId> converted_;   // the same value in the other layout
};

}  // namespace

void choose_layouts(Network& network) {
  LayoutChooser(network).run();
}

}  // namespace vitrail::engine_detail
