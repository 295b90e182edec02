#include "vitrail/predict/protocol.h"

#include <algorithm>
#include <cmath>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/parallel.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/resize_positions.h"
#include "vitrail/image/preprocess.h"
#include "vitrail/predict/dense_crf.h"
#include "vitrail/predict/prediction_graph.h"

namespace vitrail {
namespace {

using Sizing = TestProtocol::Sizing;
using Votes = TestProtocol::Votes;

struct Extent {
  int64_t height = 0, width = 0;
};

int64_t rounded(double value) {
  return std::max<int64_t>(1, static_cast<int64_t>(std::floor(value + 0.5)));
}

Extent long_side_at(Extent image, int64_t side) {
  const auto longest = static_cast<double>(std::max(image.height, image.width));
  const auto other = [&](int64_t size) {
    return static_cast<double>(size) == longest
               ? side
               : rounded(static_cast<double>(side) * static_cast<double>(size) / longest);
  };
  return {other(image.height), other(image.width)};
}

Extent size_at(Extent image, const TestProtocol& protocol, double scale) {
  const double base = static_cast<double>(protocol.base) * scale;
  const auto height = static_cast<double>(image.height), width = static_cast<double>(image.width);
  switch (protocol.sizing) {
    case Sizing::original: return {rounded(height * scale), rounded(width * scale)};
    case Sizing::long_side_ceiling: return long_side_at(image, static_cast<int64_t>(std::ceil(base)));
    case Sizing::long_side_plus_one: return long_side_at(image, static_cast<int64_t>(base) + 1);
    case Sizing::long_side_rounded: return long_side_at(image, rounded(base));
    case Sizing::keep_ratio: break;
  }
  const double factor = std::min(base / std::max(height, width),
                                 static_cast<double>(protocol.base_short) * scale / std::min(height, width));
  return {rounded(height * factor), rounded(width * factor)};
}

/// Two source positions and the weight of the second, for each output position.
struct Taps {
  std::vector<int64_t> first, second;
  std::vector<float> weight;

  Taps(int64_t in, int64_t out, op::CoordinateMode coordinates) {
    const op::Resize linear{.coordinates = coordinates};
    for (int64_t i = 0; i < out; ++i) {
      const ResizeTaps taps = resize_taps(linear, 0, in, out, i);
      first.push_back(taps.from[0]);
      second.push_back(taps.from[1]);
      weight.push_back(static_cast<float>(taps.weight[1]));
    }
  }
};

/// [1, C, H, W] linearly at another size.
Tensor resized(const Tensor& planes, Extent to, bool align_corners) {
  const int64_t channels = planes.size(1), height = planes.size(2), width = planes.size(3);
  if (height == to.height && width == to.width) return planes;
  const auto coordinates = align_corners ? op::CoordinateMode::align_corners : op::CoordinateMode::half_pixel;
  const Taps rows(height, to.height, coordinates), columns(width, to.width, coordinates);
  Tensor result = Tensor::empty(DataType::f32, {1, channels, to.height, to.width});
  const float* in = planes.data<float>().data();
  float* out = result.data<float>().data();
  parallel_for(channels * to.height, 64, [&](int64_t line) {
    const auto y = static_cast<size_t>(line % to.height);
    const float *plane = in + line / to.height * height * width, *top = plane + rows.first[y] * width,
                *bottom = plane + rows.second[y] * width;
    for (int64_t x = 0; x < to.width; ++x) {
      const auto at = static_cast<size_t>(x);
      const int64_t a = columns.first[at], b = columns.second[at];
      const float upper = top[a] + columns.weight[at] * (top[b] - top[a]);
      const float lower = bottom[a] + columns.weight[at] * (bottom[b] - bottom[a]);
      out[line * to.width + x] = upper + rows.weight[y] * (lower - upper);
    }
  });
  return result;
}

/// Position `i` of a picture that goes on mirrored at its outermost pixels.
int64_t mirrored(int64_t i, int64_t size) {
  if (size == 1) return 0;
  const int64_t period = 2 * (size - 1), folded = ((i % period) + period) % period;
  return folded < size ? folded : period - folded;
}

/// The part of [1, C, H, W] at (top, left) of this size; mirrored where it leaves the picture.
Tensor mirrored_part_of(const Tensor& planes, int64_t top, int64_t left, Extent size) {
  const int64_t channels = planes.size(1), height = planes.size(2), width = planes.size(3);
  Tensor result = Tensor::empty(DataType::f32, {1, channels, size.height, size.width});
  float* to = result.data<float>().data();
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t y = 0; y < size.height; ++y) {
      const float* row = planes.data<float>().data() + (c * height + mirrored(top + y, height)) * width;
      for (int64_t x = 0; x < size.width; ++x)
        *to++ = row[mirrored(left + x, width)];
    }
  return result;
}

/// The part of [1, C, H, W] at (top, left) of this size; zeros where it leaves the picture.
Tensor part_of(const Tensor& planes, int64_t top, int64_t left, Extent size) {
  const int64_t channels = planes.size(1), height = planes.size(2), width = planes.size(3);
  Tensor result = Tensor::zeros(DataType::f32, {1, channels, size.height, size.width});
  const int64_t rows = std::min(size.height, height - top), columns = std::min(size.width, width - left);
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t y = 0; y < rows; ++y)
      std::copy_n(planes.data<float>().data() + (c * height + top + y) * width + left, columns,
                  result.data<float>().data() + (c * size.height + y) * size.width);
  return result;
}

