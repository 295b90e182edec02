#include "vitrail/nets/instance/mask_rcnn.h"
#include "vitrail/nets/instance/pvd_rcnn.h"
#include "vitrail/nets/registry_tables.h"

namespace vitrail {
namespace {

template <int64_t depth, MaskRcnn form>
Model net(const NetOptions& options) {
  return mask_rcnn(options, depth, form);
}
template <int64_t depth>
Model voting_net(const NetOptions& options) {
  return pvd_rcnn(options, depth);
}

const char* const paper = "Mask R-CNN (He et al. 2017), as detectron2 has it";
const std::map<std::string, std::string> narrow{{"width", "0.125"}};

}  // namespace

// clang-format off
std::vector<NetEntry> rcnn_nets() {
  return {
      {"mask-rcnn-r50-c4", "Mask R-CNN on ResNet-50, one map, masks 14x14", paper, net<50, MaskRcnn::c4>, {{80, 35909612, 35909612}}, "", narrow},
      {"mask-rcnn-r101-c4", "Mask R-CNN on ResNet-101, one map, masks 14x14", paper, net<101, MaskRcnn::c4>, {{80, 54849516, 54849516}}, "", narrow},
      {"mask-rcnn-r50-fpn", "Mask R-CNN on ResNet-50 with a feature pyramid, masks 28x28", paper, net<50, MaskRcnn::fpn>, {{80, 44343216, 44343216}}, "", narrow},
      {"mask-rcnn-r101-fpn", "Mask R-CNN on ResNet-101 with a feature pyramid, masks 28x28", paper, net<101, MaskRcnn::fpn>, {{80, 63283120, 63283120}}, "", narrow},
      {"mask-rcnn-r101-atrous", "Mask R-CNN on ResNet-101 dilated to stride 8, masks 33x33", "TensorFlow's Object Detection API; the thesis, Table 5.4", mask_rcnn_atrous, {{1, 47568207, 47673551}}, "", {{"width", "0.0625"}}},
      {"maskrcnn-resnet50-fpn", "torchvision's Mask R-CNN", "torchvision maskrcnn_resnet50_fpn", net<50, MaskRcnn::torchvision>, {{90, 44401393, 44401393}}, "maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth", narrow},
      {"pvd-rcnn-r50-c4", "Mask R-CNN on ResNet-50, one map, masks by pixel voting at a quarter of the size", "Pixel Voting Decoder, section 3", voting_net<50>, {{80, 35527741, 35527741}}, "", narrow},
  };
}
// clang-format on

}  // namespace vitrail
