#include "vitrail/data/instance_augment.h"

#include <algorithm>
#include <cmath>

#include "vitrail/data/option_faults.h"
#include "vitrail/data/resample.h"

namespace vitrail {
namespace {

constexpr int crop_attempts = 100;  // TensorFlow's

/// A part of the plane that the picture lies in, in its pixels.
struct Region {
  double x = 0, y = 0, width = 0, height = 0;
};

Region expanded(const Region& whole, double factor, Random& random) {
  const double width = whole.width * factor, height = whole.height * factor;
  return {-random.uniform(0, 1) * (width - whole.width), -random.uniform(0, 1) * (height - whole.height),
          width, height};
}

/// Zoomed in, somewhere within it; zoomed out, with it somewhere within.
Region zoomed(const Region& region, double factor, Random& random) {
  const double width = region.width / factor, height = region.height / factor;
  return {region.x + random.uniform(0, 1) * (region.width - width),
          region.y + random.uniform(0, 1) * (region.height - height), width, height};
}

/// Share of a box that lies in the region.
double share_inside(const Box& box, const Region& region) {
  const double width = std::min<double>(box.x2, region.x + region.width) - std::max<double>(box.x1, region.x),
               height =
                   std::min<double>(box.y2, region.y + region.height) - std::max<double>(box.y1, region.y);
  return box.area() > 0 && width > 0 && height > 0 ? width * height / static_cast<double>(box.area()) : 0;
}

/// A crop and the share of a box that must be left for its object to stay.
struct Crop {
  Region region;
  double least_share = 0;
};

Region drawn_rectangle(const Region& within, const BoxAugmentOptions& o, Random& random) {
  const double aspect = random.uniform(o.crop_aspect_min, o.crop_aspect_max);
  const double area = random.uniform(o.crop_area_min, 1) * within.width * within.height;
  const double height = std::min({std::sqrt(area / aspect), within.height, within.width / aspect});
  const double width = height * aspect;
  return {within.x + random.uniform(0, 1) * (within.width - width),
          within.y + random.uniform(0, 1) * (within.height - height), width, height};
}

Crop drawn_crop(const Region& within, const std::vector<Instance>& instances, const BoxAugmentOptions& o,
                Random& random) {
  const auto choice = random.integer(0, static_cast<int64_t>(o.crop_overlaps.size()) - 1);
  const double overlap = o.crop_overlaps[static_cast<size_t>(choice)];
  const double least_area = o.crop_area_min * within.width * within.height;
  for (int attempt = 0; attempt < crop_attempts; ++attempt) {
    const Region region = drawn_rectangle(within, o, random);
    if (region.width * region.height < 0.999 * least_area) continue;
    const bool covers = std::any_of(instances.begin(), instances.end(), [&](const Instance& each) {
      const double share = share_inside(each.box, region);
      return !each.crowd && share > 0 && share >= overlap;
    });
    if (covers) return {region, overlap};
  }
  return {within, 0};
}

Crop drawn_region(const InstanceSample& sample, const AugmentOptions& common, const BoxAugmentOptions& o,
                  Random& random) {
  Crop crop{{0, 0, static_cast<double>(sample.image.width), static_cast<double>(sample.image.height)}};
  if (o.expand > 0 && random.chance(o.expand))
    crop.region = expanded(crop.region, random.uniform(1, o.expand_max), random);
  if (o.crop > 0 && random.chance(o.crop)) crop = drawn_crop(crop.region, sample.instances, o, random);
  if (!common.scales.empty()) {
    const auto choice = random.integer(0, static_cast<int64_t>(common.scales.size()) - 1);
    crop.region = zoomed(crop.region, common.scales[static_cast<size_t>(choice)], random);
  } else if (common.scale_min != 1 || common.scale_max != 1) {
    crop.region = zoomed(crop.region, random.uniform(common.scale_min, common.scale_max), random);
  }
  crop.least_share = std::max(crop.least_share, o.least_visible);
  return crop;
}

View view_of(const Region& region, const Image& image, Extent size) {
  const double x_scale = static_cast<double>(size.width) / region.width,
               y_scale = static_cast<double>(size.height) / region.height;
  View view;
  view.scaled_width = std::max<int64_t>(1, std::llround(x_scale * static_cast<double>(image.width)));
  view.scaled_height = std::max<int64_t>(1, std::llround(y_scale * static_cast<double>(image.height)));
  view.left = std::llround(region.x * x_scale);
  view.top = std::llround(region.y * y_scale);
  view.width = size.width;
  view.height = size.height;
  return view;
}

/// What the view does to pictures, boxes and masks alike.
class Geometry {
 public:
  Geometry(const Image& image, const View& view, bool flip)
      : view_(view), flip_(flip), source_{image.height, image.width} {
    for (int64_t x = 0; x < view.width; ++x)
      columns_.push_back(
          source_index(view.left + (flip ? view.width - 1 - x : x), image.width, view.scaled_width));
    for (int64_t y = 0; y < view.height; ++y)
      rows_.push_back(source_index(view.top + y, image.height, view.scaled_height));
  }

