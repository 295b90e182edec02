#include "vitrail/data/coco_file.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "vitrail/base/text.h"
#include "vitrail/data/coco_masks.h"
#include "vitrail/data/json_fields.h"
#include "vitrail/image/image.h"

namespace vitrail {
namespace {

using Json = nlohmann::json;

constexpr double furthest = 1 << 24;  // of a polygon's corner, in pixels
constexpr double most_crossings = 1 << 24;

/// A fault of one item, which is then left out.
struct ItemFault {
  const char* kind;
  Error error;
};

[[noreturn]] void fail(const char* kind, const std::string& where, const std::string& found,
                       const std::string& allowed = "", const std::string& next = "") {
  throw ItemFault{
      kind, Error(ErrorKind::format, {.where = where, .found = found, .allowed = allowed, .next = next})};
}

/// An annotation before the pictures and categories are known: the lists may come in any order.
struct LooseAnnotation {
  CocoAnnotation annotation;
  int64_t place = 0, image_id = 0, category_id = 0;
  bool has_area = false, has_box = false;
};

class CocoReader {
 public:
  CocoReader(const std::filesystem::path& path, const OnCocoFault& on_fault)
      : path_(path), name_(path.string()), on_fault_(on_fault) {}

  CocoFile read() {
    const Json rest = read_json_items(
        path_, [this](const std::string& key, int64_t index, const Json& item) { take(key, index, item); });
    check_rest(rest);
    sort_categories();
    for (LooseAnnotation& loose : loose_)
      guarded([&] { place(loose); });
    return std::move(file_);
  }

 private:
  template <class Work>
  void guarded(const Work& work) {
    try {
      try {
        work();
      } catch (const Error& e) {
        throw ItemFault{"bad-value", e};
      }
    } catch (const ItemFault& fault) {
      if (!on_fault_) throw Error(fault.error);
      on_fault_({fault.kind, fault.error.kind(), fault.error.parts()});
    }
  }

  void take(const std::string& key, int64_t index, const Json& item) {
    const std::string place = cat(key, "[", index, "]");
    if (key == "images") guarded([&] { take_image(JsonFields(item, name_, place)); });
    if (key == "categories") guarded([&] { take_category(JsonFields(item, name_, place)); });
    if (key == "annotations") guarded([&] { take_annotation(JsonFields(item, name_, place), index); });
  }

  void take_image(const JsonFields& fields) {
    CocoImage image;
    image.id = fields.integer("id", INT64_MIN, INT64_MAX);
    image.height = fields.integer("height", 1, most_side);
    image.width = fields.integer("width", 1, most_side);
    if (image.height * image.width > max_image_pixels)
      fields.refuse("height", cat(image.width, " x ", image.height, " pixels"),
                    cat("at most ", max_image_pixels, " pixels"));
    image.file_name = fields.text("file_name");
    const std::filesystem::path file(image.file_name);
    const bool leaves = std::any_of(file.begin(), file.end(), [](const auto& part) { return part == ".."; });
    if (file.is_absolute() || leaves || image.file_name.find('\0') != std::string::npos)
      fields.refuse("file_name", "'" + image.file_name + "'", "a path below the folder of the pictures");
    if (!image_of_id_.emplace(image.id, file_.images.size()).second)
      fail("duplicate-id", fields.where("id"), cat("a second picture has the number ", image.id));
    file_.images.push_back(std::move(image));
  }

  void take_category(const JsonFields& fields) {
    CocoCategory category;
    category.id = fields.integer("id", INT64_MIN, INT64_MAX);
    category.name = fields.text("name");
    if (!category_ids_.insert(category.id).second)
      fail("duplicate-id", fields.where("id"), cat("a second category has the number ", category.id));
    file_.categories.push_back(std::move(category));
  }

  void take_annotation(const JsonFields& fields, int64_t index) {
    LooseAnnotation loose;
    loose.place = index;
    CocoAnnotation& a = loose.annotation;
    a.id = fields.integer("id", INT64_MIN, INT64_MAX);
    if (!annotation_ids_.insert(a.id).second)
      fail("duplicate-id", fields.where("id"), cat("a second annotation has the number ", a.id));
    loose.image_id = fields.integer("image_id", INT64_MIN, INT64_MAX);
    loose.category_id = fields.integer("category_id", INT64_MIN, INT64_MAX);
    a.crowd = fields.flag("iscrowd");
    loose.has_area = fields.has("area");
    if (loose.has_area) a.area = fields.number("area", 0, static_cast<double>(max_image_pixels));
    loose.has_box = fields.has("bbox");
    if (loose.has_box) a.bbox = fields.box("bbox");
    take_segmentation(fields, a);
    loose_.push_back(std::move(loose));
  }

