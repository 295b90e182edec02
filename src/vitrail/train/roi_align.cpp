#include "vitrail/train/roi_align.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "vitrail/base/error.h"
#include "vitrail/base/parallel.h"
#include "vitrail/base/text.h"

namespace vitrail::train {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr double most_samples = 1024;               // per bin and direction
constexpr int64_t most_per_box = int64_t{1} << 22;  // a quarter of a gigabyte
constexpr int64_t grain = 1;                        // one box or channel is worth a thread

/// A value between four pixels: sum of weight * plane[position].
struct Sample {
  std::array<int64_t, 4> position{};
  std::array<double, 4> weight{};
};

struct Axis {
  double start = 0;  ///< of the box, in pixels of the map
  double bin = 0;    ///< size of a bin
  int64_t samples = 1;

  double at(int64_t which_bin, int64_t sample) const {
    return start + bin * (static_cast<double>(which_bin) +
                          (static_cast<double>(sample) + 0.5) / static_cast<double>(samples));
  }
};

Axis axis_of(const op::RoiAlign& op, double from, double to, int64_t bins) {
  const double shift = op.aligned ? 0.5 : 0;
  Axis axis{.start = from * op.spatial_scale - shift};
  double size = (to - from) * op.spatial_scale;
  if (!op.aligned) size = std::max(size, 1.0);
  axis.bin = size / static_cast<double>(bins);
  const double samples = op.sampling_ratio > 0 ? static_cast<double>(op.sampling_ratio) : std::ceil(axis.bin);
  if (!std::isfinite(axis.start) || !(samples <= most_samples))
    throw Error(ErrorKind::numeric, {.where = "RoiAlign",
                                     .found = cat("a box from ", from, " to ", to),
                                     .allowed = cat("finite, at most ", most_samples, " samples per bin"),
                                     .next = "Clip boxes to the image"});
  axis.samples = std::max<int64_t>(static_cast<int64_t>(samples), 0);
  return axis;
}

/// The pixel before `x`, the pixel after it, and the share of the latter. False where `x` lies outside.
bool neighbours(double x, int64_t size, std::array<int64_t, 2>& pixels, double& share) {
  if (x < -1 || x > static_cast<double>(size)) return false;
  x = std::clamp(x, 0.0, static_cast<double>(size - 1));
  pixels[0] = static_cast<int64_t>(x);
  pixels[1] = std::min(pixels[0] + 1, size - 1);
  share = x - static_cast<double>(pixels[0]);
  return true;
}

/// Samples that lie outside of the map are zeros: positions 0 with weights 0.
Sample sample_at(double y, double x, int64_t height, int64_t width) {
  std::array<int64_t, 2> rows{}, columns{};
  double down = 0, across = 0;
  if (!neighbours(y, height, rows, down) || !neighbours(x, width, columns, across)) return {};
  Sample sample;
  for (size_t i = 0; i < 4; ++i) {
    sample.position[i] = rows[i / 2] * width + columns[i % 2];
    sample.weight[i] = (i / 2 == 1 ? down : 1 - down) * (i % 2 == 1 ? across : 1 - across);
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
    const Axis across = axis_of(op, box[0], box[2], op.width), down = axis_of(op, box[1], box[3], op.height);
    result[r].image = images.data_ptr<int64_t>()[r];
    if (result[r].image < 0 || result[r].image >= x.size(0))
      throw Error(ErrorKind::shape, {.where = "RoiAlign",
                                     .found = cat("box ", r, " of image ", result[r].image),
                                     .allowed = cat("images 0 to ", x.size(0) - 1)});
    result[r].per_bin = down.samples * across.samples;
    if (result[r].per_bin > most_per_box / (op.height * op.width))
      throw Error(ErrorKind::limit, {.where = "RoiAlign",
                                     .found = cat("box ", r, " with ", result[r].per_bin, " samples per bin"),
                                     .allowed = cat("at most ", most_per_box, " samples in all"),
                                     .next = "Clip boxes to the image, or set sampling_ratio"});
    for (int64_t bin = 0; bin < op.height * op.width; ++bin)
      for (int64_t i = 0; i < down.samples; ++i)
        for (int64_t j = 0; j < across.samples; ++j)
          result[r].samples.push_back(
              sample_at(down.at(bin / op.width, i), across.at(bin % op.width, j), x.size(2), x.size(3)));
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
