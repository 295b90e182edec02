#pragma once
// What loaders of batches share: the endless shuffled sequence, a cache of decoded samples, and workers that
// make batches ahead of the step that needs them. Private to the loaders (loader.h, instance_loader.h,
// train/rcnn_batches.h).
//
// Batch t is a pure function of (seed, t), so a run can resume at any step, and the number of workers changes
// nothing but the speed.

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/random.h"
#include "vitrail/data/instance_dataset.h"
#include "vitrail/data/loader.h"
#include "vitrail/graph/model.h"
#include "vitrail/image/preprocess.h"

namespace vitrail {

/// The order of an epoch: a fresh shuffle, seeded by (seed, epoch).
std::vector<int64_t> epoch_order(uint64_t seed, int64_t size, int64_t epoch);
/// What augments sample `index` in an epoch.
Random augment_stream(uint64_t seed, int64_t epoch, int64_t index);

/// Throws Error(usage) with every option that is out of range, or for a data set without samples.
void check(const LoaderOptions& options, int64_t dataset_size, int64_t first_step);

/// A network's mean as R, G, B (and what follows them), for padded pixels.
std::vector<double> mean_rgb(const Preprocessing& preprocessing);

/// What a decoded sample takes in memory.
int64_t bytes_of(const Sample& sample);
int64_t bytes_of(const InstanceSample& sample);

/// The samples' pictures as a network's input: f32 [N, C, H, W], each in the top left corner of `size`.
template <class Sample>
Tensor preprocessed(const std::vector<Sample>& samples, const Preprocessing& preprocessing, Extent size) {
  const auto channels = static_cast<int64_t>(preprocessing.mean.size());
  Tensor images = Tensor::empty(DataType::f32, {std::ssize(samples), channels, size.height, size.width});
  float* to = images.data<float>().data();
  for (const Sample& sample : samples) {
    preprocess_into(sample.image, preprocessing, size.height, size.width, to);
    to += channels * size.height * size.width;
  }
  return images;
}

/// Epoch after epoch, each in its own order. Thread-safe.
class ShuffledSequence {
 public:
  ShuffledSequence(uint64_t seed, int64_t size) : seed_(seed), size_(size) {}
  int64_t index_at(int64_t position);
  Random augment_stream_at(int64_t position) {
    return augment_stream(seed_, position / size_, index_at(position));
  }

 private:
  uint64_t seed_;
  int64_t size_;
  std::mutex mutex_;
  std::map<int64_t, std::vector<int64_t>> orders_;  // by epoch; the last few in use
};

/// Decoded samples, kept until the bound is reached and then for good: each is used once per epoch, so
/// replacing one by another would gain nothing. Thread-safe if `load` is.
template <class Dataset>
class SampleCache {
 public:
  using Sample = decltype(std::declval<const Dataset&>().load(0));
  SampleCache(const Dataset& dataset, int64_t bytes) : dataset_(dataset), left_(bytes) {}

  std::shared_ptr<const Sample> get(int64_t index) {
    {
      std::lock_guard lock(mutex_);
      if (const auto found = samples_.find(index); found != samples_.end()) return found->second;
    }
    auto sample = std::make_shared<const Sample>(dataset_.load(index));
    const int64_t bytes = bytes_of(*sample);
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

/// The samples of each step's batch, augmented. Thread-safe if the data set is.
template <class Dataset>
class SampleStream {
 public:
  using Sample = typename SampleCache<Dataset>::Sample;

  SampleStream(const Dataset& dataset, const LoaderOptions& options)
      : dataset_(dataset),
        batch_(options.batch),
        sequence_(options.seed, dataset.size()),
        cache_(dataset, options.cache_bytes) {}

  /// Each of them is `augment(sample, random)`; fewer than a batch once a stop is requested.
  template <class Augment>
  std::vector<Sample> batch(int64_t step, const std::stop_token& stop, const Augment& augment) {
    const int64_t first = checked_mul(step, batch_, "position in the shuffled data set");
    std::vector<Sample> samples;
    for (int64_t i = 0; i < batch_ && !stop.stop_requested(); ++i)
      samples.push_back(at(checked_add(first, i, "position in the shuffled data set"), augment));
    return samples;
  }

 private:
  template <class Augment>
  Sample at(int64_t position, const Augment& augment) {
    const int64_t index = sequence_.index_at(position);
    Random random = sequence_.augment_stream_at(position);
    try {
      return augment(*cache_.get(index), random);
    } catch (const Error&) {
      throw;
    } catch (const std::exception& e) {  // out of memory, say: it must not lose the file's name
      throw Error(ErrorKind::file, {.where = dataset_.image_path(index).string(), .found = e.what()});
    }
  }

  const Dataset& dataset_;
  int64_t batch_;
  ShuffledSequence sequence_;
  SampleCache<Dataset> cache_;
};

/// Workers that make the results of steps first_step, first_step + 1, ... and hand them out in order. Each
/// worker makes a whole result, alone.
template <class Result>
class Prefetch {
 public:
  /// Makes one step's result; may end early, with anything, once a stop is requested.
  using Make = std::function<Result(int64_t step, const std::stop_token& stop)>;

  /// At most `ahead` results are made before they are taken.
  Prefetch(Make make, int threads, int64_t ahead, int64_t first_step)
      : make_(std::move(make)), ahead_(ahead), next_made_(first_step), next_taken_(first_step) {
    for (int i = 0; i < threads; ++i)
      workers_.emplace_back([this](std::stop_token stop) { work(stop); });
  }
  ~Prefetch() {
    // All are told before any is joined, else each would finish its batch in turn.
    for (std::jthread& worker : workers_)
      worker.request_stop();
  }

  /// The next step's result; rethrows what a worker threw. The step that failed stays the next one: calling
  /// again throws again. For one thread.
  Result next() {
    std::unique_lock lock(mutex_);
    made_.wait(lock, [&] { return results_.contains(next_taken_); });
    const auto found = results_.find(next_taken_);
    if (found->second.failure) std::rethrow_exception(found->second.failure);
    Result result = std::move(found->second.result);
    results_.erase(found);
    ++next_taken_;
    lock.unlock();
    room_.notify_all();
    return result;
  }

 private:
  struct Made {
    Result result;
    std::exception_ptr failure;
  };

  void work(const std::stop_token& stop) {
    for (;;) {
      int64_t step = 0;
      {
        std::unique_lock lock(mutex_);
        if (!room_.wait(lock, stop, [&] { return next_made_ < next_taken_ + ahead_; })) return;
        step = next_made_++;
      }
      Made made;
      try {
        made.result = make_(step, stop);
      } catch (...) {
        made.failure = std::current_exception();
      }
      if (stop.stop_requested()) return;
      {
        std::lock_guard lock(mutex_);
        results_.emplace(step, std::move(made));
      }
      made_.notify_all();
    }
  }

  const Make make_;
  const int64_t ahead_;
  std::mutex mutex_;
  std::condition_variable_any room_;  // the consumer took a result
  std::condition_variable made_;      // a worker finished one
  std::map<int64_t, Made> results_;
  int64_t next_made_;                  // step that the next free worker starts
  int64_t next_taken_;                 // step that the consumer waits for
  std::vector<std::jthread> workers_;  // last: stops and joins before anything above goes
};

}  // namespace vitrail
