#include "vitrail/predict/rcnn_input.h"

#include <algorithm>
#include <cmath>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/image/resized_input.h"

namespace vitrail {
namespace {

int64_t torchvision_side(int64_t side, float scale) {
  return static_cast<int64_t>(std::floor(static_cast<double>(side) * static_cast<double>(scale)));
}

}  // namespace

Extent rcnn_size(Extent picture, const RcnnSystem& system) {
  const int64_t least = std::min(picture.height, picture.width),
                most = std::max(picture.height, picture.width);
  if (least < 1)
    throw Error(ErrorKind::shape,
                {.where = "prediction", .found = cat("a picture of ", picture.width, "x", picture.height)});
  Extent size;
  if (system.torchvision) {
    // PyTorch divides a number by a tensor so, and the last bit decides.
    const float scale = std::min((1.0f / static_cast<float>(least)) * static_cast<float>(system.short_side),
                                 (1.0f / static_cast<float>(most)) * static_cast<float>(system.long_side));
    size = {torchvision_side(picture.height, scale), torchvision_side(picture.width, scale)};
  } else {
    const double scale = std::min(static_cast<double>(system.short_side) / static_cast<double>(least),
                                  static_cast<double>(system.long_side) / static_cast<double>(most));
    size = {std::llround(static_cast<double>(picture.height) * scale),
            std::llround(static_cast<double>(picture.width) * scale)};
  }
  return {std::max<int64_t>(size.height, 1), std::max<int64_t>(size.width, 1)};
}

Tensor rcnn_input(const ReducedView& picture, const ModelInfo& info, Extent size) {
  const auto* system = std::get_if<RcnnSystem>(&info.instance);
  const bool plain = system != nullptr && system->torchvision;
  const Tensor inner = resized_input(picture, info.preprocessing, size.height, size.width,
                                     plain ? Interpolation::linear : Interpolation::smooth);
  const int64_t multiple = info.preprocessing.multiple, channels = inner.size(1);
  const Extent whole{round_up(size.height, multiple), round_up(size.width, multiple)};
  if (whole == size) return inner;
  Tensor padded = Tensor::zeros(DataType::f32, {1, channels, whole.height, whole.width});
  const float* from = inner.data<float>().data();
  float* to = padded.data<float>().data();
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t y = 0; y < size.height; ++y)
      std::copy_n(from + (c * size.height + y) * size.width, size.width,
                  to + (c * whole.height + y) * whole.width);
  return padded;
}

}  // namespace vitrail
