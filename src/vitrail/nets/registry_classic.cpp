#include "vitrail/nets/registry_tables.h"
#include "vitrail/nets/semantic/dilation.h"
#include "vitrail/nets/semantic/fcn.h"
#include "vitrail/nets/semantic/segnet.h"
#include "vitrail/nets/semantic/unet.h"

namespace vitrail {
namespace {

template <FcnTrunk trunk, int64_t finest>
Model fcn_net(const NetOptions& options) {
  return fcn(options, {.trunk = trunk, .finest = finest});
}
template <UNetOptions parts>
Model unet_net(const NetOptions& options) {
  return unet(options, parts);
}
template <Context context>
Model dilation_net(const NetOptions& options) {
  return dilation(options, {.context = context});
}
template <bool aspp>
Model deeplab_net(const NetOptions& options) {
  return deeplab_vgg(options, {.aspp = aspp});
}

constexpr auto vgg = FcnTrunk::vgg16;
constexpr auto alex = FcnTrunk::alexnet;
constexpr auto inception = FcnTrunk::googlenet;

const char* const fcn_paper = "FCN (Long et al. 2015)";
const char* const unet_paper = "U-Net (Ronneberger et al. 2015)";
const char* const segnet_paper = "SegNet (Badrinarayanan et al. 2017)";
const char* const dilation_paper = "Dilated convolutions (Yu & Koltun 2016)";
const char* const lab1 = "DeepLabv1 (Chen et al. 2015)";
const char* const lab2 = "DeepLabv2 (Chen et al. 2016)";
const char* const vgg_file = "vgg16.pth";
const char* const vgg_bn_file = "vgg16_bn.pth";

const std::map<std::string, std::string> narrow{{"width", "0.0625"}};
const std::map<std::string, std::string> few{{"base", "4"}};

}  // namespace

// clang-format off
std::vector<NetEntry> classic_nets() {
  return {
      {"fcn32s-vgg16", "FCN-32s on VGG16", fcn_paper, fcn_net<vgg, 32>, {{21, 134346581, 134346581}}, vgg_file, narrow},
      {"fcn16s-vgg16", "FCN-16s on VGG16", fcn_paper, fcn_net<vgg, 16>, {{21, 134357354, 134357354}}, vgg_file, narrow},
      {"fcn8s-vgg16", "FCN-8s on VGG16", fcn_paper, fcn_net<vgg, 8>, {{21, 134362751, 134362751}}, vgg_file, narrow},
      {"fcn32s-vgg16-rgb-hha", "FCN-32s twice on VGG16, on colour and on depth (HHA), their scores' mean", fcn_paper, fcn32s_color_hha, {{40, 268848848, 268848848}}, vgg_file, narrow},
      {"fcn32s-alexnet", "FCN-32s on AlexNet (Caffe)", fcn_paper, fcn_net<alex, 32>, {{21, 56954261, 56954261}}, "", narrow},
      {"fcn16s-alexnet", "FCN-16s on AlexNet (Caffe)", fcn_paper, fcn_net<alex, 16>, {{21, 56959658, 56959658}}, "", narrow},
      {"fcn8s-alexnet", "FCN-8s on AlexNet (Caffe)", fcn_paper, fcn_net<alex, 8>, {{21, 56961695, 56961695}}, "", narrow},
      {"fcn32s-googlenet", "FCN-32s on GoogLeNet (BVLC)", fcn_paper, fcn_net<inception, 32>, {{21, 5995077, 5995077}}, "", narrow},
      {"fcn16s-googlenet", "FCN-16s on GoogLeNet (BVLC)", fcn_paper, fcn_net<inception, 16>, {{21, 6012570, 6012570}}, "", narrow},
      {"fcn8s-googlenet", "FCN-8s on GoogLeNet (BVLC)", fcn_paper, fcn_net<inception, 8>, {{21, 6022671, 6022671}}, "", narrow},
      {"unet", "U-Net, padded, with batch normalisation", unet_paper, unet_net<UNetOptions{}>, {{2, 31037698, 31049474}, {21, 31038933, 31050709}}, "", few},
      {"unet-small", "U-Net of 16 channels, padded, with batch normalisation", unet_paper, unet_net<UNetOptions{.base = 16}>, {{2, 1942594, 1945538}}, "", few},
      {"unet-valid", "U-Net as published: valid convolutions, no batch normalisation", unet_paper, unet_net<UNetOptions{.padded = false, .batch_norm = false, .dropout = 0.5}>, {{2, 31031810, 31031810}}, "", few, 108},
      {"segnet", "SegNet: VGG16 and its mirror image, unpooled by indices", segnet_paper, segnet, {{11, 29449355, 29465227}, {21, 29455125, 29470997}, {150, 29529558, 29545430}}, vgg_bn_file, narrow},
      {"segnet-basic", "SegNet-Basic: four levels of 64 channels", segnet_paper, segnet_basic, {{11, 1416587, 1417611}}, "", {{"width", "0.125"}}},
      {"frontend-vgg16", "The dilated front end alone", dilation_paper, dilation_net<Context::none>, {{21, 134346581, 134346581}}, vgg_file, narrow, 194},
      {"dilation8-vgg16", "Dilated front end and the large context module (VOC)", dilation_paper, dilation_net<Context::large>, {{21, 141149720, 141149720}}, vgg_file, narrow, 194},
      {"dilation8-vgg16-basic", "Dilated front end and the basic context module (CamVid)", dilation_paper, dilation_net<Context::basic>, {{21, 134374973, 134374973}}, vgg_file, narrow, 194},
      {"dilation7-vgg16", "Dilated front end and the context module without rate 16 (Kitti)", dilation_paper, dilation_net<Context::shorter>, {{21, 134370983, 134370983}}, vgg_file, narrow, 194},
      {"dilation10-vgg16", "Dilated front end and the context module of ten layers (Cityscapes)", dilation_paper, dilation_net<Context::longer>, {{19, 134368179, 134368179}}, vgg_file, narrow, 194},
      {"deeplab-largefov-vgg16", "DeepLabv1 LargeFOV", lab1, deeplab_net<false>, {{21, 20505429, 20505429}}, vgg_file, narrow},
      {"deeplabv2-vgg16", "DeepLabv2: summed ASPP on VGG16", lab2, deeplab_net<true>, {{21, 37877652, 37877652}}, vgg_file, narrow},
  };
}
// clang-format on

}  // namespace vitrail
