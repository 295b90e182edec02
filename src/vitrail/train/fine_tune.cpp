#include "vitrail/train/fine_tune.h"

#include <algorithm>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/shape_inference.h"
#include "vitrail/predict/foreign_layout.h"
#include "vitrail/predict/model_file.h"
#include "vitrail/train/replace_head.h"

namespace vitrail::train {
namespace {

/// An output's logits, and what stood after them.
struct Ending {
  std::string output;
  Value logits;
  std::vector<std::string> cut;
};

bool is_class_axis(int64_t axis) {
  return axis == 1 || axis == -3;
}

bool ends_logits(const Op& op) {
  if (const auto* softmax = std::get_if<op::Softmax>(&op)) return is_class_axis(softmax->axis);
  if (const auto* log = std::get_if<op::LogSoftmax>(&op)) return is_class_axis(log->axis);
  if (const auto* argmax = std::get_if<op::ArgMax>(&op)) return is_class_axis(argmax->axis);
  return std::holds_alternative<op::Sigmoid>(op);
}

/// What may stand after an ending without changing what it says.
bool is_packaging(const Op& op) {
  return std::holds_alternative<op::Identity>(op) || std::holds_alternative<op::Cast>(op) ||
         std::holds_alternative<op::Squeeze>(op) || std::holds_alternative<op::Unsqueeze>(op);
}

Ending ending_of(const Graph& graph, const Output& output) {
  Ending ending{output.name, output.value, {}};
  std::vector<std::string> passed;
  Value value = output.value;
  while (const Node* node = graph.producer_of(value)) {
    if (!ends_logits(node->op) && !is_packaging(node->op)) break;
    passed.push_back(cat(type_name(node->op), " '", node->name, "'"));
    value = node->inputs.at(0);
    if (!ends_logits(node->op)) continue;
    ending.logits = value;
    ending.cut.insert(ending.cut.end(), passed.begin(), passed.end());
    passed.clear();
  }
  return ending;
}

bool is_map(const Graph& graph, Value value) {
  return graph.shape(value).size() == 4 && graph.type(value) == DataType::f32 && graph.shape(value)[1] > 0;
}

Ending chosen_ending(const Model& model, const std::string& wanted, const std::string& where) {
  std::vector<Ending> found;
  std::vector<std::string> all;
  for (const Output& output : model.graph.outputs()) {
    const Ending ending = ending_of(model.graph, output);
    all.push_back(cat(output.name, " ", to_string(model.graph.shape(ending.logits))));
    const bool asked = wanted.empty() || wanted == output.name;
    if (asked && is_map(model.graph, ending.logits)) found.push_back(ending);
  }
  const bool same = std::all_of(found.begin(), found.end(),
                                [&](const Ending& each) { return each.logits == found.front().logits; });
  if (!found.empty() && same) return found.front();
  throw Error(ErrorKind::usage, {.where = where,
                                 .found = cat(wanted.empty() ? "" : cat("output '", wanted, "' asked for; "),
                                              "the network gives ", join(all)),
                                 .allowed = "one output of logits, floats N x classes x h x w",
                                 .next = "Name the one with --output NAME (net.output)"});
}

const Input& only_image(const Graph& graph, const std::string& where) {
  if (graph.inputs().size() == 1 && graph.shape(graph.inputs()[0].value).size() == 4 &&
      graph.type(graph.inputs()[0].value) == DataType::f32)
    return graph.inputs()[0];
  std::vector<std::string> names;
  for (const Input& input : graph.inputs())
    names.push_back(cat(input.name, " ", to_string(graph.shape(input.value))));
  throw Error(ErrorKind::unsupported, {.where = where,
                                       .found = cat("a network that reads ", join(names)),
                                       .allowed = "one image, floats N x C x H x W"});
}

/// `model`'s graph with another head, up to the logits.
Graph rebuilt(const Model& model, const Ending& ending, const HeadChange& change, int64_t batch) {
  const Graph& from = model.graph;
  Graph graph;
  std::vector<Value> value_of(static_cast<size_t>(from.value_count()));
  const auto place = [&](Value value) -> Value& { return value_of.at(static_cast<size_t>(value.id)); };
  for (const Input& input : from.inputs()) {
    Shape shape = from.shape(input.value);
    shape[0] = batch;
    place(input.value) = graph.input(input.name, shape, from.type(input.value));
  }
  for (const Parameter& parameter : from.parameters()) {
    const auto changed = change.parameters.find(parameter.name);
    place(from.value_of_parameter(parameter.name)) =
        graph.parameter(changed == change.parameters.end() ? parameter : changed->second);
  }
  for (const Node& node : from.nodes()) {
    const auto changed = change.ops.find(node.name);
    std::vector<Value> inputs;
    bool known = true;
    for (const Value value : node.inputs) {
      inputs.push_back(value.exists() ? place(value) : Value{});
      known = known && (!value.exists() || inputs.back().exists());
    }
    const bool after_logits = !node.inputs.empty() && node.inputs[0] == ending.logits &&
                              !ending.cut.empty() && (ends_logits(node.op) || is_packaging(node.op));
    if (!known || after_logits) continue;  // behind what is cut off
    place(node.outputs.at(0)) =
        graph.add(changed == change.ops.end() ? node.op : changed->second, std::move(inputs), node.name);
  }
  graph.output(ending.cut.empty() ? ending.output : "logits", place(ending.logits));
  return graph.for_inference();
}

/// Whether images are independent of each other: two give logits for two.
bool takes_batches(const Graph& graph, const Preprocessing& p) {
  const Shape& declared = graph.shape(graph.inputs()[0].value);
  const auto side = [&](int64_t size) {
    return size > 0 ? size : round_up(256, std::max<int64_t>(p.multiple, 1));
  };
  try {
    const ShapeTable shapes =
        infer_shapes(graph, Shape{2, declared[1], side(declared[2]), side(declared[3])});
    return shapes[graph.outputs()[0].value][0] == 2;
  } catch (const Error&) {
    return false;
  }
}

/// A network over N x H x W x C (TensorFlow's) as one over N x C x H x W.
Model channels_first(Model file, const FineTuneOptions& options, const std::vector<ClassInfo>& classes) {
  if (!options.mean.empty()) file.info.preprocessing.mean = options.mean;
  const auto channels = static_cast<int64_t>(file.info.preprocessing.mean.size());
  const Graph& graph = file.graph;
  const Shape shape = graph.inputs().empty() ? Shape{} : graph.shape(graph.inputs()[0].value);
  if (shape.size() != 4 || shape[3] != channels || shape[1] == channels) return file;
  const ModelInfo info = file.info;
  file.info.classes = classes;
  file = with_image_layout(std::move(file));
  file.info = info;
  return file;
}

Preprocessing preprocessing_of(const Model& model, const FineTuneOptions& options, const std::string& where) {
  Preprocessing p = model.info.preprocessing;
  const bool said = !model.info.classes.empty() || !model.info.architecture.empty();
  if (!said && options.mean.empty())
    throw Error(
        ErrorKind::usage,
        {.where = where,
         .found = "the file does not say how images are prepared for it",
         .next = "Say so: --set net.mean='[123.7, 116.3, 103.5]' --set net.std='[58.4, 57.1, 57.4]', and "
                 "net.order = \"bgr\" where it wants that; per channel, on the 0..255 scale"});
  if (!options.mean.empty()) {
    p.mean = options.mean;
    p.std = options.std;
  }
  if (options.order == "rgb") p.order = ChannelOrder::rgb;
  if (options.order == "bgr") p.order = ChannelOrder::bgr;
  if (options.order == "grey") p.order = ChannelOrder::grey;
  if (options.multiple > 0) p.multiple = options.multiple;
  const Shape& input = model.graph.shape(only_image(model.graph, where).value);
  if (input[2] > 0) p.height = input[2];
  if (input[3] > 0) p.width = input[3];
  const auto channels = static_cast<int64_t>(p.mean.size());
  if ((input[1] > 0 && input[1] != channels) || (channels == 1) != (p.order == ChannelOrder::grey))
    throw Error(ErrorKind::usage,
                {.where = where,
                 .found = cat(channels, " means for a network that reads ", to_string(input)),
                 .allowed = "one mean and one std per channel; grey has 1, rgb and bgr 3 or more",
                 .next = "Set net.mean, net.std and net.order"});
  return p;
}

std::string note_of(const std::filesystem::path& path, const Ending& ending, const HeadChange& change) {
  std::string note = cat(path.filename().string(), ", output '", ending.output, "'");
  if (!ending.cut.empty()) note += cat("; cut off: ", join(ending.cut));
  std::vector<std::string> anew;
  for (const auto& [name, parameter] : change.parameters)
    if (!change.weights.contains(name)) anew.push_back(name);
  if (!anew.empty()) note += cat("; made anew: ", join(anew));
  return note;
}

void check_class_count(int64_t found, int64_t classes, const std::string& where) {
  if (found == classes) return;
  throw Error(ErrorKind::usage,
              {.where = where,
               .found = cat("logits for ", found, found == 1 ? " class" : " classes"),
               .allowed = cat("the data set has ", classes),
               .next = "Make the last convolution anew with --replace-head (net.replace_head = "
                       "true), or map the labels with data.label_map"});
}

}  // namespace

Model network_from_file(const std::filesystem::path& path, const FineTuneOptions& options,
                        const std::vector<ClassInfo>& classes) {
  const std::string where = path.string();
  Model original = read_model(path);
  if (original.info.task != Task::semantic)
    throw Error(ErrorKind::usage,
                {.where = where,
                 .found = "a model that outlines objects",
                 .allowed = "one that labels pixels",
                 .next = "To train it on, take its network's recipe with --set net.start=FILE"});
  const Model file = channels_first(std::move(original), options, classes);
  const auto count = static_cast<int64_t>(classes.size());
  Model model{{}, {}, file.info};
  model.info.preprocessing = preprocessing_of(file, options, where);
  const Ending ending = chosen_ending(file, options.output, where);
  HeadChange change;
  if (options.replace_head)
    change = head_change(file, ending.logits, count);
  else
    check_class_count(file.graph.channels(ending.logits), count, where);

  model.graph = rebuilt(file, ending, change, -1);
  const int64_t batch = file.graph.shape(file.graph.inputs()[0].value)[0];
  if (batch > 0 && !takes_batches(model.graph, model.info.preprocessing))
    model.graph = rebuilt(file, ending, change, batch);
  check_class_count(model.graph.channels(model.graph.outputs()[0].value), count, where);
  for (const Parameter& parameter : model.graph.parameters())
    if (!change.parameters.contains(parameter.name))
      model.weights[parameter.name] = file.weights.at(parameter.name);
    else if (const auto kept = change.weights.find(parameter.name); kept != change.weights.end())
      model.weights[parameter.name] = kept->second;
  if (options.replace_head) model.info.architecture.clear();  // no longer what its name promises
  model.info.classes = classes;
  model.info.notes[fine_tuned_note] = note_of(path, ending, change);
  return model;
}

}  // namespace vitrail::train
