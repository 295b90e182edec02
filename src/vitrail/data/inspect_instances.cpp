#include "vitrail/data/inspect_instances.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "vitrail/base/text.h"

namespace vitrail {
namespace {

namespace object_finding {
constexpr FindingKind unreadable_objects{Severity::error, "unreadable-objects", "Repair or replace the file"};
constexpr FindingKind size_mismatch{Severity::error, "size-mismatch",
                                    "Use the picture that was annotated, or correct the annotation"};
constexpr FindingKind id_zero{Severity::warning, "id-zero",
                              "Number annotations from 1: pycocotools counts an object with id 0 as never "
                              "found, Vitrail counts it right"};
constexpr FindingKind empty_box{Severity::error, "empty-box", "Remove the object, or correct its box"};
constexpr FindingKind box_outside{Severity::warning, "box-outside", "Boxes are cut at the picture's edge"};
constexpr FindingKind empty_mask{Severity::warning, "empty-mask",
                                 "The outline covers no pixel's centre: nothing is learnt from it"};
constexpr FindingKind other_box{Severity::warning, "box-elsewhere",
                                "Box and outline overlap by less than half: one of them is wrong"};
constexpr FindingKind same_object{Severity::warning, "same-object-twice",
                                  "The second counts as an object that is never found; remove it"};
constexpr FindingKind same_file{Severity::error, "same-picture-twice",
                                "Put the annotations of both under one picture"};
constexpr FindingKind same_name{Severity::warning, "same-category-name",
                                "Two categories have one name: join them, or name them apart"};
constexpr FindingKind outline_outside{Severity::warning, "outline-outside",
                                      "Outlines are cut at the picture's edge"};

constexpr FindingKind coco_faults[] = {
    {Severity::error, "bad-value", "Correct the value"},
    {Severity::error, "duplicate-id", "Give every one a number of its own"},
    {Severity::error, "unknown-image", "Add the picture to images, or remove the annotation"},
    {Severity::error, "unknown-category", "Add it to categories, or remove the annotation"},
    {Severity::error, "degenerate-polygon", "Remove the polygon, or give it three corners or more"},
    {Severity::error, "size-mismatch", "Runs must have their picture's size (height, width)"},
};
}  // namespace object_finding

constexpr double tolerated = 1;  // pixels by which boxes and outlines may leave the picture
constexpr double small_area = 32 * 32, large_area = 96 * 96;

std::string object_name(const Instance& instance, const InstanceDataset& dataset) {
  return cat("annotation ", instance.id, " (",
             dataset.classes()[static_cast<size_t>(instance.class_index)].name, ")");
}

std::string shown_box(const std::array<double, 4>& box) {
  return cat("[", join(box), "]");
}

double overlap(const std::array<double, 4>& a, const std::array<double, 4>& b) {
  const double width = std::min(a[0] + a[2], b[0] + b[2]) - std::max(a[0], b[0]);
  const double height = std::min(a[1] + a[3], b[1] + b[3]) - std::max(a[1], b[1]);
  if (width <= 0 || height <= 0) return 0;
  return width * height / (a[2] * a[3] + b[2] * b[3] - width * height);
}

/// How far a box reaches out of a picture, in pixels.
double reach(const std::array<double, 4>& box, const Image& image) {
  return std::max({-box[0], -box[1], box[0] + box[2] - static_cast<double>(image.width),
                   box[1] + box[3] - static_cast<double>(image.height)});
}

class ObjectInspector {
 public:
  ObjectInspector(const InstanceDataset& dataset, const std::string& file, SampleFacts& facts)
      : dataset_(dataset), file_(file), facts_(facts) {}

  void inspect(const InstanceSample& sample) {
    for (size_t i = 0; i < sample.instances.size(); ++i) {
      inspect(sample.instances[i], sample.image);
      for (size_t before = 0; before < i; ++before)
        if (is_same(sample.instances[before], sample.instances[i])) {
          found(object_finding::same_object, sample.instances[i],
                cat("has class and outline of annotation ", sample.instances[before].id));
          break;
        }
    }
  }

 private:
  void found(const FindingKind& kind, const Instance& instance, const std::string& detail) {
    facts_.findings.push_back({&kind, {file_, cat(object_name(instance, dataset_), " ", detail)}});
  }

