#pragma once
// How the published encoders want their images.

#include "vitrail/graph/model.h"

namespace vitrail {

/// RGB by ImageNet's mean and standard deviation: torchvision, PyTorch-Encoding, timm.
Preprocessing imagenet_rgb();
/// BGR 0..255 minus ImageNet's mean: Caffe (VGG, ResNet of MSRA, FCN, DeepLab).
Preprocessing caffe_bgr();
/// RGB from -1 to 1: TensorFlow's MobileNetV1.
Preprocessing tensorflow_rgb();

}  // namespace vitrail
