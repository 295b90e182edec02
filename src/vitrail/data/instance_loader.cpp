#include "vitrail/data/instance_loader.h"

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/data/loader_parts.h"
#include "vitrail/image/preprocess.h"

namespace vitrail {

struct InstanceLoader::State {
  State(const InstanceDataset& data, InstanceAugment augment_options, Preprocessing preprocess_options,
        const LoaderOptions& options, int64_t first_step)
      : dataset(data),
        augmentation(std::move(augment_options)),
        preprocessing(std::move(preprocess_options)),
        batch_size(options.batch),
        sequence(options.seed, data.size()),
        cache([&](int64_t index) { return dataset.load(index); }, bytes_of, options.cache_bytes),
        batches([this](int64_t step, const std::stop_token& stop) { return make(step, stop); },
                options.threads, options.prefetch, first_step) {}

  static int64_t bytes_of(const InstanceSample& sample) {
    size_t bytes = sample.image.pixels.size();
    for (const Instance& each : sample.instances)
      bytes += sizeof(Instance) + each.mask.counts.size() * sizeof(uint32_t);
    return static_cast<int64_t>(bytes);
  }
  InstanceSample sample_at(int64_t position);
  InstanceBatch make(int64_t step, const std::stop_token& stop);

  const InstanceDataset& dataset;
  const InstanceAugment augmentation;
  const Preprocessing preprocessing;
  const int64_t batch_size;
  ShuffledSequence sequence;
  SampleCache<InstanceSample> cache;
  Prefetch<InstanceBatch> batches;  // last: its workers use all of the above
};

InstanceSample InstanceLoader::State::sample_at(int64_t position) {
  const int64_t index = sequence.index_at(position);
  Random random = sequence.augment_stream_at(position);
  try {
    return augment(*cache.get(index), augmentation.common, augmentation.boxes, augmentation.size, random);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& e) {  // out of memory, say: it must not lose the file's name
    throw Error(ErrorKind::file, {.where = dataset.image_path(index).string(), .found = e.what()});
  }
}

InstanceBatch InstanceLoader::State::make(int64_t step, const std::stop_token& stop) {
  const auto [height, width] = augmentation.size;
  const auto channels = static_cast<int64_t>(preprocessing.mean.size());
  InstanceBatch batch;
  batch.images = Tensor::empty(DataType::f32, {batch_size, channels, height, width});
  const int64_t first = checked_mul(step, batch_size, "position in the shuffled data set");
  for (int64_t i = 0; i < batch_size && !stop.stop_requested(); ++i) {
    InstanceSample sample = sample_at(checked_add(first, i, "position in the shuffled data set"));
    preprocess_into(sample.image, preprocessing, height, width,
                    batch.images.data<float>().data() + i * channels * height * width);
    batch.instances.push_back(std::move(sample.instances));
    batch.names.push_back(std::move(sample.name));
  }
  return batch;
}

InstanceLoader::InstanceLoader(const InstanceDataset& dataset, InstanceAugment augmentation,
                               Preprocessing preprocessing, const LoaderOptions& options,
                               int64_t first_step) {
  check(augmentation.common);
  check(augmentation.boxes);
  if (dataset.size() < 1)
    throw Error(ErrorKind::usage, {.where = "loader", .found = "a data set without samples"});
  if (augmentation.common.fill.empty()) augmentation.common.fill = mean_rgb(preprocessing);
  state_ = std::make_unique<State>(dataset, std::move(augmentation), std::move(preprocessing), options,
                                   first_step);
}

InstanceLoader::~InstanceLoader() = default;

InstanceBatch InstanceLoader::next() {
  return state_->batches.next();
}

}  // namespace vitrail
