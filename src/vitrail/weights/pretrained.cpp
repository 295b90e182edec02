#include "vitrail/weights/pretrained.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <string_view>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/weights/class_rows.h"
#include "vitrail/weights/first_layer.h"
#include "vitrail/weights/safetensors.h"
#include "vitrail/weights/torch_file.h"
#include "vitrail/weights/torchvision_names.h"

namespace vitrail {
namespace {

constexpr std::string_view batch_norm_part = ".BatchNorm.";
// Detectors with a feature pyramid have their encoder one level down.
constexpr const char* body = "body.";

// PyTorch counts the batches that its batch normalisations have seen, and nobody reads it.
constexpr std::string_view counter_part = ".num_batches_tracked";

Safetensors read_weights(const std::filesystem::path& path) {
  if (!is_torch_file(path)) return read_safetensors(path);
  return {.tensors = read_torch_file(path).tensors, .metadata = {}};
}

class Loader {
 public:
  Loader(const std::filesystem::path& path, const Graph& graph, const PretrainedOptions& options)
      : path_(path.string()),
        image_weights_(image_weights(graph)),
        graph_(graph),
        options_(options),
        file_(read_weights(path)) {
    std::erase_if(file_.tensors, [](const auto& item) { return item.first.ends_with(counter_part); });
    take_published_names();
    const bool whole_network = std::any_of(file_.tensors.begin(), file_.tensors.end(),
                                           [&](const auto& item) { return item.first.starts_with(prefix_); });
    if (whole_network)
      added_.clear();
    else if (matches(prefix_ + body) > matches(prefix_))
      added_ = prefix_ = prefix_ + body;
  }

  Pretrained load() {
    for (const auto& [name, tensor] : file_.tensors) {
      if (name.ends_with(".bias") && !has(added_ + name) && !has(name))
        unfold(name.substr(0, name.size() - std::string_view(".bias").size()));
      else
        copy(name);
    }
    for (const auto& [name, tensor] : file_.tensors)
      if (!used_.contains(name)) result_.unused.push_back(name);
    if (impossible_layers_ > 0)
      result_.skipped.push_back(
          cat("output_mean and output_var of ", impossible_channels_, " channels in ", impossible_layers_,
              " layers: they spread further than the convolution's outputs can; 0 and 1 taken"));
    find_missing();
    result_.metadata = std::move(file_.metadata);
    return std::move(result_);
  }

 private:
  bool has(std::string_view parameter) const { return graph_.value_of_parameter(parameter).exists(); }

  void take_published_names() {
    Weights renamed;
    for (const auto& [name, tensor] : file_.tensors)
      renamed[has(name) ? name : torchvision_published_name(name)] = tensor;
    file_.tensors = std::move(renamed);
  }

  // Tensors of the file that have a parameter's name after this prefix.
  int64_t matches(const std::string& prefix) const {
    return std::count_if(file_.tensors.begin(), file_.tensors.end(),
                         [&](const auto& item) { return has(prefix + item.first); });
  }

  // The file's tensor in f32, of finite values only.
  Tensor values(const std::string& name) const {
    const Tensor tensor = file_.tensors.at(name).to_f32();
    const auto data = tensor.data<float>();
    if (!std::all_of(data.begin(), data.end(), [](float x) { return std::isfinite(x); }))
      throw Error(ErrorKind::format, {.where = cat(path_, ": tensor '", name, "'"),
                                      .found = "a value that is not finite",
                                      .next = "The file is damaged; fetch it again"});
    return tensor;
  }

  // A linear layer's matrix for a convolution that reads what was flattened.
  static bool is_matrix_of(const Shape& matrix, const Shape& wanted) {
    return matrix.size() == 2 && wanted.size() == 4 && matrix[0] == wanted[0] &&
           matrix[1] == wanted[1] * wanted[2] * wanted[3];
  }

  // The same but for the number of outputs.
  static bool is_like(const Shape& found, const Shape& wanted) {
    return found.size() == wanted.size() && !found.empty() &&
           std::equal(found.begin() + 1, found.end(), wanted.begin() + 1);
  }

  // A head's last layer, trained for another number of classes.
  bool is_other_classifier(const std::string& parameter, const Shape& found, const Shape& wanted) const {
    return !prefix_.empty() && !parameter.starts_with(prefix_) && is_like(found, wanted);
  }

