#pragma once
// torchvision's segmentation networks, by its names of networks and of parameters, so that its weight files
// (`fcn_resnet50_coco-1167a1af.pth` ...) load and compute the same.

#include "vitrail/nets/registry.h"

namespace vitrail {

enum class TorchvisionHead { fcn, deeplabv3 };

struct TorchvisionOptions {
  int64_t depth = 50;  ///< of the ResNet, dilated to stride 8
  TorchvisionHead head = TorchvisionHead::fcn;
};

/// Outputs "logits" and training-only "aux", both at the image's size. `--set` may change width and aux (0:
/// no auxiliary classifier).
Model torchvision_resnet(const NetOptions& options, const TorchvisionOptions& parts);
/// lraspp_mobilenet_v3_large. `--set` may change width.
Model torchvision_lraspp(const NetOptions& options);

}  // namespace vitrail
