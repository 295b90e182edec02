#pragma once
// ResNet-18/34/50/101/152 (He et al. 2016) and PSPNet's 269, the encoder of most networks here (SPEC 1.2,
// 1.3, 5.1).
//
//   ResNetMaps maps = resnet(net / "backbone", image, {.depth = 50, .output_stride = 8});
//   maps.stage(3);                  // c3: [N, 1024, H/8, W/8]
//   maps.stages[3][2].output;       // the third block of the fourth stage
//   Features f = maps.features();   // for decoders: top and skips
//
// Parameters have torchvision's names (`conv1.weight`, `layer1.0.bn2.running_var`,
// `layer2.0.downsample.0.weight`), so that its weight files load by name; with the deep stem
// PyTorch-Encoding's (`conv1.0.weight` ... `conv1.6.weight`). Weights are only good with the stride placement
// and the stem that they were trained with.

#include <array>
#include <string>
#include <vector>

#include "vitrail/nets/encoders/features.h"
#include "vitrail/nets/scope.h"

namespace vitrail {

/// Which layer of a stage has its stride.
enum class ResNetStride {
  conv3x3,        ///< 3x3 of the first block: torchvision, PyTorch-Encoding, FastFCN
  first_conv1x1,  ///< first 1x1 of the first block: MSRA, Caffe (PSPNet, DeepLabv2), Detectron
  last_block,     ///< 3x3 of the last block of the stage before: TensorFlow-slim
};

/// How stages whose stride is taken over by dilation dilate.
enum class ResNetDilation {
  half_first,  ///< the first block keeps the rate so far: torchvision, PyTorch-Encoding, FastFCN, slim's rule
  full,        ///< every block of the stage alike: PSPNet, semseg, DeepLab
};

struct ResNetOptions {
  int64_t depth = 50;          ///< 18, 34 (two 3x3 per block), 50, 101, 152, 269 (bottlenecks)
  double width = 1;            ///< multiplies every channel count
  bool deep_stem = false;      ///< three 3x3 (64, 64, 128) instead of one 7x7: PSPNet, Encoding, FastFCN
  bool ceil_pool = false;      ///< the stem's pooling rounds its size up (Caffe: DeepLabv2)
  int64_t output_stride = 32;  ///< 8, 16 or 32 by dilation; with extra stages up to 256
  ResNetStride stride_at = ResNetStride::conv3x3;
  ResNetDilation dilation = ResNetDilation::half_first;
  /// DeepLabv3: the blocks of the fourth and later stages multiply their stage's rate by these; 0 0 0 = none.
  std::array<int64_t, 3> multi_grid{0, 0, 0};
  int64_t extra_stages = 0;  ///< DeepLabv3's cascade: copies of the fourth stage, `layer5` ... `layer7`
  /// 1 to 4: how many stages are built (with extra stages all). Detectors run the fourth on crops.
  int64_t stages = 4;
};

/// A residual block: what it reads and what it gives.
struct ResNetBlock {
  Value input;
  Value output;
  int64_t stride = 1;         ///< of the block itself: 1 or 2
  int64_t output_stride = 4;  ///< image pixels per cell of `output`
};

struct ResNetMaps {
  Value stem;                                    ///< before pooling: stride 2
  std::vector<std::vector<ResNetBlock>> stages;  ///< by stage, then block

  /// The last map of stage `number` (1 to 4, and on with extra stages): c1 ... c4.
  Value stage(int64_t number) const { return stages.at(static_cast<size_t>(number - 1)).back().output; }
  /// The last map, and as skips the last maps of every finer stride.
  Features features() const;
};

/// image: [N, 3, H, W], RGB normalised by ImageNet's mean and deviation (torchvision).
/// Throws Error(usage) for a depth, output stride or width that there is none of.
ResNetMaps resnet(const Scope& scope, Value image, const ResNetOptions& options = {});

/// One stage alone on a map that has the channels it reads, undilated and with this stride (1 or 2) at the
/// place that the options say: what a detector runs on crops. Parameters `layer<number>.0.conv1.weight` ...
/// of the scope, shared where it shares.
Value resnet_stage(const Scope& scope, Value x, const ResNetOptions& options, int64_t number, int64_t stride);

}  // namespace vitrail
