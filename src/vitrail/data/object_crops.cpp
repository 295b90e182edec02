#include "vitrail/data/object_crops.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/image/resize.h"

namespace vitrail {
namespace {

namespace fs = std::filesystem;

constexpr int64_t largest_side = 4096;
constexpr double largest_margin = 4;
constexpr uint8_t outside_grey = 127;

// A window of whole pixels; it may reach beyond the picture.
struct Window {
  int64_t y = 0, x = 0, height = 1, width = 1;
};

Window window_of(const Box& box) {
  Window w;
  w.y = std::llround(box.y1);
  w.x = std::llround(box.x1);
  w.height = std::max<int64_t>(1, std::llround(box.y2) - w.y);
  w.width = std::max<int64_t>(1, std::llround(box.x2) - w.x);
  return w;
}

// Calls visit(y, x, py, px) for each pixel of the window that the picture (height x width) has: y, x in the
// window, py, px in the picture.
template <class Visit>
void for_common_pixels(const Window& w, int64_t height, int64_t width, const Visit& visit) {
  for (int64_t y = std::max<int64_t>(0, -w.y); y < std::min(w.height, height - w.y); ++y)
    for (int64_t x = std::max<int64_t>(0, -w.x); x < std::min(w.width, width - w.x); ++x)
      visit(y, x, y + w.y, x + w.x);
}

class ObjectCrops : public Dataset {
 public:
  ObjectCrops(std::unique_ptr<InstanceDataset> objects, const ObjectCropOptions& options)
      : objects_(std::move(objects)), options_(options) {
    check();
    const std::optional<int64_t> wanted = wanted_class();
    for (int64_t picture = 0; picture < objects_->size(); ++picture) {
      const InstanceSample sample = objects_->annotations(picture);
      for (size_t i = 0; i < sample.instances.size(); ++i) {
        const Instance& object = sample.instances[i];
        if (!object.crowd && (!wanted || object.class_index == *wanted) && area(object.mask) > 0)
          places_.push_back({picture, i, cat(sample.name, "_", i)});
      }
    }
    if (places_.empty())
      throw Error(ErrorKind::usage, {.where = "object crops",
                                     .found = cat("no object of class '", options_.of_class, "'"),
                                     .next = "Take another class or split"});
    classes_ = {{"background", {0, 0, 0}},
                {options_.of_class == "any" ? "object" : options_.of_class, {255, 255, 255}}};
  }

  int64_t size() const override { return std::ssize(places_); }

  Sample load(int64_t index) const override {
    const Place& place = places_.at(static_cast<size_t>(index));
    const InstanceSample sample = objects_->load(place.picture);
    const Instance& object = sample.instances.at(place.object);
    const Window window = window_of(object_crop_box(object.box, options_));
    Image image(window.height, window.width, 3, outside_grey);
    LabelMap labels(window.height, window.width, LabelMap::ignore_label);
    const Mask mask = decode_rle(object.mask);
    for_common_pixels(window, sample.image.height, sample.image.width,
                      [&](int64_t y, int64_t x, int64_t py, int64_t px) {
                        std::copy_n(sample.image.at(py, px), 3, image.at(y, x));
                        labels.at(y, x) = mask.at(py, px) != 0 ? 1 : 0;
                      });
    return {.image = resize_image(image, options_.height, options_.width),
            .labels = resize_labels(labels, options_.height, options_.width),
            .name = place.name};
  }

  std::string name(int64_t index) const override { return places_.at(static_cast<size_t>(index)).name; }
  fs::path image_path(int64_t index) const override {
    return objects_->image_path(places_.at(static_cast<size_t>(index)).picture);
  }
  fs::path label_path(int64_t index) const override { return image_path(index); }
  const std::vector<ClassInfo>& classes() const override { return classes_; }
  const std::map<int64_t, int64_t>& label_map() const override { return label_map_; }

 private:
  struct Place {
    int64_t picture = 0;
    size_t object = 0;
    std::string name;
  };

  void check() const {
    const auto refuse = [](const std::string& found, const std::string& allowed) {
      throw Error(ErrorKind::usage, {.where = "object crops", .found = found, .allowed = allowed});
    };
    for (const int64_t side : {options_.height, options_.width})
      if (side < 1 || side > largest_side)
        refuse(cat("a side of ", side, " pixels"), cat("1 to ", largest_side));
    if (!(options_.margin >= 0 && options_.margin <= largest_margin))
      refuse(cat("a margin of ", options_.margin), cat("0 to ", largest_margin, ", as part of the box"));
  }

