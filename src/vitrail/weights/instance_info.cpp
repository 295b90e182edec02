#include "vitrail/weights/instance_info.h"

#include <array>
#include <cmath>
#include <set>
#include <type_traits>
#include <vector>

#include <nlohmann/json.hpp>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t most_bytes = size_t{1} << 22;
constexpr int most_depth = 8;
constexpr int64_t most_boxes = 10'000'000;
constexpr int64_t largest_side = int64_t{1} << 20;
constexpr double largest_size = 1e6;

// A format has one description (the functions `fields` below) and two readers of it: Writer puts a struct's
// fields into JSON, Reader takes them out and checks them.
class Writer {
 public:
  explicit Writer(Json& json) : json_(json) {}

  template <class T>
  void field(const char* name, T& value, double, double) {
    json_[name] = value;
  }
  void flag(const char* name, bool& value) { json_[name] = value; }
  void text(const char* name, std::string& value) { json_[name] = value; }
  template <class Enum, size_t N>
  void word(const char* name, Enum& value, const std::array<const char*, N>& words) {
    json_[name] = words.at(static_cast<size_t>(value));
  }
  template <class T>
  void object(const char* name, T& value) {
    json_[name] = Json::object();
    Writer inner(json_[name]);
    fields(inner, value);
  }
  template <class T>
  void objects(const char* name, std::vector<T>& values, size_t) {
    Json list = Json::array();
    for (T& value : values) {
      Writer inner(list.emplace_back(Json::object()));
      fields(inner, value);
    }
    json_[name] = std::move(list);
  }
  template <class T>
  void numbers(const char* name, T& values, size_t, double, double) {
    json_[name] = values;
  }

 private:
  Json& json_;
};

class Reader {
 public:
  Reader(const Json& json, std::string where) : json_(json), where_(std::move(where)) {
    if (!json.is_object()) fail("", json, "must be a JSON object");
  }

  template <class T>
  void field(const char* name, T& value, double low, double high) {
    if (const Json* json = find(name)) value = number<T>(cat(".", name), *json, low, high);
  }
  void flag(const char* name, bool& value) {
    const Json* json = find(name);
    if (json == nullptr) return;
    if (!json->is_boolean()) fail(cat(".", name), *json, "must be true or false");
    value = json->get<bool>();
  }
  void text(const char* name, std::string& value) {
    const Json* json = find(name);
    if (json == nullptr) return;
    if (!json->is_string() || json->get_ref<const std::string&>().empty() ||
        json->get_ref<const std::string&>().size() > 256)
      fail(cat(".", name), *json, "must be text of 1 to 256 bytes");
    value = json->get<std::string>();
  }
  template <class Enum, size_t N>
  void word(const char* name, Enum& value, const std::array<const char*, N>& words) {
    const Json* json = find(name);
    if (json == nullptr) return;
    for (size_t i = 0; i < N; ++i)
      if (*json == words[i]) {
        value = static_cast<Enum>(i);
        return;
      }
    fail(cat(".", name), *json, cat("must be one of ", join(words)));
  }
  template <class T>
  void object(const char* name, T& value) {
    if (const Json* json = find(name)) read(*json, cat(where_, ".", name), value);
  }
  template <class T>
  void objects(const char* name, std::vector<T>& values, size_t most) {
    const Json* json = find(name);
    if (json == nullptr) return;
    expect_list(cat(".", name), *json, 0, most);
    values.clear();
    for (size_t i = 0; i < json->size(); ++i)
      read((*json)[i], cat(where_, ".", name, "[", i, "]"), values.emplace_back());
  }
  // A list of numbers, or of pairs of them.
  template <class T>
  void numbers(const char* name, T& values, size_t most, double low, double high) {
    if (const Json* json = find(name)) list(cat(".", name), *json, values, most, low, high);
  }

  // Every field of the JSON is one that was asked for.
  void finish() const {
    for (const auto& [key, value] : json_.items())
      if (!known_.contains(key))
        fail(cat(".", key.substr(0, 80)), value, cat("is not a field here; there are: ", join(known_)));
  }

  template <class T>
  static void read(const Json& json, const std::string& where, T& value) {
    Reader reader(json, where);
    fields(reader, value);
    reader.finish();
  }

