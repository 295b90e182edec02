#include "vitrail/train/upsampled_cross_entropy.h"

#include <algorithm>
#include <cmath>

#include "vitrail/base/fast_exp.h"
#include "vitrail/base/kernel.h"
#include "vitrail/base/parallel.h"

namespace vitrail::train {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t lanes = 16;      // channels are padded to whole vectors ...
constexpr float nothing = -1e30f;  // ... of logits that no probability comes from

struct Taps {
  std::vector<int64_t> first, second;
  std::vector<float> share;  ///< of the second
};

/// Half-pixel centres; positions beyond the border read the border.
Taps taps(int64_t in, int64_t out) {
  Taps result;
  for (int64_t i = 0; i < out; ++i) {
    const double x = std::max(
        (static_cast<double>(i) + 0.5) * static_cast<double>(in) / static_cast<double>(out) - 0.5, 0.0);
    const auto base = std::min(static_cast<int64_t>(x), in - 1);
    result.first.push_back(base);
    result.second.push_back(std::min(base + 1, in - 1));
    result.share.push_back(static_cast<float>(x - static_cast<double>(base)));
  }
  return result;
}

VITRAIL_KERNEL void blend(const float* a, const float* b, float share, int64_t n, float* y) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i)
    y[i] = a[i] + share * (b[i] - a[i]);
}

VITRAIL_KERNEL void add_scaled(const float* x, float factor, int64_t n, float* y) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i)
    y[i] += factor * x[i];
}

/// One row of logits from a row of `narrow` positions, `depth` floats each, minus each pixel's largest.
VITRAIL_KERNEL void widen(const float* narrow, const int64_t* first, const int64_t* second,
                          const float* share, int64_t width, int64_t depth, float* row) {
  for (int64_t j = 0; j < width; ++j) {
    const float* a = narrow + first[j] * depth;
    const float* b = narrow + second[j] * depth;
    float* y = row + j * depth;
    float most = nothing;
#pragma omp simd reduction(max : most)
    for (int64_t c = 0; c < depth; ++c) {
      const float z = a[c] + share[j] * (b[c] - a[c]);
      y[c] = z;
      most = z > most ? z : most;
    }
#pragma omp simd
    for (int64_t c = 0; c < depth; ++c)
      y[c] -= most;
  }
}

VITRAIL_KERNEL void exponentials(const float* x, int64_t n, float* y) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i)
    y[i] = fast_exp_to_one(x[i]);
}

VITRAIL_KERNEL float sum_of(const float* x, int64_t n) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; ++i)
    sum += x[i];
  return sum;
}

/// narrow[first] += (1 - share) row[j], narrow[second] += share row[j].
VITRAIL_KERNEL void gather_back(const float* row, const int64_t* first, const int64_t* second,
                                const float* share, int64_t width, int64_t depth, float* narrow) {
  for (int64_t j = 0; j < width; ++j) {
    const float* g = row + j * depth;
    float* a = narrow + first[j] * depth;
    float* b = narrow + second[j] * depth;
#pragma omp simd
    for (int64_t c = 0; c < depth; ++c)
      a[c] += (1 - share[j]) * g[c];
#pragma omp simd
    for (int64_t c = 0; c < depth; ++c)
      b[c] += share[j] * g[c];
  }
}

struct Totals {
  double loss = 0, weight = 0;
};

/// One image: its part of the loss and, in `gradient`, the derivative to its logits (both [h, w, depth]).
class Image {
 public:
  Image(int64_t height, int64_t width, int64_t out_height, int64_t out_width, int64_t depth)
      : rows_(taps(height, out_height)),
        columns_(taps(width, out_width)),
        depth_(depth),
        width_(width),
        narrow_(static_cast<size_t>(width * depth)),
        narrow_gradient_(narrow_.size()),
        shifted_(static_cast<size_t>(out_width * depth)),
        exponential_(shifted_.size()) {}

  template <class Label>
  Totals run(const float* logits, const Label* labels, const std::vector<float>& weights,
             int64_t ignore_index, float* gradient) {
    Totals totals;
    const auto out_width = static_cast<int64_t>(columns_.first.size());
    const int64_t row_size = width_ * depth_;
    for (size_t i = 0; i < rows_.first.size(); ++i) {
      const int64_t top = rows_.first[i] * row_size, bottom = rows_.second[i] * row_size;
      blend(logits + top, logits + bottom, rows_.share[i], row_size, narrow_.data());
      widen(narrow_.data(), columns_.first.data(), columns_.second.data(), columns_.share.data(), out_width,
            depth_, shifted_.data());
      exponentials(shifted_.data(), out_width * depth_, exponential_.data());
      row_loss(labels + static_cast<int64_t>(i) * out_width, weights, ignore_index, totals);
      std::fill(narrow_gradient_.begin(), narrow_gradient_.end(), 0.0f);
      gather_back(exponential_.data(), columns_.first.data(), columns_.second.data(), columns_.share.data(),
                  out_width, depth_, narrow_gradient_.data());
      add_scaled(narrow_gradient_.data(), 1 - rows_.share[i], row_size, gradient + top);
      add_scaled(narrow_gradient_.data(), rows_.share[i], row_size, gradient + bottom);
    }
    return totals;
  }

