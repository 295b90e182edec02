#include "vitrail/predict/finish.h"

namespace vitrail {
namespace {

Graph finish_graph(Ending ending, int64_t classes) {
  Graph graph;
  const Value logits = graph.input("logits", {1, classes, -1, -1});
  const Value picture = graph.input("picture", {1, 1, -1, -1});  // only its size counts
  Value value = graph.add(op::Resize{}, {logits, picture}, "finish.resize");
  if (ending == Ending::labels) value = graph.add(op::ArgMax{}, {value}, "finish.labels");
  if (ending == Ending::probabilities) value = graph.add(op::Softmax{}, {value}, "finish.probabilities");
  graph.output("prediction", value);
  return graph;
}

}  // namespace

Finish::Finish(Ending ending, int64_t classes, const EngineOptions& options)
    : engine_(finish_graph(ending, classes), {}, options) {}

Tensor Finish::run(const Tensor& logits, int64_t height, int64_t width) const {
  const Tensor picture = Tensor::empty(DataType::f32, {1, 1, height, width});  // its pages are never touched
  return engine_.run({logits, picture}).at(0);
}

}  // namespace vitrail
