#include "vitrail/train/own_operators.h"

#include <array>

#include "vitrail/engine/kernels/dynamic_deconvolution.h"
#include "vitrail/engine/kernels/encoding.h"

#ifdef VITRAIL_CUDA
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "vitrail/train/dynamic_deconvolution_cuda.h"
#endif

namespace vitrail::train {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using Size = std::array<int64_t, 2>;

bool has_kernels(const at::Tensor& x) {
  return x.device().is_cpu() && x.scalar_type() == at::kFloat && x.numel() > 0;
}

Size output_size(const op::DynamicDeconvolution& op, const at::Tensor& m, const at::Tensor& reference) {
  if (reference.defined()) return {reference.size(2), reference.size(3)};
  return {op.stride * m.size(2), op.stride * m.size(3)};
}

float* data_or_null(const at::Tensor& x) {
  return x.defined() ? x.data_ptr<float>() : nullptr;
}

// The GPU's kernels, where they were built, take the exact form over planes.
bool has_gpu_kernels([[maybe_unused]] const op::DynamicDeconvolution& op,
                     [[maybe_unused]] const at::Tensor& m) {
#ifdef VITRAIL_CUDA
  return m.is_cuda() && m.scalar_type() == at::kFloat && m.numel() > 0 &&
         op.form == op::DynamicDeconvolution::Form::exact;
#else
  return false;
#endif
}

void run_forward(const kernels::DynamicDeconvolutionSize& size, const at::Tensor& m, const at::Tensor& v,
                 at::Tensor& d) {
#ifdef VITRAIL_CUDA
  if (m.is_cuda()) {
    const c10::cuda::CUDAGuard guard(m.device());
    const std::string fault =
        dynamic_deconvolution_cuda(size, m.data_ptr<float>(), v.data_ptr<float>(), d.data_ptr<float>(),
                                   c10::cuda::getCurrentCUDAStream());
    TORCH_CHECK(fault.empty(), "dynamic deconvolution: ", fault);
    return;
  }
#endif
  kernels::dynamic_deconvolution(size, m.data_ptr<float>(), v.data_ptr<float>(), d.data_ptr<float>());
}

void run_backward(const kernels::DynamicDeconvolutionSize& size, const at::Tensor& m, const at::Tensor& v,
                  const at::Tensor& g, const at::Tensor& dm, const at::Tensor& dv) {
#ifdef VITRAIL_CUDA
  if (m.is_cuda()) {
    const c10::cuda::CUDAGuard guard(m.device());
    const std::string fault = dynamic_deconvolution_backward_cuda(
        size, m.data_ptr<float>(), v.data_ptr<float>(), g.data_ptr<float>(), data_or_null(dm),
        data_or_null(dv), c10::cuda::getCurrentCUDAStream());
    TORCH_CHECK(fault.empty(), "dynamic deconvolution's gradients: ", fault);
    return;
  }
#endif
  kernels::dynamic_deconvolution_backward(size, m.data_ptr<float>(), v.data_ptr<float>(), g.data_ptr<float>(),
                                          data_or_null(dm), data_or_null(dv));
}

class DynamicDeconvolution : public torch::autograd::Function<DynamicDeconvolution> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& m_any, const at::Tensor& v_any,
                            int64_t stride, bool matrix, int64_t height, int64_t width) {
    const at::MemoryFormat format =
        m_any.is_cuda() ? at::MemoryFormat::Contiguous : m_any.suggest_memory_format();
    const at::Tensor m = m_any.contiguous(format), v = v_any.contiguous(format);
    const kernels::DynamicDeconvolutionSize size = size_of(m, stride, matrix, height, width, format);
    at::Tensor d = at::empty({m.size(0), m.size(1), height, width}, m.options(), format);
    run_forward(size, m, v, d);
    context->save_for_backward({m, v});
    context->saved_data["stride"] = stride;
    context->saved_data["matrix"] = matrix;
    context->saved_data["channels_last"] = format == at::MemoryFormat::ChannelsLast;
    context->saved_data["m_learns"] = m_any.requires_grad();
    context->saved_data["v_learns"] = v_any.requires_grad();
    return d;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &m = saved[0], &v = saved[1];
    const at::MemoryFormat format = context->saved_data["channels_last"].toBool()
                                        ? at::MemoryFormat::ChannelsLast
                                        : at::MemoryFormat::Contiguous;
    const at::Tensor g = gradients[0].contiguous(format);
    at::Tensor dm, dv;
    if (context->saved_data["m_learns"].toBool()) dm = at::empty_like(m);
    if (context->saved_data["v_learns"].toBool()) dv = at::empty_like(v);
    run_backward(size_of(m, context->saved_data["stride"].toInt(), context->saved_data["matrix"].toBool(),
                         g.size(2), g.size(3), format),
                 m, v, g, dm, dv);
    return {dm, dv, {}, {}, {}, {}};
  }

 private:
  static kernels::DynamicDeconvolutionSize size_of(const at::Tensor& m, int64_t stride, bool matrix,
                                                   int64_t height, int64_t width, at::MemoryFormat format) {
    using Form = op::DynamicDeconvolution::Form;
    using kernels::ImageLayout;
    return {.images = m.size(0),
            .channels = m.size(1),
            .height = m.size(2),
            .width = m.size(3),
            .out_height = height,
            .out_width = width,
            .op = {.stride = stride, .form = matrix ? Form::matrix : Form::exact},
            .layout =
                format == at::MemoryFormat::ChannelsLast ? ImageLayout::channels_last : ImageLayout::planar};
  }
};

