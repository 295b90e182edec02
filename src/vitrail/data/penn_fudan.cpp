#include "vitrail/data/penn_fudan.h"

#include <cstdio>
#include <sstream>
#include <system_error>

#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"
#include "vitrail/data/file_dataset.h"
#include "vitrail/data/list_file.h"
#include "vitrail/data/numbered_instances.h"

namespace vitrail {
namespace {

namespace fs = std::filesystem;

constexpr int64_t most_text_bytes = 1 << 20;
constexpr size_t validation_step = 5;
const std::vector<std::string> split_names = {"all", "train", "val"};

fs::path penn_fudan_root(const fs::path& root) {
  return find_root(root, {"PennFudanPed"}, "PedMasks", "PNGImages/, PedMasks/ and Annotation/");
}

std::vector<std::string> penn_fudan_splits(const fs::path& root) {
  penn_fudan_root(root);
  return split_names;
}

/// Object numbers and the boxes of lines such as
///   Bounding box for object 1 "PASpersonWalking" (Xmin, Ymin) - (Xmax, Ymax) : (160, 182) - (302, 431)
/// whose corners are pixels, counted from 1, and both inside.
std::map<uint16_t, std::array<double, 4>> boxes_in(const fs::path& notes) {
  std::istringstream text(read_file(notes, most_text_bytes));
  std::map<uint16_t, std::array<double, 4>> boxes;
  std::string line;
  for (int64_t number = 1; std::getline(text, line); ++number) {
    if (!line.starts_with("Bounding box for object ")) continue;
    unsigned object = 0;
    int x1 = 0, y1 = 0, x2 = 0, y2 = 0;
    const size_t corners = line.rfind(" : ");
    const bool is_read =
        std::sscanf(line.c_str(), "Bounding box for object %5u", &object) == 1 &&
        corners != std::string::npos &&
        std::sscanf(line.c_str() + corners, " : (%6d, %6d) - (%6d, %6d)", &x1, &y1, &x2, &y2) == 4;
    if (!is_read || object < 1 || object > UINT16_MAX || x1 < 1 || y1 < 1 || x2 < x1 || y2 < y1)
      throw Error(ErrorKind::format, {.where = cat(notes.string(), ":", number),
                                      .found = "'" + line.substr(0, 120) + "'",
                                      .allowed = "... : (Xmin, Ymin) - (Xmax, Ymax), counted from 1"});
    boxes[static_cast<uint16_t>(object)] = {x1 - 1.0, y1 - 1.0, x2 - x1 + 1.0, y2 - y1 + 1.0};
  }
  return boxes;
}

std::optional<NumberedObject> meaning(uint16_t number) {
  if (number == 0) return std::nullopt;
  return NumberedObject{};
}

std::unique_ptr<InstanceDataset> open_penn_fudan(const fs::path& given, const std::string& split) {
  const fs::path root = penn_fudan_root(given);
  NumberedLayout layout;
  layout.classes = {{"person", {220, 20, 60}}};
  layout.meaning = meaning;
  layout.boxes = boxes_in;
  size_t count = 0;
  for (const auto& [stem, image] : files_by_stem(root / "PNGImages")) {
    const bool is_validation = count++ % validation_step == validation_step - 1;
    if (split != "all" && is_validation != (split == "val")) continue;
    const fs::path numbers = root / "PedMasks" / (stem + "_mask.png");
    std::error_code ignored;
    if (!fs::exists(numbers, ignored))
      throw Error(ErrorKind::file, {.where = numbers.string(),
                                    .found = "there is no such file",
                                    .allowed = cat("every picture has its mask, also ", image.string())});
    const fs::path notes = root / "Annotation" / (stem + ".txt");
    layout.files.push_back({stem, image, numbers, fs::exists(notes, ignored) ? notes : fs::path()});
  }
  return numbered_dataset(std::move(layout), root.string());
}

}  // namespace

InstanceDatasetEntry penn_fudan_entry() {
  return {.name = "penn-fudan",
          .summary =
              "pedestrians: PATH/PNGImages, PATH/PedMasks, PATH/Annotation; val is every fifth picture, the "
              "authors name no splits",
          .splits = split_names,
          .splits_in = penn_fudan_splits,
          .open = open_penn_fudan};
}

}  // namespace vitrail
