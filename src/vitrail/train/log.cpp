#include "vitrail/train/log.h"

#include <cerrno>
#include <cstring>
#include <sstream>

#include <nlohmann/json.hpp>

#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"

namespace vitrail::train {
namespace {

using json = nlohmann::ordered_json;

// Lines of complete records up to `step`; a line that a kill cut short is none.
std::string kept_lines(const std::filesystem::path& path, int64_t step) {
  if (step == 0 || !std::filesystem::exists(path)) return "";
  std::istringstream old(read_file(path));
  std::string kept;
  for (std::string text; std::getline(old, text);) {
    const json record = json::parse(text, nullptr, false);
    if (record.is_object() && record.contains("step") && record["step"].is_number_integer() &&
        record["step"].get<int64_t>() <= step)
      kept += text + "\n";
  }
  return kept;
}

json number_or_null(const std::optional<double>& value) {
  return value ? json(*value) : json(nullptr);
}

}  // namespace

JsonLog::JsonLog(const std::filesystem::path& path, int64_t start_step) : path_(path) {
  write_file_atomically(path, kept_lines(path, start_step));
  file_.open(path, std::ios::app | std::ios::binary);
}

void JsonLog::write(const TrainPoint& point) {
  line(json{{"kind", "train"},
            {"step", point.step},
            {"loss", point.loss},
            {"parts", point.parts},
            {"rate", point.rate},
            {"gradient_norm", point.gradient_norm},
            {"images_per_second", point.images_per_second}}
           .dump());
}

void JsonLog::write(const EvaluationPoint& point, const std::vector<std::string>& classes) {
  json record{{"kind", "evaluation"}, {"step", point.step}};
  for (const Figure& figure : point.figures)
    record[figure.name] = number_or_null(figure.value);
  json by_class = json::object();
  for (size_t i = 0; i < point.class_scores.size(); ++i)
    by_class[i < classes.size() ? classes[i] : std::to_string(i)] = number_or_null(point.class_scores[i]);
  record["class_" + point.class_figure] = by_class;
  line(record.dump(-1, ' ', false, json::error_handler_t::replace));
}

void JsonLog::line(const std::string& text) {
  file_ << text << '\n';
  file_.flush();
  if (!file_)
    throw Error(ErrorKind::file, {.where = path_.string(),
                                  .found = cat("cannot be written: ", std::strerror(errno)),
                                  .next = "Is the disk full?"});
}

}  // namespace vitrail::train
