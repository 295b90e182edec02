#include "vitrail/metrics/object_overlap.h"

#include <algorithm>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/metrics/boundary.h"

namespace vitrail {
namespace {

using Rectangle = std::array<double, 4>;  // x, y, width, height

double common_area(const Rectangle& a, const Rectangle& b) {
  const double width = std::min(a[0] + a[2], b[0] + b[2]) - std::max(a[0], b[0]);
  const double height = std::min(a[1] + a[3], b[1] + b[3]) - std::max(a[1], b[1]);
  return width <= 0 || height <= 0 ? 0 : width * height;
}

double overlap_of(const Rectangle& found, const Rectangle& truth, bool crowd) {
  const double common = common_area(found, truth);
  if (common == 0) return 0;
  const double area = found[2] * found[3];
  return common / (crowd ? area : area + truth[2] * truth[3] - common);
}

/// A mask with what is computed once, however many others it is held against.
struct Shape {
  const Rle* mask;
  Rectangle bounds;
  int64_t pixels;
};

Shape shape_of(const Rle& mask) {
  return {&mask, bounds(mask), area(mask)};
}

double overlap_of(const Shape& found, const Shape& truth, bool crowd) {
  if (common_area(found.bounds, truth.bounds) == 0) return 0;
  const int64_t common = common_area(*found.mask, *truth.mask);
  if (common == 0) return 0;
  const int64_t whole = crowd ? found.pixels : found.pixels + truth.pixels - common;
  return static_cast<double>(common) / static_cast<double>(whole);
}

void check_sizes(int64_t image_id, const std::vector<Rle>& masks) {
  for (const Rle& mask : masks)
    if (mask.height != masks[0].height || mask.width != masks[0].width)
      throw Error(ErrorKind::shape, {.where = cat("evaluation of picture ", image_id),
                                     .found = cat("a mask of ", mask.width, "x", mask.height, " and one of ",
                                                  masks[0].width, "x", masks[0].height),
                                     .allowed = "all masks have the size of the picture"});
}

std::vector<double> mask_overlaps(const std::vector<Rle>& masks, size_t found,
                                  const std::vector<const TrueObject*>& truth) {
  std::vector<Shape> shapes;
  for (const Rle& mask : masks)
    shapes.push_back(shape_of(mask));
  std::vector<double> overlaps;
  for (size_t f = 0; f < found; ++f)
    for (size_t t = 0; t < truth.size(); ++t)
      overlaps.push_back(overlap_of(shapes[f], shapes[found + t], truth[t]->crowd));
  return overlaps;
}

}  // namespace

std::vector<double> object_overlaps(int64_t image_id, const std::vector<const FoundObject*>& found,
                                    const std::vector<const TrueObject*>& truth, OverlapOf overlap,
                                    double boundary_width) {
  std::vector<double> overlaps;
  if (overlap == OverlapOf::boxes) {
    for (const FoundObject* f : found)
      for (const TrueObject* t : truth)
        overlaps.push_back(overlap_of(f->box_xywh, t->box_xywh, t->crowd));
    return overlaps;
  }
  std::vector<Rle> masks;  // found, then true
  for (const FoundObject* f : found)
    masks.push_back(f->mask);
  for (const TrueObject* t : truth)
    masks.push_back(t->mask);
  check_sizes(image_id, masks);
  overlaps = mask_overlaps(masks, found.size(), truth);
  if (overlap == OverlapOf::masks || overlaps.empty()) return overlaps;

  for (Rle& mask : masks)
    mask = rim_of(mask, rim_width(mask.height, mask.width, boundary_width));
  const std::vector<double> of_rims = mask_overlaps(masks, found.size(), truth);
  for (size_t i = 0; i < overlaps.size(); ++i)
    if (!truth[i % truth.size()]->crowd) overlaps[i] = std::min(overlaps[i], of_rims[i]);
  return overlaps;
}

}  // namespace vitrail
