#include "vitrail/train/recipe.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <variant>

#include <toml++/toml.h>

#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"

namespace vitrail::train {
namespace {

using Numbers = std::vector<double>;
using Names = std::vector<std::string>;
using TextTable = std::map<std::string, std::string>;
using NumberTable = std::map<std::string, double>;
using LabelTable = std::map<int64_t, int64_t>;

template <class T>
using Field = T& (*)(Recipe&);
using AnyField =
    std::variant<Field<int64_t>, Field<uint64_t>, Field<double>, Field<bool>, Field<std::string>,
                 Field<Numbers>, Field<Names>, Field<TextTable>, Field<NumberTable>, Field<LabelTable>>;

template <auto Section, auto Member>
auto& at(Recipe& recipe) {
  return (recipe.*Section).*Member;
}

struct Allowed {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool above_low = false;  // low itself is not allowed
  Names names{};

  std::string text() const {
    if (!names.empty()) return "one of " + join(names);
    const bool bounded = std::isfinite(high);
    if (!std::isfinite(low)) return bounded ? cat("at most ", high) : "";
    if (!bounded) return cat(above_low ? "above " : "at least ", low);
    return above_low ? cat("above ", low, ", at most ", high) : cat(low, " to ", high);
  }
  bool holds(double value) const {
    return std::isfinite(value) && value <= high && (above_low ? value > low : value >= low);
  }
  bool holds(const std::string& value) const {
    return names.empty() || std::find(names.begin(), names.end(), value) != names.end();
  }
};

const Allowed anything{};
Allowed at_least(double low) {
  return {.low = low};
}
Allowed above(double low) {
  return {.low = low, .above_low = true};
}
Allowed between(double low, double high) {
  return {.low = low, .high = high};
}
Allowed one_of(Names names) {
  return {.names = std::move(names)};
}

struct Key {
  std::string key;
  AnyField field;
  Allowed allowed;
  std::string help;
};

const Names loss_names{"cross_entropy", "ohem", "dice", "focal", "lovasz"};

template <auto Member>
constexpr auto net = &at<&Recipe::net, Member>;
template <auto Member>
constexpr auto data = &at<&Recipe::data, Member>;
template <auto Member>
constexpr auto aug = &at<&Recipe::augment, Member>;
template <auto Member>
constexpr auto loss = &at<&Recipe::loss, Member>;
template <auto Member>
constexpr auto optimizer = &at<&Recipe::optimizer, Member>;
template <auto Member>
constexpr auto schedule = &at<&Recipe::schedule, Member>;
template <auto Member>
constexpr auto train = &at<&Recipe::train, Member>;
template <auto Member>
constexpr auto evaluate = &at<&Recipe::evaluate, Member>;

using R = Recipe;
using A = AugmentOptions;

std::vector<Key> net_and_data_keys() {
  return {
      {"net.name", net<&R::Net::name>, anything, "network, one of `vitrail list nets`"},
      {"net.classes", net<&R::Net::classes>, between(0, 65535), "classes; 0 = as many as the data set has"},
      {"net.pretrained", net<&R::Net::pretrained>, anything,
       "safetensors file of the encoder's weights, beside the recipe or in --pretrained; empty = random"},
      {"net.set", net<&R::Net::set>, anything, "options of the network itself, by name"},
      {"data.dataset", data<&R::Data::dataset>, anything, "NAME:PATH, or NAME with the path from --data"},
      {"data.train_split", data<&R::Data::train_split>, anything, "split to train on; several joined by +"},
      {"data.val_split", data<&R::Data::val_split>, anything, "split to evaluate on; empty = no evaluation"},
      {"data.label_map", data<&R::Data::label_map>, anything,
       "label in the files -> class index, 255 = ignored; empty = the data set's own"},
      {"data.loader_threads", data<&R::Data::loader_threads>, between(1, 256),
       "threads that read and augment; changes the speed alone"},
  };
}

std::vector<Key> augment_keys() {
  return {
      {"augment.scale_min", aug<&A::scale_min>, above(0), "smallest factor of a random resize"},
      {"augment.scale_max", aug<&A::scale_max>, above(0), "largest factor of a random resize"},
      {"augment.scales", aug<&A::scales>, above(0),
       "factors to choose from, instead of scale_min to scale_max"},
      {"augment.rotate_degrees", aug<&A::rotate_degrees>, between(0, 180), "rotation within +- this"},
      {"augment.crop_height", aug<&A::crop_height>, at_least(0), "rows of the random crop; 0 = no crop"},
      {"augment.crop_width", aug<&A::crop_width>, at_least(0), "columns of the random crop; 0 = no crop"},
      {"augment.crop_max_class_share", aug<&A::crop_max_class_share>,
       Allowed{.low = 0, .high = 1, .above_low = true},
       "a crop in which one class has more than this share of the pixels is drawn again"},
      {"augment.flip", aug<&A::flip>, between(0, 1), "probability of a horizontal flip"},
      {"augment.brightness", aug<&A::brightness>, between(0, 1), "factor within 1 +- this"},
      {"augment.contrast", aug<&A::contrast>, between(0, 1), "factor within 1 +- this"},
      {"augment.saturation", aug<&A::saturation>, between(0, 1), "factor within 1 +- this"},
      {"augment.hue_degrees", aug<&A::hue_degrees>, between(0, 180), "shift within +- this"},
      {"augment.blur", aug<&A::blur>, between(0, 1), "probability of a Gaussian blur"},
      {"augment.blur_sigma_max", aug<&A::blur_sigma_max>, above(0), "largest sigma of the blur, pixels"},
      {"augment.fill", aug<&A::fill>, between(0, 255),
       "R, G, B of padded pixels; empty = the network's mean"},
  };
}

std::vector<Key> loss_keys() {
  return {
      {"loss.terms", loss<&R::Loss::terms>, above(0),
       "what is summed: name = factor, of cross_entropy, ohem, dice, focal, lovasz"},
      {"loss.class_weights", loss<&R::Loss::class_weights>,
       one_of({"none", "median_frequency", "effective_number", "given"}),
       "weights of the classes, from the training split"},
      {"loss.class_weight_values", loss<&R::Loss::class_weight_values>, at_least(0),
       "one weight per class, for class_weights = \"given\""},
      {"loss.effective_number_beta", loss<&R::Loss::effective_number_beta>, between(0, 1),
       "beta of effective_number"},
      {"loss.reduction", loss<&R::Loss::reduction>, one_of({"mean", "sum"}), "over the pixels of the batch"},
      {"loss.label_smoothing", loss<&R::Loss::label_smoothing>, between(0, 0.999),
       "share of the target spread over all classes"},
      {"loss.focal_gamma", loss<&R::Loss::focal_gamma>, at_least(0), "exponent of the focal loss"},
      {"loss.ohem_threshold", loss<&R::Loss::ohem_threshold>, between(0, 1),
       "pixels whose true class has at least this probability do not count ..."},
      {"loss.ohem_min_kept", loss<&R::Loss::ohem_min_kept>, at_least(1),
       "... but this many hardest always do"},
      {"loss.dice_smooth", loss<&R::Loss::dice_smooth>, above(0), "keeps Dice finite on empty classes"},
      {"loss.auxiliary", loss<&R::Loss::auxiliary>, at_least(0),
       "factor of the loss at training-only outputs"},
  };
}

std::vector<Key> optimizer_and_schedule_keys() {
  return {
      {"optimizer.name", optimizer<&R::Optimizer::name>,
       one_of({"sgd", "adam", "adamw", "rmsprop", "rmsprop_tensorflow"}),
       "rmsprop_tensorflow has TensorFlow's epsilon and start"},
      {"optimizer.rate", optimizer<&R::Optimizer::rate>, above(0), "learning rate before the schedule"},
      {"optimizer.weight_decay", optimizer<&R::Optimizer::weight_decay>, at_least(0), "decay of the weights"},
      {"optimizer.decay_all", optimizer<&R::Optimizer::decay_all>, anything,
       "decay biases and batch normalisation as well"},
      {"optimizer.no_decay", optimizer<&R::Optimizer::no_decay>, anything,
       "patterns (*, ?) of further parameters without decay"},
      {"optimizer.momentum", optimizer<&R::Optimizer::momentum>, between(0, 1), "sgd, rmsprop"},
      {"optimizer.nesterov", optimizer<&R::Optimizer::nesterov>, anything, "sgd"},
      {"optimizer.beta1", optimizer<&R::Optimizer::beta1>, between(0, 1), "adam, adamw"},
      {"optimizer.beta2", optimizer<&R::Optimizer::beta2>, between(0, 1), "adam, adamw"},
      {"optimizer.rho", optimizer<&R::Optimizer::rho>, between(0, 1),
       "rmsprop: decay of the mean squared gradient"},
      {"optimizer.epsilon", optimizer<&R::Optimizer::epsilon>, above(0), "adam, adamw, rmsprop"},
      {"optimizer.rates", optimizer<&R::Optimizer::rates>, at_least(0),
       "pattern (*, ?) of parameters' names = factor of the rate; the longest pattern wins"},
      {"schedule.name", schedule<&R::Schedule::name>, one_of({"constant", "poly", "exponential", "cosine"}),
       "how the rate falls"},
      {"schedule.power", schedule<&R::Schedule::power>, above(0), "poly"},
      {"schedule.decay", schedule<&R::Schedule::decay>, Allowed{.low = 0, .high = 1, .above_low = true},
       "exponential: factor per decay_steps"},
      {"schedule.decay_steps", schedule<&R::Schedule::decay_steps>, at_least(1), "exponential"},
      {"schedule.staircase", schedule<&R::Schedule::staircase>, anything,
       "exponential: in steps, not smoothly"},
      {"schedule.final_factor", schedule<&R::Schedule::final_factor>, between(0, 1),
       "the rate never falls below this factor of it"},
      {"schedule.warmup_steps", schedule<&R::Schedule::warmup_steps>, at_least(0), "steps of linear warm-up"},
      {"schedule.warmup_factor", schedule<&R::Schedule::warmup_factor>, between(0, 1),
       "factor of the rate at the first step of the warm-up"},
  };
}

std::vector<Key> train_keys() {
  return {
      {"train.steps", train<&R::Train::steps>, at_least(1), "optimiser steps"},
      {"train.batch", train<&R::Train::batch>, between(1, 65536), "images per forward pass"},
      {"train.accumulate", train<&R::Train::accumulate>, between(1, 65536),
       "forward passes per optimiser step"},
      {"train.seed", train<&R::Train::seed>, at_least(0), "seed of everything random"},
      {"train.threads", train<&R::Train::threads>, between(0, 1024),
       "threads of the arithmetic; 0 = all cores"},
      {"train.evaluate_every", train<&R::Train::evaluate_every>, at_least(0), "steps; 0 = at the end alone"},
      {"train.checkpoint_every", train<&R::Train::checkpoint_every>, at_least(0),
       "steps; 0 = with each evaluation"},
      {"train.log_every", train<&R::Train::log_every>, at_least(1), "steps between two lines of the log"},
      {"train.ema", train<&R::Train::ema>, between(0, 0.9999999),
       "decay of the moving average of the weights, which is then evaluated and exported; 0 = none"},
      {"train.clip", train<&R::Train::clip>, at_least(0), "largest norm of the gradient; 0 = no clipping"},
      {"train.freeze", train<&R::Train::freeze>, anything,
       "patterns (*, ?) of parameters that are not trained"},
      {"train.freeze_statistics", train<&R::Train::freeze_statistics>, anything,
       "batch normalisation uses its running statistics and leaves them"},
      {"evaluate.convention", evaluate<&R::Evaluate::convention>,
       one_of({"skipped", "zero", "one", "truth_only", "undefined"}),
       "how an absent class enters the mean IoU"},
      {"evaluate.images", evaluate<&R::Evaluate::images>, at_least(0),
       "images of an evaluation during training, evenly spread; 0 = all; the last one uses all"},
      {"evaluate.report_images", evaluate<&R::Evaluate::report_images>, between(0, 100),
       "worst, and best, validation pictures in report.html"},
  };
}

const std::vector<Key>& keys() {
  static const std::vector<Key> table = [] {
    std::vector<Key> all;
    for (auto&& part :
         {net_and_data_keys(), augment_keys(), loss_keys(), optimizer_and_schedule_keys(), train_keys()})
      all.insert(all.end(), part.begin(), part.end());
    return all;
  }();
  return table;
}

const Key* find_key(std::string_view name) {
  for (const Key& key : keys())
    if (key.key == name) return &key;
  return nullptr;
}

Names all_key_names() {
  Names names;
  for (const Key& key : keys())
    names.push_back(key.key);
  return names;
}

// ---- values to TOML ------------------------------------------------------------------------------------

std::string toml_text(const std::string& value) {
  return cat('"', json_escaped(value), '"');
}
std::string toml_text(bool value) {
  return value ? "true" : "false";
}
std::string toml_text(int64_t value) {
  return std::to_string(value);
}
std::string toml_text(uint64_t value) {
  return std::to_string(value);
}
std::string toml_text(double value) {
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;  // shortest that reads back
  std::string text(buffer, end);
  return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
}
template <class T>
std::string toml_text(const std::vector<T>& values) {
  Names items;
  for (const T& value : values)
    items.push_back(toml_text(value));
  return cat('[', join(items), ']');
}
template <class K, class V>
std::string toml_text(const std::map<K, V>& values) {
  Names items;
  for (const auto& [key, value] : values)
    items.push_back(cat(toml_text(cat(key)), " = ", toml_text(value)));
  return items.empty() ? "{}" : cat("{ ", join(items), " }");
}

std::string value_text(const Key& key, const Recipe& recipe) {
  Recipe& mutable_recipe = const_cast<Recipe&>(recipe);  // the accessors are for reading and writing alike
  return std::visit([&](auto field) { return toml_text(field(mutable_recipe)); }, key.field);
}

std::string type_text(const Key& key) {
  return std::visit(
      Overload{[](Field<int64_t>) { return "integer"; }, [](Field<uint64_t>) { return "integer"; },
               [](Field<double>) { return "number"; }, [](Field<bool>) { return "true or false"; },
               [](Field<std::string>) { return "text"; }, [](Field<Numbers>) { return "list of numbers"; },
               [](Field<Names>) { return "list of texts"; },
               [](Field<TextTable>) { return "table of texts"; },
               [](Field<NumberTable>) { return "table of numbers"; },
               [](Field<LabelTable>) { return "table of integers"; }},
      key.field);
}

// ---- TOML to values ------------------------------------------------------------------------------------

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
    if (recipe.net.name.empty()) fault("net.name", "not set; name a network of `vitrail list nets`");
    if (recipe.data.dataset.empty())
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
      fault(place("loss.terms"), cat("loss.terms is empty; name one of ", join(loss_names)));
    for (const auto& [name, factor] : recipe.loss.terms)
      if (std::find(loss_names.begin(), loss_names.end(), name) == loss_names.end())
        fault(place("loss.terms"), cat("loss '", name, "' is unknown. ", did_you_mean(name, loss_names)));
    const bool given = recipe.loss.class_weights == "given";
    if (given && recipe.loss.class_weight_values.empty())
      fault(place("loss.class_weights"),
            "loss.class_weights is \"given\", but loss.class_weight_values is empty");
    if (!given && !recipe.loss.class_weight_values.empty())
      fault(place("loss.class_weight_values"),
            "loss.class_weight_values is used with class_weights = \"given\" alone");
    if (recipe.train.evaluate_every > 0 && recipe.data.val_split.empty())
      fault(place("train.evaluate_every"), "train.evaluate_every needs data.val_split");
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
  void unknown(const std::string& where, const std::string& name) {
    const std::string near = nearest(name, all_key_names());
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
    const bool exists = std::any_of(keys().begin(), keys().end(),
                                    [&](const Key& key) { return key.key.starts_with(section + "."); });
    if (!exists) {
      Names sections;
      for (const Key& key : keys()) {
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
    if (within(key, where, static_cast<double>(value->get()))) to = value->get();
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
  Names faults_;
  std::map<std::string, std::string> places_;
};

}  // namespace

const std::vector<RecipeOption>& recipe_options() {
  static const std::vector<RecipeOption> options = [] {
    std::vector<RecipeOption> all;
    const Recipe defaults;
    for (const Key& key : keys())
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

std::string recipe_to_toml(const Recipe& recipe) {
  std::string text, section;
  for (const Key& key : keys()) {
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
  for (const Key& key : keys()) {
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
