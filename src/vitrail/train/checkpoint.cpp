#include "vitrail/train/checkpoint.h"

#include <cstdio>

#include <nlohmann/json.hpp>

#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"
#include "vitrail/train/crc32c.h"
#include "vitrail/weights/safetensors.h"

namespace vitrail::train {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr int64_t format_version = 2;
constexpr int64_t max_json_bytes = int64_t{1} << 28;
const std::string tensors_suffix = ".safetensors";

fs::path json_path(const fs::path& folder, const std::string& name) {
  return folder / (name + ".json");
}

std::string tensors_name(const std::string& name, int64_t step) {
  char digits[32];
  std::snprintf(digits, sizeof digits, "-%08lld", static_cast<long long>(step));
  return name + digits + tensors_suffix;
}

[[noreturn]] void throw_damaged(const fs::path& path, const std::string& what) {
  throw Error(ErrorKind::format,
              {.where = path.string(),
               .found = what,
               .next = "The checkpoint cannot be used; restore the file, or start again in another folder"});
}

json number_or_null(const std::optional<double>& value) {
  return value ? json(*value) : json(nullptr);
}
std::optional<double> optional_number(const json& value) {
  return value.is_null() ? std::nullopt : std::optional<double>(value.get<double>());
}

json to_json(const History& history) {
  json train = json::array(), evaluations = json::array();
  for (const TrainPoint& point : history.train)
    train.push_back({{"step", point.step},
                     {"loss", point.loss},
                     {"parts", point.parts},
                     {"rate", point.rate},
                     {"gradient_norm", point.gradient_norm},
                     {"images_per_second", point.images_per_second}});
  for (const EvaluationPoint& point : history.evaluations) {
    json classes = json::array(), figures = json::array();
    for (const auto& score : point.class_scores)
      classes.push_back(number_or_null(score));
    for (const Figure& figure : point.figures)
      figures.push_back(json::array({figure.name, number_or_null(figure.value)}));
    evaluations.push_back({{"step", point.step},
                           {"figures", figures},
                           {"class_figure", point.class_figure},
                           {"class_scores", classes}});
  }
  return {{"train", train}, {"evaluations", evaluations}};
}

History history_from(const json& value) {
  History history;
  for (const json& point : value.at("train"))
    history.train.push_back({.step = point.at("step").get<int64_t>(),
                             .loss = point.at("loss").get<double>(),
                             .parts = point.at("parts").get<std::map<std::string, double>>(),
                             .rate = point.at("rate").get<double>(),
                             .gradient_norm = point.at("gradient_norm").get<double>(),
                             .images_per_second = point.at("images_per_second").get<double>()});
  for (const json& point : value.at("evaluations")) {
    EvaluationPoint evaluation{.step = point.at("step").get<int64_t>(),
                               .figures = {},
                               .class_figure = point.at("class_figure").get<std::string>(),
                               .class_scores = {}};
    for (const json& figure : point.at("figures"))
      evaluation.figures.push_back({figure.at(0).get<std::string>(), optional_number(figure.at(1))});
    for (const json& score : point.at("class_scores"))
      evaluation.class_scores.push_back(optional_number(score));
    history.evaluations.push_back(std::move(evaluation));
  }
  return history;
}

void put(Weights& all, const std::string& group, const Weights& tensors) {
  for (const auto& [name, tensor] : tensors)
    all[group + "." + name] = tensor;
}

// Copies out of the mapped file: the file goes when the next checkpoint is written.
Weights take(const Weights& all, const std::string& group) {
  Weights tensors;
  const std::string prefix = group + ".";
  for (auto entry = all.lower_bound(prefix); entry != all.end() && entry->first.starts_with(prefix); ++entry)
    tensors[entry->first.substr(prefix.size())] = entry->second.clone();
  return tensors;
}

json parse_json(const fs::path& path) {
  const json state = json::parse(read_file(path, max_json_bytes), nullptr, false);
  if (!state.is_object()) throw_damaged(path, "not a JSON object");
  return state;
}

Checkpoint checkpoint_from(const json& state) {
  Checkpoint checkpoint;
  checkpoint.step = state.at("step").get<int64_t>();
  checkpoint.best_score = optional_number(state.at("best_score"));
  checkpoint.best_step = state.at("best_step").get<int64_t>();
  checkpoint.seconds = state.at("seconds").get<double>();
  checkpoint.history = history_from(state.at("history"));
  checkpoint.recipe = state.at("recipe").get<std::string>();
  checkpoint.environment = state.at("environment").get<std::map<std::string, std::string>>();
  return checkpoint;
}

void read_tensors(const fs::path& folder, const json& entry, Checkpoint& checkpoint) {
  const std::string file = entry.at("file").get<std::string>();
  const fs::path path = folder / file;
  if (file.empty() || fs::path(file).filename() != file) throw_damaged(path, "not a plain file name");
  {
    const MappedFile mapped(path);
    const auto size = static_cast<int64_t>(mapped.bytes().size());
    if (size != entry.at("bytes").get<int64_t>())
      throw_damaged(path, cat(size, " bytes; ", entry.at("bytes").get<int64_t>(), " were written"));
    if (crc32c(mapped.bytes()) != entry.at("crc32c").get<uint32_t>())
      throw_damaged(path, "its checksum differs from what was written");
  }
  const Safetensors tensors = read_safetensors(path);
  checkpoint.model = take(tensors.tensors, "model");
  checkpoint.optimizer = take(tensors.tensors, "optimizer");
  checkpoint.average = take(tensors.tensors, "average");
}

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// NAME-00000123.safetensors, and what a kill left of writing it or NAME.json ("NAME.json.Ab3dE9").
bool belongs_to(const std::string& file, const std::string& name) {
  if (file.starts_with(name + ".json.")) return true;
  if (!file.starts_with(name + "-")) return false;
  const std::string rest = file.substr(name.size() + 1);
  const size_t suffix = rest.find(tensors_suffix);
  return suffix != std::string::npos && is_digits(rest.substr(0, suffix));
}

void remove_others(const fs::path& folder, const std::string& name, const std::string& kept) {
  std::error_code ignored;  // a leftover that cannot be deleted costs space, no more
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string file = entry.path().filename().string();
    if (file != kept && belongs_to(file, name)) fs::remove(entry.path(), ignored);
  }
}

}  // namespace

