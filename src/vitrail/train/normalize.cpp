#include "vitrail/train/normalize.h"

#include <cmath>

#include "vitrail/train/normalize_kernels.h"

namespace vitrail::train {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

Rows rows_of(const at::Tensor& x) {
  return {x.numel() / x.size(1), x.size(1)};
}

std::vector<float> to_vector(const at::Tensor& x) {
  const at::Tensor same = x.detach().contiguous();
  return {same.data_ptr<float>(), same.data_ptr<float>() + same.numel()};
}

at::Tensor to_tensor(const std::vector<double>& values, const at::Tensor& like) {
  return at::tensor(values, at::kDouble).to(like.scalar_type());
}

/// y = scale x + offset for the whole operation, kept for the way back.
struct Affine {
  std::vector<float> scale, offset, mean;
  std::vector<double> inverse_deviation;
};

Affine affine(const Moments& moments, const at::Tensor& scale, const at::Tensor& bias, double epsilon) {
  const std::vector<float> gamma = to_vector(scale), beta = to_vector(bias);
  Affine result;
  for (size_t c = 0; c < gamma.size(); ++c) {
    const double inverse = 1 / std::sqrt(moments.variance[c] + epsilon), factor = gamma[c] * inverse;
    result.inverse_deviation.push_back(inverse);
    result.mean.push_back(static_cast<float>(moments.mean[c]));
    result.scale.push_back(static_cast<float>(factor));
    result.offset.push_back(static_cast<float>(beta[c] - moments.mean[c] * factor));
  }
  return result;
}

Moments running_moments(const NormalizeTensors& tensors) {
  const std::vector<float> mean = to_vector(tensors.running_mean), variance = to_vector(tensors.running_var);
  return {{mean.begin(), mean.end()}, {variance.begin(), variance.end()}};
}

void move_running(const Moments& batch, int64_t rows, double momentum, const at::Tensor& mean,
                  const at::Tensor& var) {
  const double unbiased = static_cast<double>(rows) / static_cast<double>(rows - 1);
  float* m = mean.data_ptr<float>();
  float* v = var.data_ptr<float>();
  for (size_t c = 0; c < batch.mean.size(); ++c) {
    m[c] = static_cast<float>((1 - momentum) * m[c] + momentum * batch.mean[c]);
    v[c] = static_cast<float>((1 - momentum) * v[c] + momentum * batch.variance[c] * unbiased);
  }
}

class Normalize : public torch::autograd::Function<Normalize> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& scale,
                            const at::Tensor& bias, const at::Tensor& running_mean,
                            const at::Tensor& running_var, bool batch_statistics, double momentum,
                            double epsilon, double low, double high) {
    const Rows size = rows_of(x);
    const Moments used = batch_statistics ? moments(x.data_ptr<float>(), size)
                                          : running_moments({scale, bias, running_mean, running_var});
    if (batch_statistics) move_running(used, size.rows, momentum, running_mean, running_var);
    const Affine map = affine(used, scale, bias, epsilon);
    at::Tensor y = at::empty_like(x);
    scale_and_clip(x.data_ptr<float>(), y.data_ptr<float>(), size, map.scale, map.offset,
                   static_cast<float>(low), static_cast<float>(high));
    context->save_for_backward(
        {x, scale, bias, at::tensor(used.mean, at::kDouble), at::tensor(used.variance, at::kDouble)});
    context->saved_data["batch_statistics"] = batch_statistics;
    context->saved_data["epsilon"] = epsilon;
    context->saved_data["low"] = low;
    context->saved_data["high"] = high;
    context->saved_data["x_learns"] = x.requires_grad();
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor& x = saved[0];
    const at::Tensor g = gradients[0].contiguous(at::MemoryFormat::ChannelsLast);
    const auto low = static_cast<float>(context->saved_data["low"].toDouble());
    const auto high = static_cast<float>(context->saved_data["high"].toDouble());
    const auto doubles = [](const at::Tensor& t) {
      return std::vector<double>(t.data_ptr<double>(), t.data_ptr<double>() + t.numel());
    };
    const Affine map = affine({doubles(saved[3]), doubles(saved[4])}, saved[1], saved[2],
                              context->saved_data["epsilon"].toDouble());
    const Rows size = rows_of(x);
    GradientSums sums = clipped_gradient_sums(x.data_ptr<float>(), g.data_ptr<float>(), size, map.scale,
                                              map.offset, map.mean, low, high);
    std::vector<float> by_x(map.scale.size(), 0), constant(map.scale.size(), 0);
    const bool batch_statistics = context->saved_data["batch_statistics"].toBool();
    for (size_t c = 0; c < map.scale.size(); ++c) {
      const double inverse = map.inverse_deviation[c], n = static_cast<double>(size.rows);
      const double slope = -map.scale[c] * inverse * inverse * sums.gradient_x[c] / n;
      sums.gradient_x[c] *= inverse;  // the gradient of `scale`
      if (!batch_statistics) continue;
      by_x[c] = static_cast<float>(slope);
      constant[c] = static_cast<float>(-map.scale[c] * sums.gradient[c] / n - slope * map.mean[c]);
    }
    at::Tensor dx;
    if (context->saved_data["x_learns"].toBool()) {
      dx = at::empty_like(x);
      clipped_gradient(x.data_ptr<float>(), g.data_ptr<float>(), dx.data_ptr<float>(), size, map.scale,
                       map.offset, by_x, constant, low, high);
    }
    const at::Tensor dscale = to_tensor(sums.gradient_x, x), dbias = to_tensor(sums.gradient, x);
    return {dx, dscale, dbias, {}, {}, {}, {}, {}, {}, {}};
  }
};

bool has_kernels(const at::Tensor& x, const NormalizeTensors& tensors) {
  return x.dim() == 4 && x.scalar_type() == at::kFloat && x.device().is_cpu() && x.numel() > 0 &&
         x.is_contiguous(at::MemoryFormat::ChannelsLast) && tensors.scale.scalar_type() == at::kFloat &&
         tensors.running_mean.is_contiguous() && tensors.running_var.is_contiguous();
}

}  // namespace

at::Tensor normalize(const at::Tensor& x, const NormalizeTensors& tensors, const NormalizeOptions& options) {
  if (has_kernels(x, tensors))
    return Normalize::apply(x, tensors.scale, tensors.bias, tensors.running_mean, tensors.running_var,
                            options.batch_statistics, options.momentum, options.epsilon, options.low,
                            options.high);
  const at::Tensor y =
      at::batch_norm(x, tensors.scale, tensors.bias, tensors.running_mean, tensors.running_var,
                     options.batch_statistics, options.momentum, options.epsilon,
                     /*cudnn_enabled=*/false);
  const bool clips = std::isfinite(options.low) || std::isfinite(options.high);
  return clips ? at::hardtanh(y, options.low, options.high) : y;
}

}  // namespace vitrail::train
