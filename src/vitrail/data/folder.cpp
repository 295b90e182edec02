#include "vitrail/data/folder.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <sstream>
#include <system_error>

#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"
#include "vitrail/base/utf8.h"
#include "vitrail/data/file_dataset.h"
#include "vitrail/graph/input_channels.h"
#include "vitrail/image/image_list.h"
#include "vitrail/image/palette.h"

namespace vitrail {
namespace {

namespace fs = std::filesystem;

constexpr int64_t max_text_bytes = int64_t{64} << 20;
constexpr int64_t max_index = LabelMap::ignore_label;  // itself the line that names the ignored colour
constexpr const char* table_name = "classes.txt";
constexpr const char* channels_name = "channels.txt";
constexpr const char* everything = "all";

struct Line {
  int64_t number = 0;
  std::vector<std::string> words;
};

/// Lines that say something: comments and blanks are left out, line ends of any system are accepted.
std::vector<Line> lines_of(const fs::path& path) {
  std::istringstream text(without_byte_order_mark(read_file(path, max_text_bytes)));
  std::vector<Line> lines;
  std::string row;
  for (int64_t number = 1; std::getline(text, row); ++number) {
    std::istringstream words(row.substr(0, row.find('#')));
    Line line{number, {}};
    for (std::string word; words >> word;)
      line.words.push_back(word);
    if (!line.words.empty()) lines.push_back(std::move(line));
  }
  return lines;
}

std::optional<int64_t> number_from(const std::string& word) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return value;
}

/// The colour in the last three words, which are then taken off.
std::optional<Rgb> take_color(std::vector<std::string>& words) {
  if (words.size() < 5) return std::nullopt;
  Rgb color{};
  for (size_t c = 0; c < 3; ++c) {
    const auto value = number_from(words[words.size() - 3 + c]);
    if (!value || *value < 0 || *value > 255) return std::nullopt;
    color[c] = static_cast<uint8_t>(*value);
  }
  words.resize(words.size() - 3);
  return color;
}

std::string place(const fs::path& path, const Line& line) {
  return cat(path.string(), ":", line.number);
}

/// Names of a list, in its order.
void select(FileLayout& layout, const fs::path& list) {
  std::map<std::string, FilePair> pair_of;
  std::set<std::string> unlabelled;
  for (FilePair& pair : layout.pairs)
    pair_of.emplace(pair.name, std::move(pair));
  for (const fs::path& image : layout.images_without_labels)
    unlabelled.insert(image.stem().string());
  layout.pairs.clear();
  std::vector<fs::path> still_unlabelled;
  for (const Line& line : lines_of(list)) {
    const std::string written = join(line.words, " ");
    const std::string stem = has_image_extension(written) ? fs::path(written).stem().string() : written;
    if (const auto found = pair_of.find(stem); found != pair_of.end())
      layout.pairs.push_back(found->second);
    else if (unlabelled.contains(stem))
      still_unlabelled.push_back(stem);
    else
      throw Error(ErrorKind::file,
                  {.where = place(list, line),
                   .found = cat("there is no image '", written, "'"),
                   .allowed = "a line is the name of a file in images/, with or without extension"});
  }
  std::erase_if(layout.images_without_labels, [&](const fs::path& image) {
    return std::find(still_unlabelled.begin(), still_unlabelled.end(), image.stem()) ==
           still_unlabelled.end();
  });
}

std::vector<std::string> folder_splits(const fs::path& root) {
  std::error_code error;
  const std::string images = read_channel_folders(root)[0].folder;
  if (!fs::is_directory(root / images, error))
    throw Error(ErrorKind::file, {.where = root.string(),
                                  .found = cat("no folder ", images),
                                  .allowed = "a folder data set is images/, masks/ and classes.txt"});
  std::vector<std::string> splits;
  for (fs::directory_iterator at(root, error), end; !error && at != end; at.increment(error)) {
    const fs::path& path = at->path();
    std::error_code ignored;
    if (path.extension() == ".txt" && path.filename() != table_name && path.filename() != channels_name &&
        at->is_regular_file(ignored))
      splits.push_back(path.stem().string());
  }
  if (error) throw Error(ErrorKind::file, {.where = root.string(), .found = error.message()});
  std::sort(splits.begin(), splits.end());
  if (splits.empty()) splits.push_back(everything);
  return splits;
}

FileLayout folder_layout(const fs::path& root, const std::string& split) {
  FileLayout layout;
  ClassTable table = read_class_table(root / table_name);
  layout.classes = std::move(table.classes);
  layout.ignore_color = table.ignore_color;
  layout.color_masks = true;
  const std::vector<ChannelFolder> folders = read_channel_folders(root);
  pair_by_stem(layout, root / folders[0].folder, root / "masks");
  const fs::path list = root / (split + ".txt");
  if (std::error_code ignored; fs::is_regular_file(list, ignored)) select(layout, list);
  for (FilePair& pair : layout.pairs)
    pair.channels = folders[0].channels;
  for (size_t i = 1; i < folders.size(); ++i)
    add_channels(layout, root / folders[i].folder, folders[i].channels);
  return layout;
}

}  // namespace

