#include "vitrail/quantize/quantize.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/loops.h"
#include "vitrail/quantize/calibrate.h"
#include "vitrail/quantize/fold_batch_norm.h"

namespace vitrail {
namespace {

using Histograms = std::map<int32_t, Histogram>;

void check(const CalibrationSet& inputs, const QuantizeOptions& options) {
  const auto refuse = [](const std::string& found, const std::string& allowed) {
    throw Error(ErrorKind::usage, {.where = "quantisation", .found = found, .allowed = allowed});
  };
  if (inputs.count < 1)
    refuse(cat(inputs.count, " inputs to calibrate on"), "1 or more; 50 and more are good");
  if (!(options.percentile > 0 && options.percentile <= 100))
    refuse(cat("percentile ", options.percentile), "above 0, at most 100");
  if (options.compared < 1) refuse(cat("compared ", options.compared), "1 or more");
  if (!(options.max_loss >= 0)) refuse(cat("max_loss ", options.max_loss), "0 or more");
}

void check_names(const QuantizeOptions& options, const QuantizationPoints& points) {
  std::vector<std::string> names;
  for (const Node* node : points.convolutions)
    names.push_back(node->name);
  if (names.empty())
    throw Error(ErrorKind::usage, {.where = "quantisation",
                                   .found = "a network without a convolution of constant float weights",
                                   .allowed = "one that is not quantised yet"});
  for (const std::string& name : options.keep)
    if (std::find(names.begin(), names.end(), name) == names.end())
      throw Error(ErrorKind::usage, {.where = "quantisation",
                                     .found = cat("no convolution '", name, "' to keep"),
                                     .next = did_you_mean(name, names)});
}

// The thresholds of one way to cut off, made one for each group: of its values the largest.
Codes codes_of(const Model& model, const QuantizationPoints& points,
               const std::function<double(int32_t id, bool never_negative)>& threshold) {
  std::map<int32_t, double> largest;
  std::map<int32_t, bool> unsigned_bytes;
  for (const Value value : points.values) {
    const int32_t group = points.group[static_cast<size_t>(value.id)];
    const bool positive = is_never_negative(model.graph, value);
    largest[group] = std::max(largest[group], threshold(value.id, positive));
    unsigned_bytes.try_emplace(group, true).first->second &= positive;
  }
  Codes codes;
  for (const Value value : points.values) {
    const int32_t group = points.group[static_cast<size_t>(value.id)];
    codes[value.id] = byte_code(largest.at(group), unsigned_bytes.at(group));
  }
  return codes;
}

std::vector<Codes> candidate_codes(const Model& model, const QuantizationPoints& points,
                                   const Histograms& histograms, const QuantizeOptions& options) {
  std::vector<double> percentiles;
  if (options.method == CalibrationMethod::percentile) percentiles = {options.percentile};
  if (options.method == CalibrationMethod::automatic) percentiles = {99.9, options.percentile, 100};
  std::vector<Codes> candidates;
  for (const double percent : percentiles)
    candidates.push_back(codes_of(
        model, points, [&](int32_t id, bool) { return percentile_threshold(histograms.at(id), percent); }));
  if (options.method != CalibrationMethod::percentile)
    candidates.push_back(codes_of(model, points, [&](int32_t id, bool never_negative) {
      return entropy_threshold(histograms.at(id), never_negative ? 256 : 128);
    }));
  return candidates;
}

// Group by group the candidate that disturbs least.
struct Choice {
  Codes codes;
  std::map<std::string, double> noise;  // over signal, by convolution
};

Choice choose(const QuantizationPoints& points, const std::vector<Codes>& candidates,
              const std::vector<Disturbance>& disturbances) {
  std::map<int32_t, std::vector<double>> by_group;
  for (const Value value : points.values) {
    std::vector<double>& sums = by_group[points.group[static_cast<size_t>(value.id)]];
    sums.resize(candidates.size(), 0);
    for (size_t c = 0; c < candidates.size(); ++c)
      sums[c] += disturbances[c].values.at(value.id);
  }
  const auto best = [&](Value value) {
    const std::vector<double>& sums = by_group.at(points.group[static_cast<size_t>(value.id)]);
    return static_cast<size_t>(std::min_element(sums.begin(), sums.end()) - sums.begin());
  };
  Choice choice;
  for (const Value value : points.values)
    choice.codes[value.id] = candidates[best(value)].at(value.id);
  for (const Node* node : points.convolutions)
    choice.noise[node->name] = disturbances[best(node->inputs[0])].convolutions.at(node->name);
  return choice;
}

// Convolutions by what they lose, the worst first.
std::vector<std::string> by_loss(const std::map<std::string, double>& noise) {
  std::vector<std::string> names;
  for (const auto& [name, ratio] : noise)
    names.push_back(name);
  std::sort(names.begin(), names.end(), [&](const std::string& a, const std::string& b) {
    return noise.at(a) != noise.at(b) ? noise.at(a) > noise.at(b) : a < b;
  });
  return names;
}

class Quantizer {
 public:
  Quantizer(const Model& model, const CalibrationSet& inputs, const QuantizeOptions& options)
      : model_(model), inputs_(inputs), options_(options) {
    float_.graph = model.graph.for_inference();
    float_.weights = model.weights;
    float_.info = model.info;
    float_ = folded(float_);
  }

