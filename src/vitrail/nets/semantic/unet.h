#pragma once
// U-Net (Ronneberger et al. 2015; SPEC 3.1, 3.2): down five levels, up again, every level joined by its skip
// connection.
//
//   Model model = unet({.classes = 2});                                  // padded: logits of the image's
//   size Model model = unet({.classes = 2}, {.padded = false});               // the original: valid
//   convolutions
//
// The original's output is smaller than its input (572 -> 388); so that it labels every pixel, the network
// mirrors the image's border (92 pixels and what the pools need) and cuts its output to the image, which is
// its overlap-tile strategy for one tile; `--set border=0` leaves that out. Parameters have the names of the
// common PyTorch implementation: `inc.double_conv.0.weight`, `down1.maxpool_conv.1.double_conv.0.weight`,
// `up1.up.weight`, `up1.conv.double_conv.0.weight`, `outc.conv.weight`.

#include "vitrail/nets/registry.h"

namespace vitrail {

struct UNetOptions {
  int64_t base = 64;       ///< channels of the first level; each level doubles them
  bool padded = true;      ///< false: valid convolutions, skips cropped
  bool batch_norm = true;  ///< false: biases instead
  double dropout = 0;      ///< at the end of the contracting path
};

/// `--set` may change: base, batch_norm, channels (1: grey images, or 3), and of the original border.
Model unet(const NetOptions& options, UNetOptions parts);

}  // namespace vitrail