std::vector<ChannelFolder> read_channel_folders(const fs::path& root) {
  const fs::path path = root / channels_name;
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return {{"images"}};
  std::vector<ChannelFolder> folders;
  for (const Line& line : lines_of(path)) {
    const auto channels = line.words.size() == 2 ? number_from(line.words[1]) : std::optional<int64_t>(0);
    const bool known = std::any_of(folders.begin(), folders.end(),
                                   [&](const ChannelFolder& other) { return other.folder == line.words[0]; });
    const bool number =
        channels && *channels >= (line.words.size() == 2 ? 1 : 0) && *channels <= max_input_channels;
    if (line.words.size() > 2 || !number || known)
      throw Error(ErrorKind::format,
                  {.where = place(path, line),
                   .found = cat("'", join(line.words, " "), known ? "' is there twice" : "'"),
                   .allowed = cat("a line is: folder [channels], 1 to ", max_input_channels,
                                  " of them; the folder's files have the names of the first folder's")});
    folders.push_back({line.words[0], *channels});
  }
  if (folders.empty())
    throw Error(ErrorKind::format,
                {.where = path.string(), .found = "no folder", .allowed = "at least one line: folder"});
  return folders;
}

ClassTable read_class_table(const fs::path& path) {
  std::map<int64_t, ClassInfo> classes;
  std::set<int64_t> uncolored;
  ClassTable table;
  for (Line& line : lines_of(path)) {
    const auto fail = [&](const std::string& found) {
      throw Error(ErrorKind::format,
                  {.where = place(path, line),
                   .found = found,
                   .allowed = "a line is: index name [red green blue], indices from 0 without gaps"});
    };
    if (!is_utf8(join(line.words, " ")))
      throw Error(ErrorKind::format, {.where = place(path, line),
                                      .found = "bytes that are not UTF-8",
                                      .next = "Save the file as UTF-8 in your editor"});
    const auto index = number_from(line.words[0]);
    if (!index || *index < 0 || *index > max_index) fail(cat("'", line.words[0], "' is not a class index"));
    const auto color = take_color(line.words);
    if (line.words.size() < 2) fail("the class has no name");
    if (*index == LabelMap::ignore_label) {
      table.ignore_color = color;
      continue;
    }
    line.words.erase(line.words.begin());
    if (!color) uncolored.insert(*index);
    if (!classes.emplace(*index, ClassInfo{join(line.words, " "), color.value_or(Rgb{})}).second)
      fail(cat("class ", *index, " is declared twice"));
  }
  const std::vector<Rgb> spare = distinct_palette(static_cast<int64_t>(classes.size()));
  for (auto& [index, info] : classes) {
    if (index != static_cast<int64_t>(table.classes.size()))
      throw Error(ErrorKind::format, {.where = path.string(),
                                      .found = cat("class ", table.classes.size(), " is missing"),
                                      .allowed = "indices start at 0 and have no gaps"});
    if (uncolored.contains(index)) info.color = spare[static_cast<size_t>(index)];
    table.classes.push_back(std::move(info));
  }
  if (table.classes.empty())
    throw Error(ErrorKind::format,
                {.where = path.string(), .found = "no class", .allowed = "at least one line: index name"});
  return table;
}

DatasetEntry folder_entry() {
  return {.name = "folder",
          .summary =
              "your own data: PATH/images, PATH/masks (index, palette or colour PNG), PATH/classes.txt, "
              "PATH/SPLIT.txt; PATH/channels.txt where several files make a picture",
          .splits = {},
          .splits_in = folder_splits,
          .layout = folder_layout};
}

}  // namespace vitrail