 private:
  [[noreturn]] void fail(const std::string& field, const Json& found, const std::string& allowed) const {
    throw Error(ErrorKind::format,
                {.where = where_ + field,
                 .found = found.dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, 80),
                 .allowed = allowed});
  }

  const Json* find(const char* name) {
    known_.insert(name);
    const auto found = json_.find(name);
    return found == json_.end() ? nullptr : &*found;
  }

  void expect_list(const std::string& field, const Json& json, size_t least, size_t most) const {
    if (!json.is_array() || json.size() < least || json.size() > most)
      fail(field, json, cat("must be a list of ", least, " to ", most, " items"));
  }

  template <class T>
  T number(const std::string& field, const Json& json, double low, double high) const {
    const bool fits = std::is_integral_v<T> ? json.is_number_integer() : json.is_number();
    const double value = fits ? json.get<double>() : NAN;
    if (!(value >= low && value <= high))
      fail(field, json,
           cat("must be a ", std::is_integral_v<T> ? "whole " : "", "number in ", low, "..", high));
    return json.get<T>();
  }

  template <class T, size_t N>
  void list(const std::string& field, const Json& json, std::array<T, N>& values, size_t, double low,
            double high) const {
    expect_list(field, json, N, N);
    for (size_t i = 0; i < N; ++i)
      values[i] = number<T>(cat(field, "[", i, "]"), json[i], low, high);
  }
  template <class T>
  void list(const std::string& field, const Json& json, std::vector<T>& values, size_t most, double low,
            double high) const {
    expect_list(field, json, 0, most);
    values.assign(json.size(), T{});
    for (size_t i = 0; i < json.size(); ++i)
      if constexpr (std::is_arithmetic_v<T>)
        values[i] = number<T>(cat(field, "[", i, "]"), json[i], low, high);
      else
        list(cat(field, "[", i, "]"), json[i], values[i], 0, low, high);
  }

  const Json& json_;
  std::string where_;
  std::set<std::string> known_;
};

template <class Format>
void fields(Format& f, AnchorLevel& level) {
  f.numbers("sizes", level.sizes, 1024, 1e-6, largest_size);
  f.field("step", level.step, 0, largest_size);
}

template <class Format>
void fields(Format& f, AnchorSystem& anchors) {
  f.objects("levels", anchors.levels, 64);
  f.flag("relative_sizes", anchors.relative_sizes);
  f.field("offset", anchors.offset, -1000, 1000);
  f.flag("whole_steps", anchors.whole_steps);
}

template <class Format>
void fields(Format& f, BoxCoding& coding) {
  f.numbers("scales", coding.scales, 4, 1e-6, 1e6);
  f.flag("y_first", coding.y_first);
  f.field("largest_log", coding.largest_log, 0, 80);
}

template <class Format>
void fields(Format& f, BoxSelection& selection) {
  f.field("score_threshold", selection.score_threshold, 0, 1);
  f.field("iou_threshold", selection.iou_threshold, 0, 1);
  f.field("before_suppression", selection.before_suppression, 0, most_boxes);
  f.field("per_class", selection.per_class, 1, most_boxes);
  f.field("total", selection.total, 1, most_boxes);
}

template <class Format>
void fields(Format& f, BranchSystem& branch) {
  f.text("name", branch.name);
  f.field("height", branch.height, 1, 128);
  f.field("width", branch.width, 1, 128);
  f.flag("resizes", branch.resizes);
  f.field("most_boxes", branch.most_boxes, 1, most_boxes);
}

template <class Format>
void fields(Format& f, VotingUnit& unit) {
  f.text("name", unit.name);
  f.field("stride", unit.stride, 1, 1024);
}

template <class Format>
void fields(Format& f, SsdSystem& ssd) {
  f.object("anchors", ssd.anchors);
  f.object("coding", ssd.coding);
  f.flag("softmax_scores", ssd.softmax_scores);
  f.object("selection", ssd.selection);
  f.objects("branches", ssd.branches, 64);
  f.numbers("crop_strides", ssd.crop_strides, 8, 1, 1024);
  f.word("choice", ssd.choice, std::array{"single", "exact", "largest_not_exceeding"});
  f.flag("encompassing", ssd.encompassing);
  f.flag("box_conditioned", ssd.box_conditioned);
  f.flag("from_anchors", ssd.from_anchors);
  f.flag("class_specific_masks", ssd.class_specific_masks);
  f.flag("stop_gradient", ssd.stop_gradient);
  f.field("mask_threshold", ssd.mask_threshold, -1000, 1000);
  f.flag("smooth_resize", ssd.smooth_resize);
}

