#include "vitrail/data/cityscapes_results.h"

#include <algorithm>
#include <charconv>
#include <sstream>
#include <system_error>

#include <nlohmann/json.hpp>

#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"
#include "vitrail/data/cityscapes.h"
#include "vitrail/data/file_dataset.h"
#include "vitrail/data/json_fields.h"
#include "vitrail/data/published_instances.h"
#include "vitrail/image/label_png.h"

namespace vitrail {
namespace {

namespace fs = std::filesystem;

constexpr int64_t most_text_bytes = int64_t{16} << 20;
constexpr uint16_t first_object = 1000;
constexpr std::string_view label_end = "_gtFine_labelIds.png";
/// Labels that Cityscapes does not evaluate, as they stand in instanceIds.
constexpr uint16_t void_labels[] = {0, 1, 2, 3, 4, 5, 6, 9, 10, 14, 15, 16, 18, 29, 30};

/// "aachen_000000_000019" of "aachen_000000_000019_pred.txt": city, sequence, frame; empty for another name.
std::string frame_of(const std::string& stem) {
  size_t at = stem.find('_');
  for (int part = 0; part < 2; ++part) {
    if (at == std::string::npos) return "";
    const size_t digits = at + 1;
    at = digits;
    while (at < stem.size() && stem[at] >= '0' && stem[at] <= '9')
      ++at;
    if (at == digits) return "";
  }
  return stem.substr(0, at);
}

template <class Number>
bool read_number(const std::string& word, Number& number) {
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  return error == std::errc() && end == word.data() + word.size();
}

Rle read_mask(const fs::path& path) {
  const LabelMap map = read_label_map(path);
  Mask mask(map.height, map.width);
  for (size_t i = 0; i < mask.pixels.size(); ++i)
    mask.pixels[i] = map.labels[i] != 0 ? 1 : 0;
  return encode_rle(mask);
}

/// baseline (m) * focal length (pixels) of a camera file.
double depth_factor(const fs::path& camera) {
  const nlohmann::json json = read_json_items(camera, [](const std::string&, int64_t, const auto&) {});
  const JsonFields fields(json, camera.string(), "");
  return fields.inner("extrinsic").number("baseline", 1e-6, 1e3) *
         fields.inner("intrinsic").number("fx", 1e-6, 1e6);
}

/// Median distance and density of an object from its disparities: d = (value - 1) / 256, 0 is unknown.
void measure(CityscapesTruth::Object& object, const LabelMap& disparity, double factor) {
  std::vector<double> distances;
  const Mask mask = decode_rle(object.mask);
  int64_t pixels = 0;
  for (size_t i = 0; i < mask.pixels.size(); ++i) {
    if (mask.pixels[i] == 0) continue;
    ++pixels;
    if (disparity.labels[i] > 1) distances.push_back(factor * 256 / (disparity.labels[i] - 1.0));
  }
  object.stereo_density = static_cast<double>(distances.size()) / static_cast<double>(pixels);
  if (distances.empty()) return;
  const auto middle = distances.begin() + std::ssize(distances) / 2;
  std::nth_element(distances.begin(), middle, distances.end());
  object.distance = *middle;
}

fs::path sibling(const fs::path& root, const char* kind, const std::string& split, const fs::path& city,
                 const std::string& file) {
  const fs::path path = root / kind / split / city / file;
  std::error_code ignored;
  return fs::exists(path, ignored) ? path : fs::path();
}

}  // namespace

CityscapesResults::CityscapesResults(const fs::path& folder) : folder_(folder) {
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (at->path().extension() != ".txt") continue;
    const std::string frame = frame_of(at->path().stem().string());
    if (!frame.empty()) texts_[frame].push_back(at->path());
  }
  if (error) throw Error(ErrorKind::file, {.where = folder.string(), .found = error.message()});
  if (texts_.empty())
    throw Error(ErrorKind::file, {.where = folder.string(),
                                  .found = "there is no result text",
                                  .allowed = "<city>_<sequence>_<frame>*.txt for every frame"});
}