  void inspect(const Instance& instance, const Image& image) {
    const std::array<double, 4>& box = instance.box_xywh;
    if (instance.id == 0) found(object_finding::id_zero, instance, "has the id 0");
    if (box[2] <= 0 || box[3] <= 0) {
      found(object_finding::empty_box, instance, "has the box " + shown_box(box));
      return;
    }
    if (const double out = reach(box, image); out > tolerated)
      found(object_finding::box_outside, instance,
            cat("reaches ", out, " px out of ", image.width, "x", image.height, " with its box ",
                shown_box(box)));
    if (area(instance.mask) == 0)
      found(object_finding::empty_mask, instance, "has no pixel");
    else if (const auto around = bounds(instance.mask);
             overlap(box, around) < 0.5 && std::min({box[2], box[3], around[2], around[3]}) > 2)
      found(object_finding::other_box, instance,
            cat("has the box ", shown_box(box), ", its outline lies in ", shown_box(around)));
  }

  static bool is_same(const Instance& a, const Instance& b) {
    return a.class_index == b.class_index && a.crowd == b.crowd && a.box_xywh == b.box_xywh &&
           a.mask == b.mask;
  }

  const InstanceDataset& dataset_;
  std::string file_;
  SampleFacts& facts_;
};

void count(const Instance& instance, ObjectFacts& facts) {
  if (instance.crowd) {
    ++facts.crowds;
    return;
  }
  ++facts.objects;
  ++facts.objects_of_class[static_cast<size_t>(instance.class_index)];
  ++(instance.area < small_area ? facts.small : instance.area < large_area ? facts.medium : facts.large);
}

}  // namespace

ObjectFacts inspect_objects(const InstanceDataset& dataset, int64_t index, SampleFacts& facts) {
  const std::string file = dataset.image_path(index).string();
  ObjectFacts objects;
  objects.objects_of_class.resize(dataset.classes().size());
  try {
    const InstanceSample sample = dataset.annotations(index);
    objects.is_read = true;
    if (facts.has_size && facts.size != std::pair(sample.image.height, sample.image.width))
      facts.findings.push_back({&object_finding::size_mismatch,
                                {file, cat("the picture has ", size_name(facts.size), ", its annotation ",
                                           size_name({sample.image.height, sample.image.width}))}});
    ObjectInspector(dataset, file, facts).inspect(sample);
    for (const Instance& instance : sample.instances)
      count(instance, objects);
  } catch (const Error& e) {
    facts.findings.push_back({&object_finding::unreadable_objects, {e.parts().where, detail_of(e)}});
  }
  return objects;
}

const FindingKind& kind_of(const CocoFault& fault) {
  const auto found =
      std::find_if(std::begin(object_finding::coco_faults), std::end(object_finding::coco_faults),
                   [&](const FindingKind& kind) { return std::string_view(kind.name) == fault.kind; });
  return found == std::end(object_finding::coco_faults) ? object_finding::coco_faults[0] : *found;
}

void inspect_coco(const std::filesystem::path& json, const CocoFile& file, Findings& findings) {
  std::set<std::string> files, names;
  for (const CocoImage& image : file.images)
    if (!files.insert(image.file_name).second)
      findings.add(object_finding::same_file,
                   {json.string(), cat("picture ", image.id, " is ", image.file_name, ", as one before it")});
  for (const CocoCategory& category : file.categories)
    if (!names.insert(category.name).second)
      findings.add(object_finding::same_name, {json.string(), cat("category ", category.id, " is '",
                                                                  category.name, "', as one before it")});
  for (const CocoAnnotation& annotation : file.annotations) {
    const CocoImage& image = file.images[static_cast<size_t>(annotation.image)];
    double out = 0;
    for (const std::vector<double>& polygon : annotation.polygons)
      for (size_t i = 0; i < polygon.size(); ++i) {
        const auto side = static_cast<double>(i % 2 == 0 ? image.width : image.height);
        out = std::max({out, -polygon[i], polygon[i] - side});
      }
    if (out > tolerated)
      findings.add(object_finding::outline_outside,
                   {json.string(),
                    cat("annotation ", annotation.id, " reaches ", out, " px out of ", image.file_name)});
  }
}

}  // namespace vitrail
