#pragma once
// SegNet and SegNet-Basic (Badrinarayanan et al. 2017; SPEC 3.3): the decoder puts each value back where the
// encoder's pooling found it.
//
//   Model model = segnet({.classes = 11});
//
// SegNet's encoder is VGG16 with batch normalisation (`backbone.features.0.weight` ..., as in torchvision's
// vgg16_bn), its decoder mirrors it (`decoder5.0.0.weight` ... `decoder1.1.weight`); pools round up and
// unpooling restores the exact size.

#include "vitrail/nets/registry.h"

namespace vitrail {

/// `--set` may change width.
Model segnet(const NetOptions& options);
/// `--set` may change width (of 64 channels).
Model segnet_basic(const NetOptions& options);

}  // namespace vitrail
