#pragma once
// The registry's tables, one per family. A network's line: name, summary, source, build function, the
// parameter counts that it must have ({classes, learnable, with running statistics}), the encoder's weight
// file, and how tests run it.

#include <vector>

#include "vitrail/nets/registry.h"

namespace vitrail {

std::vector<NetEntry> realtime_nets();  ///< MobileNetV1 and SqueezeNet: the thesis
std::vector<NetEntry> resnet_nets();    ///< PSPNet, DeepLab, EncNet, FastFCN, FCN-8s
std::vector<NetEntry> pvd_nets();       ///< the Pixel Voting Decoder
std::vector<NetEntry>
mobilenet_context_nets();              ///< PSPNet's, DeepLab's, EncNet's and FastFCN's heads on MobileNetV1
std::vector<NetEntry> classic_nets();  ///< FCN, U-Net, SegNet, Dilation, DeepLab on VGG16
std::vector<NetEntry> transformer_nets();  ///< SETR
std::vector<NetEntry> torchvision_nets();  ///< by torchvision's names

std::vector<NetEntry> ssd_nets();   ///< instances: SSD, with and without branches
std::vector<NetEntry> rcnn_nets();  ///< instances: Mask R-CNN, and pixel voting on it

}  // namespace vitrail
