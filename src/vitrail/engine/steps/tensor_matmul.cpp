#include <algorithm>

#include "vitrail/engine/steps/onednn.h"
#include "vitrail/engine/steps/tensor_steps.h"

namespace vitrail::engine_detail {
namespace {

using Primitive = dnnl::matmul;

// a [..., M, K] times b [..., K, N] as oneDNN wants it: equal ranks, as few batch dimensions as possible.
struct Geometry {
  DnnlDims a, b, y;
};

// Sizes before the last two, in front of which ones are put until there are `rank`.
DnnlDims batch_of(const Shape& shape, size_t rank) {
  DnnlDims batch(shape.begin(), shape.end() - 2);
  batch.insert(batch.begin(), rank - batch.size(), 1);
  return batch;
}

int64_t product_of(const DnnlDims& sizes) {
  int64_t product = 1;
  for (const int64_t size : sizes)
    product *= size;
  return product;
}

Geometry geometry_of(Shape a, Shape b) {
  if (a.size() == 1) a.insert(a.begin(), 1);
  if (b.size() == 1) b.push_back(1);
  const size_t rank = std::max(a.size(), b.size()) - 2;
  DnnlDims batch_a = batch_of(a, rank), batch_b = batch_of(b, rank), batch(rank);
  int64_t rows = a[a.size() - 2];
  const int64_t depth = a.back(), columns = b.back();
  if (product_of(batch_b) == 1) {  // one matrix for all rows
    rows *= product_of(batch_a);
    batch_a = batch_b = batch = {};
  } else if (batch_a == batch_b) {
    batch_a = batch_b = batch = {product_of(batch_a)};
  } else {
    for (size_t d = 0; d < rank; ++d)
      batch[d] = std::max(batch_a[d], batch_b[d]);
  }
  Geometry g{batch_a, batch_b, batch};
  g.a.insert(g.a.end(), {rows, depth});
  g.b.insert(g.b.end(), {depth, columns});
  g.y.insert(g.y.end(), {rows, columns});
  return g;
}

DnnlDesc row_major(const DnnlDims& sizes) {
  DnnlDims strides(sizes.size());
  int64_t stride = 1;
  for (size_t d = sizes.size(); d-- > 0;) {
    strides[d] = stride;
    stride *= sizes[d];
  }
  return {sizes, dnnl::memory::data_type::f32, strides};
}

// One value per column.
DnnlDesc bias_desc(const Geometry& g) {
  DnnlDims sizes(g.y.size(), 1);
  sizes.back() = g.y.back();
  return row_major(sizes);
}

struct Prepared {
  Primitive primitive;
  DnnlDesc a, b, y, scratch;
  dnnl::memory weight;  // b, packed, where it is constant
  dnnl::memory bias;
  dnnl::engine engine;
  ValueId from_a = no_value, from_b = no_value, to = no_value;
};

void execute(const Prepared& p, const Memory& memory) {
  dnnl::stream stream = memory.stream;
  const auto input = [&](const DnnlDesc& desc, ValueId id) {
    return dnnl::memory(desc, p.engine, const_cast<float*>(memory.read(id)));
  };
  std::unordered_map<int, dnnl::memory> arguments = {
      {DNNL_ARG_SRC, input(p.a, p.from_a)},
      {DNNL_ARG_WEIGHTS, p.weight ? p.weight : input(p.b, p.from_b)},
      {DNNL_ARG_DST, dnnl::memory(p.y, p.engine, memory.write(p.to))},
      {DNNL_ARG_SCRATCHPAD, dnnl::memory(p.scratch, p.engine, memory.scratch)}};
  if (p.bias) arguments.emplace(DNNL_ARG_BIAS, p.bias);
  p.primitive.execute(stream, arguments);
  stream.wait();
}

Primitive::primitive_desc describe(const Layer& layer, const Geometry& g, const DnnlDesc& b,
                                   const dnnl::engine& engine) {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (layer.function) {
    dnnl::post_ops ops;
    append_function(ops, *layer.function);
    attributes.set_post_ops(ops);
  }
  if (layer.inputs.size() < 3)
    return {Primitive::desc(row_major(g.a), b, row_major(g.y)), attributes, engine};
  return {Primitive::desc(row_major(g.a), b, bias_desc(g), row_major(g.y)), attributes, engine};
}

Prepared prepare(const StepContext& context, const Layer& layer, const Geometry& g, Step& step) {
  const auto constant = [&](size_t i) { return context.network.value(layer.inputs[i]).constant; };
  const bool packed = constant(1).defined();
  const DnnlDesc b = packed && g.b.size() == 2 ? f32_desc(g.b, DnnlTag::any) : row_major(g.b);
  const Primitive::primitive_desc description = describe(layer, g, b, context.engine);
  Prepared p{.primitive = Primitive(description),
             .a = row_major(g.a),
             .b = row_major(g.b),
             .y = row_major(g.y),
             .scratch = description.scratchpad_desc(),
             .engine = context.engine,
             .from_a = layer.inputs[0],
             .from_b = layer.inputs[1],
             .to = layer.output};
  step.reads = {layer.inputs[0]};
  if (packed) {
    p.weight = context.weights.get(constant(1), p.b, description.weights_desc(), context.engine);
    step.weight_bytes = static_cast<int64_t>(description.weights_desc().get_size());
  } else {
    step.reads.push_back(layer.inputs[1]);
  }
  if (layer.inputs.size() > 2)
    p.bias = context.weights.get(constant(2), bias_desc(g), bias_desc(g), context.engine);
  step.report.kernel = description.impl_info_str();
  step.scratch_bytes = static_cast<int64_t>(p.scratch.get_size());
  return p;
}

}  // namespace

Step make_matmul(const StepContext& context, const Layer& layer) {
  const Geometry g = geometry_of(context.shape(layer.inputs[0]), context.shape(layer.inputs[1]));
  if (product_of(g.a) == 0 || product_of(g.b) == 0) return make_reference(context, layer);
  Step step = step_of(context, layer, "matmul");
  try {
    const Prepared prepared = prepare(context, layer, g, step);
    step.execute = [prepared](const Memory& memory) { execute(prepared, memory); };
  } catch (const dnnl::error& error) {
    throw refused_by_onednn(layer, error.what());
  }
  step.report.multiply_adds = product_of(g.y) * g.a.back();
  return step;
}

}  // namespace vitrail::engine_detail
