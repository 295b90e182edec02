#pragma once
// Training-time augmentation for instance segmentation: a part of the picture (or more than the picture, with
// `fill` around it) becomes the network's input, mirrored or not; boxes and masks follow; then colours.
//
//   InstanceSample seen = augment(dataset->load(i), colors, {.crop = 0.85, .expand = 0.5}, {640, 640},
//   random);
//
// Order: enlarge the canvas (SSD's zoom-out), draw a crop of it (SSD's sampler), zoom
// (AugmentOptions::scale_min
// .. scale_max), flip, colours. Every draw comes from the generator that is passed in. The part is resized to
// the given size without keeping its aspect, as TensorFlow's fixed_shape_resizer does.

#include "vitrail/data/augment.h"
#include "vitrail/data/instance_dataset.h"

namespace vitrail {

struct BoxAugmentOptions {
  double expand = 0;      ///< probability that the picture is put onto a larger canvas ...
  double expand_max = 4;  ///< ... of up to this many times its sides

  /// Probability of a crop as TensorFlow's ssd_random_crop draws it (there 0.85): one of `crop_overlaps` is
  /// chosen, then rectangles of `crop_area_min` to 1 of the area and an aspect (width / height) of
  /// `crop_aspect_min` to `crop_aspect_max` are drawn until one holds at least that share of some object's
  /// box. Objects of which a smaller share is left go.
  double crop = 0;
  std::vector<double> crop_overlaps = {0, 0.1, 0.3, 0.5, 0.7, 0.9, 1};
  double crop_area_min = 0.1;
  double crop_aspect_min = 0.5, crop_aspect_max = 2;

  /// Objects of whose box less than this share is left go, whatever cut them.
  double least_visible = 0;
};

/// Throws Error(usage) that lists every value that is out of its range.
void check(const BoxAugmentOptions& options);

/// Of `common` the zoom, the flip, the colours and the fill are used. Options must have passed `check`.
/// Objects without a pixel left go; crowds stay crowds. Boxes are cut at the input's edge; `area` is counted
/// anew.
InstanceSample augment(const InstanceSample& sample, const AugmentOptions& common,
                       const BoxAugmentOptions& boxes, Extent size, Random& random);

/// The sample at another size, nothing else changed.
InstanceSample resized(const InstanceSample& sample, Extent size);

}  // namespace vitrail
