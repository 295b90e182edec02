#include "vitrail/engine/steps/byte_maps.h"

#include <algorithm>
#include <cstring>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/parallel.h"
#include "vitrail/engine/layout.h"
#include "vitrail/engine/steps/byte_kernels.h"
#include "vitrail/engine/steps/onednn.h"
#include "vitrail/graph/shape_inference.h"

namespace vitrail::engine_detail {
namespace {

constexpr int64_t block = 4096;  // elements that stay in the first cache

template <class Byte>
const Byte* read_bytes(const Memory& memory, ValueId id) {
  return reinterpret_cast<const Byte*>(memory.read(id));
}
template <class Byte>
Byte* write_bytes(const Memory& memory, ValueId id) {
  return reinterpret_cast<Byte*>(memory.write(id));
}

template <class Byte>
void quantize_channels_last(const float* x, Byte* y, int64_t count, ByteScale to) {
  parallel_for(ceil_div(count, block), 4, [&](int64_t i) {
    kernel::quantize(x + i * block, y + i * block, std::min(block, count - i * block), 1 / to.scale, to.zero);
  });
}

// From N x C x H x W: a run of pixels of all channels at a time.
template <class Byte>
void quantize_planes(const float* x, Byte* y, const Shape& shape, ByteScale to) {
  const int64_t channels = shape[1], pixels = shape[2] * shape[3];
  const int64_t run = std::max<int64_t>(16, block / channels), runs = ceil_div(pixels, run);
  parallel_for(shape[0] * runs, 1, [&](int64_t task) {
    const int64_t image = task / runs, first = task % runs * run, count = std::min(run, pixels - first);
    std::vector<Byte> planes(static_cast<size_t>(channels * run));
    std::vector<const uint8_t*> rows;
    for (int64_t c = 0; c < channels; ++c) {
      Byte* row = planes.data() + c * run;
      kernel::quantize(x + (image * channels + c) * pixels + first, row, count, 1 / to.scale, to.zero);
      rows.push_back(reinterpret_cast<const uint8_t*>(row));
    }
    kernel::interleave(rows.data(), channels,
                       reinterpret_cast<uint8_t*>(y) + (image * pixels + first) * channels, count);
  });
}

template <class Byte>
void set_quantize(Step& step, const StepContext& context, const Layer& layer) {
  const NetworkValue& source = context.network.value(layer.inputs[0]);
  const bool as_it_lies = source.channels_last() || same_as_row_major(source.shape);
  step.execute = [as_it_lies, shape = source.shape, to = layer.bytes->output, x = layer.inputs[0],
                  y = layer.output](const Memory& memory) {
    if (as_it_lies)
      quantize_channels_last(memory.read(x), write_bytes<Byte>(memory, y), element_count(shape), to);
    else
      quantize_planes(memory.read(x), write_bytes<Byte>(memory, y), shape, to);
  };
}

template <class Byte>
void set_dequantize(Step& step, const Layer& layer) {
  step.execute = [count = element_count(step.report.output), from = layer.bytes->input, x = layer.inputs[0],
                  y = layer.output](const Memory& memory) {
    parallel_for(ceil_div(count, block), 4, [&](int64_t i) {
      kernel::dequantize(read_bytes<Byte>(memory, x) + i * block, memory.write(y) + i * block,
                         std::min(block, count - i * block), from.scale, from.zero);
    });
  };
}

Step make_quantize(const StepContext& context, const Layer& layer) {
  Step step = step_of(context, layer, "quantize");
  if (context.network.value(layer.output).type == DataType::u8)
    set_quantize<uint8_t>(step, context, layer);
  else
    set_quantize<int8_t>(step, context, layer);
  return step;
}

Step make_dequantize(const StepContext& context, const Layer& layer) {
  Step step = step_of(context, layer, "dequantize");
  if (context.network.value(layer.inputs[0]).type == DataType::u8)
    set_dequantize<uint8_t>(step, layer);
  else
    set_dequantize<int8_t>(step, layer);
  return step;
}

// Bytes keep their order: the largest of a window is the same before and after scaling.
Step make_byte_max_pool(const StepContext& context, const Layer& layer, const op::MaxPool& pool) {
  using Primitive = dnnl::pooling_forward;
  const Shape &x = context.shape(layer.inputs[0]), &y = context.shape(layer.output);
  const auto type = context.network.value(layer.inputs[0]).type == DataType::u8 ? dnnl::memory::data_type::u8
                                                                                : dnnl::memory::data_type::s8;
  const Pads pads = resolved_pads(pool.auto_pad, pool.pads, {x[2], x[3]}, pool.kernel, pool.strides, {1, 1});
  DnnlDims after;
  for (size_t d = 0; d < 2; ++d)
    after.push_back((y[2 + d] - 1) * pool.strides[d] + pool.kernel[d] - x[2 + d] - pads[d]);
  const DnnlDesc source(x, type, DnnlTag::nhwc), target(y, type, DnnlTag::nhwc);
  Step step = step_of(context, layer, "max_pool");
  try {
    const Primitive::desc desc(dnnl::prop_kind::forward_inference, dnnl::algorithm::pooling_max, source,
                               target, {pool.strides[0], pool.strides[1]}, {pool.kernel[0], pool.kernel[1]},
                               {pads[0], pads[1]}, after);
    const Primitive::primitive_desc description(desc, context.engine);
    step.report.kernel = description.impl_info_str();
    step.execute = [primitive = Primitive(description), source, target, engine = context.engine,
                    from = layer.inputs[0], to = layer.output](const Memory& memory) {
      dnnl::stream stream = memory.stream;
      primitive.execute(stream,
                        {{DNNL_ARG_SRC, dnnl::memory(source, engine, const_cast<float*>(memory.read(from)))},
                         {DNNL_ARG_DST, dnnl::memory(target, engine, memory.write(to))}});
      stream.wait();
    };
  } catch (const dnnl::error& error) {
    throw refused_by_onednn(layer, error.what());
  }
  return step;
}

Step make_byte_concat(const StepContext& context, const Layer& layer) {
  Step step = step_of(context, layer, "concat");
  const Shape& shape = step.report.output;
  std::vector<int64_t> channels;
  for (const ValueId input : layer.inputs)
    channels.push_back(context.shape(input)[1]);
  step.execute = [channels, inputs = layer.inputs, y = layer.output, rows = shape[0] * shape[2],
                  width = shape[3], all = shape[1]](const Memory& memory) {
    parallel_for(rows, 4, [&](int64_t row) {
      uint8_t* to = write_bytes<uint8_t>(memory, y) + row * width * all;
      for (size_t i = 0; i < inputs.size(); ++i) {
        const uint8_t* from = read_bytes<uint8_t>(memory, inputs[i]) + row * width * channels[i];
        for (int64_t x = 0; x < width; ++x)
          std::memcpy(to + x * all, from + x * channels[i], static_cast<size_t>(channels[i]));
        to += channels[i];
      }
    });
  };
  return step;
}

}  // namespace

Step make_byte_step(const StepContext& context, const Layer& layer) {
  const Overload cases{
      [&](const op::Conv& op) { return make_byte_convolution(context, layer, op); },
      [&](const op::MaxPool& op) { return make_byte_max_pool(context, layer, op); },
      [&](const op::Concat&) { return make_byte_concat(context, layer); },
      [&](const op::QuantizeLinear&) { return make_quantize(context, layer); },
      [&](const op::DequantizeLinear&) { return make_dequantize(context, layer); },
      [&](const auto&) -> Step {
        throw Error(ErrorKind::unsupported, {.where = layer.name, .found = std::string(type_name(layer.op))});
      },
  };
  return std::visit(cases, layer.op);
}

}  // namespace vitrail::engine_detail
