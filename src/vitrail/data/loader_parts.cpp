#include "vitrail/data/loader_parts.h"

#include <algorithm>
#include <numeric>

#include "vitrail/data/option_faults.h"

namespace vitrail {

void check(const LoaderOptions& options, int64_t dataset_size, int64_t first_step) {
  OptionFaults faults("loader");
  faults.range("batch", options.batch, 1, 1 << 16);
  faults.range("threads", options.threads, 1, 256);
  faults.range("prefetch", options.prefetch, 1, 1 << 16);
  faults.range("cache_bytes", options.cache_bytes, 0, INT64_MAX);
  faults.range("first step", first_step, 0, INT64_MAX);
  faults.expect(dataset_size > 0, "a data set without samples");
  faults.raise();
}

int64_t bytes_of(const Sample& sample) {
  size_t labels = sample.labels.labels.size();
  for (const LabelMap& each : sample.further)
    labels += each.labels.size();
  return static_cast<int64_t>(sample.image.pixels.size() + labels * sizeof(uint16_t));
}

int64_t bytes_of(const InstanceSample& sample) {
  size_t bytes = sample.image.pixels.size();
  for (const Instance& each : sample.instances)
    bytes += sizeof(Instance) + each.mask.counts.size() * sizeof(uint32_t);
  return static_cast<int64_t>(bytes);
}

// Streams of (seed): even keys shuffle epochs, odd keys augment their samples.
std::vector<int64_t> epoch_order(uint64_t seed, int64_t size, int64_t epoch) {
  std::vector<int64_t> order(static_cast<size_t>(size));
  std::iota(order.begin(), order.end(), 0);
  Random(seed).fork(2 * static_cast<uint64_t>(epoch)).shuffle(order);
  return order;
}

Random augment_stream(uint64_t seed, int64_t epoch, int64_t index) {
  return Random(seed).fork(2 * static_cast<uint64_t>(epoch) + 1).fork(static_cast<uint64_t>(index));
}

std::vector<double> mean_rgb(const Preprocessing& preprocessing) {
  std::vector<double> mean = preprocessing.mean;
  if (preprocessing.order == ChannelOrder::bgr) std::reverse(mean.begin(), mean.begin() + 3);
  for (double& v : mean)
    v = std::clamp(v, 0.0, 255.0);
  return mean;
}

int64_t ShuffledSequence::index_at(int64_t position) {
  const int64_t epoch = position / size_;
  std::lock_guard lock(mutex_);
  auto found = orders_.find(epoch);
  if (found == orders_.end()) {
    // Workers run at most a few batches apart; older epochs may be asked for again, and are then remade.
    if (orders_.size() > 2) orders_.erase(orders_.begin());
    found = orders_.emplace(epoch, epoch_order(seed_, size_, epoch)).first;
  }
  return found->second[static_cast<size_t>(position % size_)];
}

}  // namespace vitrail
