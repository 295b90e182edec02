#include "vitrail/nets/registry_tables.h"
#include "vitrail/nets/semantic/pvd.h"

namespace vitrail {
namespace {

template <int64_t depth>
Model resnet_net(const NetOptions& options) {
  return pvd_resnet(options, {.depth = depth});
}
template <int multiplier_x100>
Model mobilenet_net(const NetOptions& options) {
  return pvd_mobilenet(options, {.depth_multiplier = multiplier_x100 / 100.0});
}

const char* const paper = "Pixel Voting Decoder, section 3";
const std::map<std::string, std::string> narrow{{"width", "0.125"}};

}  // namespace

// clang-format off
std::vector<NetEntry> pvd_nets() {
  return {
      {"pvd-mobilenet-x0.5", "Pixel Voting Decoder on MobileNetV1 x0.5", paper, mobilenet_net<50>, {{19, 1290050, 1300994}}, "mobilenet_v1_x0.50.safetensors"},
      {"pvd-mobilenet-x1.0", "Pixel Voting Decoder on MobileNetV1 x1.0", paper, mobilenet_net<100>, {{19, 5008866, 5030754}}, "mobilenet_v1_x1.00.safetensors"},
      {"pvd-resnet18", "Pixel Voting Decoder on ResNet-18", paper, resnet_net<18>, {{19, 11659047, 11668647}}, "resnet18.pth", narrow},
      {"pvd-resnet50", "Pixel Voting Decoder on ResNet-50", paper, resnet_net<50>, {{19, 30629351, 30682471}}, "resnet50.pth", narrow},
      {"pvd-resnet101", "Pixel Voting Decoder on ResNet-101", paper, resnet_net<101>, {{19, 49621479, 49726823}}, "resnet101.pth", narrow},
  };
}
// clang-format on

}  // namespace vitrail
