// Objects from C.

#include <algorithm>

#include "vitrail/base/file.h"
#include "vitrail/capi/border.h"
#include "vitrail/capi/model.h"
#include "vitrail/image/instance_overlay.h"

struct vitrail_objects {
  std::vector<vitrail::FoundInstance> found;
  vitrail::ImageSize picture;
};

namespace {

using namespace vitrail;
using capi::guarded;
using capi::needed;
using capi::refuse;

const FoundInstance& object_at(const vitrail_objects* objects, int64_t index, const char* where) {
  const auto count = static_cast<int64_t>(needed(objects, where, "objects")->found.size());
  if (index < 0 || index >= count)
    refuse(where, cat("object ", index), count == 0 ? "none was found" : cat("0..", count - 1));
  return objects->found[static_cast<size_t>(index)];
}

vitrail_object object_of(const FoundInstance& found) {
  vitrail_object object = VITRAIL_OBJECT_INIT;
  object.class_index = static_cast<int32_t>(found.class_index);
  object.score = found.score;
  object.x1 = found.box.x1;
  object.y1 = found.box.y1;
  object.x2 = found.box.x2;
  object.y2 = found.box.y2;
  object.pixels = found.mask.counts.empty() ? -1 : area(found.mask);
  return object;
}

}  // namespace

vitrail_status vitrail_find_objects(const vitrail_model* model, const vitrail_image* image,
                                    vitrail_objects** objects, vitrail_error* error) {
  return guarded(error, [&] {
    *needed(objects, "vitrail_find_objects", "objects") = nullptr;
    const InstancePredictor& predictor = capi::object_predictor(model, "vitrail_find_objects");
    const Image pixels = capi::image_of(capi::read_struct(image, "vitrail_image"));
    *objects = new vitrail_objects{predictor.predict(pixels), {pixels.height, pixels.width}};
  });
}

vitrail_status vitrail_find_objects_in_file(const vitrail_model* model, const char* path,
                                            vitrail_objects** objects, vitrail_error* error) {
  return guarded(error, [&] {
    *needed(objects, "vitrail_find_objects_in_file", "objects") = nullptr;
    const InstancePredictor& predictor = capi::object_predictor(model, "vitrail_find_objects_in_file");
    const std::string bytes = read_file(needed(path, "vitrail_find_objects_in_file", "path"));
    auto result = std::make_unique<vitrail_objects>();
    result->found = predictor.predict_file(bytes, path, nullptr, &result->picture);
    *objects = result.release();
  });
}

void vitrail_free_objects(vitrail_objects* objects) {
  delete objects;
}

int64_t vitrail_object_count(const vitrail_objects* objects) {
  return objects == nullptr ? 0 : static_cast<int64_t>(objects->found.size());
}

vitrail_status vitrail_get_object(const vitrail_objects* objects, int64_t index, vitrail_object* object,
                                  vitrail_error* error) {
  return guarded(error, [&] {
    capi::write_struct(object, object_of(object_at(objects, index, "vitrail_get_object")), "vitrail_object");
  });
}

vitrail_status vitrail_object_mask(const vitrail_objects* objects, int64_t index, uint8_t* mask,
                                   int64_t mask_stride, vitrail_error* error) {
  return guarded(error, [&] {
    const FoundInstance& found = object_at(objects, index, "vitrail_object_mask");
    needed(mask, "vitrail_object_mask", "mask");
    const auto [height, width] = objects->picture;
    const int64_t stride = capi::checked_stride(mask_stride, width, "vitrail_object_mask");
    const Mask pixels = found.mask.counts.empty() ? Mask(height, width) : decode_rle(found.mask);
    for (int64_t y = 0; y < height; ++y)
      std::copy_n(pixels.pixels.data() + y * width, width, mask + y * stride);
  });
}

vitrail_status vitrail_object_numbers(const vitrail_objects* objects, uint16_t* numbers, int64_t stride,
                                      vitrail_error* error) {
  return guarded(error, [&] {
    needed(objects, "vitrail_object_numbers", "objects");
    needed(numbers, "vitrail_object_numbers", "numbers");
    const auto [height, width] = objects->picture;
    const int64_t step = capi::checked_stride(stride, width, "vitrail_object_numbers");
    std::vector<Rle> masks;
    for (const FoundInstance& found : objects->found)
      masks.push_back(found.mask);
    const LabelMap map = instance_numbers(masks, height, width);
    for (int64_t y = 0; y < height; ++y)
      std::copy_n(map.labels.data() + y * width, width, numbers + y * step);
  });
}
