#pragma once
// The Vision Transformer (Dosovitskiy et al. 2021), SETR's encoder (SPEC 8): patches of 16x16 pixels as
// tokens, through blocks of attention.
//
//   VitTokens tokens = vit(net / "backbone", image, {.depth = 24, .dim = 1024, .heads = 16});
//   Value map = token_map(net / "head", tokens, 23);     // [N, 1024, H/16, W/16] behind the last block
//
// Position embeddings are learned for a grid of patches and interpolated (bilinear, half-pixel) to the grid
// of the image, so that any size fits. Parameters have timm's names: `patch_embed.proj.weight`, `cls_token`,
// `pos_embed`, `blocks.0.attn.qkv.weight` ...

#include <vector>

#include "vitrail/nets/scope.h"

namespace vitrail {

struct VitOptions {
  int64_t depth = 24;
  int64_t dim = 1024;
  int64_t heads = 16;
  int64_t grid = 24;        ///< side of the grid that position embeddings are learned for (384 / 16)
  bool class_token = true;  ///< a token of the whole image beside the patches'
};

struct VitTokens {
  std::vector<Value> blocks;  ///< [N, tokens, dim] behind each block; the class token is the first
  Value patches;              ///< [N, dim, H/16, W/16]: the patches before the blocks
  bool class_token = true;
};

/// image: [N, 3, H, W]; where 16 does not divide H or W the border patches are filled up with zeros.
/// Throws Error(usage) for sizes that do not fit each other.
VitTokens vit(const Scope& scope, Value image, const VitOptions& options = {});

/// The tokens behind block `index` through a layer normalisation `norm` of their own, as a map, without the
/// class token.
Value token_map(const Scope& scope, const VitTokens& tokens, int64_t index);

}  // namespace vitrail
