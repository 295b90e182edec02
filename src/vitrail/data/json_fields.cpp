#include "vitrail/data/json_fields.h"

#include <cmath>
#include <set>

#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

using Json = nlohmann::json;

constexpr double most_pixels = 1 << 24;  // in one direction; also what polygons may reach

/// Counts the objects of the outer lists and hands them on as the parser finishes them.
class ItemParser {
 public:
  ItemParser(std::string file, const OnJsonItem& on_item) : file_(std::move(file)), on_item_(on_item) {}

  bool operator()(int depth, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::array_start && depth == 0) list_depth_ = 0;
    if (event == Json::parse_event_t::key && depth == 1) begin_list(parsed.get<std::string>());
    if (event != Json::parse_event_t::object_end || depth != list_depth_ + 1 || !in_list_) {
      note_list(depth, event);
      return true;
    }
    on_item_(key_, index_++, parsed);
    return false;
  }

 private:
  void begin_list(const std::string& key) {
    if (!keys_.insert(key).second)
      throw Error(
          ErrorKind::format,
          {.where = cat(file_, ": ", key), .found = "the key is there twice", .next = "Keep one of them"});
    key_ = key;
    index_ = 0;
  }
  void note_list(int depth, Json::parse_event_t event) {
    if (depth != list_depth_) return;
    if (event == Json::parse_event_t::array_start) in_list_ = true;
    if (event == Json::parse_event_t::array_end) in_list_ = false;
  }

  std::string file_;
  const OnJsonItem& on_item_;
  int list_depth_ = 1;  // of the lists whose objects are items; 0 where the file itself is a list
  bool in_list_ = false;
  std::string key_;
  int64_t index_ = 0;
  std::set<std::string> keys_;
};

}  // namespace

std::string shown(const Json& json) {
  constexpr size_t most = 40;
  std::string text = json.is_structured() ? json.is_array() ? "a list" : "an object"
                                          : json.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > most) text = text.substr(0, most) + "...";
  return text;
}

JsonFields::JsonFields(const Json& json, std::string file, std::string place)
    : json_(json), file_(std::move(file)), place_(std::move(place)) {
  if (!json.is_object())
    throw Error(ErrorKind::format,
                {.where = cat(file_, ": ", place_), .found = shown(json), .allowed = "an object is due"});
}

JsonFields JsonFields::inner(const char* key) const {
  return {at(key), file_, cat(place_, place_.empty() ? "" : ".", key)};
}

std::string JsonFields::where(const char* key) const {
  return cat(file_, ": ", place_, place_.empty() ? "" : ".", key);
}

void JsonFields::refuse(const char* key, const std::string& found, const std::string& allowed,
                        const std::string& next) const {
  throw Error(ErrorKind::format, {.where = where(key), .found = found, .allowed = allowed, .next = next});
}

const Json& JsonFields::at(const char* key) const {
  const auto found = json_.find(key);
  if (found == json_.end()) refuse(key, "the key is missing", "");
  return *found;
}

int64_t JsonFields::integer(const char* key, int64_t low, int64_t high) const {
  const Json& value = at(key);
  const bool fits = value.is_number_integer() &&
                    !(value.is_number_unsigned() && value.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX));
  if (!fits || value.get<int64_t>() < low || value.get<int64_t>() > high)
    refuse(key, shown(value),
           low == INT64_MIN && high == INT64_MAX ? "a whole number of 64 bits is due"
                                                 : cat("a whole number from ", low, " to ", high, " is due"));
  return value.get<int64_t>();
}

double JsonFields::number(const char* key, double low, double high) const {
  const Json& value = at(key);
  if (!value.is_number() || !(value.get<double>() >= low && value.get<double>() <= high))
    refuse(key, shown(value), cat("a number from ", low, " to ", high, " is due"));
  return value.get<double>();
}

const std::string& JsonFields::text(const char* key) const {
  const Json& value = at(key);
  if (!value.is_string() || value.get_ref<const std::string&>().empty())
    refuse(key, shown(value), "a text is due");
  return value.get_ref<const std::string&>();
}

bool JsonFields::flag(const char* key) const {
  if (!has(key)) return false;
  const Json& value = at(key);
  if (value.is_boolean()) return value.get<bool>();
  return integer(key, 0, 1) == 1;
}

std::array<double, 4> JsonFields::box(const char* key) const {
  const std::vector<double> sides = numbers(at(key), key, -most_pixels, most_pixels);
  if (sides.size() != 4) refuse(key, cat(sides.size(), " numbers"), "4 are due: x, y, width, height");
  if (sides[2] < 0 || sides[3] < 0)
    refuse(key, cat("a box of ", sides[2], " x ", sides[3], " pixels"), "width and height are 0 or more",
           "A box is x, y, width, height, not two corners");
  return {sides[0], sides[1], sides[2], sides[3]};
}

std::vector<double> JsonFields::numbers(const Json& list, const char* key, double low, double high) const {
  if (!list.is_array()) refuse(key, shown(list), "a list of numbers is due");
  std::vector<double> numbers;
  numbers.reserve(list.size());
  for (const Json& item : list) {
    if (!item.is_number() || !(item.get<double>() >= low && item.get<double>() <= high))
      refuse(key, cat(shown(item), " at place ", numbers.size()),
             cat("numbers from ", low, " to ", high, " are due"));
    numbers.push_back(item.get<double>());
  }
  return numbers;
}

std::vector<int64_t> JsonFields::integers(const Json& list, const char* key, int64_t low,
                                          int64_t high) const {
  if (!list.is_array()) refuse(key, shown(list), "a list of whole numbers is due");
  std::vector<int64_t> numbers;
  numbers.reserve(list.size());
  for (const Json& item : list) {
    const bool fits = item.is_number_integer() && item.get<double>() >= static_cast<double>(low) &&
                      item.get<double>() <= static_cast<double>(high);
    if (!fits)
      refuse(key, cat(shown(item), " at place ", numbers.size()),
             cat("whole numbers from ", low, " to ", high, " are due"));
    numbers.push_back(item.get<int64_t>());
  }
  return numbers;
}

Json read_json_items(const std::filesystem::path& path, const OnJsonItem& on_item) {
  const MappedFile file(path);
  const auto bytes = file.bytes();
  const char* begin = reinterpret_cast<const char*>(bytes.data());
  try {
    return Json::parse(begin, begin + bytes.size(), ItemParser(path.string(), on_item));
  } catch (const Json::exception& e) {
    const auto* syntax = dynamic_cast<const Json::parse_error*>(&e);
    throw Error(ErrorKind::format,
                {.where = path.string(),
                 .found = syntax != nullptr ? cat("no JSON from byte ", syntax->byte, " on") : "no JSON",
                 .allowed = e.what()});
  }
}

}  // namespace vitrail