  QuantizedModel run() {
    const QuantizationPoints all = quantization_points(float_, {});
    check_names(options_, all);
    const Histograms histograms = histograms_of(float_, all, inputs_, options_);
    const std::vector<Codes> candidates = candidate_codes(float_, all, histograms, options_);
    choice_ = choose(all, candidates, disturbances(float_, all, candidates, inputs_, options_));
    for (const Node* node : all.convolutions)
      result_.layers.push_back({node->name, -10 * std::log10(std::max(choice_.noise.at(node->name), 1e-12))});
    for (const std::string& name : options_.keep)
      keep(name, "asked for");
    rebuild();
    if (options_.score) meet_score();
    result_.model.info.notes["quantization"] = cat("int8, calibrated on ", inputs_.count, " inputs");
    return std::move(result_);
  }

 private:
  void keep(const std::string& name, const std::string& reason) {
    kept_.insert(name);
    for (QuantizedLayer& layer : result_.layers)
      if (layer.name == name) layer.kept = true, layer.reason = reason;
  }

  void rebuild() {
    const QuantizationPoints points = quantization_points(float_, kept_);
    result_.model = with_bytes(float_, points, choice_.codes);
  }

  // Twice as many more at each turn: few layers are to blame, or it is the whole network.
  void meet_score() {
    result_.score_before = options_.score(model_);
    result_.score_after = options_.score(result_.model);
    const std::vector<std::string> worst = by_loss(choice_.noise);
    size_t next = 0, more = 1;
    while (*result_.score_before - *result_.score_after > options_.max_loss && next < worst.size()) {
      const std::string reason = cat("its noise is among the largest, and ",
                                     next == 0 ? "the whole in bytes" : "keeping fewer", " lost too much");
      for (const size_t end = std::min(next + more, worst.size()); next < end; ++next)
        if (!kept_.contains(worst[next])) keep(worst[next], reason);
      more *= 2;
      rebuild();
      result_.score_after = options_.score(result_.model);
    }
  }

  const Model& model_;
  const CalibrationSet& inputs_;
  const QuantizeOptions& options_;
  Model float_;  // batch normalisation folded
  Choice choice_;
  std::set<std::string> kept_;
  QuantizedModel result_;
};

}  // namespace

CalibrationMethod calibration_method_from(std::string_view name) {
  if (name == "auto") return CalibrationMethod::automatic;
  if (name == "percentile") return CalibrationMethod::percentile;
  if (name == "entropy") return CalibrationMethod::entropy;
  throw Error(
      ErrorKind::usage,
      {.where = "calibration method", .found = cat("'", name, "'"), .allowed = "auto, percentile, entropy"});
}

QuantizedModel quantized(const Model& model, const CalibrationSet& inputs, const QuantizeOptions& options) {
  check(inputs, options);
  refuse_loops(model.graph, "quantisation");
  return Quantizer(model, inputs, options).run();
}

}  // namespace vitrail
