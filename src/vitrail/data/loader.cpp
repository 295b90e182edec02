#include "vitrail/data/loader.h"

#include <algorithm>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/data/loader_parts.h"
#include "vitrail/image/preprocess.h"

namespace vitrail {
namespace {

void copy_labels(const LabelMap& labels, int64_t height, int64_t width, int64_t* out) {
  std::fill(out, out + height * width, int64_t{LabelMap::ignore_label});
  for (int64_t y = 0; y < labels.height; ++y)
    std::copy_n(labels.labels.begin() + y * labels.width, labels.width, out + y * width);
}

Batch assemble(std::vector<Sample> samples, const Preprocessing& preprocessing, int64_t step) {
  int64_t height = 0, width = 0;
  for (const Sample& s : samples) {
    const auto [h, w] = input_size(s.image.height, s.image.width, preprocessing);
    height = std::max(height, h);
    width = std::max(width, w);
  }
  const auto count = static_cast<int64_t>(samples.size());
  const auto channels = static_cast<int64_t>(preprocessing.mean.size());
  Batch batch;
  batch.step = step;
  batch.images = Tensor::empty(DataType::f32, {count, channels, height, width});
  batch.labels = Tensor::empty(DataType::i64, {count, height, width});
  for (int64_t i = 0; i < count; ++i) {
    Sample& s = samples[static_cast<size_t>(i)];
    preprocess_into(s.image, preprocessing, height, width,
                    batch.images.data<float>().data() + i * channels * height * width);
    copy_labels(s.labels, height, width, batch.labels.data<int64_t>().data() + i * height * width);
    batch.names.push_back(std::move(s.name));
  }
  return batch;
}

void check(const LoaderOptions& o, int64_t first_step) {
  std::vector<std::string> faults;
  const auto range = [&](const char* name, int64_t value, int64_t low, int64_t high) {
    if (value < low || value > high)
      faults.push_back(cat(name, " is ", value, ", allowed are ", low, " to ", high));
  };
  range("batch", o.batch, 1, 1 << 16);
  range("threads", o.threads, 1, 256);
  range("prefetch", o.prefetch, 1, 1 << 16);
  range("cache_bytes", o.cache_bytes, 0, INT64_MAX);
  range("first step", first_step, 0, INT64_MAX);
  if (!faults.empty()) throw Error(ErrorKind::usage, {.where = "loader", .found = join(faults, "; ")});
}

}  // namespace

int64_t shuffled_index(uint64_t seed, int64_t dataset_size, int64_t position) {
  return epoch_order(seed, dataset_size,
                     position / dataset_size)[static_cast<size_t>(position % dataset_size)];
}

struct Loader::State {
  State(const Dataset& data, AugmentOptions augment_options, Preprocessing preprocess_options,
        const LoaderOptions& loader_options, int64_t first_step)
      : dataset(data),
        augmentation(std::move(augment_options)),
        preprocessing(std::move(preprocess_options)),
        size(loader_options.batch),
        sequence(loader_options.seed, data.size()),
        cache([&](int64_t index) { return dataset.load(index); }, bytes_of, loader_options.cache_bytes),
        batches([this](int64_t step, const std::stop_token& stop) { return make(step, stop); },
                loader_options.threads, loader_options.prefetch, first_step) {}

  static int64_t bytes_of(const Sample& sample) {
    return static_cast<int64_t>(sample.image.pixels.size() + sample.labels.labels.size() * sizeof(uint16_t));
  }
  Batch make(int64_t step, const std::stop_token& stop);
  Sample sample_at(int64_t position);

  const Dataset& dataset;
  const AugmentOptions augmentation;
  const Preprocessing preprocessing;
  const int64_t size;
  ShuffledSequence sequence;
  SampleCache<Sample> cache;
  Prefetch<Batch> batches;  // last: its workers use all of the above
};

Sample Loader::State::sample_at(int64_t position) {
  const int64_t index = sequence.index_at(position);
  Random random = sequence.augment_stream_at(position);
  try {
    return augment(*cache.get(index), augmentation, random);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& e) {  // out of memory, say: it must not lose the file's name
    throw Error(ErrorKind::file, {.where = dataset.image_path(index).string(), .found = e.what()});
  }
}

Batch Loader::State::make(int64_t step, const std::stop_token& stop) {
  const int64_t first = checked_mul(step, size, "position in the shuffled data set");
  std::vector<Sample> samples;
  for (int64_t i = 0; i < size && !stop.stop_requested(); ++i)
    samples.push_back(sample_at(checked_add(first, i, "position in the shuffled data set")));
  return stop.stop_requested() ? Batch() : assemble(std::move(samples), preprocessing, step);
}

Loader::Loader(const Dataset& dataset, AugmentOptions augment_options, Preprocessing preprocessing,
               LoaderOptions options, int64_t first_step) {
  check(options, first_step);
  vitrail::check(augment_options);
  input_size(1, 1, preprocessing);  // refuses contradictions here, not in a worker
  if (dataset.size() < 1)
    throw Error(ErrorKind::usage, {.where = "loader", .found = "a data set without samples"});
  if (augment_options.fill.empty()) augment_options.fill = mean_rgb(preprocessing);
  state_ = std::make_unique<State>(dataset, std::move(augment_options), std::move(preprocessing), options,
                                   first_step);
}

Loader::~Loader() = default;

Batch Loader::next() {
  return state_->batches.next();
}

}  // namespace vitrail
