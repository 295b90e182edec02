#include "vitrail/data/coco.h"

#include <algorithm>
#include <functional>
#include <system_error>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/image/image_file.h"
#include "vitrail/image/image_list.h"
#include "vitrail/image/palette.h"

namespace vitrail {
namespace {

namespace fs = std::filesystem;

constexpr const char* everything = "all";
constexpr std::string_view instances = "instances_";
constexpr int64_t most_colors = 256;

/// "val2017" for instances_val2017.json.
std::string split_of(const fs::path& json) {
  const std::string stem = json.stem().string();
  return stem.starts_with(instances) ? stem.substr(instances.size()) : stem;
}

std::vector<fs::path> json_files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error, ignored;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    if (at->path().extension() == ".json" && at->is_regular_file(ignored)) files.push_back(at->path());
  // COCO's folder also has captions and key points.
  const auto is_instances = [](const fs::path& file) {
    return file.filename().string().starts_with(instances);
  };
  if (std::any_of(files.begin(), files.end(), is_instances)) std::erase_if(files, std::not_fn(is_instances));
  std::sort(files.begin(), files.end(),
            [](const auto& a, const auto& b) { return natural_less(a.string(), b.string()); });
  return files;
}

std::vector<std::string> coco_splits(const fs::path& root) {
  std::vector<std::string> splits;
  for (const auto& [split, file] : coco_files(root))
    splits.push_back(split);
  return splits;
}

class CocoDataset : public InstanceDataset {
 public:
  CocoDataset(const fs::path& json, CocoFile file) : json_(json), file_(std::move(file)) {
    if (file_.images.empty())
      throw Error(ErrorKind::format, {.where = json.string() + ": images", .found = "there is no picture"});
    folder_ = coco_picture_folder(json, file_.images[0].file_name);
    const auto colors =
        distinct_palette(std::min<int64_t>(static_cast<int64_t>(file_.categories.size()), most_colors));
    for (const CocoCategory& category : file_.categories)
      classes_.push_back({category.name, colors[classes_.size() % colors.size()]});
    annotations_of_.resize(file_.images.size());
    for (size_t a = 0; a < file_.annotations.size(); ++a)
      annotations_of_[static_cast<size_t>(file_.annotations[a].image)].push_back(a);
  }

  int64_t size() const override { return static_cast<int64_t>(file_.images.size()); }
  std::string name(int64_t index) const override {
    return fs::path(image(index).file_name).replace_extension().string();
  }
  fs::path image_path(int64_t index) const override { return folder_ / image(index).file_name; }
  const std::vector<ClassInfo>& classes() const override { return classes_; }
  int64_t category_of(int64_t class_index) const override {
    return file_.categories.at(static_cast<size_t>(class_index)).id;
  }

  InstanceSample load(int64_t index) const override {
    InstanceSample sample = annotations(index);
    Image picture = read_image(image_path(index));
    if (picture.height != sample.image.height || picture.width != sample.image.width)
      throw Error(ErrorKind::shape,
                  {.where = image_path(index).string(),
                   .found = cat("a picture of ", picture.width, "x", picture.height),
                   .allowed = cat(json_.string(), " declares ", sample.image.width, "x", sample.image.height),
                   .next = "Use the picture that was annotated, or correct width and height"});
    sample.image = std::move(picture);
    return sample;
  }

  InstanceSample annotations(int64_t index) const override {
    const CocoImage& picture = image(index);
    InstanceSample sample;
    sample.image.height = picture.height;
    sample.image.width = picture.width;
    sample.name = name(index);
    sample.id = picture.id;
    for (const size_t at : annotations_of_[static_cast<size_t>(index)]) {
      const CocoAnnotation& a = file_.annotations[at];
      const auto [x, y, w, h] = a.bbox;
      sample.instances.push_back({.class_index = a.category,
                                  .box = {static_cast<float>(x), static_cast<float>(y),
                                          static_cast<float>(x + w), static_cast<float>(y + h)},
                                  .mask = file_.mask(a),
                                  .crowd = a.crowd,
                                  .area = a.area,
                                  .id = a.id,
                                  .box_xywh = a.bbox});
    }
    return sample;
  }

 private:
  const CocoImage& image(int64_t index) const { return file_.images.at(static_cast<size_t>(index)); }

  fs::path json_, folder_;
  CocoFile file_;
  std::vector<ClassInfo> classes_;
  std::vector<std::vector<size_t>> annotations_of_;  // by picture
};

std::unique_ptr<InstanceDataset> open_coco(const fs::path& root, const std::string& split) {
  for (const auto& [name, file] : coco_files(root))
    if (name == split) return coco_dataset(file, read_coco_file(file));
  throw Error(ErrorKind::file,
              {.where = root.string(), .found = cat("there is no instances_", split, ".json")});
}

}  // namespace

std::vector<std::pair<std::string, fs::path>> coco_files(const fs::path& root) {
  std::error_code ignored;
  if (fs::is_regular_file(root, ignored)) return {{everything, root}};
  std::vector<std::pair<std::string, fs::path>> files;
  for (const fs::path& folder : {root / "annotations", root})
    for (const fs::path& file : json_files_in(folder)) {
      const auto same = [&](const auto& known) { return known.first == split_of(file); };
      if (std::none_of(files.begin(), files.end(), same)) files.emplace_back(split_of(file), file);
    }
  if (files.empty())
    throw Error(ErrorKind::file,
                {.where = root.string(),
                 .found = fs::exists(root, ignored) ? "there is no instances file" : "there is no such place",
                 .allowed = "a JSON file, or a folder with annotations/instances_SPLIT.json"});
  return files;
}

std::unique_ptr<InstanceDataset> coco_dataset(const fs::path& json, CocoFile file) {
  return std::make_unique<CocoDataset>(json, std::move(file));
}

fs::path coco_picture_folder(const fs::path& json, const std::string& file_name) {
  const fs::path here = json.parent_path(), above = here / "..";
  const std::string split = split_of(json);
  for (const fs::path& folder : {here, here / "images", here / split, here / "images" / split, above / split,
                                 above / "images" / split, above / "images"}) {
    std::error_code ignored;
    if (fs::exists(folder / file_name, ignored)) return folder.lexically_normal();
  }
  return here;
}

InstanceDatasetEntry coco_entry() {
  return {
      .name = "coco",
      .summary =
          "COCO's format: PATH an instances JSON with its pictures beside it or in images/, or a folder with "
          "annotations/instances_SPLIT.json",
      .splits = {},
      .splits_in = coco_splits,
      .open = open_coco};
}

}  // namespace vitrail
