#include "vitrail/data/list_file.h"

#include <sstream>
#include <system_error>

#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

namespace fs = std::filesystem;
constexpr int64_t most_list_bytes = int64_t{64} << 20;

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

}  // namespace

std::vector<std::string> names_in_list(const fs::path& list) {
  std::istringstream text(read_file(list, most_list_bytes));
  std::vector<std::string> names;
  for (std::string row; std::getline(text, row);) {
    std::istringstream words(row);
    if (std::string name; words >> name) names.push_back(std::move(name));
  }
  return names;
}

void pair_by_list(FileLayout& layout, const fs::path& list, const fs::path& images,
                  const std::string& image_suffix, const fs::path& labels, const std::string& label_suffix) {
  for (const std::string& name : names_in_list(list)) {
    const fs::path image = images / (name + image_suffix), label = labels / (name + label_suffix);
    if (!is_there(image))
      throw Error(ErrorKind::file, {.where = list.string(),
                                    .found = cat("'", name, "' is listed, but there is no ", image.string()),
                                    .next = "Complete the data set's images"});
    if (is_there(label))
      layout.pairs.push_back({image.stem().string(), image, label});
    else
      layout.images_without_labels.push_back(image);
  }
}

std::vector<std::string> lists_in(const fs::path& folder, const std::vector<std::string>& candidates) {
  std::vector<std::string> found;
  for (const std::string& name : candidates)
    if (is_there(folder / (name + ".txt"))) found.push_back(name);
  return found;
}

fs::path find_root(const fs::path& root, const std::vector<std::string>& inner, const std::string& marker,
                   const std::string& looks_like) {
  if (is_there(root / marker)) return root;
  for (const std::string& folder : inner)
    if (is_there(root / folder / marker)) return root / folder;
  throw Error(
      ErrorKind::file,
      {.where = root.string(), .found = cat("no ", marker), .allowed = cat("the data set is ", looks_like)});
}

void declare_classes(FileLayout& layout, std::vector<ClassInfo> classes, int64_t first_label) {
  layout.classes = std::move(classes);
  for (size_t c = 0; c < layout.classes.size(); ++c)
    layout.label_map[first_label + static_cast<int64_t>(c)] = static_cast<int64_t>(c);
  for (int64_t label = 0; label < first_label; ++label)
    layout.label_map[label] = LabelMap::ignore_label;
  layout.label_map[LabelMap::ignore_label] = LabelMap::ignore_label;
}

}  // namespace vitrail
