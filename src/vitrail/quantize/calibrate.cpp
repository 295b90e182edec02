#include "vitrail/quantize/calibrate.h"

#include <algorithm>

#include "vitrail/base/error.h"
#include "vitrail/base/parallel.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

void report(const QuantizeOptions& options, const std::string& stage, int64_t done, int64_t total) {
  if (options.progress && !options.progress(stage, done, total))
    throw Error(ErrorKind::cancelled,
                {.where = "quantisation", .found = cat(stage, ", cancelled after ", done, " of ", total)});
}

bool is_input(const Graph& graph, Value value) {
  return graph.producer_of(value) == nullptr;
}

// The float network with, beside it, what each candidate makes of each value and each convolution, summed up
// to one number each.
class NoiseGraph {
 public:
  NoiseGraph(const Model& model, const QuantizationPoints& points)
      : model_(model), points_(points), graph_(model.graph), weights_(model.weights) {
    std::vector<int64_t> readers(points.group.size(), 0);
    for (const Node* node : points.convolutions) {
      ++readers[static_cast<size_t>(node->inputs[0].id)];
      weight_of_[node] = writer().weight(byte_weight(tensor(node->inputs[1])), "noise." + node->name);
      sum_of_squares(node->outputs[0]);
    }
    for (const Value value : points.values)
      if (readers[static_cast<size_t>(value.id)] == 0) {
        alone_.push_back(value);
        sum_of_squares(value);
      }
  }

  // In the order in which `disturbances` reads them.
  void add(const Codes& codes) {
    const std::string prefix = cat("noise.", candidates_++, ".");
    std::map<int32_t, Value> rounded;
    for (const Value value : points_.values)
      rounded[value.id] = writer().through_bytes(value, codes.at(value.id), prefix + graph_.name_of(value));
    for (const Node* node : points_.convolutions) {
      std::vector<Value> inputs = {rounded.at(node->inputs[0].id), weight_of_.at(node)};
      if (node->inputs.size() > 2) inputs.push_back(node->inputs[2]);
      sum_of_difference(graph_.add(node->op, inputs, prefix + node->name), node->outputs[0]);
    }
    for (const Value value : alone_)
      sum_of_difference(rounded.at(value.id), value);
  }

  const Graph& graph() const { return graph_; }
  const Weights& weights() const { return weights_; }
  const std::vector<Value>& alone() const { return alone_; }

 private:
  QuantizeWriter writer() { return {graph_, weights_}; }
  Tensor tensor(Value value) const {
    return model_.weights.at(model_.graph.parameter_of(value)->name).to_f32();
  }
  void sum_of_squares(Value x) {
    const Value sum = graph_.add(op::Reduce{op::Reduce::Function::sum_square, {}, true}, {x});
    graph_.output(cat("noise.sum", sums_++), sum);
  }
  void sum_of_difference(Value x, Value y) {
    sum_of_squares(graph_.add(op::Binary{op::Binary::Function::subtract}, {x, y}));
  }

  const Model& model_;
  const QuantizationPoints& points_;
  Graph graph_;
  Weights weights_;
  std::map<const Node*, Value> weight_of_;
  std::vector<Value> alone_;
  int64_t candidates_ = 0, sums_ = 0;
};

}  // namespace

std::map<int32_t, Histogram> histograms_of(const Model& model, const QuantizationPoints& points,
                                           const CalibrationSet& inputs, const QuantizeOptions& options) {
  Graph graph = model.graph;
  const size_t before = graph.outputs().size();
  std::vector<Value> made;
  for (const Value value : points.values)
    if (!is_input(graph, value)) {
      graph.output(cat("calibrated.", made.size()), value);
      made.push_back(value);
    }
  const Engine engine(graph, model.weights, options.engine);
  std::map<int32_t, Histogram> histograms;
  for (const Value value : points.values)
    histograms[value.id];
  for (int64_t i = 0; i < inputs.count; ++i) {
    report(options, "calibrate", i, inputs.count);
    const Tensor input = inputs.load(i);
    const std::vector<Tensor> outputs = engine.run({input});
    for (const Value value : points.values)
      if (is_input(graph, value)) histograms.at(value.id).add(input.data<float>());
    parallel_for(static_cast<int64_t>(made.size()), 1, [&](int64_t k) {
      const auto at = static_cast<size_t>(k);
      histograms.find(made[at].id)->second.add(outputs[before + at].data<float>());
    });
  }
  report(options, "calibrate", inputs.count, inputs.count);
  return histograms;
}

std::vector<Disturbance> disturbances(const Model& model, const QuantizationPoints& points,
                                      const std::vector<Codes>& candidates, const CalibrationSet& inputs,
                                      const QuantizeOptions& options) {
  NoiseGraph noise(model, points);
  for (const Codes& codes : candidates)
    noise.add(codes);
  const Engine engine(noise.graph(), noise.weights(), options.engine);
  const size_t before = model.graph.outputs().size();
  std::vector<double> sums(noise.graph().outputs().size() - before, 0);
  const int64_t count = std::min(inputs.count, options.compared);
  for (int64_t i = 0; i < count; ++i) {
    report(options, "compare", i, count);
    const std::vector<Tensor> outputs = engine.run({inputs.load(i * inputs.count / count)});
    for (size_t k = 0; k < sums.size(); ++k)
      sums[k] += outputs[before + k].data<float>()[0];
  }
  report(options, "compare", count, count);

  const size_t each = points.convolutions.size() + noise.alone().size();
  std::vector<Disturbance> results(candidates.size());
  for (size_t c = 0; c < candidates.size(); ++c)
    for (size_t k = 0; k < each; ++k) {
      const double ratio = sums[(c + 1) * each + k] / std::max(sums[k], 1e-30);
      if (k < points.convolutions.size()) {
        const Node* node = points.convolutions[k];
        results[c].convolutions[node->name] = ratio;
        results[c].values[node->inputs[0].id] += ratio;
      } else {
        results[c].values[noise.alone()[k - points.convolutions.size()].id] += ratio;
      }
    }
  return results;
}

}  // namespace vitrail
