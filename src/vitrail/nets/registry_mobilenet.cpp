#include "vitrail/nets/registry_tables.h"
#include "vitrail/nets/semantic/resnet_segmenter.h"

namespace vitrail {
namespace {

using Head = SegmentationHead;

template <int64_t output_stride, Neck neck, Head head>
Model half_width(const NetOptions& options) {
  return mobilenet_context(options, {.depth_multiplier = 0.5, .output_stride = output_stride}, neck, head);
}

const char* const here = "the papers' heads on the thesis's encoder";
const char* const weights = "mobilenet_v1_x0.50.safetensors";
const std::map<std::string, std::string> narrow{{"depth_multiplier", "0.125"}};

}  // namespace

// clang-format off
std::vector<NetEntry> mobilenet_context_nets() {
  return {
      {"pspnet-mobilenet-x0.5-os8", "PSPNet's head on MobileNetV1 x0.5, stride 8", here, half_width<8, Neck::none, Head::psp>, {{11, 2263083, 2275307}}, weights, narrow},
      {"deeplabv3-mobilenet-x0.5-os8", "DeepLabv3's head on MobileNetV1 x0.5, stride 8", here, half_width<8, Neck::none, Head::aspp_v3>, {{11, 1790827, 1802539}}, weights, narrow},
      {"encnet-mobilenet-x0.5-os8", "EncNet's head on MobileNetV1 x0.5, stride 8", here, half_width<8, Neck::none, Head::encoding>, {{11, 1447435, 1458955}}, weights, narrow},
      {"dilation8-mobilenet-x0.5-os8", "The basic context module on MobileNetV1 x0.5, stride 8", here, half_width<8, Neck::none, Head::context>, {{11, 832067, 843011}}, weights, narrow},
      {"fastfcn-psp-mobilenet-x0.5", "JPU and a PSP head on MobileNetV1 x0.5", here, half_width<32, Neck::jpu, Head::psp>, {{11, 3510571, 3527659}}, weights, narrow},
      {"fastfcn-aspp-mobilenet-x0.5", "JPU and an ASPP head on MobileNetV1 x0.5", here, half_width<32, Neck::jpu, Head::aspp>, {{11, 3075307, 3092011}}, weights, narrow},
      {"fastfcn-enc-mobilenet-x0.5", "JPU and EncNet's head on MobileNetV1 x0.5", here, half_width<32, Neck::jpu, Head::encoding>, {{11, 2170635, 2187019}}, weights, narrow},
  };
}
// clang-format on

}  // namespace vitrail
