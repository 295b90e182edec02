#pragma once
// Pictures decoded no larger than they have to be: what a network of a fixed input size needs of a large
// photo.
//
//   ReducedImage photo = reduced_image_from_bytes(bytes, "street.jpg", {512, 1024});
//   Tensor input = resized_input(photo, model.info.preprocessing, 512, 1024);   // image/resized_input.h

#include <string>
#include <string_view>

#include "vitrail/image/image_file.h"

namespace vitrail {

/// A picture of which each pixel stands for divisor x divisor pixels of the file, those of the last row and
/// column for what is left.
struct ReducedImage {
  Image image;          ///< ceil(size / divisor)
  ImageSize size;       ///< of the whole picture, with the orientation applied
  int64_t divisor = 1;  ///< 1, 2, 4 or 8
};

/// Pixels that each stand for divisor x divisor of a picture of `size`; keeps a reference.
struct ReducedView {
  ReducedView(const ReducedImage& reduced)
      : image(reduced.image), size(reduced.size), divisor(reduced.divisor) {}
  ReducedView(const Image& whole) : image(whole), size{whole.height, whole.width} {}

  const Image& image;
  ImageSize size;
  int64_t divisor = 1;
};

/// The picture, but no larger than it has to be: a JPEG is decoded straight to 1/2, 1/4 or 1/8 of its size
/// where both sides stay at least `smallest`, which saves most of the time of decoding it. Other formats come
/// whole. Throws what image_from_bytes throws.
ReducedImage reduced_image_from_bytes(std::string_view bytes, const std::string& name, ImageSize smallest,
                                      int64_t max_pixels = max_image_pixels);

}  // namespace vitrail