Tensor mirrored(const Tensor& planes) {
  Tensor result = planes.clone();
  const int64_t width = planes.size(3);
  float* row = result.data<float>().data();
  for (int64_t i = 0; i < planes.elements() / width; ++i, row += width)
    std::reverse(row, row + width);
  return result;
}

void add(Tensor& sum, const Tensor& value) {
  float* to = sum.data<float>().data();
  const float* from = value.data<float>().data();
  for (int64_t i = 0; i < sum.elements(); ++i)
    to[i] += from[i];
}

void softmax(Tensor& planes) {
  const int64_t classes = planes.size(1), plane = planes.size(2) * planes.size(3);
  float* values = planes.data<float>().data();
  parallel_for(plane, 4096, [&](int64_t i) {
    float most = values[i], sum = 0;
    for (int64_t c = 1; c < classes; ++c)
      most = std::max(most, values[c * plane + i]);
    for (int64_t c = 0; c < classes; ++c)
      sum += values[c * plane + i] = std::exp(values[c * plane + i] - most);
    for (int64_t c = 0; c < classes; ++c)
      values[c * plane + i] /= sum;
  });
}

std::vector<int64_t> window_starts(int64_t length, const TestProtocol& protocol) {
  if (length <= protocol.crop) return {0};
  std::vector<int64_t> starts;
  for (int64_t start = 0;; start += protocol.stride) {
    const bool last = start + protocol.crop >= length;
    starts.push_back(last && protocol.shift_last ? length - protocol.crop : start);
    if (last) return starts;
  }
}

class Tester {
 public:
  Tester(const TestProtocol& protocol, const LogitsOf& logits_of, int64_t multiple)
      : protocol_(protocol), logits_of_(logits_of), multiple_(multiple) {}

  Tensor votes(const Tensor& image) const {
    const Extent size{image.size(2), image.size(3)};
    Tensor sum;
    for (const double scale : protocol_.scales) {
      const Tensor shown = resized(image, size_at(size, protocol_, scale), protocol_.align_corners);
      for (const Tensor& each : at_one_scale(shown, size))
        combine(sum, each);
    }
    return sum.reshaped({sum.size(1), size.height, size.width});
  }

 private:
  bool flips_later() const { return protocol_.votes == Votes::logits || protocol_.votes == Votes::raw; }

  /// One map of votes, or with flips that are merged later two, at the image's size.
  std::vector<Tensor> at_one_scale(const Tensor& shown, Extent size) const {
    std::vector<Tensor> maps = {resized(windows(shown), size, protocol_.align_corners)};
    if (protocol_.flip && flips_later())
      maps.push_back(resized(mirrored(windows(mirrored(shown))), size, protocol_.align_corners));
    if (protocol_.votes == Votes::logits)
      for (Tensor& map : maps)
        softmax(map);
    return maps;
  }

  void combine(Tensor& sum, const Tensor& map) const {
    if (!sum.defined()) {
      sum = map.clone();
    } else if (protocol_.maximum) {
      float* most = sum.data<float>().data();
      for (int64_t i = 0; i < sum.elements(); ++i)
        most[i] = std::max(most[i], map.data<float>()[static_cast<size_t>(i)]);
    } else {
      add(sum, map);
    }
  }

  /// The mean over windows at each pixel.
  Tensor windows(const Tensor& shown) const {
    const int64_t height = shown.size(2), width = shown.size(3);
    if (protocol_.crop == 0) return window_votes(shown);
    Tensor sum;
    std::vector<float> counts(static_cast<size_t>(height * width), 0);
    for (const int64_t top : window_starts(height, protocol_))
      for (const int64_t left : window_starts(width, protocol_)) {
        const Tensor votes = votes_at(shown, top, left);
        if (!sum.defined()) sum = Tensor::zeros(DataType::f32, {1, votes.size(1), height, width});
        add_window(votes, top, left, sum, counts);
      }
    const int64_t plane = height * width;
    for (int64_t i = 0; i < sum.elements(); ++i)
      sum.data<float>()[static_cast<size_t>(i)] /= counts[static_cast<size_t>(i % plane)];
    return sum;
  }

