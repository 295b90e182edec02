#include "vitrail/predict/semantic.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <mutex>
#include <optional>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/parallel.h"
#include "vitrail/base/text.h"
#include "vitrail/engine/spread_threads.h"
#include "vitrail/graph/cost.h"
#include "vitrail/image/reduced_image.h"
#include "vitrail/image/resized_input.h"
#include "vitrail/predict/finish.h"
#include "vitrail/predict/foreign_layout.h"
#include "vitrail/predict/planes.h"
#include "vitrail/predict/prediction_graph.h"
#include "vitrail/predict/tiles.h"
#include "vitrail/weights/model_info.h"

namespace vitrail {
namespace {

using Clock = std::chrono::steady_clock;

void check_model(const Model& model) {
  const ModelInfo& info = model.info;
  if (info.task != Task::semantic)
    throw Error(
        ErrorKind::usage,
        {.where = "prediction", .found = "a model of another task", .allowed = "semantic segmentation"});
  expect_image(model.graph);
  if (info.classes.empty() && is_described(info))
    throw Error(ErrorKind::usage, {.where = "prediction",
                                   .found = "the model does not name its classes",
                                   .next = "Name them, or say how many there are: --classes"});
  if (info.classes.empty())
    throw Error(ErrorKind::usage, {.where = "prediction",
                                   .found = "the model does not say what its classes and its input are",
                                   .next = "Supply them: --classes, --mean, --std, --order"});
  if (info.classes.size() > LabelMap::ignore_label)
    throw Error(
        ErrorKind::unsupported,
        {.where = "prediction", .found = cat(info.classes.size(), " classes"), .allowed = "255 at most"});
}

void check_options(const PredictOptions& options) {
  const auto refuse = [](const std::string& found, const std::string& allowed) {
    throw Error(ErrorKind::usage, {.where = "prediction", .found = found, .allowed = allowed});
  };
  if (options.tile < 0) refuse(cat("tile ", options.tile), "0 or more pixels");
  if (options.overlap < 0) refuse(cat("overlap ", options.overlap), "0 or more pixels");
  if (options.memory_bytes < 1) refuse(cat("memory_bytes ", options.memory_bytes), "1 or more");
  const auto [height, width] = options.input_size;
  if (height < 0 || width < 0 || (height > 0) != (width > 0))
    refuse(cat("input_size ", height, "x", width), "height and width above 0, or 0x0");
}

Image cut(const Image& image, const TileSpan& row, const TileSpan& column) {
  Image part(row.length, column.length, image.channels);
  for (int64_t y = 0; y < row.length; ++y)
    std::copy_n(image.at(row.start + y, column.start), column.length * image.channels, part.at(y, 0));
  return part;
}

/// Adds a tile's probabilities [classes, h, w] to the band that starts at the tile's first row.
void blend(const Tensor& tile, const TileSpan& row, const TileSpan& column, int64_t width, int64_t plane,
           std::vector<float>& band) {
  const float* values = tile.data<float>().data();
  for (int64_t c = 0; c < tile.size(0); ++c)
    for (int64_t y = 0; y < row.length; ++y) {
      const float weight = row.weights[static_cast<size_t>(y)];
      float* out = band.data() + c * plane + y * width + column.start;
      for (int64_t x = 0; x < column.length; ++x)
        out[x] += weight * column.weights[static_cast<size_t>(x)] * *values++;
    }
}

/// Moves the rows that the next tiles still add to up to the band's start, and clears the rest.
void advance(std::vector<float>& band, int64_t plane, int64_t floats) {
  for (size_t start = 0; start < band.size(); start += static_cast<size_t>(plane)) {
    const auto first = band.begin() + static_cast<int64_t>(start), last = first + plane;
    std::fill(std::move(first + floats, last, first), last, 0.0f);
  }
}

LabelMap cropped_labels(const Tensor& labels, int64_t height, int64_t width) {
  LabelMap map(height, width);
  const int64_t stride = labels.size(3);
  const int64_t* values = labels.data<int64_t>().data();
  parallel_for(height, rows_worth_a_thread(width), [&](int64_t y) {
    for (int64_t x = 0; x < width; ++x)
      map.at(y, x) = static_cast<uint16_t>(values[y * stride + x]);
  });
  return map;
}

Tensor cropped_planes(const Tensor& planes, int64_t height, int64_t width) {
  const int64_t classes = planes.size(1), rows = planes.size(2), columns = planes.size(3);
  if (rows == height && columns == width) return planes.reshaped({classes, height, width});
  Tensor result = Tensor::empty(DataType::f32, {classes, height, width});
  const float* values = planes.data<float>().data();
  float* out = result.data<float>().data();
  for (int64_t c = 0; c < classes; ++c)
    for (int64_t y = 0; y < height; ++y, out += width)
      std::copy_n(values + (c * rows + y) * columns, width, out);
  return result;
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

struct SemanticPredictor::State {
  State(Model m, const PredictOptions& o);

  Model model;
  PredictOptions options;
  int threads = 1;
  Pair fixed{0, 0};     ///< the one size that the network sees, or zeros
  Graph probabilities;  ///< what memory is estimated from

  const Engine& engine(Ending ending) const;
  int64_t classes() const { return static_cast<int64_t>(model.info.classes.size()); }
  int64_t multiple() const { return model.info.preprocessing.multiple; }
  int64_t pass_bytes(int64_t height, int64_t width) const;
  int64_t tile_for(int64_t height, int64_t width) const;
  int64_t largest_tile(int64_t height, int64_t width) const;
  Tensor input(const ReducedView& picture) const;
  Tensor whole(Ending ending, const ReducedView& picture, PredictSeconds& seconds) const;
  LabelMap labels(const ReducedView& picture, PredictSeconds& seconds) const;
  Tensor whole_probabilities(const Image& image) const;
  void tiled(const Image& image, int64_t tile, const BandSink& sink) const;

 private:
  struct Lazy {
    std::once_flag once;
    std::optional<Engine> engine;
  };
  struct LazyFinish {
    std::once_flag once;
    std::optional<Finish> finish;
  };
  const Finish& finish(Ending ending) const;

  mutable std::array<Lazy, 3> engines_;
  mutable std::array<LazyFinish, 3> finishes_;
};

SemanticPredictor::State::State(Model m, const PredictOptions& o)
    : model(with_image_layout(std::move(m))), options(o) {
  check_model(model);
  check_options(options);
  threads = options.engine.threads > 0 ? options.engine.threads : omp_get_num_procs();
  fixed = fixed_input_size(model);
  if (fixed[0] == 0) fixed = options.input_size;
  if (fixed[0] % multiple() != 0 || fixed[1] % multiple() != 0)
    throw Error(ErrorKind::usage, {.where = "prediction",
                                   .found = cat("input size ", fixed[0], "x", fixed[1]),
                                   .allowed = cat("multiples of ", multiple(), " for this network")});
  model.info.preprocessing.height = fixed[0];
  model.info.preprocessing.width = fixed[1];
  probabilities = prediction_graph(model, Ending::probabilities).graph;
}

const Engine& SemanticPredictor::State::engine(Ending ending) const {
  Lazy& lazy = engines_.at(static_cast<size_t>(ending));
  std::call_once(lazy.once, [&] {
    const PredictionGraph prediction = prediction_graph(model, ending);
    lazy.engine.emplace(prediction.graph, prediction.weights, options.engine);
  });
  return *lazy.engine;
}

/// Activations and input of one pass over a picture of this size.
int64_t SemanticPredictor::State::pass_bytes(int64_t height, int64_t width) const {
  return cost_of(probabilities, {1, static_cast<int64_t>(model.info.preprocessing.mean.size()),
                                 round_up(height, multiple()), round_up(width, multiple())})
      .peak_bytes;
}

int64_t SemanticPredictor::State::largest_tile(int64_t height, int64_t width) const {
  const int64_t smallest = round_up(std::max(2 * options.overlap + multiple(), int64_t{64}), multiple());
  const auto bytes = [&](int64_t tile) {
    const int64_t band = checked_product({classes(), tile, width, int64_t{sizeof(float)}}, "tiles");
    return checked_add(pass_bytes(tile, tile), band, "tiles");
  };
  int64_t tile = round_up(std::max(height, width), multiple());
  while (tile > smallest && bytes(tile) > options.memory_bytes)
    tile = std::max(smallest, tile * 3 / 4 / multiple() * multiple());
  if (bytes(tile) <= options.memory_bytes) return tile;
  throw Error(ErrorKind::limit, {.where = "prediction",
                                 .found = cat("an image of ", width, "x", height, " needs ", bytes(tile),
                                              " bytes even in tiles of ", tile, " pixels"),
                                 .allowed = cat(options.memory_bytes, " bytes"),
                                 .next = "Allow more memory (--memory), or less overlap (--overlap)"});
}

int64_t SemanticPredictor::State::tile_for(int64_t height, int64_t width) const {
  if (options.tile > 0) {
    const int64_t tile = round_up(options.tile, multiple());
    return height > tile || width > tile ? tile : 0;
  }
  if (fixed[0] > 0 || pass_bytes(height, width) <= options.memory_bytes) return 0;
  return largest_tile(height, width);
}

const Finish& SemanticPredictor::State::finish(Ending ending) const {
  LazyFinish& lazy = finishes_.at(static_cast<size_t>(ending));
  std::call_once(lazy.once, [&] { lazy.finish.emplace(ending, classes(), options.engine); });
  return *lazy.finish;
}

Tensor SemanticPredictor::State::input(const ReducedView& picture) const {
  const ThreadScope scope(threads);
  if (picture.size.height > rows_worth_a_thread(picture.size.width)) spread_threads();
  const Preprocessing& p = model.info.preprocessing;
  const bool resized =
      fixed[0] > 0 && (picture.divisor != 1 || picture.size != ImageSize{fixed[0], fixed[1]});
  if (resized) return resized_input(picture, p, fixed[0], fixed[1]);
  const Pair sides = input_size(picture.size.height, picture.size.width, p);
  const int64_t height = sides[0], width = sides[1];  // Clang 14 captures no structured bindings
  Tensor input = Tensor::empty(DataType::f32, {1, static_cast<int64_t>(p.mean.size()), height, width});
  float* planes = input.data<float>().data();
  parallel_ranges(height, rows_worth_a_thread(width), [&](int64_t begin, int64_t end, int) {
    preprocess_rows(picture.image, p, height, width, begin, end, planes);
  });
  return input;
}

/// Labels or probabilities of a picture in one piece, at the picture's size or (padded) a little above
/// it.
Tensor SemanticPredictor::State::whole(Ending ending, const ReducedView& picture,
                                       PredictSeconds& seconds) const {
  const Clock::time_point start = Clock::now();
  const Tensor planes = input(picture);
  seconds.preprocess += seconds_since(start);
  const Clock::time_point prepared = Clock::now();
  const auto [height, width] = picture.size;
  const bool other_size = fixed[0] > 0 && (height != fixed[0] || width != fixed[1]);
  Tensor result = engine(other_size ? Ending::logits : ending).run({planes}).at(0);
  if (other_size) result = finish(ending).run(result, height, width);
  seconds.network += seconds_since(prepared);
  return result;
}

LabelMap SemanticPredictor::State::labels(const ReducedView& picture, PredictSeconds& seconds) const {
  const Tensor values = whole(Ending::labels, picture, seconds);
  const Clock::time_point start = Clock::now();
  const ThreadScope scope(threads);
  LabelMap map = cropped_labels(values, picture.size.height, picture.size.width);
  seconds.postprocess += seconds_since(start);
  return map;
}

Tensor SemanticPredictor::State::whole_probabilities(const Image& image) const {
  PredictSeconds unused;
  return cropped_planes(whole(Ending::probabilities, image, unused), image.height, image.width);
}

void SemanticPredictor::State::tiled(const Image& image, int64_t tile, const BandSink& sink) const {
  const std::vector<TileSpan> rows = tile_spans(image.height, tile, options.overlap, multiple());
  const std::vector<TileSpan> columns = tile_spans(image.width, tile, options.overlap, multiple());
  const int64_t plane = std::min(tile, image.height) * image.width;
  std::vector<float> band(static_cast<size_t>(checked_mul(classes(), plane, "tiles")), 0.0f);
  for (size_t i = 0; i < rows.size(); ++i) {
    for (const TileSpan& column : columns)
      blend(whole_probabilities(cut(image, rows[i], column)), rows[i], column, image.width, plane, band);
    const int64_t end = i + 1 < rows.size() ? rows[i + 1].start : image.height;
    const int64_t finished = end - rows[i].start;
    sink({.data = band.data(),
          .classes = classes(),
          .plane = plane,
          .width = image.width,
          .first = rows[i].start,
          .rows = finished});
    advance(band, plane, finished * image.width);
  }
}

SemanticPredictor::SemanticPredictor(Model model, PredictOptions options)
    : state_(std::make_unique<State>(std::move(model), options)) {}

SemanticPredictor::~SemanticPredictor() = default;

LabelMap SemanticPredictor::predict(const Image& image, PredictSeconds* seconds) const {
  PredictSeconds unused;
  PredictSeconds& spent = seconds ? *seconds : unused;
  spent = {};
  const int64_t tile = tile_for(image.height, image.width);
  if (tile == 0) return state_->labels(image, spent);
  const Clock::time_point start = Clock::now();
  LabelMap labels(image.height, image.width);
  state_->tiled(image, tile, labels_sink(labels));
  spent.network = seconds_since(start);
  return labels;
}

LabelMap SemanticPredictor::predict_file(std::string_view bytes, const std::string& name,
                                         PredictSeconds* seconds) const {
  const Clock::time_point start = Clock::now();
  const bool may_shrink = state_->fixed[0] > 0 && state_->options.tile == 0;
  const ReducedImage picture = reduced_image_from_bytes(
      bytes, name, may_shrink ? ImageSize{state_->fixed[0], state_->fixed[1]} : ImageSize{});
  const double decode = seconds_since(start);
  PredictSeconds unused;
  PredictSeconds& spent = seconds ? *seconds : unused;
  spent = {};
  LabelMap labels = may_shrink ? state_->labels(picture, spent) : predict(picture.image, &spent);
  spent.decode = decode;
  return labels;
}

Tensor SemanticPredictor::probabilities(const Image& image) const {
  const int64_t tile = tile_for(image.height, image.width);
  if (tile == 0) return state_->whole_probabilities(image);
  Tensor planes = Tensor::empty(DataType::f32, {state_->classes(), image.height, image.width});
  state_->tiled(image, tile, planes_sink(planes));
  return planes;
}

int64_t SemanticPredictor::tile_for(int64_t height, int64_t width) const {
  if (height < 1 || width < 1)
    throw Error(ErrorKind::shape, {.where = "prediction", .found = cat("an image of ", width, "x", height)});
  return state_->tile_for(height, width);
}

const ModelInfo& SemanticPredictor::info() const {
  return state_->model.info;
}

}  // namespace vitrail
