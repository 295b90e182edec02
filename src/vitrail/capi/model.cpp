#include "vitrail/capi/model.h"

#include <algorithm>

#include "vitrail/base/checked.h"
#include "vitrail/capi/border.h"

namespace vitrail::capi {
namespace {

int64_t bytes_per_pixel(vitrail_order order) {
  switch (order) {
    case VITRAIL_RGB:
    case VITRAIL_BGR: return 3;
    case VITRAIL_GREY: return 1;
    case VITRAIL_RGBA:
    case VITRAIL_BGRA: return 4;
  }
  refuse("vitrail_image", cat("order ", static_cast<int>(order)), "one of vitrail_order");
}

}  // namespace

const SemanticPredictor& label_predictor(const vitrail_model* model, const char* where) {
  if (!needed(model, where, "model")->labels)
    refuse(where, "a model that finds objects", "one that labels pixels; for this one: vitrail_find_objects");
  return *model->labels;
}

const InstancePredictor& object_predictor(const vitrail_model* model, const char* where) {
  if (!needed(model, where, "model")->objects)
    refuse(where, "a model that labels pixels", "one that finds objects; for this one: vitrail_segment");
  return *model->objects;
}

Image image_of(const vitrail_image& given) {
  needed(given.pixels, "vitrail_image", "pixels");
  const int64_t step = bytes_per_pixel(given.order);
  if (given.height < 1 || given.width < 1 ||
      checked_mul(given.height, given.width, "vitrail_image") > max_image_pixels)
    refuse("vitrail_image", cat(given.width, "x", given.height, " pixels"),
           "at least 1x1, at most 2^29 pixels");
  const int64_t row_bytes = step * given.width, stride = given.stride == 0 ? row_bytes : given.stride;
  if (stride < row_bytes)
    refuse("vitrail_image", cat("a stride of ", stride), cat("0, or at least ", row_bytes, " bytes"));
  Image image(given.height, given.width, given.order == VITRAIL_GREY ? 1 : 3);
  const bool blue_first = given.order == VITRAIL_BGR || given.order == VITRAIL_BGRA;
  for (int64_t y = 0; y < given.height; ++y) {
    const uint8_t* from = given.pixels + y * stride;
    uint8_t* to = image.at(y, 0);
    if (given.order == VITRAIL_GREY || given.order == VITRAIL_RGB) {
      std::copy_n(from, row_bytes, to);
      continue;
    }
    for (int64_t x = 0; x < given.width; ++x, from += step, to += 3) {
      to[0] = from[blue_first ? 2 : 0];
      to[1] = from[1];
      to[2] = from[blue_first ? 0 : 2];
    }
  }
  return image;
}

int64_t checked_stride(int64_t stride, int64_t width, const char* where) {
  if (stride != 0 && stride < width)
    refuse(where, cat("a stride of ", stride), cat("0, or at least the width, ", width));
  return stride == 0 ? width : stride;
}

}  // namespace vitrail::capi
