#include "vitrail/nets/instance/ssd_mobilenet.h"
#include "vitrail/nets/instance/ssd_vgg16.h"
#include "vitrail/nets/registry_tables.h"

namespace vitrail {
namespace {

template <SsdBranches branches>
Model ssd(const NetOptions& options) {
  return ssd_mobilenet(options, branches);
}
using enum SsdBranches;

const char* const api = "TensorFlow Object Detection API";
const char* const thesis = "real-time segmentation thesis, chapter 3";
const char* const caffe_ssd = "SSD (Liu et al. 2016), torchvision";
const char* const weights = "ssd_mobilenet_v1_x0.75_coco.safetensors";
const std::map<std::string, std::string> narrow{{"depth_multiplier", "0.125"}, {"size", "160"}};

}  // namespace

// clang-format off
std::vector<NetEntry> ssd_nets() {
  return {
      {"ssd-mobilenet", "SSD on MobileNetV1: boxes alone", api, ssd<none>, {{1, 5518214, 5543558}, {90, 6819839, 6845183}}, weights, narrow, 32},
      {"ssd-mobilenet-single-branch", "SSD on MobileNetV1, one branch of 10x10 cells", thesis, ssd<single_branch>, {{1, 5765287, 5790631}}, weights, narrow, 32},
      {"ssd-mobilenet-single-shape", "SSD on MobileNetV1, twelve branches of exact shapes", thesis, ssd<single_shape>, {{1, 8837394, 8862738}}, weights, narrow, 32},
      {"ssd-mobilenet-single-shape-plus", "SSD on MobileNetV1, thirteen exact branches and one for the rest", thesis, ssd<single_shape_plus>, {{1, 8977236, 9002580}}, weights, narrow, 32},
      {"ssd-mobilenet-multi-shape", "SSD on MobileNetV1, ten branches, boxes resized down to them", thesis, ssd<multi_shape>, {{1, 7988944, 8014288}}, weights, narrow, 32},
      {"ssd300-vgg16", "SSD300 on VGG16: boxes alone", caffe_ssd, ssd300_vgg16, {{20, 26285486, 26285486}, {80, 34305206, 34305206}}, "ssd300_vgg16_coco.pth", {{"width", "0.0625"}}, 300},
  };
}
// clang-format on

}  // namespace vitrail
