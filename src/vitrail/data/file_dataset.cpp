#include "vitrail/data/file_dataset.h"

#include <algorithm>
#include <array>
#include <system_error>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/image/channels.h"
#include "vitrail/image/image_file.h"
#include "vitrail/image/image_list.h"

namespace vitrail {
namespace {

namespace fs = std::filesystem;

class FileDataset : public Dataset {
 public:
  explicit FileDataset(FileLayout layout) : layout_(std::move(layout)) {
    check_label_map(layout_.label_map, static_cast<int64_t>(layout_.classes.size()), "label_map");
  }

  int64_t size() const override { return static_cast<int64_t>(layout_.pairs.size()); }
  std::string name(int64_t index) const override { return pair(index).name; }
  fs::path image_path(int64_t index) const override { return pair(index).image; }
  fs::path label_path(int64_t index) const override { return pair(index).labels; }
  const std::vector<ClassInfo>& classes() const override { return layout_.classes; }
  const std::map<int64_t, int64_t>& label_map() const override { return layout_.label_map; }

  Sample load(int64_t index) const override {
    const FilePair& files = pair(index);
    Sample sample{read_pair_image(files), read_class_labels(files, layout_), files.name};
    if (sample.image.height != sample.labels.height || sample.image.width != sample.labels.width)
      throw Error(
          ErrorKind::shape,
          {.where = files.labels.string(),
           .found = cat("labels of ", sample.labels.width, "x", sample.labels.height, " for an image of ",
                        sample.image.width, "x", sample.image.height, " (", files.image.string(), ")"),
           .allowed = "they must have the same size"});
    return sample;
  }

 private:
  const FilePair& pair(int64_t index) const { return layout_.pairs.at(static_cast<size_t>(index)); }

  FileLayout layout_;
};

[[noreturn]] void refuse_label(const LabelMap& labels, size_t i, const std::map<int64_t, int64_t>& label_map,
                               int64_t classes, const std::string& file) {
  const auto y = static_cast<int64_t>(i) / labels.width, x = static_cast<int64_t>(i) % labels.width;
  std::vector<int64_t> declared;
  for (const auto& [from, to] : label_map)
    declared.push_back(from);
  throw Error(
      ErrorKind::format,
      {.where = file,
       .found = cat("label ", labels.labels[i], " at (", x, ",", y, ")"),
       .allowed = label_map.empty()
                      ? cat(classes, " classes are declared (0..", classes - 1, "), 255 is ignored")
                      : cat("the label map declares ", join(declared)),
       .next = label_map.empty() ? cat("Map it with label_map, or declare ", labels.labels[i] + 1, " classes")
                                 : "Add it to label_map: to a class, or to 255 to ignore it"});
}

}  // namespace

std::unique_ptr<Dataset> file_dataset(FileLayout layout) {
  return std::make_unique<FileDataset>(std::move(layout));
}

std::vector<std::pair<std::string, fs::path>> files_by_stem(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error))
    throw Error(ErrorKind::file, {.where = folder.string(), .found = "there is no such folder"});
  std::vector<std::pair<std::string, fs::path>> files;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const fs::path& path = at->path();
    std::error_code ignored;
    if (has_image_extension(path) && path.filename().string().front() != '.' && at->is_regular_file(ignored))
      files.emplace_back(path.stem().string(), path);
  }
  if (error) throw Error(ErrorKind::file, {.where = folder.string(), .found = error.message()});
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) {
    return a.first == b.first ? a.second < b.second : natural_less(a.first, b.first);
  });
  for (size_t i = 1; i < files.size(); ++i)
    if (files[i].first == files[i - 1].first)
      throw Error(ErrorKind::format,
                  {.where = files[i].second.string(),
                   .found = cat(files[i - 1].second.filename().string(), " has the same name"),
                   .allowed = "files are paired by name without extension",
                   .next = "Rename or remove one"});
  return files;
}

void pair_by_stem(FileLayout& layout, const fs::path& images, const fs::path& labels) {
  std::map<std::string, fs::path> label_of;
  for (auto& [stem, path] : files_by_stem(labels))
    label_of.emplace(stem, path);
  for (auto& [stem, path] : files_by_stem(images)) {
    const auto found = label_of.find(stem);
    if (found == label_of.end()) {
      layout.images_without_labels.push_back(path);
      continue;
    }
    layout.pairs.push_back({stem, path, found->second});
    label_of.erase(found);
  }
  for (auto& [stem, path] : label_of)
    layout.labels_without_image.push_back(path);
}

