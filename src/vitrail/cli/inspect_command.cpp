// vitrail inspect: layers and costs of a network.

#include <algorithm>
#include <array>
#include <iostream>
#include <map>

#include <nlohmann/json.hpp>

#include "vitrail/base/error.h"
#include "vitrail/base/random.h"
#include "vitrail/base/text.h"
#include "vitrail/cli/command.h"
#include "vitrail/cli/model_options.h"
#include "vitrail/cli/output.h"
#include "vitrail/cli/terminal.h"
#include "vitrail/engine/peak.h"
#include "vitrail/graph/cost.h"
#include "vitrail/graph/draw.h"
#include "vitrail/graph/part.h"
#include "vitrail/nets/instance/input_shapes.h"

namespace vitrail::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
  SourceOptions source;
  bool json = false, dot = false, engine = false;
  EngineOptions run;
  std::string precision = "f32";
};

void declare(CLI::App& app, Options& options) {
  app.add_option("NET|FILE", options.source.source,
                 "a network's name, an .onnx file or a .safetensors file of training")
      ->required();
  app.add_option("--classes", options.source.classes,
                 "for a NET: class names separated by commas, or how many");
  app.add_option("--set", options.source.set, "for a NET: key=value of its own options; may be repeated")
      ->allow_extra_args(false);
  app.add_option("--input", options.source.input,
                 "HEIGHTxWIDTH in pixels; default: 512x512, or what the network or file fixes");
  app.add_flag("--json", options.json, "print JSON");
  app.add_flag("--dot", options.dot,
               "print the graph for Graphviz: `vitrail inspect NET --dot | dot -Tsvg > net.svg`");
  app.add_flag("--engine", options.engine, "show also what the engine makes of it");
  app.add_option("--threads", options.run.threads, "for --engine: threads; 0 = all cores")
      ->check(between(0, 4096));
  app.add_option("--precision", options.precision, "for --engine: f32, or bf16 where the processor has it")
      ->check(CLI::IsMember({"f32", "bf16"}));
  add_memory_option(
      app, options.run.memory_limit, 0,
      "for --engine: MiB (or with a unit: 64MB) that maps and packed weights may take; 0 = no limit");
}

void check(const CLI::App& app, const Options& options) {
  if (options.dot && (options.json || options.engine))
    throw Error(ErrorKind::usage,
                {.where = "inspect", .found = "--dot beside --json or --engine", .next = "Ask for one"});
  for (const char* const name : {"--threads", "--precision", "--memory"})
    if (!options.engine && app.count(name) > 0)
      throw Error(ErrorKind::usage, {.where = name, .found = "given without --engine"});
}

using Shapes = std::map<std::string, Shape>;

// Of an instance segmentation network: its picture, and one box for each of the parts that see crops.
Shapes instance_shapes(const Model& model, const std::string& input) {
  const Preprocessing& p = model.info.preprocessing;
  Pair size{p.height > 0 ? p.height : 512, p.width > 0 ? p.width : 512};
  if (!input.empty()) size = parse_size(input, "--input");
  return instance_input_shapes(model, size[0], size[1], 1);
}

Shapes input_shapes(const Model& model, const std::string& input) {
  const Graph& graph = model.graph;
  if (!std::holds_alternative<std::monostate>(model.info.instance)) return instance_shapes(model, input);
  if (graph.inputs().size() != 1)
    throw Error(ErrorKind::unsupported, {.where = "inspect",
                                         .found = cat("a graph of ", graph.inputs().size(), " inputs"),
                                         .allowed = "one"});
  Shape shape = graph.shape(graph.inputs()[0].value);
  if (shape.size() == 4) {
    const Pair size = input.empty() ? Pair{512, 512} : parse_size(input, "--input");
    if (!input.empty() || shape[2] < 0) shape[2] = size[0];
    if (!input.empty() || shape[3] < 0) shape[3] = size[1];
    if (shape[1] < 0) shape[1] = 3;
  }
  if (!shape.empty() && shape[0] < 0) shape[0] = 1;
  return {{graph.inputs()[0].name, shape}};
}

// The shapes that `graph`, a part, reads.
Shapes shapes_of(const Graph& graph, const Shapes& all) {
  Shapes own;
  for (const Input& input : graph.inputs())
    own[input.name] = all.at(input.name);
  return own;
}

