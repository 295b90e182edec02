#pragma once
// How the published encoders want their images.

#include "vitrail/nets/registry.h"

namespace vitrail {

/// RGB by ImageNet's mean and standard deviation: torchvision, PyTorch-Encoding, timm.
Preprocessing imagenet_rgb();
/// BGR 0..255 minus ImageNet's mean: Caffe (VGG, ResNet of MSRA, FCN, DeepLab).
Preprocessing caffe_bgr();
/// RGB from -1 to 1: TensorFlow's MobileNetV1.
Preprocessing tensorflow_rgb();

/// The network's input "image" [N, C, H, W]: C is what `options` ask for, else `published`.
Value image_input(Graph& graph, const NetOptions& options, int64_t published = 3);

/// `preprocessing` for an image of so many channels. Those behind the first three get the mean of the three
/// means and deviations; one channel is grey with these, two are grey and another with these.
void fit_channels(Preprocessing& preprocessing, int64_t channels);

}  // namespace vitrail
