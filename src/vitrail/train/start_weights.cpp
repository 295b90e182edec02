#include "vitrail/train/start_weights.h"

#include <optional>
#include <set>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/predict/model_file.h"
#include "vitrail/train/setup.h"
#include "vitrail/weights/first_layer.h"
#include "vitrail/weights/initialize.h"
#include "vitrail/weights/pretrained.h"

namespace vitrail::train {
namespace {

namespace fs = std::filesystem;

constexpr size_t most_names = 6;

std::string some_of(const std::vector<std::string>& names) {
  if (names.size() <= most_names) return join(names);
  const std::vector<std::string> first(names.begin(), names.begin() + most_names);
  return cat(join(first), " and ", names.size() - most_names, " more");
}

void take(StartWeights& start, const Weights& weights) {
  for (const auto& [name, tensor] : weights)
    start.weights[name] = tensor;
}

void take_pretrained(StartWeights& start, const fs::path& file, const Model& model) {
  PretrainedOptions options;
  for (const ClassInfo& c : model.info.classes)
    options.classes.push_back(c.name);
  const Pretrained encoder = load_pretrained(file, model.graph, options);
  take(start, encoder.weights);
  start.notes.push_back(cat(encoder.weights.size(), " tensors from ", file.filename().string()));
  for (const std::string& adapted : encoder.adapted)
    start.notes.push_back(cat(file.filename().string(), ": ", adapted));
  for (const std::string& skipped : encoder.skipped)
    start.notes.push_back(cat(file.filename().string(), ": left out ", skipped));
}

/// A former run's tensor for `parameter`, where it fits; a first layer's for as many channels as it has now.
std::optional<Tensor> fitting(const Tensor& tensor, const Parameter& parameter,
                              const std::set<std::string>& first_layers) {
  if (tensor.shape() == parameter.shape) return parameter.type == DataType::f32 ? tensor.to_f32() : tensor;
  if (first_layers.contains(parameter.name) && can_have_input_channels(tensor.shape(), parameter.shape))
    return with_input_channels(tensor, parameter.shape[1]);
  return std::nullopt;
}

/// The weights of `file`, for the parameters whose names begin with `prefix`.
void take_former(StartWeights& start, const fs::path& file, const Graph& graph, const std::string& prefix) {
  const Weights former = read_model(file).weights;
  const std::set<std::string> first_layers = image_weights(graph);
  Weights same;
  std::vector<std::string> fresh;
  for (const Parameter& parameter : graph.parameters()) {
    if (!parameter.name.starts_with(prefix)) continue;
    const auto found = former.find(parameter.name.substr(prefix.size()));
    const auto fits = found == former.end() ? std::nullopt : fitting(found->second, parameter, first_layers);
    if (fits)
      same[parameter.name] = *fits;
    else if (parameter.role == Role::learnable)
      fresh.push_back(parameter.name);
  }
  if (same.empty())
    throw Error(
        ErrorKind::usage,
        {.where = file.string(),
         .found = cat("none of its parameters has the name and shape of one of this network",
                      prefix.empty() ? "" : cat(" after '", prefix, "'")),
         .next = "net.start is for a network that shares layers; for an encoder alone take net.pretrained"});
  take(start, same);
  start.notes.push_back(cat(same.size(), " tensors from ", file.string(),
                            prefix.empty() ? "" : cat(" for ", prefix, "*"),
                            fresh.empty() ? "" : cat("; starting fresh: ", some_of(fresh))));
}

}  // namespace

StartWeights start_weights(const Recipe& recipe, const Model& model, const fs::path& place) {
  StartWeights start{.weights = initial_weights(model.graph, recipe.train.seed)};
  take(start, model.weights);
  if (const fs::path file = find_pretrained(recipe, place); !file.empty())
    take_pretrained(start, file, model);
  if (const fs::path file = find_start(recipe); !file.empty()) take_former(start, file, model.graph, "");
  for (const auto& [part, file] : find_start_parts(recipe))
    take_former(start, file, model.graph, part + ".");
  return start;
}

}  // namespace vitrail::train