  Image picture(const Image& image, const Fill& fill) const {
    Image seen = view_image(image, view_, fill);
    if (!flip_) return seen;
    for (int64_t y = 0; y < seen.height; ++y)
      for (int64_t x = 0; x < seen.width / 2; ++x)
        std::swap_ranges(seen.at(y, x), seen.at(y, x) + seen.channels, seen.at(y, seen.width - 1 - x));
    return seen;
  }

  Box box(const Box& from) const {
    Box to = scaled(from, static_cast<double>(view_.scaled_width) / static_cast<double>(source_.width),
                    static_cast<double>(view_.scaled_height) / static_cast<double>(source_.height));
    const auto left = static_cast<float>(view_.left), top = static_cast<float>(view_.top),
               width = static_cast<float>(view_.width);
    to = {to.x1 - left, to.y1 - top, to.x2 - left, to.y2 - top};
    return flip_ ? Box{width - to.x2, to.y1, width - to.x1, to.y2} : to;
  }

  /// Nearest neighbour.
  Rle mask(const Rle& from) const {
    const Mask source = decode_rle(from);
    Mask to(view_.height, view_.width);
    for (int64_t y = 0; y < to.height; ++y) {
      if (rows_[static_cast<size_t>(y)] < 0) continue;
      const uint8_t* row = source.pixels.data() + rows_[static_cast<size_t>(y)] * source.width;
      for (int64_t x = 0; x < to.width; ++x)
        if (const int64_t column = columns_[static_cast<size_t>(x)]; column >= 0) to.at(y, x) = row[column];
    }
    return encode_rle(to);
  }

 private:
  /// floor((i + 0.5) * source / scaled); -1 beyond.
  static int64_t source_index(int64_t i, int64_t source, int64_t scaled) {
    return i < 0 || i >= scaled ? -1 : std::min(source - 1, (2 * i + 1) * source / (2 * scaled));
  }

  View view_;
  bool flip_;
  Extent source_;
  std::vector<int64_t> columns_, rows_;  // of the source, by column and row of the view
};

InstanceSample seen_through(const InstanceSample& sample, const Geometry& geometry, Extent size,
                            double least_share, const Fill& fill) {
  InstanceSample out;
  out.name = sample.name;
  out.id = sample.id;
  out.image = geometry.picture(sample.image, fill);
  const Region input{0, 0, static_cast<double>(size.width), static_cast<double>(size.height)};
  for (const Instance& from : sample.instances) {
    Instance to{.class_index = from.class_index, .crowd = from.crowd, .id = from.id};
    const Box whole = geometry.box(from.box);
    const double share = share_inside(whole, input);
    if (share <= 0 || (share < least_share && !from.crowd)) continue;
    to.box = clipped(whole, static_cast<float>(size.width), static_cast<float>(size.height));
    to.mask = geometry.mask(from.mask);
    to.area = static_cast<double>(area(to.mask));
    if (to.area > 0) out.instances.push_back(std::move(to));
  }
  return out;
}

}  // namespace

InstanceSample augment(const InstanceSample& sample, const AugmentOptions& common,
                       const BoxAugmentOptions& boxes, Extent size, Random& random) {
  const Crop crop = drawn_region(sample, common, boxes, random);
  const bool flip = common.flip > 0 && random.chance(common.flip);
  const Geometry geometry(sample.image, view_of(crop.region, sample.image, size), flip);
  InstanceSample out =
      seen_through(sample, geometry, size, crop.least_share, fill_color(common, sample.image.channels));
  augment_colors(out.image, common, random);
  return out;
}

InstanceSample resized(const InstanceSample& sample, Extent size) {
  const Region whole{0, 0, static_cast<double>(sample.image.width), static_cast<double>(sample.image.height)};
  const Geometry geometry(sample.image, view_of(whole, sample.image, size), false);
  return seen_through(sample, geometry, size, 0, {});
}

void check(const BoxAugmentOptions& o) {
  OptionFaults faults("augmentation");
  faults.range("expand", o.expand, 0, 1);
  faults.range("expand_max", o.expand_max, 1, 16);
  faults.range("crop", o.crop, 0, 1);
  faults.range("crop_area_min", o.crop_area_min, 0.001, 1);
  faults.range("crop_aspect_min", o.crop_aspect_min, 0.05, 20);
  faults.range("crop_aspect_max", o.crop_aspect_max, 0.05, 20);
  faults.range("least_visible", o.least_visible, 0, 1);
  faults.expect(o.crop_aspect_min <= o.crop_aspect_max, "crop_aspect_min ", o.crop_aspect_min,
                " exceeds crop_aspect_max ", o.crop_aspect_max);
  faults.expect(!o.crop_overlaps.empty(), "crop_overlaps is empty");
  for (const double overlap : o.crop_overlaps)
    faults.range("crop_overlaps", overlap, 0, 1);
  faults.raise();
}

}  // namespace vitrail
