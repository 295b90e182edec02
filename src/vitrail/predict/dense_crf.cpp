#include "vitrail/predict/dense_crf.h"

#include <algorithm>
#include <cmath>

#include "vitrail/base/error.h"
#include "vitrail/base/parallel.h"
#include "vitrail/base/text.h"
#include "vitrail/predict/permutohedral.h"
#include "vitrail/predict/planes.h"

namespace vitrail {
namespace {

constexpr float least_probability = 1e-5f;
constexpr float least_norm = 1e-20f;
constexpr int64_t grain = 4096;

void check(const Image& image, const Tensor& probabilities, const CrfOptions& options) {
  const Shape& shape = probabilities.shape();
  if (probabilities.type() != DataType::f32 || shape.size() != 3 || shape[0] < 1 ||
      shape[1] != image.height || shape[2] != image.width || image.channels < 3)
    throw Error(ErrorKind::shape,
                {.where = "dense CRF",
                 .found = cat("probabilities of ", to_string(shape), " for an image of ", image.width, "x",
                              image.height, " with ", image.channels, " channels"),
                 .allowed = "classes x height x width of an RGB image, with further channels or without"});
  for (const double sigma : {options.bilateral_xy, options.bilateral_rgb, options.position_xy})
    if (!(sigma > 0))
      throw Error(ErrorKind::usage,
                  {.where = "dense CRF", .found = cat("standard deviation ", sigma), .allowed = "above 0"});
  if (options.iterations < 0)
    throw Error(ErrorKind::usage, {.where = "dense CRF", .found = cat(options.iterations, " iterations")});
}

std::vector<float> features(const Image& image, double xy, double rgb) {
  const bool colored = rgb > 0;
  std::vector<float> values;
  values.reserve(static_cast<size_t>(image.height * image.width * (colored ? 5 : 2)));
  for (int64_t y = 0; y < image.height; ++y)
    for (int64_t x = 0; x < image.width; ++x) {
      values.push_back(static_cast<float>(static_cast<double>(x) / xy));
      values.push_back(static_cast<float>(static_cast<double>(y) / xy));
      for (int64_t c = 0; colored && c < 3; ++c)
        values.push_back(static_cast<float>(image.at(y, x)[c] / rgb));
    }
  return values;
}

/// One term of the energy: w N^-1/2 K N^-1/2 with N = K 1.
class Kernel {
 public:
  Kernel(const std::vector<float>& positions, int dimensions, double weight)
      : lattice_(positions, dimensions), weight_(static_cast<float>(weight)) {
    const std::vector<float> ones(static_cast<size_t>(lattice_.points()), 1.0f);
    scale_.resize(ones.size());
    lattice_.filter(ones, 1, scale_);
    for (float& value : scale_)
      value = 1 / std::sqrt(std::max(value, least_norm));
  }

  /// logits += weight * normalised kernel of q. Both are points x classes.
  void add_to(const std::vector<float>& q, int64_t classes, std::vector<float>& logits) const {
    std::vector<float> scaled(q.size()), filtered(q.size());
    each(classes, [&](size_t i, float scale) { scaled[i] = scale * q[i]; });
    lattice_.filter(scaled, classes, filtered);
    each(classes, [&](size_t i, float scale) { logits[i] += weight_ * scale * filtered[i]; });
  }

 private:
  template <class Body>
  void each(int64_t classes, const Body& body) const {
    parallel_for(lattice_.points(), grain, [&](int64_t point) {
      for (int64_t c = 0; c < classes; ++c)
        body(static_cast<size_t>(point * classes + c), scale_[static_cast<size_t>(point)]);
    });
  }

  Permutohedral lattice_;
  std::vector<float> scale_;
  float weight_;
};

void softmax_rows(const std::vector<float>& logits, int64_t classes, std::vector<float>& q) {
  parallel_for(static_cast<int64_t>(q.size()) / classes, grain, [&](int64_t point) {
    const float* in = logits.data() + point * classes;
    float* out = q.data() + point * classes;
    const float most = *std::max_element(in, in + classes);
    float sum = 0;
    for (int64_t c = 0; c < classes; ++c)
      sum += out[c] = std::exp(in[c] - most);
    for (int64_t c = 0; c < classes; ++c)
      out[c] /= sum;
  });
}

/// log p, points x classes.
std::vector<float> unary_logits(const Tensor& probabilities) {
  const int64_t classes = probabilities.size(0), points = probabilities.elements() / classes;
  const float* p = probabilities.data<float>().data();
  std::vector<float> logits(static_cast<size_t>(probabilities.elements()));
  parallel_for(points, grain, [&](int64_t point) {
    for (int64_t c = 0; c < classes; ++c)
      logits[static_cast<size_t>(point * classes + c)] =
          std::log(std::max(p[c * points + point], least_probability));
  });
  return logits;
}

Tensor planes_of(const std::vector<float>& q, const Shape& shape) {
  Tensor planes = Tensor::empty(DataType::f32, shape);
  const int64_t classes = shape[0], points = planes.elements() / classes;
  float* out = planes.data<float>().data();
  parallel_for(points, grain, [&](int64_t point) {
    for (int64_t c = 0; c < classes; ++c)
      out[c * points + point] = q[static_cast<size_t>(point * classes + c)];
  });
  return planes;
}

}  // namespace

CrfOptions crf_options(std::string_view name) {
  if (name == "resnet101") return {};
  if (name == "vgg16") return {.bilateral_xy = 49, .bilateral_rgb = 5, .position_xy = 3};
  throw Error(ErrorKind::usage, {.where = "dense CRF",
                                 .found = cat("there are no settings '", name, "'"),
                                 .allowed = "resnet101 or vgg16",
                                 .next = did_you_mean(std::string(name), {"resnet101", "vgg16"})});
}

Tensor dense_crf(const Image& image, const Tensor& probabilities, const CrfOptions& options) {
  check(image, probabilities, options);
  const int64_t classes = probabilities.size(0);
  const Kernel bilateral(features(image, options.bilateral_xy, options.bilateral_rgb), 5,
                         options.bilateral_weight);
  const Kernel position(features(image, options.position_xy, 0), 2, options.position_weight);
  const std::vector<float> unary = unary_logits(probabilities);
  std::vector<float> q(unary.size());
  softmax_rows(unary, classes, q);
  for (int iteration = 0; iteration < options.iterations; ++iteration) {
    std::vector<float> logits = unary;
    bilateral.add_to(q, classes, logits);
    position.add_to(q, classes, logits);
    softmax_rows(logits, classes, q);
  }
  return planes_of(q, probabilities.shape());
}

LabelMap labels_of(const Tensor& planes) {
  if (planes.type() != DataType::f32 || planes.shape().size() != 3)
    throw Error(ErrorKind::shape, {.where = "labels of planes",
                                   .found = to_string(planes.shape()),
                                   .allowed = "f32, classes x height x width"});
  LabelMap labels(planes.size(1), planes.size(2));
  labels_sink(labels)({.data = planes.data<float>().data(),
                       .classes = planes.size(0),
                       .plane = planes.size(1) * planes.size(2),
                       .width = planes.size(2),
                       .first = 0,
                       .rows = planes.size(1)});
  return labels;
}

}  // namespace vitrail
