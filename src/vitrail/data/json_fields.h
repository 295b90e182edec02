#pragma once
// Keys of an untrusted JSON object, each checked for its type and range. Internal to data/.
//
//   JsonFields fields(json, "instances.json", "images[3]");
//   int64_t width = fields.integer("width", 1, 65536);   // Error "instances.json: images[3].width: ..."

#include <array>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace vitrail {

class JsonFields {
 public:
  /// Throws Error(format) if `json` is no object. `json` must outlive this.
  JsonFields(const nlohmann::json& json, std::string file, std::string place);

  bool has(const char* key) const { return json_.contains(key); }
  /// The value of a key. Throws Error(format) where there is none.
  const nlohmann::json& at(const char* key) const;
  int64_t integer(const char* key, int64_t low, int64_t high) const;
  /// Finite, and within the limits.
  double number(const char* key, double low, double high) const;
  const std::string& text(const char* key) const;
  /// 0 or 1, false or true; false without the key.
  bool flag(const char* key) const;
  /// x, y, width, height: finite, at most 2^24 in size, the last two 0 or more.
  std::array<double, 4> box(const char* key) const;
  /// A list of numbers within the limits.
  std::vector<double> numbers(const nlohmann::json& list, const char* key, double low, double high) const;
  std::vector<int64_t> integers(const nlohmann::json& list, const char* key, int64_t low, int64_t high) const;

  /// The object under a key. This and the JSON must outlive it.
  JsonFields inner(const char* key) const;

  /// "instances.json: images[3].width"
  std::string where(const char* key) const;
  /// Throws Error(format) at a key; `found` may be a value of JSON.
  [[noreturn]] void refuse(const char* key, const std::string& found, const std::string& allowed,
                           const std::string& next = "") const;

 private:
  const nlohmann::json& json_;
  std::string file_, place_;
};

/// A value as an error shows it: at most 40 characters of JSON.
std::string shown(const nlohmann::json& json);

/// Reads a file of one JSON value. `on_item` gets each object of the lists that stand in the outermost object
/// (or of the outermost list), with the list's key ("" for the outermost list) and its number in the list,
/// and the object is then dropped, so that a file of gigabytes needs no more memory than what is kept of it.
/// What comes back is the rest. Throws Error(format) naming file and byte for what is no JSON.
using OnJsonItem = std::function<void(const std::string& key, int64_t index, const nlohmann::json& item)>;
nlohmann::json read_json_items(const std::filesystem::path& path, const OnJsonItem& on_item);

}  // namespace vitrail
