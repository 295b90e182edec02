#include "vitrail/nets/encoders/vit.h"

#include <cmath>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/nets/layers.h"

namespace vitrail {
namespace {

constexpr int64_t patch = 16;

Value without_first(const Scope& scope, Value tokens) {
  return scope.graph().add(op::Slice{},
                           {tokens, integers(scope / "starts", {1}), integers(scope / "ends", {INT64_MAX}),
                            integers(scope / "axes", {1})},
                           scope("slice"));
}
Value first_only(const Scope& scope, Value tokens) {
  return scope.graph().add(
      op::Slice{},
      {tokens, integers(scope / "starts", {0}), integers(scope / "ends", {1}), integers(scope / "axes", {1})},
      scope("slice"));
}

// Heads beside each other: softmax(q k^T / sqrt(d)) v.
Value attention(const Scope& scope, Value x, int64_t dim, int64_t heads) {
  Graph& graph = scope.graph();
  const Value all =
      transpose(scope / "split",
                reshape(scope / "split", linear(scope / "qkv", x, 3 * dim), {0, 0, 3, heads, dim / heads}),
                {2, 0, 3, 1, 4});
  const auto part = [&](const char* name, int64_t index) {
    const Tensor which = Tensor::from<int64_t>({}, std::vector<int64_t>{index});
    const Value position = graph.add(op::Constant{which}, {}, scope(cat(name, ".index")));
    return graph.add(op::Gather{.axis = 0}, {all, position}, scope(name));
  };
  const float scale = static_cast<float>(1 / std::sqrt(static_cast<double>(dim / heads)));
  const Value factor =
      graph.add(op::Constant{Tensor::from<float>({1}, std::vector<float>{scale})}, {}, scope("scale"));
  const Value q = multiply(scope / "q", part("q", 0), factor);
  const Value k = transpose(scope / "k", part("k", 1), {0, 1, 3, 2});
  const Value scores =
      graph.add(op::Softmax{.axis = 3}, {graph.add(op::MatMul{}, {q, k}, scope("scores"))}, scope("softmax"));
  const Value mixed = graph.add(op::MatMul{}, {scores, part("v", 2)}, scope("mixed"));
  return linear(scope / "proj",
                reshape(scope / "join", transpose(scope / "join", mixed, {0, 2, 1, 3}), {0, 0, dim}), dim);
}

Value block(const Scope& scope, Value x, const VitOptions& o) {
  Graph& graph = scope.graph();
  x = add(scope / "add1", x, attention(scope / "attn", layer_norm(scope / "norm1", x), o.dim, o.heads));
  const Scope mlp = scope / "mlp";
  Value y = linear(mlp / "fc1", layer_norm(scope / "norm2", x), 4 * o.dim);
  y = graph.add(op::Unary{.function = op::Unary::Function::gelu}, {y}, mlp("gelu"));
  return add(scope / "add2", x, linear(mlp / "fc2", y, o.dim));
}

// Learned positions of the grid, for the patches of this image: [1, patches, dim].
Value patch_positions(const Scope& scope, Value positions, Value patches, const VitOptions& o) {
  Value grid = transpose(scope / "grid", without_first(scope / "grid", positions), {0, 2, 1});
  grid =
      upsample_to(scope / "interpolated", reshape(scope / "grid", grid, {1, o.dim, o.grid, o.grid}), patches);
  return transpose(scope / "flat", reshape(scope / "flat", grid, {1, o.dim, -1}), {0, 2, 1});
}

// The class token and its position, once per image: [N, 1, dim].
Value class_tokens(const Scope& scope, Value positions, Value patches, const VitOptions& o) {
  Graph& graph = scope.graph();
  const Value token = graph.parameter(
      {.name = scope("cls_token"), .shape = {1, 1, o.dim}, .init = init::TruncatedNormal{0.02}});
  const Scope cls = scope / "class";
  const Value placed = add(cls / "add", token, first_only(cls, positions));
  const Value images = graph.add(op::ShapeOf{.start = 0, .end = 1}, {patches}, cls("images"));
  const Value sizes = concat(cls, {images, integers(cls / "rest", {1, o.dim})}, 0);
  return graph.add(op::Expand{}, {placed, sizes}, cls("expand"));
}

void check(const VitOptions& o) {
  if (o.depth < 1 || o.depth > 128 || o.dim < 1 || o.dim > 16384 || o.heads < 1 || o.dim % o.heads != 0 ||
      o.grid < 1 || o.grid > 1024)
    throw Error(ErrorKind::usage,
                {.where = "vit",
                 .found = cat("depth ", o.depth, ", dim ", o.dim, ", heads ", o.heads, ", grid ", o.grid),
                 .allowed = "depth 1 to 128, dim up to 16384 and a multiple of heads, grid 1 to 1024"});
}

}  // namespace

VitTokens vit(const Scope& scope, Value image, const VitOptions& o) {
  check(o);
  Graph& graph = scope.graph();
  VitTokens tokens{.blocks = {}, .patches = {}, .class_token = o.class_token};
  tokens.patches = conv(scope / "patch_embed" / "proj", image,
                        {.out = o.dim,
                         .kernel = {patch, patch},
                         .stride = patch,
                         .auto_pad = AutoPad::same_upper,
                         .init = init::TruncatedNormal{0.02}});
  const Value positions = graph.parameter({.name = scope("pos_embed"),
                                           .shape = {1, o.grid * o.grid + 1, o.dim},
                                           .init = init::TruncatedNormal{0.02}});
  Value x = transpose(scope / "tokens", reshape(scope / "tokens", tokens.patches, {0, o.dim, -1}), {0, 2, 1});
  x = add(scope / "placed", x, patch_positions(scope / "pos_embed", positions, tokens.patches, o));
  if (o.class_token) x = concat(scope, {class_tokens(scope, positions, tokens.patches, o), x}, 1);
  for (int64_t i = 0; i < o.depth; ++i)
    tokens.blocks.push_back(x = block(scope / "blocks" / cat(i), x, o));
  return tokens;
}

Value token_map(const Scope& scope, const VitTokens& tokens, int64_t index) {
  Graph& graph = scope.graph();
  Value x = layer_norm(scope / "norm", tokens.blocks.at(static_cast<size_t>(index)));
  if (tokens.class_token) x = without_first(scope / "patches", x);
  const int64_t dim = graph.channels(tokens.patches);
  const Value space = graph.add(op::ShapeOf{.start = 2, .end = 4}, {tokens.patches}, scope("space"));
  const Value sizes = concat(scope / "map", {integers(scope / "map" / "first", {0, dim}), space}, 0);
  return graph.add(op::Reshape{}, {transpose(scope / "map", x, {0, 2, 1}), sizes}, scope("map"));
}

}  // namespace vitrail