 private:
  /// Adds up one row's loss and turns its exponentials into the gradient w (p - [c = y]).
  template <class Label>
  void row_loss(const Label* labels, const std::vector<float>& weights, int64_t ignore_index,
                Totals& totals) {
    const auto out_width = static_cast<int64_t>(columns_.first.size());
    for (int64_t j = 0; j < out_width; ++j) {
      float* e = exponential_.data() + j * depth_;
      const auto label = static_cast<int64_t>(labels[j]);
      if (label == ignore_index) {
        std::fill(e, e + depth_, 0.0f);
        continue;
      }
      const float weight = weights[static_cast<size_t>(label)], sum = sum_of(e, depth_);
      totals.loss += weight * (std::log(sum) - shifted_[static_cast<size_t>(j * depth_ + label)]);
      totals.weight += weight;
      const float factor = weight / sum;
      for (int64_t c = 0; c < depth_; ++c)
        e[c] *= factor;
      e[label] -= weight;
    }
  }

  Taps rows_, columns_;
  int64_t depth_, width_;
  std::vector<float> narrow_, narrow_gradient_, shifted_, exponential_;
};

/// [N, C, h, w] as [N, h, w, depth], the channels padded with `fill`.
at::Tensor padded_channels_last(const at::Tensor& logits, int64_t depth) {
  at::Tensor result =
      at::full({logits.size(0), logits.size(2), logits.size(3), depth}, nothing, logits.options());
  result.narrow(3, 0, logits.size(1)).copy_(logits.permute({0, 2, 3, 1}));
  return result;
}

template <class Label>
Totals over_batch(const at::Tensor& logits, const at::Tensor& labels, const std::vector<float>& weights,
                  int64_t ignore_index, at::Tensor& gradient) {
  const int64_t images = logits.size(0), size = logits.size(1) * logits.size(2) * logits.size(3);
  const int64_t pixels = labels.size(1) * labels.size(2);
  std::vector<Totals> totals(static_cast<size_t>(images));
  const float* z = logits.data_ptr<float>();
  const Label* y = labels.data_ptr<Label>();
  float* g = gradient.data_ptr<float>();
  parallel_ranges(images, 1, [&](int64_t from, int64_t to, int) {
    Image image(logits.size(1), logits.size(2), labels.size(1), labels.size(2), logits.size(3));
    for (int64_t n = from; n < to; ++n)
      totals[static_cast<size_t>(n)] =
          image.run(z + n * size, y + n * pixels, weights, ignore_index, g + n * size);
  });
  Totals sum;
  for (const Totals& each : totals) {
    sum.loss += each.loss;
    sum.weight += each.weight;
  }
  return sum;
}

class UpsampledCrossEntropy : public torch::autograd::Function<UpsampledCrossEntropy> {
 public:
  static variable_list forward(AutogradContext* context, const at::Tensor& logits, const at::Tensor& labels,
                               const std::vector<double>& class_weights, int64_t ignore_index) {
    const int64_t classes = logits.size(1), depth = (classes + lanes - 1) / lanes * lanes;
    const at::Tensor z = padded_channels_last(logits, depth), y = labels.contiguous();
    at::Tensor gradient = at::zeros_like(z);
    const std::vector<float> weights(class_weights.begin(), class_weights.end());
    const Totals totals = y.scalar_type() == at::kByte
                              ? over_batch<uint8_t>(z, y, weights, ignore_index, gradient)
                              : over_batch<int64_t>(z, y, weights, ignore_index, gradient);
    context->save_for_backward({gradient.narrow(3, 0, classes).permute({0, 3, 1, 2})});
    const at::Tensor weight_sum = at::full({}, totals.weight, at::kDouble);
    context->mark_non_differentiable({weight_sum});
    return {at::full({}, totals.loss, logits.options()), weight_sum};
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    return {context->get_saved_variables()[0] * gradients[0], {}, {}, {}};
  }
};

}  // namespace

bool upsampled_cross_entropy_takes(const at::Tensor& logits, const at::Tensor& labels) {
  return logits.scalar_type() == at::kFloat && logits.device().is_cpu() && logits.numel() > 0 &&
         labels.numel() > 0 && (labels.scalar_type() == at::kByte || labels.scalar_type() == at::kLong);
}

CrossEntropySum upsampled_cross_entropy(const at::Tensor& logits, const at::Tensor& labels,
                                        const std::vector<double>& class_weights, int64_t ignore_index) {
  const variable_list result = UpsampledCrossEntropy::apply(logits, labels, class_weights, ignore_index);
  return {result[0], result[1]};
}

}  // namespace vitrail::train