std::vector<std::string> output_names(const Graph& graph) {
  std::vector<std::string> names;
  for (const Output& output : graph.outputs())
    names.push_back(output.name);
  return names;
}

Json json_of_parts(const Graph& graph, const Shapes& inputs) {
  Json list = Json::array();
  for (const Graph& part : parts_of(graph)) {
    const Shapes own = shapes_of(part, inputs);
    const Cost cost = cost_of(part, own);
    list.push_back({{"outputs", output_names(part)},
                    {"inputs", own},
                    {"parameters", cost.parameters_with_running_statistics},
                    {"multiply_adds", cost.multiply_adds},
                    {"peak_bytes", cost.peak_bytes}});
  }
  return list;
}

Json json_of(const Cost& cost, const std::string& name, const Graph& graph, const Shapes& inputs) {
  Json layers = Json::array();
  for (const LayerCost& layer : cost.layers)
    layers.push_back({{"name", layer.name},
                      {"type", layer.type},
                      {"output", layer.output},
                      {"parameters", layer.parameters},
                      {"multiply_adds", layer.multiply_adds},
                      {"activation_bytes", layer.activation_bytes}});
  Json json = {{"name", name},
               {"input", inputs.at(graph.inputs().at(0).name)},
               {"parameters",
                {{"learnable", cost.parameters_learnable},
                 {"with_running_statistics", cost.parameters_with_running_statistics}}},
               {"multiply_adds", cost.multiply_adds},
               {"activation_bytes", cost.activation_bytes},
               {"peak_bytes", cost.peak_bytes}};
  if (cost.open_layers > 0) json["open_layers"] = cost.open_layers;
  if (inputs.size() > 1) json["parts"] = json_of_parts(graph, inputs);
  json["layers"] = std::move(layers);
  return json;
}

Json json_of(const ProgramReport& report) {
  Json steps = Json::array();
  for (const StepReport& step : report.steps)
    steps.push_back({{"name", step.name},
                     {"kind", step.kind},
                     {"kernel", step.kernel},
                     {"fused", step.fused},
                     {"output", step.output},
                     {"multiply_adds", step.multiply_adds},
                     {"milliseconds", step.milliseconds},
                     {"slow", step.is_slow()}});
  return {{"arena_bytes", report.arena_bytes},
          {"weight_bytes", report.weight_bytes},
          {"notes", report.notes},
          {"steps", steps}};
}

void print_layers(const Cost& cost, std::ostream& out) {
  using Row = std::array<std::string, 6>;
  std::vector<Row> rows = {{"layer", "type", "output", "parameters", "multiply-adds", "bytes"}};
  for (const LayerCost& layer : cost.layers)
    rows.push_back({layer.name, layer.type, to_string(layer.output), grouped(layer.parameters),
                    grouped(layer.multiply_adds), grouped(layer.activation_bytes)});
  std::array<size_t, 6> width{};
  for (const Row& row : rows)
    for (size_t i = 0; i < row.size(); ++i)
      width[i] = std::max(width[i], row[i].size());
  for (const Row& row : rows)
    for (size_t i = 0; i < row.size(); ++i)
      out << (i < 3 ? aligned_left(row[i], width[i]) : aligned_right(row[i], width[i]))
          << (i + 1 < row.size() ? "  " : "\n");
}

void print_totals(const Cost& cost, const std::string& name, const Shapes& inputs, std::ostream& out) {
  out << "\n" << name;
  for (const auto& [input, shape] : inputs)
    out << (inputs.size() == 1 ? ", input " : "\n  " + aligned_left(input, 17) + " ") << to_string(shape);
  out << "\n"
      << "  parameters        " << grouped(cost.parameters_learnable) << " learnable, "
      << grouped(cost.parameters_with_running_statistics) << " with running statistics"
      << (cost.parameters_with_running_statistics == 0
              ? "; its weights are constants, as those of quantised files\n"
              : "\n")
      << "  multiply-adds     " << with_unit(static_cast<double>(cost.multiply_adds), "") << "\n"
      << "  activations       " << with_unit(static_cast<double>(cost.activation_bytes), "B") << " in all, "
      << with_unit(static_cast<double>(cost.peak_bytes), "B") << " alive at most\n";
  if (cost.open_layers > 0)
    out << "  not counted       " << cost.open_layers
        << " layers with sizes (?) that depend on what the network computes\n";
}

