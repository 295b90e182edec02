#include "vitrail/data/instance_loader.h"

#include "vitrail/data/loader_parts.h"

namespace vitrail {

struct InstanceLoader::State {
  State(const InstanceDataset& dataset, InstanceAugment augment_options, Preprocessing preprocess_options,
        const LoaderOptions& options, int64_t first_step)
      : augmentation(std::move(augment_options)),
        preprocessing(std::move(preprocess_options)),
        samples(dataset, options),
        batches([this](int64_t step, const std::stop_token& stop) { return make(step, stop); },
                options.threads, options.prefetch, first_step) {}

  InstanceBatch make(int64_t step, const std::stop_token& stop) {
    const auto augmented = [&](const InstanceSample& sample, Random& random) {
      return augment(sample, augmentation.common, augmentation.boxes, augmentation.size, random);
    };
    std::vector<InstanceSample> made = samples.batch(step, stop, augmented);
    InstanceBatch batch{.images = preprocessed(made, preprocessing, augmentation.size)};
    for (InstanceSample& sample : made) {
      batch.instances.push_back(std::move(sample.instances));
      batch.names.push_back(std::move(sample.name));
    }
    return batch;
  }

  const InstanceAugment augmentation;
  const Preprocessing preprocessing;
  SampleStream<InstanceDataset> samples;
  Prefetch<InstanceBatch> batches;  // last: its workers use all of the above
};

InstanceLoader::InstanceLoader(const InstanceDataset& dataset, InstanceAugment augmentation,
                               Preprocessing preprocessing, const LoaderOptions& options,
                               int64_t first_step) {
  check(options, dataset.size(), first_step);
  check(augmentation.common);
  check(augmentation.boxes);
  if (augmentation.common.fill.empty()) augmentation.common.fill = mean_rgb(preprocessing);
  state_ = std::make_unique<State>(dataset, std::move(augmentation), std::move(preprocessing), options,
                                   first_step);
}

InstanceLoader::~InstanceLoader() = default;

InstanceBatch InstanceLoader::next() {
  return state_->batches.next();
}

}  // namespace vitrail
