#include "vitrail/train/recipe.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"
#include "vitrail/train/recipe_keys.h"
#include "vitrail/train/toml_parser.h"

namespace vitrail::train {
namespace {

/// Reads one recipe and gathers its faults.
class Reader {
 public:
  explicit Reader(std::string source) : source_(std::move(source)) {}

  void read_file(std::string_view text) {
    toml::table root;
    try {
      root = toml::parse(text);
    } catch (const toml::parse_error& error) {
      fault(cat("line ", error.source().begin.line), cat("not TOML: ", error.description()));
      readable_ = false;
      return;
    }
    for (auto&& [section, node] : root)
      read_section(std::string(section.str()), node);
  }

  void read_override(const std::string& assignment) {
    const std::string where = cat("--set ", assignment);
    const size_t equals = assignment.find('=');
    if (equals == std::string::npos) return fault(where, "no '='; write KEY=VALUE");
    const std::string name = assignment.substr(0, equals), value = assignment.substr(equals + 1);
    toml::table parsed;
    try {
      parsed = toml::parse(cat("value = ", value));
    } catch (const toml::parse_error&) {
      parsed.insert_or_assign("value", value);  // a bare word is a text
    }
    if (const Key* key = find_key(name)) return read_value(*key, *parsed.get("value"), where);
    const size_t dot = name.rfind('.');
    const Key* table = dot == std::string::npos ? nullptr : find_key(name.substr(0, dot));
    if (table == nullptr) return unknown(where, name);
    read_entry(*table, name.substr(dot + 1), *parsed.get("value"), where);
  }

  /// Cross-checks; the place of a key is where it was set.
  void check() {
    if (!readable_) return;  // what is missing is not known
    check_network();
    if (recipe.data.dataset.empty() && !wrong_.contains("data.dataset"))
      fault("data.dataset", "not set; name a data set of `vitrail list datasets`");
    if (recipe.augment.scale_min > recipe.augment.scale_max)
      fault(place("augment.scale_min"), cat("augment.scale_min ", recipe.augment.scale_min,
                                            " is above scale_max ", recipe.augment.scale_max));
    if ((recipe.augment.crop_height == 0) != (recipe.augment.crop_width == 0))
      fault(place("augment.crop_height"), "augment.crop_height and crop_width are both 0 or both not");
    if (!recipe.augment.fill.empty() && recipe.augment.fill.size() != 3)
      fault(place("augment.fill"),
            cat("augment.fill has ", recipe.augment.fill.size(), " values; R, G, B are three"));
    if (recipe.loss.terms.empty())
      fault(place("loss.terms"), cat("loss.terms is empty; name one of ", join(recipe_loss_names())));
    for (const auto& [name, factor] : recipe.loss.terms)
      if (std::find(recipe_loss_names().begin(), recipe_loss_names().end(), name) ==
          recipe_loss_names().end())
        fault(place("loss.terms"),
              cat("loss '", name, "' is unknown. ", did_you_mean(name, recipe_loss_names())));
    const bool given = recipe.loss.class_weights == "given";
    if (given && recipe.loss.class_weight_values.empty())
      fault(place("loss.class_weights"),
            "loss.class_weights is \"given\", but loss.class_weight_values is empty");
    if (!given && !recipe.loss.class_weight_values.empty())
      fault(place("loss.class_weight_values"),
            "loss.class_weight_values is used with class_weights = \"given\" alone");
    if (recipe.train.evaluate_every > 0 && recipe.data.val_split.empty() && recipe.data.hold_out == 0)
      fault(place("train.evaluate_every"), "train.evaluate_every needs data.val_split or data.hold_out");
    if (recipe.box_augment.crop_aspect_min > recipe.box_augment.crop_aspect_max)
      fault(place("augment.ssd_crop_aspect_min"),
            cat("augment.ssd_crop_aspect_min ", recipe.box_augment.crop_aspect_min,
                " is above ssd_crop_aspect_max ", recipe.box_augment.crop_aspect_max));
    if (recipe.box_augment.crop_overlaps.empty())
      fault(place("augment.ssd_crop_overlaps"), "augment.ssd_crop_overlaps is empty");
  }

  void throw_faults() const {
    if (faults_.empty()) return;
    throw Error(ErrorKind::usage, {.where = source_,
                                   .found = cat(faults_.size(), faults_.size() == 1 ? " fault" : " faults",
                                                "\n  ", join(faults_, "\n  ")),
                                   .next = "`vitrail train --help-recipe` lists every key"});
  }

  Recipe recipe;

