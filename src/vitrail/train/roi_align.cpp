#include "vitrail/train/roi_align.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "vitrail/base/error.h"
#include "vitrail/base/parallel.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/roi_samples.h"

namespace vitrail::train {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t most_per_box = int64_t{1} << 22;  // a quarter of a gigabyte
constexpr int64_t grain = 1;                        // one box or channel is worth a thread

/// A value between four pixels: sum of weight * plane[position].
struct Sample {
  std::array<int64_t, 4> position{};
  std::array<double, 4> weight{};
};

/// A sample outside of the map is 0: positions 0 with weights 0.
Sample sample_between(const RoiSample& y, const RoiSample& x, int64_t width) {
  if (y.outside || x.outside) return {};
  Sample sample;
  for (size_t i = 0; i < 4; ++i) {
    const bool below = i / 2 == 1, after = i % 2 == 1;
    sample.position[i] = (below ? y.high : y.low) * width + (after ? x.high : x.low);
    sample.weight[i] = (below ? y.part : 1 - y.part) * (after ? x.part : 1 - x.part);
  }
  return sample;
}

/// One box: its image, and its samples bin after bin.
struct Box {
  int64_t image = 0;
  int64_t per_bin = 0;
  std::vector<Sample> samples;
};

std::vector<Box> boxes_of(const op::RoiAlign& op, const at::Tensor& x, const at::Tensor& boxes,
                          const at::Tensor& image_of_box) {
  const at::Tensor corners = boxes.detach().to(at::kCPU, at::kDouble).contiguous();
  const at::Tensor images = image_of_box.to(at::kCPU, at::kLong).contiguous();
  std::vector<Box> result(static_cast<size_t>(boxes.size(0)));
  for (size_t r = 0; r < result.size(); ++r) {
    const double* box = corners.data_ptr<double>() + 4 * r;
    const RoiSamples across = roi_samples(op, box[0], box[2], op.width, x.size(3));
    const RoiSamples down = roi_samples(op, box[1], box[3], op.height, x.size(2));
    result[r].image = images.data_ptr<int64_t>()[r];
    if (result[r].image < 0 || result[r].image >= x.size(0))
      throw Error(ErrorKind::shape, {.where = "RoiAlign",
                                     .found = cat("box ", r, " of image ", result[r].image),
                                     .allowed = cat("images 0 to ", x.size(0) - 1)});
    result[r].per_bin = down.per_bin * across.per_bin;
    if (result[r].per_bin > most_per_box / (op.height * op.width))
      throw Error(ErrorKind::limit, {.where = "RoiAlign",
                                     .found = cat("box ", r, " with ", result[r].per_bin, " samples per bin"),
                                     .allowed = cat("at most ", most_per_box, " samples in all"),
                                     .next = "Clip boxes to the image, or set sampling_ratio"});
    const auto sample = [](const RoiSamples& all, int64_t bin, int64_t i) {
      return all.samples[static_cast<size_t>(bin * all.per_bin + i)];
    };
    for (int64_t bin = 0; bin < op.height * op.width; ++bin)
      for (int64_t i = 0; i < down.per_bin; ++i)
        for (int64_t j = 0; j < across.per_bin; ++j)
          result[r].samples.push_back(
              sample_between(sample(down, bin / op.width, i), sample(across, bin % op.width, j), x.size(3)));
  }
  return result;
}

template <class T>
double value_of(const Sample& sample, const T* plane) {
  double value = 0;
  for (size_t i = 0; i < 4; ++i)
    value += sample.weight[i] * static_cast<double>(plane[sample.position[i]]);
  return value;
}

/// One of a sample's four weighted pixels.
struct Corner {
  int64_t position = 0;
  double weight = 0;
  double value = -std::numeric_limits<double>::infinity();
};

/// The largest weighted pixel of `count` samples, the first of equals: what ONNX's reference takes for the
/// maximum.
template <class T>
Corner largest(const Sample* samples, int64_t count, const T* plane) {
  Corner most;
  for (int64_t s = 0; s < count; ++s)
    for (size_t i = 0; i < 4; ++i) {
      const int64_t position = samples[s].position[i];
      const double weight = samples[s].weight[i], value = weight * static_cast<double>(plane[position]);
      if (value > most.value) most = {position, weight, value};
    }
  return most;
}

template <class T>
T pooled(const op::RoiAlign& op, const Sample* samples, int64_t count, const T* plane) {
  if (count == 0) return 0;
  if (op.mode == op::RoiAlign::Mode::maximum) return static_cast<T>(largest(samples, count, plane).value);
  double sum = 0;
  for (int64_t s = 0; s < count; ++s)
    sum += value_of(samples[s], plane);
  return static_cast<T>(sum / static_cast<double>(count));
}

/// The way back of `pooled`: adds to `dplane`.
template <class T>
void unpooled(const op::RoiAlign& op, const Sample* samples, int64_t count, const T* plane, double gradient,
              T* dplane) {
  if (count == 0) return;
  if (op.mode == op::RoiAlign::Mode::maximum) {
    const Corner most = largest(samples, count, plane);
    dplane[most.position] += static_cast<T>(gradient * most.weight);
    return;
  }
  const double share = gradient / static_cast<double>(count);
  for (int64_t s = 0; s < count; ++s)
    for (size_t i = 0; i < 4; ++i)
      dplane[samples[s].position[i]] += static_cast<T>(share * samples[s].weight[i]);
}

template <class T>
void pool_boxes(const op::RoiAlign& op, const at::Tensor& x, const std::vector<Box>& boxes, at::Tensor& y) {
  const int64_t channels = x.size(1), plane = x.size(2) * x.size(3), bins = op.height * op.width;
  const T* from = x.data_ptr<T>();
  T* to = y.data_ptr<T>();
  parallel_for(static_cast<int64_t>(boxes.size()), grain, [&](int64_t r) {
    const Box& box = boxes[static_cast<size_t>(r)];
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t bin = 0; bin < bins; ++bin)
        to[(r * channels + c) * bins + bin] = pooled(op, box.samples.data() + bin * box.per_bin, box.per_bin,
                                                     from + (box.image * channels + c) * plane);
  });
}

