#include "vitrail/nets/registry_tables.h"
#include "vitrail/nets/semantic/resnet_segmenter.h"

namespace vitrail {
namespace {

using Head = SegmentationHead;

// A network's line: encoder, neck, head.
template <ResNetSegmenter parts>
Model net(const NetOptions& options) {
  return resnet_segmenter(options, parts);
}

// As FastFCN and PyTorch-Encoding have them: a deep stem (but for ResNet-18), an auxiliary head.
constexpr ResNetSegmenter fastfcn(int64_t depth, Head head, Neck neck = Neck::jpu) {
  return {.encoder = {.depth = depth, .deep_stem = depth > 34}, .neck = neck, .head = head};
}
constexpr ResNetSegmenter dilated(int64_t depth, Head head) {
  return {.encoder = {.depth = depth, .deep_stem = depth > 34, .output_stride = 8}, .head = head};
}
constexpr ResNetSegmenter pspnet(int64_t depth) {
  ResNetSegmenter parts = dilated(depth, Head::psp);
  parts.encoder.dilation = ResNetDilation::full;
  return parts;
}
constexpr ResNetSegmenter deeplabv3(int64_t depth, int64_t output_stride) {
  return {.encoder = {.depth = depth, .output_stride = output_stride, .multi_grid = {1, 2, 4}},
          .head = Head::aspp_v3,
          .auxiliary = false};
}
constexpr ResNetSegmenter deeplabv2(int64_t depth, bool multi_scale = false) {
  return {.encoder = {.depth = depth,
                      .ceil_pool = true,
                      .output_stride = 8,
                      .stride_at = ResNetStride::first_conv1x1,
                      .dilation = ResNetDilation::full},
          .head = Head::aspp_v2,
          .auxiliary = false,
          .caffe = true,
          .multi_scale = multi_scale};
}
// DeepLabv3's study of going deeper: three copies of the fourth stage.
constexpr ResNetSegmenter cascade(int64_t depth, int64_t output_stride) {
  return {
      .encoder = {.depth = depth, .output_stride = output_stride, .multi_grid = {1, 2, 1}, .extra_stages = 3},
      .head = Head::score,
      .auxiliary = false};
}
constexpr ResNetSegmenter fcn8s(int64_t depth) {
  return {.encoder = {.depth = depth}, .head = Head::fcn_skip, .auxiliary = false};
}

const char* const fast = "FastFCN (Wu et al. 2019), Tables 1 and 2";
const char* const psp = "PSPNet (Zhao et al. 2017)";
const char* const encoding = "EncNet (Zhang et al. 2018); FastFCN, Table 1";
const char* const lab2 = "DeepLabv2 (Chen et al. 2016)";
const char* const lab3 = "DeepLabv3 (Chen et al. 2017)";
const char* const fcn = "FCN (Long et al. 2015) on ResNet";
const char* const r18 = "resnet18.pth";
const char* const r50 = "resnet50.pth";
const char* const r101 = "resnet101.pth";
const char* const r50s = "resnet50s.pth";
const char* const r101s = "resnet101s.pth";
const char* const r152s = "resnet152s.pth";

const std::map<std::string, std::string> narrow{{"width", "0.125"}};
const std::map<std::string, std::string> narrower{{"width", "0.0625"}};

}  // namespace

// clang-format off
std::vector<NetEntry> resnet_nets() {
  return {
      {"fastfcn-enc-resnet18", "JPU and EncNet's head on ResNet-18", fast, net<fastfcn(18, Head::encoding)>, {{59, 12534747, 12549787}}, r18, narrow},
      {"fastfcn-enc-resnet50", "JPU and EncNet's head on ResNet-50 (deep stem)", fast, net<fastfcn(50, Head::encoding)>, {{59, 44989531, 45064603}}, r50s, narrow},
      {"fastfcn-enc-resnet101", "JPU and EncNet's head on ResNet-101 (deep stem)", fast, net<fastfcn(101, Head::encoding)>, {{59, 63981659, 64108955}}, r101s, narrow},
      {"fastfcn-aspp-resnet18", "JPU and an ASPP head on ResNet-18", fast, net<fastfcn(18, Head::aspp)>, {{59, 13436347, 13451707}}, r18, narrow},
      {"fastfcn-aspp-resnet50", "JPU and an ASPP head on ResNet-50 (deep stem)", fast, net<fastfcn(50, Head::aspp)>, {{59, 59507963, 59584507}}, r50s, narrow},
      {"fastfcn-aspp-resnet101", "JPU and an ASPP head on ResNet-101 (deep stem)", fast, net<fastfcn(101, Head::aspp)>, {{59, 78500091, 78628859}}, r101s, narrow},
      {"fastfcn-psp-resnet18", "JPU and a PSP head on ResNet-18", fast, net<fastfcn(18, Head::psp)>, {{59, 13874683, 13890427}}, r18, narrow},
      {"fastfcn-psp-resnet50", "JPU and a PSP head on ResNet-50 (deep stem)", fast, net<fastfcn(50, Head::psp)>, {{59, 66471419, 66549499}}, r50s, narrow},
      {"fastfcn-psp-resnet101", "JPU and a PSP head on ResNet-101 (deep stem)", fast, net<fastfcn(101, Head::psp)>, {{59, 85463547, 85593851}}, r101s, narrow},
      {"fastfcn-fcn-resnet18", "JPU and an FCN head on ResNet-18", fast, net<fastfcn(18, Head::fcn)>, {{59, 13021691, 13036411}}, r18, narrow},
      {"fastfcn-fcn-resnet50", "JPU and an FCN head on ResNet-50 (deep stem)", fast, net<fastfcn(50, Head::fcn)>, {{59, 52835835, 52909819}}, r50s, narrow},
      {"fastfcn-fcn-resnet101", "JPU and an FCN head on ResNet-101 (deep stem)", fast, net<fastfcn(101, Head::fcn)>, {{59, 71827963, 71954171}}, r101s, narrow},
      {"encnet-resnet18-os8", "EncNet on ResNet-18 dilated to stride 8", encoding, net<dilated(18, Head::encoding)>, {{59, 11811547, 11821723}}, r18, narrow},
      {"encnet-resnet50-os8", "EncNet on ResNet-50 (deep stem) dilated to stride 8", encoding, net<dilated(50, Head::encoding)>, {{59, 33642587, 33698203}}, r50s, narrow},
      {"encnet-resnet101-os8", "EncNet on ResNet-101 (deep stem) dilated to stride 8", encoding, net<dilated(101, Head::encoding)>, {{59, 52634715, 52742555}}, r101s, narrow},
      {"encnet-resnet50-bilinear", "EncNet on ResNet-50 (deep stem), its last map upsampled to stride 8", fast, net<fastfcn(50, Head::encoding, Neck::bilinear)>, {{59, 33642587, 33698203}}, r50s, narrow},
      {"encnet-resnet101-bilinear", "EncNet on ResNet-101 (deep stem), its last map upsampled to stride 8", fast, net<fastfcn(101, Head::encoding, Neck::bilinear)>, {{59, 52634715, 52742555}}, r101s, narrow},
      {"encnet-resnet50-fpn", "EncNet on ResNet-50 (deep stem) with a feature pyramid to stride 8", fast, net<fastfcn(50, Head::encoding, Neck::fpn)>, {{59, 28401243, 28456859}}, r50s, narrow},
      {"encnet-resnet101-fpn", "EncNet on ResNet-101 (deep stem) with a feature pyramid to stride 8", fast, net<fastfcn(101, Head::encoding, Neck::fpn)>, {{59, 47393371, 47501211}}, r101s, narrow},
      {"aspp-resnet50-os8", "FastFCN's ASPP baseline: ResNet-50 (deep stem) dilated to stride 8", fast, net<dilated(50, Head::aspp)>, {{59, 39772411, 39829499}}, r50s, narrow},
      {"aspp-resnet101-os8", "FastFCN's ASPP baseline: ResNet-101 (deep stem) dilated to stride 8", fast, net<dilated(101, Head::aspp)>, {{59, 58764539, 58873851}}, r101s, narrow},
      {"psp-resnet50-os8", "FastFCN's PSP baseline: ResNet-50 (deep stem) dilated to stride 8", fast, net<dilated(50, Head::psp)>, {{59, 46735867, 46794491}}, r50s, narrow},
      {"psp-resnet101-os8", "FastFCN's PSP baseline: ResNet-101 (deep stem) dilated to stride 8", fast, net<dilated(101, Head::psp)>, {{59, 65727995, 65838843}}, r101s, narrow},
      {"fcn-resnet18-os8", "FCN head on ResNet-18 dilated to stride 8", fast, net<dilated(18, Head::fcn)>, {{59, 11774203, 11784059}}, r18, narrow},
      {"fcn-resnet50-os8", "FastFCN's FCN baseline: ResNet-50 (deep stem) dilated to stride 8", fast, net<dilated(50, Head::fcn)>, {{59, 33100283, 33154811}}, r50s, narrow},
      {"fcn-resnet101-os8", "FastFCN's FCN baseline: ResNet-101 (deep stem) dilated to stride 8", fast, net<dilated(101, Head::fcn)>, {{59, 52092411, 52199163}}, r101s, narrow},
      {"pspnet-resnet18-os8", "PSPNet on ResNet-18", psp, net<pspnet(18)>, {{150, 12638934, 12649814}}, r18, narrow},
      {"pspnet-resnet50-os8", "PSPNet on ResNet-50 (deep stem)", psp, net<pspnet(50)>, {{150, 46782550, 46841174}}, r50s, narrow},
      {"pspnet-resnet101-os8", "PSPNet on ResNet-101 (deep stem)", psp, net<pspnet(101)>, {{21, 65708501, 65819349}, {19, 65707475, 65818323}}, r101s, narrow},
      {"pspnet-resnet152-os8", "PSPNet on ResNet-152 (deep stem)", psp, net<pspnet(152)>, {{150, 81418326, 81575254}}, r152s, narrower},
      {"pspnet-resnet269-os8", "PSPNet on ResNet-269 (deep stem)", psp, net<pspnet(269)>, {{150, 123298902, 123557206}}, "", narrower},
      {"deeplabv3-resnet18-os8", "DeepLabv3 on ResNet-18, stride 8", lab3, net<deeplabv3(18, 8)>, {{21, 12149397, 12159765}}, r18, narrow},
      {"deeplabv3-resnet18-os16", "DeepLabv3 on ResNet-18, stride 16", lab3, net<deeplabv3(18, 16)>, {{21, 12149397, 12159765}}, r18, narrow},
      {"deeplabv3-resnet50-os8", "DeepLabv3 on ResNet-50, stride 8", lab3, net<deeplabv3(50, 8)>, {{21, 39048533, 39104725}}, r50, narrow},
      {"deeplabv3-resnet50-os16", "DeepLabv3 on ResNet-50, stride 16", lab3, net<deeplabv3(50, 16)>, {{21, 39048533, 39104725}}, r50, narrow},
      {"deeplabv3-resnet101-os8", "DeepLabv3 on ResNet-101, stride 8", lab3, net<deeplabv3(101, 8)>, {{21, 58040661, 58149077}}, r101, narrow},
      {"deeplabv3-resnet101-os16", "DeepLabv3 on ResNet-101, stride 16", lab3, net<deeplabv3(101, 16)>, {{21, 58040661, 58149077}}, r101, narrow},
      {"deeplabv3-cascade-resnet50", "DeepLabv3's cascade: ResNet-50 with three more stages, stride 16", lab3, net<cascade(50, 16)>, {{21, 63714389, 63822805}}, r50, narrow},
      {"deeplabv2-resnet101", "DeepLabv2: summed ASPP on ResNet-101 (MSRA)", lab2, net<deeplabv2(101)>, {{21, 44048532, 44153876}}, "", narrow},
      {"deeplabv2-resnet101-msc", "DeepLabv2 that sees the image at 1, 0.75 and 0.5: the largest scores", lab2, net<deeplabv2(101, true)>, {{21, 44048532, 44153876}}, "", narrower},
      {"fcn8s-resnet18", "FCN-8s on ResNet-18", fcn, net<fcn8s(18)>, {{21, 11209503, 11219103}}, r18, narrow},
      {"fcn8s-resnet50", "FCN-8s on ResNet-50", fcn, net<fcn8s(50)>, {{21, 23597471, 23650591}, {59, 23831057, 23884177}}, r50, narrow},
      {"fcn8s-resnet101", "FCN-8s on ResNet-101", fcn, net<fcn8s(101)>, {{21, 42589599, 42694943}}, r101, narrow},
  };
}
// clang-format on

}  // namespace vitrail
