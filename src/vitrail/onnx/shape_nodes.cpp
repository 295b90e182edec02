#include "vitrail/onnx/shape_nodes.h"

#include <array>
#include <span>

#include "vitrail/base/text.h"

namespace vitrail::onnx_files {
namespace {

bool is_known(const Shape& shape, int64_t first) {
  const auto at = static_cast<size_t>(first);
  return shape[at] >= 0 && shape[at + 1] >= 0;
}

using Four = std::array<int64_t, 4>;
using Two = std::array<int64_t, 2>;
using One = std::array<int64_t, 1>;

}  // namespace

std::string ShapeNodes::sizes(const NamedValue& value, int64_t first, const std::string& name) {
  if (is_known(value.shape, first)) {
    const auto at = static_cast<size_t>(first);
    return writer_.constant(cat(name, ".size"), Two{value.shape[at], value.shape[at + 1]});
  }
  auto [found, is_new] = written_.try_emplace(cat(value.name, "[", first, "]"));
  if (is_new) {
    const std::string shape = writer_.node("Shape", {value.name}, cat(name, ".shape")).output(0);
    const std::string start = writer_.constant("shape.start", One{first});
    const std::string end = writer_.constant("shape.end", One{first + 2});
    const std::string axis = writer_.constant("shape.axis", One{0});
    found->second = writer_.node("Slice", {shape, start, end, axis}, cat(name, ".slice")).output(0);
  }
  return found->second;
}

std::string ShapeNodes::with_size_of(const NamedValue& x, const NamedValue& reference,
                                     const std::string& name) {
  if (is_known(reference.shape, 2)) return with_size(x, {reference.shape[2], reference.shape[3]}, name);
  const std::string batch_and_channels = sizes(x, 0, cat(name, ".input"));
  const std::string size = sizes(reference, 2, cat(name, ".reference"));
  onnx::NodeProto& joined = writer_.node("Concat", {batch_and_channels, size}, cat(name, ".sizes"));
  set_int(joined, "axis", 0);
  return joined.output(0);
}

std::string ShapeNodes::with_size(const NamedValue& x, const Pair& size, const std::string& name) {
  if (is_known(x.shape, 0))
    return writer_.constant(cat(name, ".sizes"), Four{x.shape[0], x.shape[1], size[0], size[1]});
  const std::string batch_and_channels = sizes(x, 0, cat(name, ".input"));
  const std::string fixed = writer_.constant(cat(name, ".size"), Two{size[0], size[1]});
  onnx::NodeProto& joined = writer_.node("Concat", {batch_and_channels, fixed}, cat(name, ".sizes"));
  set_int(joined, "axis", 0);
  return joined.output(0);
}

std::string ShapeNodes::with_computed_size(const NamedValue& x, const std::string& size,
                                           const std::string& name) {
  const std::string batch_and_channels = sizes(x, 0, cat(name, ".input"));
  onnx::NodeProto& joined = writer_.node("Concat", {batch_and_channels, size}, cat(name, ".sizes"));
  set_int(joined, "axis", 0);
  return joined.output(0);
}

std::string ShapeNodes::window_end(const NamedValue& reference, int64_t top, int64_t left,
                                   const std::string& name) {
  if (is_known(reference.shape, 2))
    return writer_.constant(cat(name, ".end"), Two{top + reference.shape[2], left + reference.shape[3]});
  const std::string size = sizes(reference, 2, cat(name, ".reference"));
  if (top == 0 && left == 0) return size;
  const std::string corner = writer_.constant(cat(name, ".start"), Two{top, left});
  return writer_.node("Add", {size, corner}, cat(name, ".end")).output(0);
}

}  // namespace vitrail::onnx_files