template <class T>
void scatter_back(const op::RoiAlign& op, const at::Tensor& x, const std::vector<Box>& boxes,
                  const at::Tensor& gradient, at::Tensor& dx) {
  const int64_t channels = x.size(1), plane = x.size(2) * x.size(3), bins = op.height * op.width;
  parallel_for(channels, grain, [&](int64_t c) {
    for (size_t r = 0; r < boxes.size(); ++r) {
      const Box& box = boxes[r];
      const int64_t offset = (box.image * channels + c) * plane;
      const T* g = gradient.data_ptr<T>() + (static_cast<int64_t>(r) * channels + c) * bins;
      for (int64_t bin = 0; bin < bins; ++bin)
        unpooled(op, box.samples.data() + bin * box.per_bin, box.per_bin, x.data_ptr<T>() + offset,
                 static_cast<double>(g[bin]), dx.data_ptr<T>() + offset);
    }
  });
}

class RoiAlign : public torch::autograd::Function<RoiAlign> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x_any, const at::Tensor& boxes,
                            const at::Tensor& image_of_box, const op::RoiAlign& op) {
    const at::Tensor x = x_any.contiguous();
    at::Tensor y = at::empty({boxes.size(0), x.size(1), op.height, op.width}, x.options());
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "RoiAlign",
                               [&] { pool_boxes<scalar_t>(op, x, boxes_of(op, x, boxes, image_of_box), y); });
    context->save_for_backward({x, boxes, image_of_box});
    context->saved_data["op"] = std::vector<int64_t>{op.mode == op::RoiAlign::Mode::maximum, op.height,
                                                     op.width, op.sampling_ratio, op.aligned};
    context->saved_data["spatial_scale"] = op.spatial_scale;
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], g = gradients[0].contiguous();
    const std::vector<int64_t> numbers = context->saved_data["op"].toIntVector();
    const op::RoiAlign op{.mode = numbers[0] != 0 ? op::RoiAlign::Mode::maximum : op::RoiAlign::Mode::average,
                          .height = numbers[1],
                          .width = numbers[2],
                          .sampling_ratio = numbers[3],
                          .spatial_scale = context->saved_data["spatial_scale"].toDouble(),
                          .aligned = numbers[4] != 0};
    at::Tensor dx = at::zeros_like(x);
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "RoiAlign", [&] {
      scatter_back<scalar_t>(op, x, boxes_of(op, x, saved[1], saved[2]), g, dx);
    });
    return {dx, {}, {}, {}};
  }
};

}  // namespace

at::Tensor roi_align(const op::RoiAlign& op, const at::Tensor& x, const at::Tensor& boxes,
                     const at::Tensor& image_of_box) {
  return RoiAlign::apply(x, boxes, image_of_box, op);
}

}  // namespace vitrail::train
