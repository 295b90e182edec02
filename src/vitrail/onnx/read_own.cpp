// The operators of the domain "vitrail": model-local functions in our files, whose bodies are for other
// runtimes (own_functions.h).

#include "vitrail/base/text.h"
#include "vitrail/onnx/node_import.h"

namespace vitrail::onnx_files {
namespace {

void read_dynamic_deconvolution(NodeImport& node) {
  const op::DynamicDeconvolution deconvolution{
      .stride = node.integer("stride", 1, 1, 2),
      .form = node.choice(kDeconvolutionForms, "form", op::DynamicDeconvolution::Form::exact)};
  std::vector<Operand> inputs{node.operand(0), node.operand(1)};
  if (node.has(2)) inputs.push_back(node.operand(2));
  node.emit(deconvolution, std::move(inputs));
}

void read_encoding(NodeImport& node) {
  node.emit(op::Encoding{}, {node.operand(0), node.weight(1), node.weight(2)});
}

void read_adaptive_pool(NodeImport& node) {
  if (node.attribute("bins") == nullptr) node.refuse("no bins", "two numbers");
  const op::AdaptivePool pool{.bins = node.pair("bins", {1, 1}, 1), .maximum = node.flag("maximum", false)};
  node.emit(pool, {node.operand(0)});
}

void read_own_max_unpool(NodeImport& node) {
  node.emit(op::MaxUnpool{}, {node.operand(0), node.operand(1), node.operand(2)});
}

constexpr OperatorReader kReaders[] = {
    {"AdaptivePool", "bins maximum", 1, 1, read_adaptive_pool},
    {"DynamicDeconvolution", "stride form", 2, 3, read_dynamic_deconvolution},
    {"Encoding", "", 3, 3, read_encoding},
    {"MaxUnpool", "", 3, 3, read_own_max_unpool},
};

}  // namespace

Readers own_readers() {
  return kReaders;
}

}  // namespace vitrail::onnx_files
