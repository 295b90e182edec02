#include "vitrail/engine/steps/weighted_primitive.h"

#include "vitrail/base/checked.h"

namespace vitrail::engine_detail {
namespace {

// Everything execute() needs; the memories of weights are only read.
struct Prepared {
  dnnl::primitive primitive;
  DnnlDesc source, wanted_source, target, scratch;
  dnnl::reorder reorder;
  dnnl::memory weight, bias;
  dnnl::engine engine;
  ValueId x = no_value, y = no_value;

  bool reordered() const { return source != wanted_source; }
  int64_t primitive_bytes() const {
    return round_up(static_cast<int64_t>(scratch.get_size()), buffer_alignment);
  }
};

void execute(const Prepared& p, const Memory& memory) {
  dnnl::memory source(p.source, p.engine, const_cast<float*>(memory.read(p.x)));
  dnnl::stream stream = memory.stream;
  if (p.reordered()) {
    dnnl::memory wanted(p.wanted_source, p.engine, memory.scratch + p.primitive_bytes());
    dnnl::reorder reorder = p.reorder;
    reorder.execute(stream, source, wanted);
    source = wanted;
  }
  std::unordered_map<int, dnnl::memory> arguments = {
      {DNNL_ARG_SRC, source},
      {DNNL_ARG_WEIGHTS, p.weight},
      {DNNL_ARG_DST, dnnl::memory(p.target, p.engine, memory.write(p.y))},
      {DNNL_ARG_SCRATCHPAD, dnnl::memory(p.scratch, p.engine, memory.scratch)}};
  if (p.bias) arguments.emplace(DNNL_ARG_BIAS, p.bias);
  p.primitive.execute(stream, arguments);
  stream.wait();
}

Prepared prepare(const StepContext& context, const Layer& layer, const dnnl::primitive_desc& description,
                 const DnnlDesc& source, const PrimitiveConstants& constants) {
  Prepared p;
  p.engine = context.engine;
  p.primitive = dnnl::primitive(description);
  p.source = source;
  p.wanted_source = description.src_desc(0);
  p.target = description.dst_desc(0);
  p.scratch = description.scratchpad_desc();
  if (p.reordered())
    p.reorder = dnnl::reorder(dnnl::reorder::primitive_desc(p.engine, p.source, p.engine, p.wanted_source));
  p.weight = context.weights.get(constants.weight, constants.weight_desc, description.weights_desc(0),
                                 context.engine);
  if (constants.bias.defined()) {
    const DnnlDesc bias = f32_desc({constants.bias.size(0)}, DnnlTag::x);
    p.bias = context.weights.get(constants.bias, bias, bias, context.engine);
  }
  p.x = layer.inputs[0];
  p.y = layer.output;
  return p;
}

}  // namespace

void run_primitive(Step& step, const StepContext& context, const Layer& layer,
                   const dnnl::primitive_desc& description, const DnnlDesc& source,
                   const PrimitiveConstants& constants) {
  const Prepared prepared = prepare(context, layer, description, source, constants);
  step.report.kernel = description.impl_info_str();
  step.scratch_bytes = static_cast<int64_t>(prepared.scratch.get_size());
  if (prepared.reordered())
    step.scratch_bytes = prepared.primitive_bytes() + static_cast<int64_t>(prepared.wanted_source.get_size());
  step.weight_bytes = static_cast<int64_t>(prepared.weight.get_desc().get_size());
  step.execute = [prepared](const Memory& memory) { execute(prepared, memory); };
}

}  // namespace vitrail::engine_detail
