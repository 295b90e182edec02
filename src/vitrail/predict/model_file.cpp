#include "vitrail/predict/model_file.h"

#include <string>
#include <string_view>
#include <vector>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/nets/registry.h"
#include "vitrail/onnx/onnx.h"
#include "vitrail/weights/model_info.h"
#include "vitrail/weights/safetensors.h"

namespace vitrail {
namespace {

constexpr std::string_view option_note = "set.";  // build_net leaves the options it was given in the notes

const Tensor* find_tensor(const Weights& tensors, const std::string& name) {
  for (const std::string& key : {name, "model." + name})
    if (const auto found = tensors.find(key); found != tensors.end()) return &found->second;
  return nullptr;
}

Weights weights_for(const Graph& graph, const Weights& tensors, const std::string& where) {
  Weights weights;
  std::vector<std::string> faults;
  for (const Parameter& parameter : graph.parameters()) {
    const Tensor* tensor = find_tensor(tensors, parameter.name);
    if (tensor == nullptr)
      faults.push_back(cat(parameter.name, " is missing"));
    else if (tensor->shape() != parameter.shape)
      faults.push_back(
          cat(parameter.name, " is ", to_string(tensor->shape()), ", not ", to_string(parameter.shape)));
    else
      weights[parameter.name] = parameter.type == DataType::f32 ? tensor->to_f32() : *tensor;
  }
  if (!faults.empty())
    throw Error(ErrorKind::format,
                {.where = where,
                 .found = join(faults, "; "),
                 .next = "The file belongs to another network, or to other options of it"});
  return weights;
}

Model read_checkpoint_model(const std::filesystem::path& path) {
  const Safetensors file = read_safetensors(path);
  if (!has_model_info(file.metadata))
    throw Error(ErrorKind::format,
                {.where = path.string(),
                 .found = "weights without Vitrail's metadata: which network they belong to is not said",
                 .next = "Use a file that `vitrail train` or `vitrail export` wrote"});
  const ModelInfo info = info_from_metadata(file.metadata, path.string());
  if (info.architecture.empty() || info.classes.empty())
    throw Error(ErrorKind::format,
                {.where = path.string(),
                 .found = info.architecture.empty() ? "weights of a network that is not one by name"
                                                    : "weights of a network whose classes are not named",
                 .next = "Use the .onnx file that training wrote: it has the network itself"});
  NetOptions options{.classes = static_cast<int64_t>(info.classes.size())};
  for (const auto& [key, value] : info.notes)
    if (key.starts_with(option_note)) options.set[key.substr(option_note.size())] = value;
  Model model = build_net(info.architecture, options);
  model.weights = weights_for(model.graph, file.tensors, path.string());
  model.info = info;
  return model;
}

}  // namespace

Model read_model(const std::filesystem::path& path) {
  const std::string extension = path.extension().string();
  if (extension != ".onnx" && extension != ".safetensors")
    throw Error(ErrorKind::usage, {.where = path.string(),
                                   .found = "not a model file by its name",
                                   .allowed = ".onnx or .safetensors"});
  if (!std::filesystem::is_regular_file(path))
    throw Error(ErrorKind::file,
                {.where = path.string(),
                 .found = std::filesystem::exists(path) ? "this is not a file" : "there is no such file"});
  return extension == ".onnx" ? read_onnx(path) : read_checkpoint_model(path);
}

}  // namespace vitrail