template <class Format>
void fields(Format& f, RcnnSystem& rcnn) {
  f.object("anchors", rcnn.anchors);
  f.numbers("proposal_strides", rcnn.proposal_strides, 64, 1, 1024);
  f.object("rpn_coding", rcnn.rpn_coding);
  f.object("box_coding", rcnn.box_coding);
  f.object("proposals", rcnn.proposals);
  f.object("training_proposals", rcnn.training_proposals);
  f.object("detections", rcnn.detections);
  f.field("smallest_proposal", rcnn.smallest_proposal, 0, largest_size);
  f.field("smallest_detection", rcnn.smallest_detection, 0, largest_size);
  f.numbers("strides", rcnn.strides, 64, 1, 1024);
  f.word("crop", rcnn.crop, std::array{"roi_align", "roi_align_legacy", "crop_and_resize_pooled"});
  f.field("sampling_ratio", rcnn.sampling_ratio, 0, 64);
  f.field("box_crop", rcnn.box_crop, 1, 256);
  f.field("mask_crop", rcnn.mask_crop, 1, 256);
  f.field("canonical_size", rcnn.canonical_size, 1, largest_side);
  f.field("canonical_level", rcnn.canonical_level, -32, 32);
  f.flag("class_specific_boxes", rcnn.class_specific_boxes);
  f.flag("class_specific_masks", rcnn.class_specific_masks);
  f.flag("background_columns", rcnn.background_columns);
  f.objects("voting_units", rcnn.voting_units, 64);
  f.field("mask_threshold", rcnn.mask_threshold, 0, 1);
  f.flag("torchvision", rcnn.torchvision);
  f.field("short_side", rcnn.short_side, 1, largest_side);
  f.field("long_side", rcnn.long_side, 1, largest_side);
}

// No deeper than such a description is, and no key twice (a parser would silently keep one of them).
Json parsed(const std::string& text, const std::string& where) {
  const auto fail = [&](const std::string& found, const std::string& allowed) {
    throw Error(ErrorKind::format, {.where = where, .found = found, .allowed = allowed});
  };
  if (text.size() > most_bytes) fail(cat(text.size(), " bytes"), cat("at most ", most_bytes));
  std::vector<std::set<std::string>> keys;
  const auto check = [&](int depth, Json::parse_event_t event, Json& item) {
    if (depth > most_depth) fail("lists or objects nested too deeply", cat("at most ", most_depth, " deep"));
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(item.get<std::string>()).second)
      fail(cat("'", item.get<std::string>().substr(0, 80), "' is there twice"), "once");
    return true;
  };
  Json json;
  try {
    json = Json::parse(text, check);
  } catch (const Json::exception&) {
    fail(cat("'", text.substr(0, 80), "'"), "must be JSON");
  }
  return json;
}

void expect_different_names(const SsdSystem& ssd, const std::string& where) {
  std::set<std::string> names;
  for (const BranchSystem& branch : ssd.branches)
    if (!names.insert(branch.name).second)
      throw Error(ErrorKind::format, {.where = where + ".branches",
                                      .found = cat("two branches called '", branch.name, "'"),
                                      .allowed = "each has a name of its own"});
}

}  // namespace

std::string instance_to_json(const InstanceSystem& system) {
  Json json = Json::object();
  const auto write = [&](const char* kind, auto copy) {
    json["kind"] = kind;
    Writer writer(json);
    fields(writer, copy);
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
  };
  if (const auto* ssd = std::get_if<SsdSystem>(&system)) return write("ssd", *ssd);
  if (const auto* rcnn = std::get_if<RcnnSystem>(&system)) return write("rcnn", *rcnn);
  return "";
}

InstanceSystem instance_from_json(const std::string& text, const std::string& where) {
  Json json = parsed(text, where);
  const auto kind = json.is_object() ? json.value("kind", Json()) : Json();
  if (json.is_object()) json.erase("kind");
  if (kind == "ssd") {
    SsdSystem ssd;
    Reader::read(json, where, ssd);
    expect_different_names(ssd, where);
    return ssd;
  }
  if (kind == "rcnn") {
    RcnnSystem rcnn;
    Reader::read(json, where, rcnn);
    return rcnn;
  }
  throw Error(
      ErrorKind::format,
      {.where = where + ".kind", .found = kind.dump().substr(0, 80), .allowed = "\"ssd\" or \"rcnn\""});
}

}  // namespace vitrail