  void take_segmentation(const JsonFields& fields, CocoAnnotation& a) {
    const Json& outline = fields.at("segmentation");
    if (outline.is_object()) {
      a.runs = rle_from_json(fields.inner("segmentation"));
      return;
    }
    if (!outline.is_array())
      fields.refuse("segmentation", shown(outline), "a list of polygons, or an object with size and counts");
    if (outline.empty())
      fail("degenerate-polygon", fields.where("segmentation"), "there is no polygon",
           "an object needs an outline", "Remove the annotation, or outline it");
    for (size_t p = 0; p < outline.size(); ++p) {
      const std::string key = cat("segmentation[", p, "]");
      if (!outline[p].is_array())
        fields.refuse("segmentation", cat("a list with ", shown(outline[p])), "a list of polygons",
                      "A single polygon stands in a list of its own: [[x0, y0, x1, y1, ...]]");
      std::vector<double> polygon = fields.numbers(outline[p], key.c_str(), -furthest, furthest);
      if (polygon.size() < 6 || polygon.size() % 2 != 0)
        fail("degenerate-polygon", fields.where(key.c_str()), cat(polygon.size(), " numbers"),
             "x and y of three corners or more", "Remove the polygon, or repair it");
      a.polygons.push_back(std::move(polygon));
    }
  }

  /// What is left of the file must have the lists, and nothing in them that is no object.
  void check_rest(const Json& rest) const {
    if (!rest.is_object())
      throw Error(ErrorKind::format,
                  {.where = name_,
                   .found = shown(rest),
                   .allowed = "COCO's instances are an object with images, annotations and categories",
                   .next = rest.is_array() ? "Give a file of results as --results" : ""});
    const JsonFields fields(rest, name_, "");
    for (const char* key : {"images", "annotations", "categories"}) {
      const Json& list = fields.at(key);
      if (!list.is_array()) fields.refuse(key, shown(list), "a list is due");
      if (!list.empty()) fields.refuse(key, cat("a list with ", shown(list[0])), "a list of objects is due");
    }
  }

  void sort_categories() {
    auto& categories = file_.categories;
    std::sort(categories.begin(), categories.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    for (size_t c = 0; c < categories.size(); ++c)
      category_of_id_[categories[c].id] = static_cast<int64_t>(c);
  }

  /// Finds picture and category, and holds the outline against the picture's size.
  void place(LooseAnnotation& loose) {
    CocoAnnotation& a = loose.annotation;
    const std::string at = cat(name_, ": annotations[", loose.place, "].");
    const auto image = image_of_id_.find(loose.image_id);
    if (image == image_of_id_.end())
      fail("unknown-image", at + "image_id", cat(loose.image_id, " is no picture"),
           cat("there are ", file_.images.size()), "Add it to images, or remove the annotation");
    const auto category = category_of_id_.find(loose.category_id);
    if (category == category_of_id_.end())
      fail("unknown-category", at + "category_id", cat(loose.category_id, " is no category"),
           categories_text(), "Add it to categories, or remove the annotation");
    a.image = static_cast<int64_t>(image->second);
    a.category = category->second;
    const CocoImage& picture = file_.images[image->second];
    if (a.polygons.empty() && (a.runs.height != picture.height || a.runs.width != picture.width))
      fail("size-mismatch", at + "segmentation.size",
           cat("[", a.runs.height, ", ", a.runs.width, "] (height, width)"),
           cat("the picture has [", picture.height, ", ", picture.width, "]"));
    check_crossings(a, picture, at);
    if (!loose.has_area || !loose.has_box) {
      const Rle mask = file_.mask(a);
      if (!loose.has_area) a.area = static_cast<double>(area(mask));
      if (!loose.has_box) a.bbox = bounds(mask);
    }
    file_.annotations.push_back(std::move(a));
  }

  /// A small file could ask for outlines that cross each column a million times.
  static void check_crossings(const CocoAnnotation& a, const CocoImage& picture, const std::string& at) {
    double crossings = 0;
    const auto width = static_cast<double>(picture.width);
    for (const std::vector<double>& polygon : a.polygons)
      for (size_t i = 0; i < polygon.size(); i += 2)
        crossings += std::min(std::abs(polygon[(i + 2) % polygon.size()] - polygon[i]), width);
    if (crossings > most_crossings)
      fail("bad-value", at + "segmentation", cat("outlines that cross ", crossings, " pixel columns"),
           cat("at most ", most_crossings));
  }

  std::string categories_text() const {
    if (file_.categories.empty()) return "there are none";
    return cat("there are ", file_.categories.size(), ", ", file_.categories.front().id, "..",
               file_.categories.back().id);
  }

  std::filesystem::path path_;
  std::string name_;
  const OnCocoFault& on_fault_;
  CocoFile file_;
  std::vector<LooseAnnotation> loose_;
  std::map<int64_t, size_t> image_of_id_;
  std::map<int64_t, int64_t> category_of_id_;
  std::set<int64_t> category_ids_, annotation_ids_;
};

}  // namespace

Rle CocoFile::mask(const CocoAnnotation& annotation) const {
  if (annotation.polygons.empty()) return annotation.runs;
  const CocoImage& image = images[static_cast<size_t>(annotation.image)];
  return rle_from_polygons(annotation.polygons, image.height, image.width);
}

CocoFile read_coco_file(const std::filesystem::path& path, const OnCocoFault& on_fault) {
  return CocoReader(path, on_fault).read();
}

}  // namespace vitrail