  // A detector's predictor that was trained on COCO's classes, for the network's.
  Tensor for_our_classes(const std::string& parameter, const std::string& from, const Tensor& tensor,
                         const Shape& wanted) {
    if (wanted.empty()) return tensor;
    const auto rows = class_rows_of(parameter, wanted[0], static_cast<int64_t>(options_.classes.size()));
    if (!rows) return tensor;
    const std::optional<Tensor> chosen = coco_rows(tensor, *rows, options_.classes);
    if (!chosen || chosen->shape() != wanted) return tensor;
    if (const std::vector<std::string> unknown = unknown_to_coco(options_.classes); !unknown.empty())
      result_.skipped.push_back(
          cat(from, ": not among its classes, so the mean of them all: ", join(unknown)));
    return *chosen;
  }

  void put(const std::string& parameter, const std::string& from, Tensor tensor) {
    const Shape& wanted = graph_.shape(graph_.value_of_parameter(parameter));
    if (is_matrix_of(tensor.shape(), wanted)) tensor = tensor.reshaped(wanted);
    if (image_weights_.contains(parameter) && can_have_input_channels(tensor.shape(), wanted)) {
      result_.adapted.push_back(cat(parameter, ": ", tensor.size(1), " channels in the file, ", wanted[1],
                                    " here", wanted[1] > tensor.size(1) ? "; those behind start at 0" : ""));
      tensor = with_input_channels(tensor, wanted[1]);
    }
    if (tensor.shape() != wanted) tensor = for_our_classes(parameter, from, tensor, wanted);
    if (tensor.shape() != wanted && is_other_classifier(parameter, tensor.shape(), wanted)) {
      used_.insert(from);
      result_.skipped.push_back(
          cat(from, ": ", tensor.size(0), " classes in the file, ", wanted[0], " here"));
      return;
    }
    if (tensor.shape() != wanted)
      throw Error(ErrorKind::shape,
                  {.where = cat(path_, ": tensor '", from, "'"),
                   .found = cat("shape ", to_string(tensor.shape())),
                   .allowed = cat("parameter '", parameter, "' has shape ", to_string(wanted)),
                   .next = "Take the file that was made for this network (the same depth multiplier)"});
    used_.insert(from);
    result_.weights.insert_or_assign(parameter, tensor);
  }

  void copy(const std::string& name) {
    if (has(added_ + name))
      put(added_ + name, name, values(name));
    else if (has(name) &&
             is_like(file_.tensors.at(name).shape(), graph_.shape(graph_.value_of_parameter(name))))
      put(name, name, values(name));
  }

  // The epsilon of the normalisation that `gamma` scales; nothing where the graph has none.
  std::optional<double> epsilon_of(std::string_view gamma) const {
    const Value value = graph_.value_of_parameter(gamma);
    if (!value.exists()) return std::nullopt;
    for (const Node& node : graph_.nodes())
      if (const auto* norm = std::get_if<op::BatchNormalization>(&node.op); norm && node.inputs[1] == value)
        return norm->epsilon;
    return std::nullopt;
  }

  Tensor statistic(const std::string& layer, const std::string& which) const {
    const std::string name = cat(layer, ".", which);
    if (!file_.tensors.contains(name))
      throw Error(ErrorKind::format,
                  {.where = cat(path_, ": tensor '", name, "'"),
                   .found = "is missing",
                   .allowed = cat("batch normalisation is folded into '", layer,
                                  "' and cannot be unfolded without output_mean and output_var")});
    Tensor tensor = values(name);
    const Shape& like = file_.tensors.at(layer + ".bias").shape();
    if (tensor.shape() != like)
      throw Error(ErrorKind::shape, {.where = cat(path_, ": tensor '", name, "'"),
                                     .found = cat("shape ", to_string(tensor.shape())),
                                     .allowed = cat("'", layer, ".bias' has shape ", to_string(like))});
    return tensor;
  }

  // Whether the file says that its layers' activations end at 6.
  bool has_relu6() const {
    const auto found = file_.metadata.find("activation");
    return found != file_.metadata.end() && found->second.starts_with("ReLU6");
  }

  // Between ReLU6 layers no output of a convolution is further from 0 than six times its weights' absolute
  // sum. Statistics that spread further were not measured on this network: with them gamma would dwarf every
  // step of the optimiser. 0 and 1 in their place are the same function.
  void replace_impossible(const std::string& layer, Tensor& mean, Tensor& var) {
    const Tensor weight = values(layer + ".weight");
    const int64_t taps = weight.elements() / std::max<int64_t>(weight.size(0), 1);
    int64_t replaced = 0;
    for (int64_t c = 0; c < var.elements(); ++c) {
      float& variance = var.data<float>()[static_cast<size_t>(c)];
      if (variance < 0)
        throw Error(ErrorKind::format, {.where = cat(path_, ": tensor '", layer, ".output_var'"),
                                        .found = cat("variance ", variance, " of channel ", c),
                                        .allowed = "a variance is not negative"});
      if (!has_relu6() || c >= weight.size(0)) continue;
      double reach = 0;
      for (const float w :
           weight.data<float>().subspan(static_cast<size_t>(c * taps), static_cast<size_t>(taps)))
        reach += 6 * std::abs(static_cast<double>(w));
      if (std::sqrt(static_cast<double>(variance)) <= reach) continue;
      variance = 1;
      mean.data<float>()[static_cast<size_t>(c)] = 0;
      ++replaced;
    }
    impossible_channels_ += replaced;
    impossible_layers_ += replaced > 0;
  }