void add_channels(FileLayout& layout, const fs::path& folder, int64_t channels) {
  std::map<std::string, fs::path> file_of;
  for (auto& [stem, path] : files_by_stem(folder))
    file_of.emplace(stem, path);
  std::erase_if(layout.pairs, [&](FilePair& pair) {
    const std::string stem = pair.image.stem().string();
    const auto found = file_of.find(stem);
    if (found == file_of.end())
      layout.missing_channels.push_back(folder / stem);
    else
      pair.further.push_back({found->second, channels});
    return found == file_of.end();
  });
}

Image read_channel_file(const ChannelFile& file) {
  Image image = read_all_channels(file.path);
  if (file.channels == 0 || image.channels == file.channels) return image;
  throw Error(ErrorKind::shape,
              {.where = file.path.string(),
               .found = cat("a picture of ", image.channels, image.channels == 1 ? " channel" : " channels"),
               .allowed = cat(file.channels, " are wanted of it")});
}

Image read_pair_image(const FilePair& pair) {
  if (pair.page != FilePair::whole_file) return read_image_page(pair.image, pair.page);
  Image image = pair.channels == 0 ? read_image(pair.image) : read_image_channels(pair.image, pair.channels);
  if (pair.further.empty()) return image;
  std::vector<Image> parts;
  std::vector<std::string> names{pair.image.string()};
  parts.push_back(std::move(image));
  for (const ChannelFile& file : pair.further) {
    parts.push_back(read_channel_file(file));
    names.push_back(file.path.string());
  }
  return stacked(parts, names);
}

LabelFile read_pair_labels(const FilePair& pair, const FileLayout& layout) {
  if (pair.page == FilePair::whole_file && layout.read_labels == nullptr) return read_label_file(pair.labels);
  LabelFile file{.bit_depth = 8, .channels = 1};
  if (layout.read_labels != nullptr) {
    file.labels = layout.read_labels(pair.labels);
    return file;
  }
  const Image grey = read_image_page(pair.labels, pair.page);
  file.labels = LabelMap(grey.height, grey.width);
  for (size_t i = 0; i < file.labels.labels.size(); ++i)
    file.labels.labels[i] = grey.pixels[i * static_cast<size_t>(grey.channels)];
  return file;
}

LabelMap read_class_labels(const FilePair& pair, const FileLayout& layout) {
  const std::string file = pair.labels.string();
  LabelFile read = read_pair_labels(pair, layout);
  if (read.channels < 3) {
    map_labels(read.labels, layout.label_map, static_cast<int64_t>(layout.classes.size()), file);
    return std::move(read.labels);
  }
  if (!layout.color_masks)
    throw Error(ErrorKind::format, {.where = file,
                                    .found = "a colour PNG",
                                    .allowed = "labels are class indices: a palette or grey PNG",
                                    .next = "Use the folder data set, whose class table gives colours"});
  std::vector<Rgb> colors;
  for (const ClassInfo& c : layout.classes)
    colors.push_back(c.color);
  return labels_from_colors(read_pair_image({"", pair.labels, ""}), colors, layout.ignore_color, file);
}

void map_labels(LabelMap& labels, const std::map<int64_t, int64_t>& label_map, int64_t classes,
                const std::string& file) {
  constexpr int32_t undeclared = -1;
  std::vector<int32_t> table(1 << 16, undeclared);
  if (label_map.empty()) {
    for (int64_t c = 0; c < classes; ++c)
      table[static_cast<size_t>(c)] = static_cast<int32_t>(c);
    table[LabelMap::ignore_label] = LabelMap::ignore_label;
  }
  for (const auto& [from, to] : label_map)
    if (from >= 0 && from < static_cast<int64_t>(table.size()))
      table[static_cast<size_t>(from)] = static_cast<int32_t>(to);
  for (size_t i = 0; i < labels.labels.size(); ++i) {
    const int32_t mapped = table[labels.labels[i]];
    if (mapped == undeclared) refuse_label(labels, i, label_map, classes, file);
    labels.labels[i] = static_cast<uint16_t>(mapped);
  }
}

void check_label_map(const std::map<int64_t, int64_t>& label_map, int64_t classes, const std::string& where) {
  for (const auto& [from, to] : label_map) {
    if (from >= 0 && from < 65536 && ((to >= 0 && to < classes) || to == LabelMap::ignore_label)) continue;
    throw Error(ErrorKind::usage, {.where = where,
                                   .found = cat("label ", from, " is mapped to ", to),
                                   .allowed = cat("labels 0..65535 may be mapped to the classes 0..",
                                                  classes - 1, " or to 255 (ignored)")});
  }
}

}  // namespace vitrail
