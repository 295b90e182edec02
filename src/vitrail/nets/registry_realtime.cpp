#include "vitrail/nets/registry_tables.h"
#include "vitrail/nets/semantic/realtime.h"

namespace vitrail {
namespace {

// A network's line: encoder options, then decoder options.
template <int multiplier_x100, int64_t stride, int64_t skip>
Model mobilenet(const NetOptions& options) {
  return mobilenet_segmenter(options, {.depth_multiplier = multiplier_x100 / 100.0, .output_stride = stride},
                             {.finest_skip = skip});
}
template <SqueezeNetVersion version, int64_t stride, int64_t skip>
Model squeezenet(const NetOptions& options) {
  return squeezenet_segmenter(options, {.version = version, .output_stride = stride}, {.finest_skip = skip});
}
constexpr auto v1_0 = SqueezeNetVersion::v1_0;
constexpr auto v1_1 = SqueezeNetVersion::v1_1;

const char* const thesis = "real-time segmentation thesis, Table 4.2";
const char* const thesis_family = "real-time segmentation thesis, chapter 4";
const char* const x025 = "mobilenet_v1_x0.25.safetensors";
const char* const x050 = "mobilenet_v1_x0.50.safetensors";
const char* const x075 = "mobilenet_v1_x0.75.safetensors";
const char* const x100 = "mobilenet_v1_x1.00.safetensors";
const char* const squeezed = "squeezenet_1.1.safetensors";

}  // namespace

// clang-format off
std::vector<NetEntry> realtime_nets() {
  // name, summary, source, build, {{classes, learnable, with running statistics}}, pretrained encoder
  return {
      {"mobilenet-x0.5-bilinear", "MobileNetV1 x0.5, stride 32, bilinear", thesis, mobilenet<50, 32, 0>, {{19, 828339, 839283}}, x050},
      {"mobilenet-x0.5-fcn16", "MobileNetV1 x0.5, one skip step (FCN-16)", thesis, mobilenet<50, 32, 16>, {{19, 838998, 849942}}, x050},
      {"mobilenet-x0.5-fcn8", "MobileNetV1 x0.5, two skip steps (FCN-8)", thesis, mobilenet<50, 32, 8>, {{19, 847225, 858169}}, x050},
      {"mobilenet-x0.5-fcn4", "MobileNetV1 x0.5, three skip steps (FCN-4)", thesis_family, mobilenet<50, 32, 4>, {{19, 854236, 865180}}, x050},
      {"mobilenet-x0.5-os16", "MobileNetV1 x0.5, stride 16 by dilation", thesis, mobilenet<50, 16, 0>, {{19, 828339, 839283}}, x050},
      {"mobilenet-x0.5-os8", "MobileNetV1 x0.5, stride 8 by dilation", thesis, mobilenet<50, 8, 0>, {{19, 828339, 839283}}, x050},
      {"mobilenet-x0.5-os4", "MobileNetV1 x0.5, stride 4 by dilation", thesis_family, mobilenet<50, 4, 0>, {{19, 828339, 839283}}, x050},
      {"mobilenet-x1.0-bilinear", "MobileNetV1 x1.0, stride 32, bilinear", thesis_family, mobilenet<100, 32, 0>, {{19, 3226451, 3248339}}, x100},
      {"mobilenet-x1.0-fcn16", "MobileNetV1 x1.0, one skip step (FCN-16)", thesis_family, mobilenet<100, 32, 16>, {{19, 3241974, 3263862}}, x100},
      {"mobilenet-x1.0-fcn8", "MobileNetV1 x1.0, two skip steps (FCN-8)", thesis_family, mobilenet<100, 32, 8>, {{19, 3252633, 3274521}}, x100},
      {"mobilenet-x1.0-fcn4", "MobileNetV1 x1.0, three skip steps (FCN-4)", thesis_family, mobilenet<100, 32, 4>, {{19, 3260860, 3282748}}, x100},
      {"mobilenet-x1.0-os16", "MobileNetV1 x1.0, stride 16 by dilation", thesis_family, mobilenet<100, 16, 0>, {{19, 3226451, 3248339}}, x100},
      {"mobilenet-x1.0-os8", "MobileNetV1 x1.0, stride 8 by dilation", thesis_family, mobilenet<100, 8, 0>, {{19, 3226451, 3248339}}, x100},
      {"mobilenet-x1.0-os4", "MobileNetV1 x1.0, stride 4 by dilation", thesis_family, mobilenet<100, 4, 0>, {{19, 3226451, 3248339}}, x100},
      {"mobilenet-x0.75-fcn8", "MobileNetV1 x0.75, two skip steps (FCN-8)", thesis_family, mobilenet<75, 32, 8>, {{19, 1853705, 1870121}}, x075},
      {"mobilenet-x0.75-os8", "MobileNetV1 x0.75, stride 8 by dilation", thesis_family, mobilenet<75, 8, 0>, {{19, 1831171, 1847587}}, x075},
      {"mobilenet-x0.25-fcn8", "MobileNetV1 x0.25, two skip steps (FCN-8)", thesis_family, mobilenet<25, 32, 8>, {{19, 233193, 238665}}, x025},
      {"mobilenet-x0.25-os8", "MobileNetV1 x0.25, stride 8 by dilation", thesis_family, mobilenet<25, 8, 0>, {{19, 217955, 223427}}, x025},
      {"squeezenet1.1-bilinear", "SqueezeNet 1.1, stride 16, bilinear", thesis, squeezenet<v1_1, 16, 0>, {{19, 732243, 732243}}, squeezed},
      {"squeezenet1.1-fcn8", "SqueezeNet 1.1, one skip step (FCN-8)", thesis, squeezenet<v1_1, 16, 8>, {{19, 740470, 740470}}, squeezed},
      {"squeezenet1.1-fcn4", "SqueezeNet 1.1, two skip steps (FCN-4)", thesis_family, squeezenet<v1_1, 16, 4>, {{19, 747481, 747481}}, squeezed},
      {"squeezenet1.1-os8", "SqueezeNet 1.1, stride 8 by dilation", thesis, squeezenet<v1_1, 8, 0>, {{19, 732243, 732243}}, squeezed},
      {"squeezenet1.0-bilinear", "SqueezeNet 1.0, stride 16, bilinear", thesis_family, squeezenet<v1_0, 16, 0>, {{19, 745171, 745171}}, ""},
      {"squeezenet1.0-fcn8", "SqueezeNet 1.0, one skip step (FCN-8)", thesis_family, squeezenet<v1_0, 16, 8>, {{19, 755830, 755830}}, ""},
      {"squeezenet1.0-fcn4", "SqueezeNet 1.0, two skip steps (FCN-4)", thesis_family, squeezenet<v1_0, 16, 4>, {{19, 763449, 763449}}, ""},
      {"squeezenet1.0-os8", "SqueezeNet 1.0, stride 8 by dilation", thesis_family, squeezenet<v1_0, 8, 0>, {{19, 745171, 745171}}, ""},
  };
}
// clang-format on

}  // namespace vitrail