  void unfold(const std::string& layer) {
    const bool after_prefix = has(cat(added_, layer, batch_norm_part, "weight"));
    const std::string norm = cat(after_prefix ? added_ : "", layer, batch_norm_part);
    const std::optional<double> epsilon = epsilon_of(norm + "weight");
    if (!epsilon) return;
    Tensor mean = statistic(layer, "output_mean").clone(), var = statistic(layer, "output_var").clone();
    replace_impossible(layer, mean, var);
    Tensor beta = values(layer + ".bias").clone();
    Tensor gamma = Tensor::empty(DataType::f32, var.shape());
    for (size_t c = 0; c < static_cast<size_t>(var.elements()); ++c) {
      gamma.data<float>()[c] =
          static_cast<float>(std::sqrt(static_cast<double>(var.data<float>()[c]) + *epsilon));
      beta.data<float>()[c] += mean.data<float>()[c];
    }
    put(norm + "weight", layer + ".output_var", gamma);
    put(norm + "running_var", layer + ".output_var", var);
    put(norm + "running_mean", layer + ".output_mean", mean);
    put(norm + "bias", layer + ".bias", beta);
  }

  void find_missing() {
    for (const Parameter& parameter : graph_.parameters())
      if (parameter.name.starts_with(prefix_) && !result_.weights.contains(parameter.name))
        result_.missing.push_back(parameter.name);
    if (result_.weights.empty())
      throw Error(ErrorKind::usage,
                  {.where = path_,
                   .found = cat("no tensor has the name of a parameter after '", prefix_, "'"),
                   .next = "Take the file that was made for this network"});
    if (result_.missing.empty() || options_.allow_missing) return;
    const size_t shown = std::min<size_t>(result_.missing.size(), 5);
    const std::vector<std::string> first(result_.missing.begin(),
                                         result_.missing.begin() + static_cast<int64_t>(shown));
    throw Error(ErrorKind::usage,
                {.where = path_,
                 .found = cat(result_.missing.size(), " encoder parameters are not in it: ", join(first),
                              shown < result_.missing.size() ? ", ..." : ""),
                 .next = "Take the file that was made for this network, or allow them to be "
                         "missing"});
  }

  std::string path_;
  const std::set<std::string> image_weights_;
  const Graph& graph_;
  const PretrainedOptions& options_;
  Safetensors file_;
  int64_t impossible_channels_ = 0, impossible_layers_ = 0;
  std::string prefix_ = options_.prefix;  // of the encoder's parameters
  std::string added_ = prefix_;           // to the file's names
  Pretrained result_;
  std::set<std::string> used_;
};

/// Where encoders begin: at `prefix`, or at that of each part of a network that has one in every part.
std::vector<std::string> encoder_prefixes(const Graph& graph, const std::string& prefix) {
  std::set<std::string> inner;
  for (const Parameter& parameter : graph.parameters()) {
    if (parameter.name.starts_with(prefix)) return {prefix};
    if (const size_t at = parameter.name.find("." + prefix); at != std::string::npos)
      inner.insert(parameter.name.substr(0, at + 1) + prefix);
  }
  if (inner.empty()) return {prefix};
  return {inner.begin(), inner.end()};
}

void append(std::vector<std::string>& all, const std::vector<std::string>& more) {
  all.insert(all.end(), more.begin(), more.end());
}

}  // namespace

Pretrained load_pretrained(const std::filesystem::path& path, const Graph& graph,
                           const PretrainedOptions& options) {
  Pretrained all;
  for (const std::string& prefix : encoder_prefixes(graph, options.prefix)) {
    PretrainedOptions of_part = options;
    of_part.prefix = prefix;
    Pretrained part = Loader(path, graph, of_part).load();
    all.weights.merge(part.weights);
    all.unused = std::move(part.unused);
    append(all.skipped, part.skipped);
    append(all.adapted, part.adapted);
    append(all.missing, part.missing);
    all.metadata = std::move(part.metadata);
  }
  return all;
}

}  // namespace vitrail
