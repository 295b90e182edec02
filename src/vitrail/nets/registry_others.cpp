#include "vitrail/nets/registry_tables.h"
#include "vitrail/nets/semantic/setr.h"
#include "vitrail/nets/semantic/torchvision.h"

namespace vitrail {
namespace {

template <SetrOptions parts>
Model setr_net(const NetOptions& options) {
  return setr(options, parts);
}
template <TorchvisionOptions parts>
Model torchvision_net(const NetOptions& options) {
  return torchvision_resnet(options, parts);
}

constexpr SetrOptions large(SetrDecoder decoder) {
  return {.decoder = decoder};
}
constexpr SetrOptions base(SetrDecoder decoder) {
  return {.decoder = decoder, .depth = 12, .dim = 768, .heads = 12, .grid = 48};
}
constexpr SetrOptions small(SetrDecoder decoder) {
  return {.decoder = decoder, .depth = 6, .dim = 192, .heads = 3, .grid = 24, .width = 64};
}

constexpr auto naive = SetrDecoder::naive;
constexpr auto pup = SetrDecoder::pup;
constexpr auto mla = SetrDecoder::mla;

const char* const paper = "SETR (Zheng et al. 2021)";
const char* const vision = "torchvision";

const std::map<std::string, std::string> narrow{{"width", "0.125"}};
const std::map<std::string, std::string> tiny{
    {"depth", "4"}, {"dim", "32"}, {"heads", "2"}, {"grid", "5"}, {"width", "8"}};

}  // namespace

// clang-format off
std::vector<NetEntry> transformer_nets() {
  return {
      {"setr-naive-vit-l", "SETR-Naive on ViT-L/16", paper, setr_net<large(naive)>, {{150, 304450966, 304451478}}, "", tiny},
      {"setr-pup-vit-l", "SETR-PUP on ViT-L/16", paper, setr_net<large(pup)>, {{150, 308319894, 308321942}}, "", tiny},
      {"setr-mla-vit-l", "SETR-MLA on ViT-L/16", paper, setr_net<large(mla)>, {{150, 310029462, 310035606}}, "", tiny},
      {"setr-naive-vit-b", "SETR-Naive on ViT-B/16", paper, setr_net<base(naive)>, {{19, 87619859, 87620371}}, "", tiny},
      {"setr-pup-vit-b", "SETR-PUP on ViT-B/16", paper, setr_net<base(pup)>, {{19, 90964499, 90966547}}, "", tiny},
      {"setr-mla-vit-b", "SETR-MLA on ViT-B/16", paper, setr_net<base(mla)>, {{19, 92430355, 92436499}}, "", tiny},
      {"setr-small-naive", "SETR-Naive, 6 blocks of 192", paper, setr_net<small(naive)>, {{19, 2941907, 2942035}}, "", tiny},
      {"setr-small-pup", "SETR-PUP, 6 blocks of 192", paper, setr_net<small(pup)>, {{19, 3151379, 3151891}}, "", tiny},
      {"setr-small-mla", "SETR-MLA, 6 blocks of 192", paper, setr_net<small(mla)>, {{19, 3259795, 3261331}}, "", tiny},
  };
}

std::vector<NetEntry> torchvision_nets() {
  return {
      {"fcn_resnet50", "torchvision's FCN on ResNet-50", vision, torchvision_net<TorchvisionOptions{50, TorchvisionHead::fcn}>, {{21, 32957013, 33011157}}, "resnet50.pth", narrow},
      {"fcn_resnet101", "torchvision's FCN on ResNet-101", vision, torchvision_net<TorchvisionOptions{101, TorchvisionHead::fcn}>, {{21, 51949141, 52055509}}, "resnet101.pth", narrow},
      {"deeplabv3_resnet50", "torchvision's DeepLabv3 on ResNet-50", vision, torchvision_net<TorchvisionOptions{50, TorchvisionHead::deeplabv3}>, {{21, 39638869, 39695573}}, "resnet50.pth", narrow},
      {"deeplabv3_resnet101", "torchvision's DeepLabv3 on ResNet-101", vision, torchvision_net<TorchvisionOptions{101, TorchvisionHead::deeplabv3}>, {{21, 58630997, 58739925}}, "resnet101.pth", narrow},
      {"lraspp_mobilenet_v3_large", "torchvision's LR-ASPP on MobileNetV3-Large", vision, torchvision_lraspp, {{21, 3221538, 3246194}}, "mobilenet_v3_large.pth", {{"width", "0.25"}}},
  };
}
// clang-format on

}  // namespace vitrail
