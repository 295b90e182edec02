#include "vitrail/onnx/slices.h"

#include <set>

#include "vitrail/onnx/composing.h"

namespace vitrail::onnx_files {
namespace {

constexpr int64_t kRank = 5;  // of a volume
constexpr size_t kBatch = 0, kDepth = 2;
const std::vector<int64_t> kPixels{0, 2, 3, 1}, kMaps{0, 3, 1, 2};

bool is_one(const Operand& size) {
  const auto* constant = std::get_if<FileConstant>(&size);
  return constant != nullptr && constant->tensor.data<int64_t>()[0] == 1;
}

const Slices* remembered(NodeImport& node, const Operand& operand) {
  const auto* value = std::get_if<Value>(&operand);
  if (value == nullptr || !value->exists()) return nullptr;
  const auto found = node.state().slices.find(value->id);
  return found == node.state().slices.end() ? nullptr : &found->second;
}

void remember(NodeImport& node, const Operand& volume, const Slices& slices) {
  const auto* value = std::get_if<Value>(&volume);
  if (value == nullptr) return;
  node.state().slices[value->id] = slices;
  node.state().has_leftovers = true;  // a volume that nobody reads as one
}

Operand slices_made(NodeImport& node, const Operand& volume) {
  const Composing c{node};
  const Shape shape = node.shape(volume);
  if (shape[kBatch] == 1) {
    const Operand one = node.add(op::Squeeze{.axes = {0}}, {volume});
    return node.add(op::Transpose{.permutation = {1, 0, 2, 3}}, {one});
  }
  const Operand turned = node.add(op::Transpose{.permutation = {0, 2, 1, 3, 4}}, {volume});
  return c.reshape(turned, c.joined({node.numbers({-1}), size_along(node, volume, 1),
                                     size_along(node, volume, 3), size_along(node, volume, 4)}));
}

bool same_size(const Operand& a, const Operand& b) {
  const auto *x = std::get_if<Value>(&a), *y = std::get_if<Value>(&b);
  return x != nullptr && y != nullptr && x->id == y->id;
}

// Whether `operand` has the batch and the depth of `leader`, so that its slices are beside the leader's.
bool has_slices_like(NodeImport& node, const Operand& operand, const Operand& leader) {
  const Shape shape = node.shape(operand), wanted = node.shape(leader);
  if (shape.size() != wanted.size() || shape[kBatch] != wanted[kBatch] || shape[kDepth] != wanted[kDepth])
    return false;
  if (shape[kDepth] >= 0) return true;
  const Slices *own = remembered(node, operand), *theirs = remembered(node, leader);
  return own != nullptr && theirs != nullptr && same_size(own->depth, theirs->depth);
}

// What is the same for every slice, without the dimension of depth: a slope [C,1,1,1], one number.
std::optional<Operand> without_depth(NodeImport& node, const Operand& operand) {
  const Shape shape = node.shape(operand);
  const auto rank = static_cast<int64_t>(shape.size());
  if (rank < 3) return operand;
  const auto depth = static_cast<size_t>(rank - 3);
  if (rank > kRank || shape[depth] != 1 || (rank == kRank && shape[kBatch] != 1)) return std::nullopt;
  Operand squeezed = node.add(op::Squeeze{.axes = {rank - 3}}, {operand});
  const auto* whole = std::get_if<FileConstant>(&operand);
  if (auto* constant = std::get_if<FileConstant>(&squeezed); constant != nullptr && whole != nullptr)
    constant->name = whole->name;
  return squeezed;
}

// How an operator stands to slices.
enum class Way {
  none,
  first,     // works on the slices of its first input; the others are its settings
  pairwise,  // on those of all its inputs, with broadcasting
  joins,     // on those of all its inputs, which it joins
  samples,   // on all slices of a sample of its first input together
  reduces,   // these to one number for each channel
};

// The axis of a volume as one of its slices; -1 for those that slices do not have.
int64_t axis_of_slice(int64_t axis) {
  const int64_t from_front = axis < 0 ? axis + kRank : axis;
  return from_front == 1 ? 1 : from_front > 2 ? from_front - 1 : -1;
}

struct WayOf {
  Way operator()(const op::Relu&) const { return Way::first; }
  Way operator()(const op::Clip&) const { return Way::first; }
  Way operator()(const op::Sigmoid&) const { return Way::first; }
  Way operator()(const op::Identity&) const { return Way::first; }
  Way operator()(const op::Dropout&) const { return Way::first; }
  Way operator()(const op::Unary&) const { return Way::first; }
  Way operator()(const op::Cast&) const { return Way::first; }
  Way operator()(const op::BatchNormalization&) const { return Way::first; }
  Way operator()(const op::LRN&) const { return Way::first; }
  Way operator()(const op::Softmax& op) const { return along(op.axis); }
  Way operator()(const op::LogSoftmax& op) const { return along(op.axis); }
  Way operator()(const op::ArgMax& op) const { return op.keep_dims ? along(op.axis) : Way::none; }
  Way operator()(const op::QuantizeLinear& op) const { return along(op.axis); }
  Way operator()(const op::DequantizeLinear& op) const { return along(op.axis); }
  Way operator()(const op::Add&) const { return Way::pairwise; }
  Way operator()(const op::Mul&) const { return Way::pairwise; }
  Way operator()(const op::Binary&) const { return Way::pairwise; }
  Way operator()(const op::Where&) const { return Way::pairwise; }
  Way operator()(const op::InstanceNormalization&) const { return Way::samples; }
  Way operator()(const op::Reduce& op) const {
    std::set<int64_t> axes;
    for (const int64_t axis : op.axes)
      axes.insert(axis < 0 ? axis + kRank : axis);
    return axes == std::set<int64_t>{2, 3, 4} ? Way::reduces : Way::none;
  }
  Way operator()(const op::Concat& op) const { return axis_of_slice(op.axis) >= 0 ? Way::joins : Way::none; }
  template <class Other>
  Way operator()(const Other&) const {
    return Way::none;
  }
  static Way along(int64_t axis) { return axis_of_slice(axis) >= 0 ? Way::first : Way::none; }
};

// The operator as it works on slices, of one that does.
Op on_slices(Op op) {
  std::visit(
      [](auto& typed) {
        if constexpr (requires { typed.axis; }) typed.axis = axis_of_slice(typed.axis);
      },
      op);
  return op;
}

// One of several inputs as it meets the leader's slices.
std::optional<Operand> beside(NodeImport& node, Way way, const Operand& input, const Operand& leader) {
  if (node.rank(input) == kRank && (way == Way::joins || has_slices_like(node, input, leader)))
    return slices_of(node, input).maps;
  return way == Way::pairwise ? without_depth(node, input) : std::nullopt;
}

// An input that is known by its slices; of several rather one that has more than one of them.
const Operand* leader_of(NodeImport& node, Way way, const std::vector<Operand>& inputs) {
  const Operand* leader = nullptr;
  for (const Operand& input : inputs) {
    if (remembered(node, input) != nullptr && (leader == nullptr || node.shape(*leader)[kDepth] == 1))
      leader = &input;
    if (way != Way::pairwise && way != Way::joins) break;
  }
  return leader;
}

std::optional<std::vector<Operand>> inputs_on_maps(NodeImport& node, Way way,
                                                   const std::vector<Operand>& inputs, const Slices& led,
                                                   const Operand& leader) {
  std::vector<Operand> on_maps;
  if (way == Way::first || way == Way::samples) {
    on_maps = inputs;
    on_maps[0] = way == Way::first ? led.maps : lines_of(node, led);
    return on_maps;
  }
  for (const Operand& input : inputs) {
    const std::optional<Operand> found = beside(node, way, input, leader);
    if (!found) return std::nullopt;
    on_maps.push_back(*found);
  }
  return on_maps;
}

Operand reduced(NodeImport& node, const op::Reduce& reduce, const Slices& slices, const std::string& name) {
  Op op = op::Reduce{.function = reduce.function, .axes = {2, 3}};
  if (reduce.function == op::Reduce::Function::mean && node.type(slices.maps) == DataType::f32)
    op = op::GlobalAveragePool{};
  const Operand made = node.add_named(op, {lines_of(node, slices)}, name);
  if (reduce.keep_dims) return node.add(op::Unsqueeze{.axes = {4}}, {made});
  return node.add(op::Squeeze{.axes = {2, 3}}, {made});
}

}  // namespace

Operand size_along(NodeImport& node, const Operand& x, int64_t axis) {
  const int64_t known = node.shape(x)[static_cast<size_t>(axis)];
  return known >= 0 ? node.numbers({known}) : Composing{node}.sizes(x, axis, axis + 1);
}

Slices slices_of(NodeImport& node, const Operand& volume) {
  if (const Slices* known = remembered(node, volume)) return *known;
  const Slices made{slices_made(node, volume), size_along(node, volume, kBatch),
                    size_along(node, volume, kDepth)};
  remember(node, volume, made);
  return made;
}

Operand volume_of(NodeImport& node, const Slices& slices) {
  const Composing c{node};
  Operand made;
  if (is_one(slices.samples)) {
    const Operand turned = node.add(op::Transpose{.permutation = {1, 0, 2, 3}}, {slices.maps});
    made = node.add(op::Unsqueeze{.axes = {0}}, {turned});
  } else {
    const Operand apart = c.reshape(
        slices.maps, c.joined({slices.samples, slices.depth, size_along(node, slices.maps, 1),
                               size_along(node, slices.maps, 2), size_along(node, slices.maps, 3)}));
    made = node.add(op::Transpose{.permutation = {0, 2, 1, 3, 4}}, {apart});
  }
  remember(node, made, slices);
  return made;
}

// Pixel by pixel, channels last, both ways of joining dimensions are a mere change of names.
Operand lines_of(NodeImport& node, const Slices& slices) {
  const Composing c{node};
  const Operand pixels = node.add(op::Transpose{.permutation = kPixels}, {slices.maps});
  const Operand lines = c.reshape(
      pixels, c.joined({slices.samples, slices.depth, node.numbers({-1}), size_along(node, slices.maps, 1)}));
  return node.add(op::Transpose{.permutation = kMaps}, {lines});
}

Slices slices_of_lines(NodeImport& node, const Operand& lines, const Slices& like) {
  const Composing c{node};
  const Operand pixels = node.add(op::Transpose{.permutation = kPixels}, {lines});
  const Operand apart =
      c.reshape(pixels, c.joined({node.numbers({-1}), size_along(node, like.maps, 2),
                                  size_along(node, like.maps, 3), size_along(node, lines, 1)}));
  return {node.add(op::Transpose{.permutation = kMaps}, {apart}), like.samples, size_along(node, lines, 2)};
}

std::optional<Operand> computed_by_slices(NodeImport& node, const Op& op, const std::vector<Operand>& inputs,
                                          const std::string& name) {
  if (node.state().slices.empty() || inputs.empty()) return std::nullopt;
  const Way way = std::visit(WayOf{}, op);
  if (way == Way::none) return std::nullopt;
  const Operand* leader = leader_of(node, way, inputs);
  if (leader == nullptr) return std::nullopt;
  const Slices led = *remembered(node, *leader);
  if (way == Way::reduces) return reduced(node, std::get<op::Reduce>(op), led, name);
  const std::optional<std::vector<Operand>> on_maps = inputs_on_maps(node, way, inputs, led, *leader);
  if (!on_maps) return std::nullopt;
  const Operand made = node.add_named(on_slices(op), *on_maps, name);
  return volume_of(
      node, way == Way::samples ? slices_of_lines(node, made, led) : Slices{made, led.samples, led.depth});
}

}  // namespace vitrail::onnx_files