// One box's worth of each part.
void print_parts(const Graph& graph, const Shapes& inputs, std::ostream& out) {
  for (const Graph& part : parts_of(graph)) {
    const Cost cost = cost_of(part, shapes_of(part, inputs));
    out << "  part " << join(output_names(part)) << ": " << grouped(cost.parameters_with_running_statistics)
        << " parameters, " << with_unit(static_cast<double>(cost.multiply_adds), "") << " multiply-adds\n";
  }
}

double gflops(const StepReport& step) {
  return step.milliseconds > 0 ? 2e-6 * static_cast<double>(step.multiply_adds) / step.milliseconds : 0;
}

void print_step(const StepReport& step, double peak, std::ostream& out) {
  out << aligned_right(fixed(step.milliseconds, 3), 10)
      << aligned_right(step.multiply_adds > 0 ? fixed(gflops(step), 0) : "", 9)
      << aligned_right(step.multiply_adds > 0 ? cat(fixed(100 * gflops(step) / peak, 0), "%") : "", 7) << "  "
      << aligned_left(step.kind, 16) << " " << aligned_left(to_string(step.output), 18) << " " << step.name
      << " [" << step.kernel << "]" << (step.is_slow() ? " SLOW: plain loops" : "");
  if (!step.fused.empty()) out << " with " << join(step.fused);
  out << "\n";
}

// A share above 100 % is Winograd's or bf16's: fewer or cheaper operations than the multiply-adds counted.
void print_engine(const ProgramReport& report, std::ostream& out) {
  const double peak = measured_peak_gflops(report.threads);
  double milliseconds = 0;
  int64_t slow = 0;
  for (const StepReport& step : report.steps) {
    milliseconds += step.milliseconds;
    slow += step.is_slow();
  }
  out << "\nengine: " << report.steps.size() << " steps, " << fixed(milliseconds, 1) << " ms with "
      << report.threads << (report.threads == 1 ? " thread" : " threads") << ", arena "
      << with_unit(static_cast<double>(report.arena_bytes), "B") << ", weights "
      << with_unit(static_cast<double>(report.weight_bytes), "B") << "; measured f32 peak " << fixed(peak, 0)
      << " GFLOP/s\n";
  for (const std::string& note : report.notes)
    out << "  note: " << note << "\n";
  if (slow > 0) out << "  note: " << slow << " of the steps run plain loops\n";
  out << aligned_right("ms", 10) << aligned_right("GFLOP/s", 9) << aligned_right("peak", 7)
      << "  step             output             name [kernel]\n";
  for (const StepReport& step : report.steps)
    print_step(step, peak, out);
}

ProgramReport engine_report(const Model& model, const Shapes& shapes, const EngineOptions& options) {
  const Engine engine(model.graph, model.weights, options);
  std::vector<Shape> in_order;
  std::vector<Tensor> values;
  Random random(0);
  for (const Input& input : model.graph.inputs()) {
    in_order.push_back(shapes.at(input.name));
    if (model.graph.type(input.value) != DataType::f32) continue;
    values.push_back(Tensor::empty(DataType::f32, in_order.back()));
    for (float& value : values.back().data<float>())
      value = static_cast<float>(random.uniform(-1, 1));
  }
  return values.size() == in_order.size() ? engine.profile(values) : engine.report(in_order);
}

}  // namespace

int inspect_command(CLI::App& app, const Arguments& arguments) {
  Options options;
  declare(app, options);
  parse(app, arguments);
  check(app, options);
  if (options.precision == "bf16") options.run.precision = Precision::bf16;

  const Model model = open_source(app, options.source);
  const Shapes inputs = input_shapes(model, options.source.input);
  if (options.dot) {
    std::cout << graphviz(model.graph, inputs);
    return 0;
  }
  const Cost cost = cost_of(model.graph, inputs);
  if (options.json) {
    Json json = json_of(cost, options.source.source, model.graph, inputs);
    if (options.engine) json["engine"] = json_of(engine_report(model, inputs, options.run));
    print_json(json);
    return 0;
  }
  print_layers(cost, std::cout);
  print_totals(cost, options.source.source, inputs, std::cout);
  if (inputs.size() > 1) print_parts(model.graph, inputs, std::cout);
  if (options.engine) print_engine(engine_report(model, inputs, options.run), std::cout);
  return 0;
}

}  // namespace vitrail::cli
