#pragma once
// The table of a recipe's keys. Private to recipe.cpp.

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "vitrail/train/recipe.h"

namespace vitrail::train {

using Numbers = std::vector<double>;
using Names = std::vector<std::string>;
using TextTable = std::map<std::string, std::string>;
using NumberTable = std::map<std::string, double>;
using LabelTable = std::map<int64_t, int64_t>;

/// Where a key's value is, for each type that a value can have.
template <class T>
using Field = T& (*)(Recipe&);
using AnyField =
    std::variant<Field<int64_t>, Field<uint64_t>, Field<double>, Field<bool>, Field<std::string>,
                 Field<Numbers>, Field<Names>, Field<TextTable>, Field<NumberTable>, Field<LabelTable>>;

/// What a value may be: within bounds, or one of some names.
struct Allowed {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool above_low = false;  // low itself is not allowed
  Names names{};

  std::string text() const;  ///< "at least 1"; empty = anything
  bool holds(double value) const;
  bool holds(const std::string& value) const;
};

struct Key {
  std::string key;
  AnyField field;
  Allowed allowed;
  std::string help;
};

const std::vector<Key>& recipe_keys();
const Key* find_key(std::string_view name);  ///< nullptr if there is none
std::vector<std::string> recipe_key_names();
const std::vector<std::string>& recipe_loss_names();

std::string type_text(const Key& key);                         ///< "list of numbers"
std::string value_text(const Key& key, const Recipe& recipe);  ///< its value in `recipe`, as TOML

std::string toml_text(const std::string& value);
std::string toml_text(bool value);
std::string toml_text(int64_t value);
std::string toml_text(double value);  ///< the shortest that reads back to the same

}  // namespace vitrail::train
