#include "vitrail/nets/grid.h"

#include <cmath>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

struct Window {
  Pair kernel, strides, dilations;
  Pads pads;
  AutoPad auto_pad = AutoPad::explicit_pads;
};

[[noreturn]] void fail(const Node& node, const std::string& found) {
  throw Error(ErrorKind::unsupported, {.where = cat("node '", node.name, "' (", type_name(node.op), ")"),
                                       .found = found,
                                       .allowed = "its cells have no fixed place in the image"});
}

Pair kernel_of(const Graph& graph, const Node& node) {
  const Shape& weight = graph.shape(node.inputs[1]);
  return {weight[2], weight[3]};
}

// Middle of the first window, in cells of what it reads.
double first_centre(const Node& node, const Window& w) {
  const bool square = w.kernel[0] == w.kernel[1] && w.strides[0] == w.strides[1] &&
                      w.dilations[0] == w.dilations[1] && w.pads[0] == w.pads[1];
  if (!square || w.auto_pad != AutoPad::explicit_pads)
    fail(node, square ? "automatic padding" : "rows and columns that differ");
  return static_cast<double>((w.kernel[0] - 1) * w.dilations[0]) / 2 - static_cast<double>(w.pads[0]);
}

Grid windowed(const Node& node, Grid in, const Window& w) {
  return {in.step * static_cast<double>(w.strides[0]), in.origin + in.step * first_centre(node, w)};
}

Grid transposed(const Node& node, Grid in, const Window& w) {
  const double step = in.step / static_cast<double>(w.strides[0]);
  return {step, in.origin - step * first_centre(node, w)};
}

bool cuts_channels(const Graph& graph, const Node& node) {
  if (node.inputs.size() < 4 || !node.inputs[3].exists()) return false;
  const Node* axes = graph.producer_of(node.inputs[3]);
  const auto* constant = axes == nullptr ? nullptr : std::get_if<op::Constant>(&axes->op);
  return constant != nullptr && constant->value.type() == DataType::i64 && constant->value.elements() == 1 &&
         constant->value.data<int64_t>()[0] == 1;
}

}  // namespace

Grid grid_of(const Graph& graph, Value value) {
  const Node* node = graph.producer_of(value);
  if (node == nullptr) return {};
  if (node->inputs.empty()) fail(*node, "a constant");
  const Grid in = grid_of(graph, node->inputs.at(0));
  return std::visit(
      Overload{
          [&](const op::Conv& o) {
            return windowed(*node, in, {kernel_of(graph, *node), o.strides, o.dilations, o.pads, o.auto_pad});
          },
          [&](const op::ConvTranspose& o) {
            return transposed(*node, in, {kernel_of(graph, *node), o.strides, o.dilations, o.pads});
          },
          [&](const op::MaxPool& o) {
            return windowed(*node, in, {o.kernel, o.strides, o.dilations, o.pads, o.auto_pad});
          },
          [&](const op::AveragePool& o) {
            return windowed(*node, in, {o.kernel, o.strides, {1, 1}, o.pads, o.auto_pad});
          },
          [&](const op::Crop& o) {
            if (o.top != o.left) fail(*node, "rows and columns that differ");
            return Grid{in.step, in.origin + in.step * static_cast<double>(o.top)};
          },
          [&](const op::Slice&) {
            if (!cuts_channels(graph, *node)) fail(*node, "a slice of other than channels");
            return in;
          },
          [&](const auto& o) -> Grid {
            using T = std::decay_t<decltype(o)>;
            constexpr bool elementwise =
                std::is_same_v<T, op::BatchNormalization> || std::is_same_v<T, op::Relu> ||
                std::is_same_v<T, op::Clip> || std::is_same_v<T, op::Sigmoid> ||
                std::is_same_v<T, op::Identity> || std::is_same_v<T, op::Add> || std::is_same_v<T, op::Mul> ||
                std::is_same_v<T, op::Concat> || std::is_same_v<T, op::Dropout> || std::is_same_v<T, op::LRN>;
            if (!elementwise) fail(*node, "an operator that moves what it reads");
            return in;
          }},
      node->op);
}

int64_t cells_between(const Graph& graph, Value map, Value target) {
  const Grid a = grid_of(graph, map), b = grid_of(graph, target);
  const double cells = (b.origin - a.origin) / a.step;
  if (a.step != b.step || cells != std::floor(cells))
    throw Error(ErrorKind::shape,
                {.where = cat("'", graph.name_of(map), "' beside '", graph.name_of(target), "'"),
                 .found = cat("cells ", a.step, " pixels apart from ", a.origin, " on, and ", b.step,
                              " from ", b.origin),
                 .allowed = "they must be whole cells of one size apart"});
  return static_cast<int64_t>(cells);
}

}  // namespace vitrail