  std::optional<int64_t> wanted_class() const {
    if (options_.of_class == "any") return std::nullopt;
    std::vector<std::string> names;
    for (const ClassInfo& c : objects_->classes()) {
      if (c.name == options_.of_class) return std::ssize(names);
      names.push_back(c.name);
    }
    throw Error(ErrorKind::usage, {.where = "object crops",
                                   .found = cat("there is no class '", options_.of_class, "'"),
                                   .next = did_you_mean(options_.of_class, names)});
  }

  std::unique_ptr<InstanceDataset> objects_;
  ObjectCropOptions options_;
  std::vector<Place> places_;
  std::vector<ClassInfo> classes_;
  std::map<int64_t, int64_t> label_map_;
};

// "person,320x192,0.05:coco:/data/coco" taken apart.
struct Parsed {
  ObjectCropOptions options;
  std::string objects;  ///< "coco:/data/coco"
};

template <class Number>
bool read_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

Parsed parsed(const fs::path& root) {
  const std::string text = root.string();
  const size_t colon = text.find(':');
  const std::string said = text.substr(0, colon);
  const size_t margin = said.rfind(','),
               size = margin == std::string::npos || margin == 0 ? margin : said.rfind(',', margin - 1);
  Parsed result;
  bool sound =
      colon != std::string::npos && margin != std::string::npos && size != std::string::npos && size > 0;
  if (sound) {
    result.options.of_class = said.substr(0, size);
    const std::string_view sides = std::string_view(said).substr(size + 1, margin - size - 1);
    const size_t cross = sides.find('x');
    sound = cross != std::string_view::npos && read_number(sides.substr(0, cross), result.options.height) &&
            read_number(sides.substr(cross + 1), result.options.width) &&
            read_number(std::string_view(said).substr(margin + 1), result.options.margin);
    result.objects = text.substr(colon + 1);
  }
  if (!sound)
    throw Error(ErrorKind::usage, {.where = cat("data set 'crops:", text.substr(0, 80), "'"),
                                   .found = cat("'", said.substr(0, 80), "'"),
                                   .allowed = "CLASS,HEIGHTxWIDTH,MARGIN:NAME:PATH, as in "
                                              "crops:person,320x192,0.05:coco:/data/coco"});
  return result;
}

std::vector<std::string> splits_in(const fs::path& root) {
  const InstanceDatasetSpec spec = parse_instance_dataset_spec(parsed(root).objects);
  return spec.entry->splits_in(spec.root);
}

std::unique_ptr<Dataset> open_crops(const fs::path& root, const std::string& split) {
  const Parsed spec = parsed(root);
  return object_crops(open_instance_dataset(spec.objects, split), spec.options);
}

}  // namespace

Box object_crop_box(const Box& object, const ObjectCropOptions& options) {
  const double grown = 1 + 2 * options.margin;
  const double proportion = static_cast<double>(options.height) / static_cast<double>(options.width);
  double height = object.height() * grown, width = object.width() * grown;
  if (height < width * proportion)
    height = width * proportion;
  else
    width = height / proportion;
  const double y = (static_cast<double>(object.y1) + object.y2) / 2,
               x = (static_cast<double>(object.x1) + object.x2) / 2;
  return {static_cast<float>(x - width / 2), static_cast<float>(y - height / 2),
          static_cast<float>(x + width / 2), static_cast<float>(y + height / 2)};
}

std::unique_ptr<Dataset> object_crops(std::unique_ptr<InstanceDataset> objects,
                                      const ObjectCropOptions& options) {
  return std::make_unique<ObjectCrops>(std::move(objects), options);
}

DatasetEntry object_crops_entry() {
  return {.name = "crops",
          .summary =
              "objects cut out of an instance data set: crops:CLASS,HEIGHTxWIDTH,MARGIN:NAME:PATH, as in "
              "crops:person,320x192,0.05:coco:/data/coco; the licence is that data set's",
          .splits = {},
          .splits_in = splits_in,
          .open = open_crops};
}

}  // namespace vitrail