std::vector<CityscapesResult> CityscapesResults::read(const std::string& frame) const {
  const auto texts = texts_.find(frame);
  if (texts == texts_.end() || texts->second.size() > 1)
    throw Error(ErrorKind::file,
                {.where = folder_.string(),
                 .found = cat(texts == texts_.end() ? "no text" : "more than one text", " of frame ", frame),
                 .allowed = cat("one ", frame, "*.txt, empty where nothing was found")});
  const fs::path& path = texts->second[0];
  std::istringstream text(read_file(path, most_text_bytes));
  std::vector<CityscapesResult> results;
  std::string line;
  for (int64_t number = 1; std::getline(text, line); ++number) {
    std::istringstream words(line);
    std::string mask, label, score, more;
    if (!(words >> mask)) continue;
    words >> label >> score;
    CityscapesResult result;
    if (score.empty() || words >> more || !read_number(label, result.label_id) ||
        !read_number(score, result.score))
      throw Error(ErrorKind::format, {.where = cat(path.string(), ":", number),
                                      .found = "'" + line.substr(0, 120) + "'",
                                      .allowed = "a mask PNG, a label id and a score"});
    const fs::path file(mask);
    if (file.is_absolute() || std::find(file.begin(), file.end(), "..") != file.end())
      throw Error(ErrorKind::format, {.where = cat(path.string(), ":", number),
                                      .found = "'" + mask + "'",
                                      .allowed = "a path below the text's folder"});
    result.mask = read_mask(path.parent_path() / file);
    results.push_back(std::move(result));
  }
  return results;
}

void write_cityscapes_results(const fs::path& folder, const std::string& frame,
                              const std::vector<CityscapesResult>& results) {
  fs::create_directories(folder);
  std::ostringstream text;
  text.precision(17);
  for (size_t i = 0; i < results.size(); ++i) {
    const std::string name = cat(frame, "_", i, ".png");
    const Mask mask = decode_rle(results[i].mask);
    LabelMap map(mask.height, mask.width);
    for (size_t p = 0; p < mask.pixels.size(); ++p)
      map.labels[p] = mask.pixels[p] != 0 ? 255 : 0;
    write_label_map(folder / name, map);
    text << name << " " << results[i].label_id << " " << results[i].score << "\n";
  }
  write_file_atomically(folder / (frame + ".txt"), text.str());
}

std::vector<CityscapesFrame> cityscapes_frames(const fs::path& root, const std::string& split) {
  std::vector<CityscapesFrame> frames;
  for (const FilePair& pair : cityscapes_entry().layout(root, split).pairs) {
    const std::string file = pair.labels.filename().string();
    const fs::path city = pair.labels.parent_path().filename();
    const fs::path top = pair.labels.parent_path().parent_path().parent_path().parent_path();
    const std::string frame = frame_of(file);
    frames.push_back({frame, cityscapes_instance_file(pair.labels),
                      sibling(top, "disparity", split, city, frame + "_disparity.png"),
                      sibling(top, "camera", split, city, frame + "_camera.json")});
  }
  if (frames.empty())
    throw Error(ErrorKind::file, {.where = cat("cityscapes:", root.string(), " split ", split),
                                  .found = cat("there is no frame with ...", label_end)});
  return frames;
}

CityscapesTruth read_cityscapes_truth(const CityscapesFrame& frame) {
  const LabelMap numbers = read_label_map(frame.instance_ids);
  CityscapesTruth truth;
  std::vector<Rle> ignored = {encode_rle(Mask(numbers.height, numbers.width))};
  for (auto& [number, mask] : masks_of_labels(numbers)) {
    if (std::find(std::begin(void_labels), std::end(void_labels), number) != std::end(void_labels))
      ignored.push_back(mask);
    const int64_t id = number >= first_object ? number / first_object : number;
    const std::vector<int64_t>& ids = cityscapes_instance_ids();
    if (std::find(ids.begin(), ids.end(), id) != ids.end())
      truth.objects.push_back({id, std::move(mask), number < first_object, std::nullopt, 0});
  }
  truth.void_pixels = united(ignored);
  if (frame.disparity.empty() || frame.camera.empty()) return truth;
  const LabelMap disparity = read_label_map(frame.disparity);
  if (disparity.height != numbers.height || disparity.width != numbers.width)
    throw Error(ErrorKind::shape,
                {.where = frame.disparity.string(),
                 .found = cat(disparity.width, "x", disparity.height),
                 .allowed = cat(frame.instance_ids.string(), " has ", numbers.width, "x", numbers.height)});
  const double factor = depth_factor(frame.camera);
  for (CityscapesTruth::Object& object : truth.objects)
    measure(object, disparity, factor);
  return truth;
}

}  // namespace vitrail
