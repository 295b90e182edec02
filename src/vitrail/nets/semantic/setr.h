#pragma once
// SETR (Zheng et al. 2021; SPEC 8): a Vision Transformer as encoder, and three decoders.
//
//   Model model = setr({.classes = 150}, {.decoder = SetrDecoder::pup});
//
// naive: 1x1 convolutions, then bilinear to the image. pup: progressive upsampling, 3x3 and twice the size,
// four times. mla: multi-level aggregation of four depths. Parameters `backbone.*` (vit.h), `head.*`,
// `aux1.*` ... (training-only).

#include "vitrail/nets/encoders/vit.h"
#include "vitrail/nets/registry.h"

namespace vitrail {

enum class SetrDecoder { naive, pup, mla };

struct SetrOptions {
  SetrDecoder decoder = SetrDecoder::naive;
  int64_t depth = 24;
  int64_t dim = 1024;
  int64_t heads = 16;
  int64_t grid = 32;    ///< side of the position embeddings' grid: the training crop / 16
  int64_t width = 256;  ///< channels of the decoder
};

/// `--set` may change: depth, dim, heads, grid, width, aux (0: no auxiliary heads).
Model setr(const NetOptions& options, SetrOptions parts);

}  // namespace vitrail
