// Boxes: samples inside of them, and the choice among them.

#include <algorithm>
#include <numeric>

#include "vitrail/graph/evaluate/kernels.h"
#include "vitrail/graph/roi_samples.h"

namespace vitrail::evaluate_detail {
namespace {

// One bin of one channel. The maximum is that of the four weighted corners of every sample: so ONNX's
// reference has it.
template <class T>
double bin_of(const T* plane, int64_t width, std::span<const RoiSample> rows,
              std::span<const RoiSample> columns, bool maximum) {
  double total = 0, most = -std::numeric_limits<double>::infinity();
  for (const RoiSample& y : rows)
    for (const RoiSample& x : columns) {
      if (y.outside || x.outside) {
        most = std::max(most, 0.0);
        continue;
      }
      const auto corner = [&](int64_t row, int64_t column) {
        return static_cast<double>(plane[row * width + column]);
      };
      const double a = (1 - y.part) * (1 - x.part) * corner(y.low, x.low);
      const double b = (1 - y.part) * x.part * corner(y.low, x.high);
      const double c = y.part * (1 - x.part) * corner(y.high, x.low);
      const double d = y.part * x.part * corner(y.high, x.high);
      total += a + b + c + d;
      most = std::max({most, a, b, c, d});
    }
  const auto count = static_cast<double>(rows.size() * columns.size());
  if (count == 0) return 0;
  return maximum ? most : total / count;
}

}  // namespace

void run(const op::RoiAlign& op, Inputs in, Tensor& out) {
  const int64_t channels = in[0].size(1), height = in[0].size(2), width = in[0].size(3);
  const std::vector<int64_t> images = integers(in[2]);
  const bool maximum = op.mode == op::RoiAlign::Mode::maximum;
  for_float(in[0].type(), [&](auto zero) {
    using T = decltype(zero);
    T* to = write<T>(out);
    for (size_t r = 0; r < images.size(); ++r) {
      const T* box = read<T>(in[1]) + r * 4;
      const RoiSamples x =
          roi_samples(op, static_cast<double>(box[0]), static_cast<double>(box[2]), op.width, width);
      const RoiSamples y =
          roi_samples(op, static_cast<double>(box[1]), static_cast<double>(box[3]), op.height, height);
      const T* plane = read<T>(in[0]) + checked_index(images[r], in[0].size(0)) * channels * height * width;
      const auto part = [](const RoiSamples& all, int64_t bin) {
        return std::span(all.samples)
            .subspan(static_cast<size_t>(bin * all.per_bin), static_cast<size_t>(all.per_bin));
      };
      for (int64_t c = 0; c < channels; ++c, plane += height * width)
        for (int64_t by = 0; by < op.height; ++by)
          for (int64_t bx = 0; bx < op.width; ++bx)
            *to++ = static_cast<T>(bin_of(plane, width, part(y, by), part(x, bx), maximum));
    }
  });
}

namespace {

struct Box {
  double top, left, bottom, right;
  double area() const { return (bottom - top) * (right - left); }
};

template <class T>
Box box_from(const T* v, bool center_point) {
  const double a = static_cast<double>(v[0]), b = static_cast<double>(v[1]), c = static_cast<double>(v[2]),
               d = static_cast<double>(v[3]);
  if (center_point) return {b - d / 2, a - c / 2, b + d / 2, a + c / 2};
  return {std::min(a, c), std::min(b, d), std::max(a, c), std::max(b, d)};
}

double overlap(const Box& a, const Box& b) {
  const double height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  const double width = std::min(a.right, b.right) - std::max(a.left, b.left);
  if (!(height > 0) || !(width > 0) || !(a.area() > 0) || !(b.area() > 0)) return 0;
  const double common = height * width;
  return common / (a.area() + b.area() - common);
}

struct Limits {
  int64_t most = 0;
  double overlap = 0;
  double score = 0;
  bool has_score = false;
};

// Boxes in the order of their scores, without those that overlap a chosen one.
template <class T>
std::vector<int64_t> choose(const std::vector<Box>& boxes, const T* scores, const Limits& limits) {
  std::vector<int64_t> order(boxes.size()), chosen;
  std::iota(order.begin(), order.end(), 0);
  if (limits.has_score)
    std::erase_if(order, [&](int64_t i) { return !(static_cast<double>(scores[i]) > limits.score); });
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t i, int64_t j) { return before(scores[j], scores[i]); });
  for (const int64_t candidate : order) {
    if (static_cast<int64_t>(chosen.size()) >= limits.most) break;
    const bool free = std::none_of(chosen.begin(), chosen.end(), [&](int64_t other) {
      return overlap(boxes[static_cast<size_t>(candidate)], boxes[static_cast<size_t>(other)]) >
             limits.overlap;
    });
    if (free) chosen.push_back(candidate);
  }
  return chosen;
}

}  // namespace

void run(const op::NonMaxSuppression& op, Inputs in, Tensor& out) {
  Limits limits;
  limits.most = given(in, 2) ? read<int64_t>(in[2])[0] : 0;
  limits.overlap = given(in, 3) ? double{read<float>(in[3])[0]} : 0.0;
  limits.has_score = given(in, 4);
  limits.score = limits.has_score ? double{read<float>(in[4])[0]} : 0.0;
  const int64_t images = in[1].size(0), classes = in[1].size(1), count = in[1].size(2);
  std::vector<int64_t> triples;
  for_float(in[1].type(), [&](auto zero) {
    using T = decltype(zero);
    for (int64_t n = 0; n < images; ++n) {
      std::vector<Box> boxes;
      for (int64_t b = 0; b < count; ++b)
        for_float(in[0].type(), [&](auto of_boxes) {
          boxes.push_back(
              box_from(read<decltype(of_boxes)>(in[0]) + (n * count + b) * 4, op.center_point_box));
        });
      for (int64_t c = 0; c < classes; ++c)
        for (const int64_t box : choose(boxes, read<T>(in[1]) + (n * classes + c) * count, limits))
          triples.insert(triples.end(), {n, c, box});
    }
  });
  out = Tensor::from<int64_t>({static_cast<int64_t>(triples.size()) / 3, 3}, triples);
}

}  // namespace vitrail::evaluate_detail
