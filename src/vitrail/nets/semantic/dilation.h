#pragma once
// Networks on VGG16 that dilate (SPEC 4 and 6.1): the dilated front end with its context module (Yu & Koltun
// 2016), and DeepLab's first two (Chen et al. 2015, 2016).
//
//   Model model = dilation({.classes = 21}, {.context = Context::large});   // Dilation8 for VOC
//   Model model = deeplab_vgg({.classes = 21}, {.aspp = false});            // DeepLabv1 LargeFOV

#include "vitrail/nets/registry.h"

namespace vitrail {

enum class Context {
  none,     ///< the front end alone
  basic,    ///< Dilation8 of CamVid
  large,    ///< Dilation8 of VOC: wide layers, padded at the first alone
  shorter,  ///< Dilation7 of Kitti: no rate 16
  longer,   ///< Dilation10 of Cityscapes: rates 32 and 64 as well
};

struct DilationOptions {
  Context context = Context::basic;
};

/// The front end has no padding: the network mirrors the image's border by 186 pixels (so its sides must have
/// 187), and its scores, one per 8 pixels, are interpolated as the published code does (anchored at the top
/// left corner).
/// `--set` may change: width; noise (of the context module's initial weights).
Model dilation(const NetOptions& options, const DilationOptions& parts);

struct DeepLabVggOptions {
  bool aspp = false;  ///< v2: four branches of rates 6, 12, 18, 24, summed; v1: one of rate 12
};

/// `--set` may change width.
Model deeplab_vgg(const NetOptions& options, const DeepLabVggOptions& parts);

}  // namespace vitrail
