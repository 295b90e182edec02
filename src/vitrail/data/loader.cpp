#include "vitrail/data/loader.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <numeric>
#include <thread>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/image/preprocess.h"

namespace vitrail {
namespace {

// Streams of (seed): even keys shuffle epochs, odd keys augment their samples.
Random shuffle_stream(uint64_t seed, int64_t epoch) {
  return Random(seed).fork(2 * static_cast<uint64_t>(epoch));
}
Random augment_stream(uint64_t seed, int64_t epoch, int64_t index) {
  return Random(seed).fork(2 * static_cast<uint64_t>(epoch) + 1).fork(static_cast<uint64_t>(index));
}

std::vector<int64_t> epoch_order(uint64_t seed, int64_t size, int64_t epoch) {
  std::vector<int64_t> order(static_cast<size_t>(size));
  std::iota(order.begin(), order.end(), 0);
  shuffle_stream(seed, epoch).shuffle(order);
  return order;
}

/// Decoded samples, kept until the bound is reached and then for good: each is used once per epoch, so
/// replacing one by another would gain nothing.
class SampleCache {
 public:
  SampleCache(const Dataset& dataset, int64_t bytes) : dataset_(dataset), left_(bytes) {}

  std::shared_ptr<const Sample> get(int64_t index) {
    {
      std::lock_guard lock(mutex_);
      if (const auto found = samples_.find(index); found != samples_.end()) return found->second;
    }
    auto sample = std::make_shared<const Sample>(dataset_.load(index));
    const auto bytes =
        static_cast<int64_t>(sample->image.pixels.size() + sample->labels.labels.size() * sizeof(uint16_t));
    std::lock_guard lock(mutex_);
    if (bytes <= left_ && samples_.emplace(index, sample).second) left_ -= bytes;
    return sample;
  }

 private:
  const Dataset& dataset_;
  std::mutex mutex_;
  int64_t left_;
  std::map<int64_t, std::shared_ptr<const Sample>> samples_;
};

/// The network's mean as R, G, B, for padded pixels.
std::vector<double> mean_rgb(const Preprocessing& p) {
  std::vector<double> mean = p.mean;
  if (p.order == ChannelOrder::bgr) std::reverse(mean.begin(), mean.end());
  for (double& v : mean)
    v = std::clamp(v, 0.0, 255.0);
  return mean;
}

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
        LoaderOptions loader_options, int64_t first_step)
      : dataset(data),
        augmentation(std::move(augment_options)),
        preprocessing(std::move(preprocess_options)),
        options(loader_options),
        cache(data, loader_options.cache_bytes),
        next_made(first_step),
        next_taken(first_step) {}

  void work(std::stop_token stop);
  Batch make(int64_t step, const std::stop_token& stop);
  Sample sample_at(int64_t position);
  int64_t index_at(int64_t position);

  const Dataset& dataset;
  AugmentOptions augmentation;
  const Preprocessing preprocessing;
  const LoaderOptions options;
  SampleCache cache;

  std::mutex order_mutex;
  std::map<int64_t, std::vector<int64_t>> orders;  // by epoch; the last few in use

  struct Result {
    Batch batch;
    std::exception_ptr failure;
  };
  std::mutex mutex;
  std::condition_variable_any room;  // the consumer took a batch
  std::condition_variable made;      // a worker finished one
  std::map<int64_t, Result> results;
  int64_t next_made;   // step that the next free worker starts
  int64_t next_taken;  // step that the consumer waits for

  std::vector<std::jthread> workers;  // last: stops and joins before anything above goes
};

int64_t Loader::State::index_at(int64_t position) {
  const int64_t size = dataset.size(), epoch = position / size;
  std::lock_guard lock(order_mutex);
  auto found = orders.find(epoch);
  if (found == orders.end()) {
    // Workers run at most `prefetch` batches apart; older epochs may be asked for again, and are then remade.
    if (orders.size() > 2) orders.erase(orders.begin());
    found = orders.emplace(epoch, epoch_order(options.seed, size, epoch)).first;
  }
  return found->second[static_cast<size_t>(position % size)];
}

Sample Loader::State::sample_at(int64_t position) {
  const int64_t index = index_at(position);
  Random random = augment_stream(options.seed, position / dataset.size(), index);
  try {
    return augment(*cache.get(index), augmentation, random);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& e) {  // out of memory, say: it must not lose the file's name
    throw Error(ErrorKind::file, {.where = dataset.image_path(index).string(), .found = e.what()});
  }
}

Batch Loader::State::make(int64_t step, const std::stop_token& stop) {
  const int64_t first = checked_mul(step, options.batch, "position in the shuffled data set");
  std::vector<Sample> samples;
  for (int64_t i = 0; i < options.batch && !stop.stop_requested(); ++i)
    samples.push_back(sample_at(checked_add(first, i, "position in the shuffled data set")));
  return stop.stop_requested() ? Batch() : assemble(std::move(samples), preprocessing, step);
}

void Loader::State::work(std::stop_token stop) {
  for (;;) {
    int64_t step = 0;
    {
      std::unique_lock lock(mutex);
      if (!room.wait(lock, stop, [&] { return next_made < next_taken + options.prefetch; })) return;
      step = next_made++;
    }
    Result result;
    try {
      result.batch = make(step, stop);
    } catch (...) {
      result.failure = std::current_exception();
    }
    if (stop.stop_requested()) return;
    {
      std::lock_guard lock(mutex);
      results.emplace(step, std::move(result));
    }
    made.notify_all();
  }
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
  for (int i = 0; i < options.threads; ++i)
    state_->workers.emplace_back([state = state_.get()](std::stop_token stop) { state->work(stop); });
}

Loader::~Loader() {
  // All are told before any is joined, else each would finish its batch in turn.
  for (std::jthread& worker : state_->workers)
    worker.request_stop();
}

Batch Loader::next() {
  State& s = *state_;
  std::unique_lock lock(s.mutex);
  s.made.wait(lock, [&] { return s.results.contains(s.next_taken); });
  const auto found = s.results.find(s.next_taken);
  if (found->second.failure) std::rethrow_exception(found->second.failure);
  Batch batch = std::move(found->second.batch);
  s.results.erase(found);
  ++s.next_taken;
  lock.unlock();
  s.room.notify_all();
  return batch;
}

}  // namespace vitrail