  Tensor votes_at(const Tensor& shown, int64_t top, int64_t left) const {
    const int64_t margin = protocol_.margin, side = protocol_.crop + 2 * margin;
    const Extent inside{protocol_.crop, protocol_.crop};
    if (margin == 0) return window_votes(part_of(shown, top, left, inside));
    return part_of(window_votes(mirrored_part_of(shown, top - margin, left - margin, {side, side})), margin,
                   margin, inside);
  }

  static void add_window(const Tensor& votes, int64_t top, int64_t left, Tensor& sum,
                         std::vector<float>& counts) {
    const int64_t height = sum.size(2), width = sum.size(3);
    const int64_t rows = std::min(votes.size(2), height - top),
                  columns = std::min(votes.size(3), width - left);
    for (int64_t c = 0; c < sum.size(1); ++c)
      for (int64_t y = 0; y < rows; ++y) {
        const float* from = votes.data<float>().data() + (c * votes.size(2) + y) * votes.size(3);
        float* to = sum.data<float>().data() + (c * height + top + y) * width + left;
        for (int64_t x = 0; x < columns; ++x) {
          to[x] += from[x];
          if (c == 0) counts[static_cast<size_t>((top + y) * width + left + x)] += 1;
        }
      }
  }

  Tensor window_votes(const Tensor& window) const {
    Tensor votes = logits(window).clone();
    if (protocol_.votes == Votes::softmax) softmax(votes);
    if (protocol_.flip && !flips_later()) {
      Tensor other = mirrored(logits(mirrored(window)));
      if (protocol_.votes == Votes::softmax) softmax(other);
      add(votes, other);
    }
    if (protocol_.votes == Votes::softmax_of_sum) softmax(votes);
    if (protocol_.votes == Votes::exp_of_sum)
      for (float& value : votes.data<float>())
        value = std::exp(value);
    return votes;
  }

  /// At the window's size.
  Tensor logits(const Tensor& window) const {
    const Extent size{window.size(2), window.size(3)},
        padded{round_up(size.height, multiple_), round_up(size.width, multiple_)};
    const Tensor all = resized(logits_of_(part_of(window, 0, 0, padded)), padded, false);
    return part_of(all, 0, 0, size);
  }

  const TestProtocol& protocol_;
  const LogitsOf& logits_of_;
  int64_t multiple_;
};

}  // namespace

Tensor protocol_votes(const Tensor& image, const TestProtocol& protocol, const LogitsOf& logits_of,
                      int64_t multiple) {
  if (image.type() != DataType::f32 || image.shape().size() != 4 || image.size(0) != 1)
    throw Error(ErrorKind::shape, {.where = cat("protocol ", protocol.name),
                                   .found = to_string(image.shape()),
                                   .allowed = "one normalised image, f32 1 x C x H x W"});
  if (protocol.scales.empty() || (protocol.crop > 0 && protocol.stride < 1) || protocol.margin < 0)
    throw Error(ErrorKind::usage, {.where = cat("protocol ", protocol.name),
                                   .found = "no scale, windows without a stride, or a margin below 0"});
  return Tester(protocol, logits_of, multiple).votes(image);
}

struct ProtocolPredictor::State {
  Model model;
  TestProtocol protocol;
  Engine engine;

  State(Model m, TestProtocol p, const EngineOptions& options, const PredictionGraph& graph)
      : model(std::move(m)), protocol(std::move(p)), engine(graph.graph, graph.weights, options) {}
};

ProtocolPredictor::ProtocolPredictor(Model model, TestProtocol protocol, EngineOptions options) {
  const Pair fixed = fixed_input_size(model);
  if (fixed[0] > 0 && (fixed[0] != protocol.crop || fixed[1] != protocol.crop))
    throw Error(ErrorKind::usage, {.where = cat("protocol ", protocol.name),
                                   .found = cat("a network of input size ", fixed[0], "x", fixed[1]),
                                   .allowed = "any size, or the protocol's window"});
  const PredictionGraph graph = prediction_graph(model, Ending::logits);
  state_ = std::make_unique<State>(std::move(model), std::move(protocol), options, graph);
}

ProtocolPredictor::~ProtocolPredictor() = default;

LabelMap ProtocolPredictor::predict(const Image& image) const {
  return labels_of(votes(image));
}

Tensor ProtocolPredictor::votes(const Image& image) const {
  Preprocessing preprocessing = state_->model.info.preprocessing;
  const int64_t multiple = preprocessing.multiple;
  preprocessing.multiple = 1;
  preprocessing.height = preprocessing.width = 0;
  return protocol_votes(
      preprocess(image, preprocessing), state_->protocol,
      [&](const Tensor& input) { return state_->engine.run({input}).at(0); }, multiple);
}

const ModelInfo& ProtocolPredictor::info() const {
  return state_->model.info;
}

}  // namespace vitrail