void write_checkpoint(const fs::path& folder, const std::string& name, const Checkpoint& checkpoint) {
  Weights all;
  put(all, "model", checkpoint.model);
  put(all, "optimizer", checkpoint.optimizer);
  put(all, "average", checkpoint.average);
  const std::string file = tensors_name(name, checkpoint.step);
  write_safetensors(folder / file, all, checkpoint.metadata);
  json tensors;
  {
    const MappedFile mapped(folder / file);
    tensors = {{"file", file}, {"bytes", mapped.bytes().size()}, {"crc32c", crc32c(mapped.bytes())}};
  }
  const json state{{"format", format_version},
                   {"step", checkpoint.step},
                   {"tensors", tensors},
                   {"best_score", number_or_null(checkpoint.best_score)},
                   {"best_step", checkpoint.best_step},
                   {"seconds", checkpoint.seconds},
                   {"history", to_json(checkpoint.history)},
                   {"recipe", checkpoint.recipe},
                   {"environment", checkpoint.environment}};
  write_file_atomically(json_path(folder, name),
                        state.dump(1, ' ', false, json::error_handler_t::replace) + "\n");
  remove_others(folder, name, file);
}

std::optional<Checkpoint> read_checkpoint(const fs::path& folder, const std::string& name) {
  const fs::path path = json_path(folder, name);
  if (!fs::exists(path)) return std::nullopt;
  const json state = parse_json(path);
  try {
    const auto version = state.at("format").get<int64_t>();
    if (version != format_version)
      throw Error(ErrorKind::unsupported, {.where = path.string(),
                                           .found = cat("checkpoint format ", version),
                                           .allowed = cat("this build reads format ", format_version)});
    Checkpoint checkpoint = checkpoint_from(state);
    read_tensors(folder, state.at("tensors"), checkpoint);
    return checkpoint;
  } catch (const json::exception& error) {
    throw_damaged(path, cat("an entry is missing or malformed (", error.what(), ")"));
  }
}

void remove_leftovers(const fs::path& folder, const std::string& name) {
  std::string kept;
  const fs::path path = json_path(folder, name);
  if (fs::exists(path)) {
    const json state = parse_json(path);
    if (state.contains("tensors") && state["tensors"].is_object()) kept = state["tensors"].value("file", "");
  }
  remove_others(folder, name, kept);
}

}  // namespace vitrail::train
