#include "vitrail/data/augment.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/data/color_jitter.h"
#include "vitrail/data/elastic.h"
#include "vitrail/data/option_faults.h"
#include "vitrail/graph/input_channels.h"

namespace vitrail {
namespace {

constexpr int crop_draws = 10;
constexpr double largest_scale = 64;

View draw_scale_and_turn(const Sample& sample, const AugmentOptions& o, Random& random) {
  double scale = 1;
  if (!o.scales.empty())
    scale = o.scales[static_cast<size_t>(random.integer(0, static_cast<int64_t>(o.scales.size()) - 1))];
  else if (o.short_side_max > 0)
    scale = static_cast<double>(random.integer(o.short_side_min, o.short_side_max)) /
            static_cast<double>(std::min(sample.image.height, sample.image.width));
  else if (o.scale_min != 1 || o.scale_max != 1)
    scale = random.uniform(o.scale_min, o.scale_max);
  const auto scaled = [&](int64_t size) {
    return std::max<int64_t>(1, std::llround(scale * static_cast<double>(size)));
  };
  View view;
  view.height = view.scaled_height = scaled(sample.image.height);
  view.width = view.scaled_width = scaled(sample.image.width);
  if (o.rotate_degrees > 0) view.degrees = random.uniform(-o.rotate_degrees, o.rotate_degrees);
  return view;
}

void draw_window(View& view, const AugmentOptions& o, Random& random) {
  view.top = random.integer(0, std::max<int64_t>(0, view.scaled_height - o.crop_height));
  view.left = random.integer(0, std::max<int64_t>(0, view.scaled_width - o.crop_width));
  view.height = o.crop_height;
  view.width = o.crop_width;
}

/// Share of the labelled pixels that the most frequent class has; 1 when none is labelled.
double largest_share(const LabelMap& labels) {
  std::map<uint16_t, int64_t> counts;
  int64_t labelled = 0, most = 0;
  for (size_t i = 0, run; i < labels.labels.size(); i += run) {
    const uint16_t label = labels.labels[i];
    for (run = 1; i + run < labels.labels.size() && labels.labels[i + run] == label; ++run) {
    }
    if (label == LabelMap::ignore_label) continue;
    labelled += static_cast<int64_t>(run);
    most = std::max(most, counts[label] += static_cast<int64_t>(run));
  }
  return labelled == 0 ? 1 : static_cast<double>(most) / static_cast<double>(labelled);
}

template <class T>
void flip_rows(std::vector<T>& values, int64_t width, int64_t channels) {
  const int64_t row_values = width * channels;
  for (auto row = values.begin(); row != values.end(); row += row_values) {
    std::reverse(row, row + row_values);
    for (auto pixel = row; channels > 1 && pixel != row + row_values; pixel += channels)
      std::reverse(pixel, pixel + channels);
  }
}

double factor(double spread, Random& random) {
  return spread > 0 ? random.uniform(1 - spread, 1 + spread) : 1;
}

void restore_fill(Image& image, const Coverage& covered, const Fill& fill) {
  for (size_t i = 0; i < covered.size(); ++i)
    for (size_t c = 0; !covered[i] && c < static_cast<size_t>(image.channels); ++c)
      image.pixels[i * static_cast<size_t>(image.channels) + c] = fill[c];
}

bool fully_covered(const View& v) {
  return v.degrees == 0 && v.top + v.height <= v.scaled_height && v.left + v.width <= v.scaled_width;
}

}  // namespace

Fill fill_color(const AugmentOptions& options, int64_t channels) {
  const std::vector<double>& values = options.fill;
  Fill bytes(static_cast<size_t>(channels), 0);
  if (values.size() > 1 && values.size() < bytes.size())
    throw Error(ErrorKind::usage,
                {.where = "augmentation",
                 .found = cat("fill of ", values.size(), " values for pictures of ", channels, " channels"),
                 .allowed = "one value for all, or one for each channel"});
  for (size_t c = 0; c < bytes.size() && !values.empty(); ++c)
    bytes[c] = static_cast<uint8_t>(std::clamp(std::lround(values[values.size() == 1 ? 0 : c]), 0l, 255l));
  return bytes;
}

void augment_colors(Image& image, const AugmentOptions& o, Random& random) {
  ColorChange change;
  change.brightness = factor(o.brightness, random);
  change.contrast = factor(o.contrast, random);
  change.saturation = factor(o.saturation, random);
  if (o.hue_degrees > 0) change.hue_degrees = random.uniform(-o.hue_degrees, o.hue_degrees);
  change_colors(image, change);
  if (o.blur > 0 && random.chance(o.blur)) blur(image, o.blur_sigma_max * (1 - random.uniform()));
}

namespace {

void check_size(const Sample& sample, const LabelMap& labels) {
  if (sample.image.height == labels.height && sample.image.width == labels.width) return;
  throw Error(ErrorKind::shape, {.where = sample.name,
                                 .found = cat("an image of ", sample.image.width, "x", sample.image.height,
                                              " with labels of ", labels.width, "x", labels.height),
                                 .allowed = "they must have the same size"});
}

}  // namespace

Sample augment(const Sample& sample, const AugmentOptions& o, Random& random) {
  check_size(sample, sample.labels);
  for (const LabelMap& labels : sample.further)
    check_size(sample, labels);
  if (o.elastic_sigma > 0) {
    AugmentOptions rest = o;
    rest.elastic_sigma = 0;
    return augment(elastic(sample, {.sigma = o.elastic_sigma, .grid = o.elastic_grid}, random), rest, random);
  }
  View view = draw_scale_and_turn(sample, o, random);
  Sample out;
  out.name = sample.name;
  if (o.crop_height == 0) {
    out.labels = view_labels(sample.labels, view);
  } else {
    for (int draw = 0; draw < crop_draws; ++draw) {
      draw_window(view, o, random);
      out.labels = view_labels(sample.labels, view);
      if (o.crop_max_class_share >= 1 || largest_share(out.labels) <= o.crop_max_class_share) break;
    }
  }
  for (const LabelMap& labels : sample.further)
    out.further.push_back(view_labels(labels, view));
  const Fill fill = fill_color(o, sample.image.channels);
  out.image = view_image(sample.image, view, fill);
  const bool flip = o.flip > 0 && random.chance(o.flip);
  Coverage covered;
  if (!fully_covered(view)) covered = coverage(sample.image.height, sample.image.width, view);
  if (flip) {
    flip_rows(out.image.pixels, view.width, out.image.channels);
    flip_rows(out.labels.labels, view.width, 1);
    for (LabelMap& labels : out.further)
      flip_rows(labels.labels, view.width, 1);
    flip_rows(covered, view.width, 1);
  }
  augment_colors(out.image, o, random);
  restore_fill(out.image, covered, fill);
  return out;
}

void check(const AugmentOptions& o) {
  OptionFaults faults("augmentation");
  const double smallest_scale = 1 / largest_scale;
  const int64_t largest_side = 1 << 16;
  faults.range("scale_min", o.scale_min, smallest_scale, largest_scale);
  faults.range("scale_max", o.scale_max, smallest_scale, largest_scale);
  faults.expect(o.scale_min <= o.scale_max, "scale_min ", o.scale_min, " exceeds scale_max ", o.scale_max);
  for (const double scale : o.scales)
    faults.range("scales", scale, smallest_scale, largest_scale);
  faults.range("short_side_min", o.short_side_min, o.short_side_max > 0 ? 1 : 0, largest_side);
  faults.range("short_side_max", o.short_side_max, 0, largest_side);
  faults.expect(o.short_side_min <= o.short_side_max, "short_side_min ", o.short_side_min,
                " exceeds short_side_max ", o.short_side_max);
  faults.range("elastic_sigma", o.elastic_sigma, 0, 1000);
  faults.range("elastic_grid", o.elastic_grid, 2, 64);
  faults.range("rotate_degrees", o.rotate_degrees, 0, 180);
  faults.range("crop_height", o.crop_height, 0, largest_side);
  faults.range("crop_width", o.crop_width, 0, largest_side);
  faults.expect((o.crop_height == 0) == (o.crop_width == 0), "crop_height and crop_width go together");
  faults.range("crop_max_class_share", o.crop_max_class_share, 0, 1);
  faults.range("flip", o.flip, 0, 1);
  faults.range("brightness", o.brightness, 0, 1);
  faults.range("contrast", o.contrast, 0, 1);
  faults.range("saturation", o.saturation, 0, 1);
  faults.range("hue_degrees", o.hue_degrees, 0, 180);
  faults.range("blur", o.blur, 0, 1);
  faults.range("blur_sigma_max", o.blur_sigma_max, 0, 100);
  for (const double v : o.fill)
    faults.range("fill", v, 0, 255);
  faults.expect(o.fill.size() != 2 && std::ssize(o.fill) <= max_input_channels,
                "fill has one value, or three (R, G, B) and those of further channels");
  faults.raise();
}

}  // namespace vitrail
