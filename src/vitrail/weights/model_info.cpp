#include "vitrail/weights/model_info.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>

#include <nlohmann/json.hpp>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/input_channels.h"
#include "vitrail/weights/instance_info.h"

namespace vitrail {
namespace {

using Json = nlohmann::json;
using Metadata = std::map<std::string, std::string>;

constexpr std::string_view prefix = "vitrail.";
constexpr std::string_view note_prefix = "vitrail.note.";
constexpr int64_t format_version = 1;
constexpr size_t max_json_bytes = size_t{1} << 22;
constexpr int64_t max_label = 65535;  // label maps hold 16 bits
constexpr int64_t ignored_label = 255;
constexpr int64_t max_image_side = int64_t{1} << 20;
constexpr double max_pixel_statistic = 1e6;

constexpr std::array<std::string_view, 2> task_names{"semantic", "instance"};
constexpr std::array<std::string_view, 3> order_names{"rgb", "bgr", "grey"};
constexpr std::array<std::string_view, 6> required{"format",        "task", "classes",
                                                   "channel_order", "mean", "std"};

std::string full_key(std::string_view key) {
  return cat(prefix, key);
}

// Bytes that are not UTF-8 cannot stand in JSON; a mangled class name is better than a lost model.
std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// One pass over the pairs: each function reads one key, checks it, and names it when it is wrong.
class Reader {
 public:
  Reader(const Metadata& metadata, const std::string& source) : metadata_(metadata), source_(source) {}

  [[noreturn]] void fail(std::string_view key, const std::string& found, const std::string& allowed) const {
    throw Error(ErrorKind::format, {.where = cat(source_, ": metadata ", full_key(key)),
                                    .found = found,
                                    .allowed = allowed,
                                    .next = ""});
  }

  const std::string* find(std::string_view key) const {
    const auto it = metadata_.find(full_key(key));
    return it == metadata_.end() ? nullptr : &it->second;
  }

  std::string text(std::string_view key) const {
    const std::string* value = find(key);
    return value == nullptr ? "" : *value;
  }

  template <size_t N>
  size_t one_of(std::string_view key, const std::array<std::string_view, N>& names) const {
    const std::string value = text(key);
    const auto it = std::find(names.begin(), names.end(), value);
    if (it == names.end()) fail(key, cat("'", value.substr(0, 80), "'"), cat("must be one of ", join(names)));
    return static_cast<size_t>(it - names.begin());
  }

  int64_t integer(std::string_view key, int64_t otherwise, int64_t low, int64_t high) const {
    const std::string* value = find(key);
    return value == nullptr ? otherwise : parse_integer(key, *value, low, high);
  }

  int64_t parse_integer(std::string_view key, std::string_view value, int64_t low, int64_t high) const {
    int64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    const bool whole = error == std::errc() && end == value.data() + value.size();
    if (!whole || number < low || number > high)
      fail(key, cat("'", value.substr(0, 80), "'"), cat("must be a whole number in ", low, "..", high));
    return number;
  }

  // Bounded, no deeper than a list of lists, and no key twice (a parser would silently keep one of them).
  Json json(std::string_view key, Json::value_t type, const std::string& shape) const {
    const std::string& value = metadata_.at(full_key(key));
    if (value.size() > max_json_bytes)
      fail(key, cat(value.size(), " bytes"), cat("at most ", max_json_bytes));
    std::set<std::string> seen;
    const auto check = [&](int depth, Json::parse_event_t event, Json& parsed) {
      if (depth > 2) fail(key, "lists nested too deeply", shape);
      if (event == Json::parse_event_t::key && !seen.insert(parsed.get<std::string>()).second)
        fail(key, cat("'", parsed.get<std::string>().substr(0, 80), "' is there twice"), shape);
      return true;
    };
    Json parsed;
    try {
      parsed = Json::parse(value, check);
    } catch (const Json::exception&) {
      fail(key, cat("'", value.substr(0, 80), "' is not JSON"), shape);
    }
    if (parsed.type() != type) fail(key, cat("'", value.substr(0, 80), "'"), shape);
    return parsed;
  }

