#pragma once
// A photo with its label map painted over it, and a legend: what people look at to judge a result.
//
//   Image shown = overlay(photo, labels, {{"road", {128, 64, 128}}, {"car", {64, 0, 128}}});
//   write_png("shown.png", shown);
//
// The classes' colours are mixed into the photo, borders between classes are drawn in full colour, ignored
// pixels are left as they are. The legend is a panel below the photo (it hides nothing, and is as legible
// under a 32 x 32 crop as under a 40-megapixel street): every class that occurs, with its share of all
// pixels.

#include <span>
#include <string>
#include <vector>

#include "vitrail/image/image.h"

namespace vitrail {

struct NamedColor {
  std::string name;  ///< drawn in ASCII; other characters are shown as '?'
  Rgb color{};
};

struct OverlayOptions {
  double opacity = 0.5;  ///< of the class colours, 0 (photo alone) to 1 (colours alone)
  bool borders = true;   ///< draw lines where two labels meet
  bool legend = true;    ///< append the panel; without it the result has the photo's size
};

/// How often each label occurs.
struct ClassShare {
  int64_t label = 0;
  int64_t pixels = 0;
  double share = 0;  ///< of all pixels of the map, ignored ones included, 0..1
};

/// The labels that occur in `labels` (the ignore label too, if it does), most frequent first.
std::vector<ClassShare> class_shares(const LabelMap& labels);

/// `photo` (RGB; of other channels its color_view, channels.h) with `labels` of the same size over it;
/// classes[i] names and paints label i. Throws Error(shape) for sizes that differ, Error(format) for a label
/// without a class, naming the pixel.
Image overlay(const Image& photo, const LabelMap& labels, const std::vector<NamedColor>& classes,
              const OverlayOptions& options = {});

/// `labels` in their classes' colours, ignored pixels black.
Image colorize(const LabelMap& labels, const std::vector<NamedColor>& classes);

}  // namespace vitrail