class Encoding : public torch::autograd::Function<Encoding> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x_any,
                            const at::Tensor& codewords_any, const at::Tensor& smoothing_any) {
    const at::Tensor x = x_any.contiguous(at::MemoryFormat::ChannelsLast);
    const at::Tensor codewords = codewords_any.contiguous(), smoothing = smoothing_any.contiguous();
    at::Tensor y = at::empty({x.size(0), codewords.size(0), x.size(1)}, x.options());
    kernels::encoding(size_of(x, codewords), x.data_ptr<float>(), codewords.data_ptr<float>(),
                      smoothing.data_ptr<float>(), y.data_ptr<float>());
    context->save_for_backward({x, codewords, smoothing});
    context->saved_data["x_learns"] = x_any.requires_grad();
    context->saved_data["codewords_learn"] = codewords_any.requires_grad();
    context->saved_data["smoothing_learns"] = smoothing_any.requires_grad();
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &codewords = saved[1], &smoothing = saved[2];
    const at::Tensor g = gradients[0].contiguous();
    at::Tensor dx, dcodewords, dsmoothing;
    if (context->saved_data["x_learns"].toBool()) dx = at::empty_like(x);
    if (context->saved_data["codewords_learn"].toBool()) dcodewords = at::empty_like(codewords);
    if (context->saved_data["smoothing_learns"].toBool()) dsmoothing = at::empty_like(smoothing);
    kernels::encoding_backward(size_of(x, codewords), x.data_ptr<float>(), codewords.data_ptr<float>(),
                               smoothing.data_ptr<float>(), g.data_ptr<float>(), data_or_null(dx),
                               data_or_null(dcodewords), data_or_null(dsmoothing));
    return {dx, dcodewords, dsmoothing};
  }

 private:
  static kernels::EncodingSize size_of(const at::Tensor& x, const at::Tensor& codewords) {
    return {.images = x.size(0),
            .pixels = x.size(2) * x.size(3),
            .depth = x.size(1),
            .codewords = codewords.size(0)};
  }
};

/// Adds each 3x3 window of [N, C * 9, h * w] to the map it lies on.
at::Tensor fold(const at::Tensor& windows, const Size& size, int64_t stride) {
  return at::col2im(windows, size, {3, 3}, /*dilation=*/{1, 1}, /*padding=*/{1, 1}, {stride, stride});
}

/// x[.., y / s, x / s].
at::Tensor repeated(const at::Tensor& x, const Size& size, int64_t stride) {
  return x.repeat_interleave(stride, 2)
      .narrow(2, 0, size[0])
      .repeat_interleave(stride, 3)
      .narrow(3, 0, size[1]);
}

}  // namespace

at::Tensor dynamic_deconvolution(const op::DynamicDeconvolution& op, const at::Tensor& m, const at::Tensor& v,
                                 const at::Tensor& reference) {
  if (!has_kernels(m) && !has_gpu_kernels(op, m)) return dynamic_deconvolution_composed(op, m, v, reference);
  const Size size = output_size(op, m, reference);
  return DynamicDeconvolution::apply(m, v, op.stride, op.form == op::DynamicDeconvolution::Form::matrix,
                                     size[0], size[1]);
}

at::Tensor dynamic_deconvolution_composed(const op::DynamicDeconvolution& op, const at::Tensor& m,
                                          const at::Tensor& v, const at::Tensor& reference) {
  const Size size = output_size(op, m, reference);
  const int64_t positions = m.size(2) * m.size(3);
  if (op.form == op::DynamicDeconvolution::Form::matrix) {
    const at::Tensor votes = fold(v.reshape({v.size(0), 9, positions}), size, op.stride);
    return repeated(m, size, op.stride) * votes;
  }
  const at::Tensor windows = m.unsqueeze(2) * v.unsqueeze(1);  // [N, C, 9, h, w]
  return fold(windows.reshape({m.size(0), m.size(1) * 9, positions}), size, op.stride);
}

at::Tensor encoding(const at::Tensor& x, const at::Tensor& codewords, const at::Tensor& smoothing) {
  return has_kernels(x) ? Encoding::apply(x, codewords, smoothing)
                        : encoding_composed(x, codewords, smoothing);
}

at::Tensor encoding_composed(const at::Tensor& x, const at::Tensor& codewords, const at::Tensor& smoothing) {
  const at::Tensor rows = x.flatten(2).transpose(1, 2);                // [N, L, D]
  const at::Tensor squares = (rows * rows).sum(2, /*keepdim=*/true) -  // |x|^2
                             2 * at::matmul(rows, codewords.t()) +     // - 2 x d
                             (codewords * codewords).sum(1);           // + |d|^2
  const at::Tensor shares = at::softmax(smoothing * squares, 2);       // [N, L, K]
  const at::Tensor sums = at::matmul(shares.transpose(1, 2), rows);    // [N, K, D]
  return sums - shares.sum(1).unsqueeze(2) * codewords;
}

}  // namespace vitrail::train