 private:
  const Metadata& metadata_;
  const std::string& source_;
};

std::vector<double> read_statistics(const Reader& reader, std::string_view key, ChannelOrder order,
                                    double low) {
  // Beside colours there may be further channels (image/channels.h); with two the first is grey.
  const size_t least = order == ChannelOrder::grey ? 1 : (order == ChannelOrder::bgr ? 3 : 2);
  const size_t most = order == ChannelOrder::grey ? 1 : static_cast<size_t>(max_input_channels);
  const std::string shape =
      cat("must be a JSON list of ", most == 1 ? "1" : "3", low > 0 ? " positive" : "",
          " finite numbers on the 0..255 scale",
          most == 1 ? "" : cat(" (", least, " to ", most, " for other pictures than RGB)"));
  std::vector<double> values;
  const Json list = reader.json(key, Json::value_t::array, shape);
  if (list.size() < least || list.size() > most) reader.fail(key, cat("a list of ", list.size()), shape);
  for (const Json& item : list) {
    if (!item.is_number()) reader.fail(key, item.dump().substr(0, 80), shape);
    const double value = item.get<double>();
    if (!std::isfinite(value) || value < low || value > max_pixel_statistic)
      reader.fail(key, item.dump(), shape);
    values.push_back(value);
  }
  return values;
}

std::vector<ClassInfo> read_classes(const Reader& reader) {
  const std::string shape = "must be a JSON list of at most 65536 class names";
  std::vector<ClassInfo> classes;
  const Json names = reader.json("classes", Json::value_t::array, shape);
  if (static_cast<int64_t>(names.size()) > max_label + 1)
    reader.fail("classes", cat("a list of ", names.size()), shape);
  for (const Json& name : names) {
    if (!name.is_string()) reader.fail("classes", name.dump().substr(0, 80), shape);
    classes.push_back({.name = name.get<std::string>(), .color = {}});
  }
  return classes;
}

void read_palette(const Reader& reader, std::vector<ClassInfo>& classes) {
  const std::string shape = cat("must be a JSON list of [red, green, blue] in 0..255, one for each of the ",
                                classes.size(), " classes");
  const Json colors = reader.json("palette", Json::value_t::array, shape);
  if (colors.size() != classes.size()) reader.fail("palette", cat("a list of ", colors.size()), shape);
  for (size_t c = 0; c < classes.size(); ++c) {
    const Json& color = colors[c];
    if (!color.is_array() || color.size() != 3) reader.fail("palette", color.dump().substr(0, 80), shape);
    for (size_t channel = 0; channel < 3; ++channel) {
      if (!color[channel].is_number_unsigned() || color[channel].get<uint64_t>() > 255)
        reader.fail("palette", color.dump().substr(0, 80), shape);
      classes[c].color[channel] = color[channel].get<uint8_t>();
    }
  }
}

std::map<int64_t, int64_t> read_label_map(const Reader& reader, size_t classes) {
  const std::string shape =
      cat("must be a JSON object from labels 0..", max_label, " to one of ", classes, " classes or 255");
  std::map<int64_t, int64_t> label_map;
  const Json object = reader.json("label_map", Json::value_t::object, shape);
  for (const auto& [label, target] : object.items()) {
    const int64_t from = reader.parse_integer("label_map", label, 0, max_label);
    if (!target.is_number_unsigned()) reader.fail("label_map", target.dump().substr(0, 80), shape);
    const auto to = target.get<uint64_t>();
    if (to >= classes && to != ignored_label) reader.fail("label_map", cat(label, " -> ", to), shape);
    if (!label_map.emplace(from, static_cast<int64_t>(to)).second)
      reader.fail("label_map", cat("label ", from, " is there twice"), shape);
  }
  return label_map;
}

Preprocessing read_preprocessing(const Reader& reader) {
  Preprocessing p;
  p.order = static_cast<ChannelOrder>(reader.one_of("channel_order", order_names));
  p.mean = read_statistics(reader, "mean", p.order, -max_pixel_statistic);
  p.std = read_statistics(reader, "std", p.order, 1e-6);
  if (p.std.size() != p.mean.size()) {
    const bool odd_mean = p.mean.size() != 3;  // the one that is not of colours is to blame
    reader.fail(odd_mean ? "mean" : "std", cat("a list of ", odd_mean ? p.mean.size() : p.std.size()),
                cat("must have as many numbers as ",
                    odd_mean ? "std: " : "mean: ", odd_mean ? p.std.size() : p.mean.size()));
  }
  p.multiple = reader.integer("multiple", 1, 1, 4096);
  p.height = reader.integer("height", 0, 0, max_image_side);
  p.width = reader.integer("width", 0, 0, max_image_side);
  return p;
}

}  // namespace

Metadata metadata_from_info(const ModelInfo& info) {
  Json names = Json::array(), palette = Json::array(), label_map = Json::object();
  for (const ClassInfo& c : info.classes) {
    names.push_back(c.name);
    palette.push_back(c.color);
  }
  for (const auto& [label, target] : info.label_map)
    label_map[std::to_string(label)] = target;
  const Preprocessing& p = info.preprocessing;
  Metadata metadata;
  const auto set = [&](std::string_view key, std::string value) {
    metadata[full_key(key)] = std::move(value);
  };
  set("format", std::to_string(format_version));
  set("task", std::string(task_names[static_cast<size_t>(info.task)]));
  set("architecture", info.architecture);
  set("classes", dump(names));
  set("palette", dump(palette));
  set("channel_order", std::string(order_names[static_cast<size_t>(p.order)]));
  set("mean", dump(p.mean));
  set("std", dump(p.std));
  set("multiple", std::to_string(p.multiple));
  set("height", std::to_string(p.height));
  set("width", std::to_string(p.width));
  set("label_map", dump(label_map));
  set("dataset", info.dataset);
  set("recipe", info.recipe);
  if (const std::string instance = instance_to_json(info.instance); !instance.empty())
    set("instance", instance);
  for (const auto& [key, note] : info.notes)
    metadata[cat(note_prefix, key)] = note;
  return metadata;
}

bool is_described(const ModelInfo& info) {
  return !info.classes.empty() || !info.architecture.empty();
}

bool has_model_info(const Metadata& metadata) {
  return std::all_of(required.begin(), required.end(),
                     [&](std::string_view key) { return metadata.contains(full_key(key)); });
}

ModelInfo info_from_metadata(const Metadata& metadata, const std::string& source) {
  const Reader reader(metadata, source);
  for (const std::string_view key : required)
    if (reader.find(key) == nullptr) reader.fail(key, "is missing", cat("needed are ", join(required)));
  if (const int64_t version = reader.integer("format", 0, 1, INT64_MAX); version > format_version)
    throw Error(ErrorKind::unsupported, {.where = cat(source, ": metadata ", full_key("format")),
                                         .found = cat("version ", version),
                                         .allowed = cat("this build reads up to ", format_version),
                                         .next = "Use a newer Vitrail"});
  ModelInfo info;
  info.task = static_cast<Task>(reader.one_of("task", task_names));
  info.architecture = reader.text("architecture");
  info.classes = read_classes(reader);
  if (reader.find("palette") != nullptr) read_palette(reader, info.classes);
  info.preprocessing = read_preprocessing(reader);
  if (reader.find("label_map") != nullptr) info.label_map = read_label_map(reader, info.classes.size());
  info.dataset = reader.text("dataset");
  info.recipe = reader.text("recipe");
  if (const std::string* instance = reader.find("instance"))
    info.instance = instance_from_json(*instance, cat(source, ": metadata ", full_key("instance")));
  for (const auto& [key, value] : metadata)
    if (key.starts_with(note_prefix)) info.notes[key.substr(note_prefix.size())] = value;
  return info;
}

}  // namespace vitrail