 private:
  void fault(const std::string& where, const std::string& what) { faults_.push_back(cat(where, ": ", what)); }
  void check_network() {
    const Recipe::Net& net = recipe.net;
    if (net.name.empty() == net.from.empty() && !wrong_.contains("net.name") && !wrong_.contains("net.from"))
      fault(place("net.name"),
            net.name.empty() ? "not set; name a network of `vitrail list nets`, or a model file in net.from"
                             : "net.name and net.from are both set; the network is one or the other");
    const bool for_files = !net.output.empty() || net.replace_head || net.multiple != 0;
    if (net.from.empty() && for_files)
      fault("net", "output, replace_head and multiple are for net.from alone");
    if (!net.from.empty() &&
        (!net.set.empty() || !net.pretrained.empty() || !net.start.empty() || !net.start_parts.empty()))
      fault("net",
            "set, pretrained and start are for net.name; a file of net.from has options and weights of its "
            "own");
    if (net.mean.size() != net.std.size())
      fault(place("net.mean"), cat("net.mean has ", net.mean.size(), " values, net.std ", net.std.size()));
  }
  void unknown(const std::string& where, const std::string& name) {
    const std::string near = nearest(name, recipe_key_names());
    fault(where,
          cat("'", name, "' is no recipe key", near.empty() ? "" : cat(". Did you mean '", near, "'?")));
  }
  std::string place(const std::string& key) const {
    const auto found = places_.find(key);
    return found == places_.end() ? key : found->second;
  }
  static std::string line_of(const toml::node& node) { return cat("line ", node.source().begin.line); }

  void read_section(const std::string& section, const toml::node& node) {
    const toml::table* table = node.as_table();
    const bool exists = std::any_of(recipe_keys().begin(), recipe_keys().end(),
                                    [&](const Key& key) { return key.key.starts_with(section + "."); });
    if (!exists) {
      Names sections;
      for (const Key& key : recipe_keys()) {
        const std::string name = key.key.substr(0, key.key.find('.'));
        if (sections.empty() || sections.back() != name) sections.push_back(name);
      }
      return fault(line_of(node),
                   cat("section [", section, "] is unknown. ", did_you_mean(section, sections)));
    }
    if (table == nullptr)
      return fault(line_of(node), cat("'", section, "' is a section: write [", section, "]"));
    for (auto&& [name, value] : *table) {
      const std::string full = cat(section, ".", name.str());
      if (const Key* key = find_key(full))
        read_value(*key, value, line_of(value));
      else
        unknown(line_of(value), full);
    }
  }

  void read_value(const Key& key, const toml::node& node, const std::string& where) {
    places_[key.key] = where;
    std::visit([&](auto field) { convert(key, node, where, field(recipe)); }, key.field);
  }

  void read_entry(const Key& table, const std::string& name, const toml::node& node,
                  const std::string& where) {
    toml::table one;
    one.insert_or_assign(name, node);
    const auto merge = [&](auto& field) {
      auto entry = field;
      entry.clear();
      convert(table, one, where, entry);
      for (const auto& [key, value] : entry)
        field[key] = value;
    };
    if (auto texts = std::get_if<Field<TextTable>>(&table.field)) return merge((*texts)(recipe));
    if (auto numbers = std::get_if<Field<NumberTable>>(&table.field)) return merge((*numbers)(recipe));
    if (auto labels = std::get_if<Field<LabelTable>>(&table.field)) return merge((*labels)(recipe));
    unknown(where, cat(table.key, ".", name));
  }

  void wrong_type(const Key& key, const std::string& where, const std::string& wanted) {
    fault(where, cat(key.key, " must be ", wanted));
    wrong_.insert(key.key);
  }
  template <class T>
  bool within(const Key& key, const std::string& where, const T& value) {
    if (key.allowed.holds(value)) return true;
    std::string found = toml_text(value), hint;
    if constexpr (std::is_same_v<T, std::string>) {
      const std::string near = nearest(value, key.allowed.names);
      if (!near.empty()) hint = cat(". Did you mean '", near, "'?");
    }
    fault(where, cat(key.key, " is ", found, "; it must be ", key.allowed.text(), hint));
    return false;
  }

