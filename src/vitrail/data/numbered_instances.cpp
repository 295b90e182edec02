#include "vitrail/data/numbered_instances.h"

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/image/image_file.h"
#include "vitrail/image/label_png.h"

namespace vitrail {
namespace {

namespace fs = std::filesystem;

constexpr int64_t most_numbers = 1 << 16;

class NumberedDataset : public InstanceDataset {
 public:
  explicit NumberedDataset(NumberedLayout layout) : layout_(std::move(layout)) {}

  int64_t size() const override { return static_cast<int64_t>(layout_.files.size()); }
  std::string name(int64_t index) const override { return files(index).name; }
  fs::path image_path(int64_t index) const override { return files(index).image; }
  const std::vector<ClassInfo>& classes() const override { return layout_.classes; }
  int64_t category_of(int64_t class_index) const override {
    return layout_.categories.empty() ? class_index + 1
                                      : layout_.categories.at(static_cast<size_t>(class_index));
  }

  InstanceSample load(int64_t index) const override {
    InstanceSample sample = annotations(index);
    Image picture = read_image(files(index).image);
    if (picture.height != sample.image.height || picture.width != sample.image.width)
      throw Error(ErrorKind::shape,
                  {.where = files(index).numbers.string(),
                   .found = cat("objects of a picture of ", sample.image.width, "x", sample.image.height),
                   .allowed = cat(files(index).image.string(), " has ", picture.width, "x", picture.height)});
    sample.image = std::move(picture);
    return sample;
  }

  InstanceSample annotations(int64_t index) const override {
    const LabelMap numbers = read_label_map(files(index).numbers);
    InstanceSample sample;
    sample.image.height = numbers.height;
    sample.image.width = numbers.width;
    sample.name = name(index);
    sample.id = index + 1;
    std::map<uint16_t, std::array<double, 4>> boxes;
    if (layout_.boxes != nullptr && !files(index).notes.empty()) boxes = layout_.boxes(files(index).notes);
    for (auto& [number, mask] : masks_of_labels(numbers)) {
      const std::optional<NumberedObject> object = layout_.meaning(number);
      if (!object) continue;
      const auto noted = boxes.find(number);
      const auto [x, y, w, h] = noted == boxes.end() ? bounds(mask) : noted->second;
      sample.instances.push_back({.class_index = object->class_index,
                                  .box = {static_cast<float>(x), static_cast<float>(y),
                                          static_cast<float>(x + w), static_cast<float>(y + h)},
                                  .mask = std::move(mask),
                                  .crowd = object->crowd,
                                  .area = 0,
                                  .id = sample.id * most_numbers + number,
                                  .box_xywh = {x, y, w, h}});
      sample.instances.back().area = static_cast<double>(area(sample.instances.back().mask));
    }
    return sample;
  }

 private:
  const NumberedFiles& files(int64_t index) const { return layout_.files.at(static_cast<size_t>(index)); }

  NumberedLayout layout_;
};

}  // namespace

std::unique_ptr<InstanceDataset> numbered_dataset(NumberedLayout layout, const std::string& where) {
  if (layout.files.empty()) throw Error(ErrorKind::file, {.where = where, .found = "there is no picture"});
  return std::make_unique<NumberedDataset>(std::move(layout));
}

}  // namespace vitrail