  void convert(const Key& key, const toml::node& node, const std::string& where, int64_t& to) {
    const auto value = node.as_integer();
    if (value == nullptr) return wrong_type(key, where, "an integer");
    const int64_t number = value->get();
    if (key.allowed.holds(static_cast<double>(number)))
      to = number;
    else
      fault(where, cat(key.key, " is ", number, "; it must be ", key.allowed.text()));
  }
  void convert(const Key& key, const toml::node& node, const std::string& where, uint64_t& to) {
    int64_t value = 0;
    const size_t before = faults_.size();
    convert(key, node, where, value);
    if (faults_.size() == before) to = static_cast<uint64_t>(value);
  }
  void convert(const Key& key, const toml::node& node, const std::string& where, double& to) {
    if (!node.is_number()) return wrong_type(key, where, "a number");
    const double value = *node.value<double>();
    if (within(key, where, value)) to = value;
  }
  void convert(const Key& key, const toml::node& node, const std::string& where, bool& to) {
    if (!node.is_boolean()) return wrong_type(key, where, "true or false");
    to = *node.value<bool>();
  }
  void convert(const Key& key, const toml::node& node, const std::string& where, std::string& to) {
    if (!node.is_string()) return wrong_type(key, where, "a text in quotes");
    const std::string value = *node.value<std::string>();
    if (within(key, where, value)) to = value;
  }
  template <class T>
  void convert(const Key& key, const toml::node& node, const std::string& where, std::vector<T>& to) {
    if (!node.is_array()) return wrong_type(key, where, cat("a ", type_text(key), ": [a, b]"));
    to.clear();
    for (const toml::node& item : *node.as_array())
      convert(key, item, where, to.emplace_back());
  }
  template <class T>
  void convert(const Key& key, const toml::node& node, const std::string& where,
               std::map<std::string, T>& to) {
    if (!node.is_table()) return wrong_type(key, where, cat("a ", type_text(key), ": { name = value }"));
    to.clear();
    for (auto&& [name, item] : *node.as_table())
      convert_entry(key, item, where, to[std::string(name.str())]);
  }
  void convert(const Key& key, const toml::node& node, const std::string& where, LabelTable& to) {
    if (!node.is_table()) return wrong_type(key, where, "a table of integers: { 0 = 255, 1 = 0 }");
    to.clear();
    for (auto&& [name, item] : *node.as_table()) {
      const std::string text(name.str());
      int64_t from = -1;
      const auto parsed = std::from_chars(text.data(), text.data() + text.size(), from);
      if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || from < 0 || from > 65535)
        fault(where, cat(key.key, ": label '", text, "' is no integer from 0 to 65535"));
      else if (!item.is_integer() || item.as_integer()->get() < 0 || item.as_integer()->get() > 65535)
        fault(where, cat(key.key, ": label ", text, " must go to a class index, or to 255 to be ignored"));
      else
        to[from] = item.as_integer()->get();
    }
  }
  void convert_entry(const Key& key, const toml::node& node, const std::string& where, double& to) {
    convert(key, node, where, to);
  }
  // A network's options are texts; numbers and booleans may be written without quotes.
  void convert_entry(const Key& key, const toml::node& node, const std::string& where, std::string& to) {
    if (node.is_integer())
      to = toml_text(node.as_integer()->get());
    else if (node.is_floating_point())
      to = toml_text(node.as_floating_point()->get());
    else if (node.is_boolean())
      to = toml_text(node.as_boolean()->get());
    else
      convert(key, node, where, to);
  }

  std::string source_;
  bool readable_ = true;
  Names faults_;
  std::set<std::string> wrong_;  ///< keys whose values are of another type
  std::map<std::string, std::string> places_;
};

}  // namespace

const std::vector<RecipeOption>& recipe_options() {
  static const std::vector<RecipeOption> options = [] {
    std::vector<RecipeOption> all;
    const Recipe defaults;
    for (const Key& key : recipe_keys())
      all.push_back({key.key, type_text(key), value_text(key, defaults), key.allowed.text(), key.help});
    return all;
  }();
  return options;
}

Recipe parse_recipe(std::string_view text, const std::string& source,
                    const std::vector<std::string>& overrides) {
  Reader reader(source);
  reader.read_file(text);
  for (const std::string& assignment : overrides)
    reader.read_override(assignment);
  reader.check();
  reader.throw_faults();
  reader.recipe.text = text;
  reader.recipe.source = source;
  return reader.recipe;
}

Recipe read_recipe(const std::filesystem::path& path, const std::vector<std::string>& overrides) {
  constexpr int64_t largest = int64_t{1} << 20;
  return parse_recipe(read_file(path, largest), path.string(), overrides);
}

std::string network_name(const Recipe& recipe) {
  return recipe.net.from.empty() ? recipe.net.name : std::filesystem::path(recipe.net.from).stem().string();
}

std::string recipe_to_toml(const Recipe& recipe) {
  std::string text, section;
  for (const Key& key : recipe_keys()) {
    const size_t dot = key.key.find('.');
    if (key.key.substr(0, dot) != section) {
      section = key.key.substr(0, dot);
      text += cat(text.empty() ? "" : "\n", "[", section, "]\n");
    }
    text += cat(key.key.substr(dot + 1), " = ", value_text(key, recipe), "\n");
  }
  return text;
}

std::vector<std::string> recipe_differences(const Recipe& was, const Recipe& is) {
  std::vector<std::string> differences;
  for (const Key& key : recipe_keys()) {
    const std::string before = value_text(key, was), now = value_text(key, is);
    if (before != now) differences.push_back(cat(key.key, ": ", before, " is now ", now));
  }
  return differences;
}

std::string recipe_help() {
  std::string text;
  for (const RecipeOption& option : recipe_options()) {
    text += cat(option.key, " = ", option.default_value, "\n    ", option.help, " (", option.type);
    text += option.allowed.empty() ? ")\n" : cat(", ", option.allowed, ")\n");
  }
  return text;
}

std::string recipe_markdown() {
  std::string text = "| key | type | default | allowed | what it does |\n|---|---|---|---|---|\n";
  for (const RecipeOption& option : recipe_options())
    text += cat("| `", option.key, "` | ", option.type, " | `", option.default_value, "` | ", option.allowed,
                " | ", option.help, " |\n");
  return text;
}

}  // namespace vitrail::train
