#include "vitrail/train/rcnn_batches.h"

#include <algorithm>
#include <cmath>

#include "vitrail/base/checked.h"
#include "vitrail/data/instance_augment.h"
#include "vitrail/data/loader_parts.h"
#include "vitrail/predict/rcnn_input.h"

namespace vitrail::train {
namespace {

AugmentOptions without_zoom(AugmentOptions options) {
  options.scales.clear();
  options.scale_min = options.scale_max = 1;
  options.short_side_min = options.short_side_max = 0;
  return options;
}

}  // namespace

struct RcnnLoader::State {
  State(const InstanceDataset& dataset, const ModelInfo& info, AugmentOptions augment_options,
        const LoaderOptions& options, int64_t first_step)
      : system(std::get<RcnnSystem>(info.instance)),
        preprocessing(info.preprocessing),
        zoom(augment_options),
        others(without_zoom(std::move(augment_options))),
        samples(dataset, options),
        batches([this](int64_t step, const std::stop_token& stop) { return make(step, stop); },
                options.threads, options.prefetch, first_step) {}

  RcnnSystem zoomed(Random& random) const;
  RcnnBatch make(int64_t step, const std::stop_token& stop);

  const RcnnSystem system;
  const Preprocessing preprocessing;
  const AugmentOptions zoom, others;  // drawn here, and by augment()
  SampleStream<InstanceDataset> samples;
  Prefetch<RcnnBatch> batches;  // last: its workers use all of the above
};

RcnnSystem RcnnLoader::State::zoomed(Random& random) const {
  RcnnSystem drawn = system;
  if (zoom.short_side_max > 0) {
    drawn.short_side = random.integer(zoom.short_side_min, zoom.short_side_max);
    return drawn;
  }
  double factor = 1;
  if (!zoom.scales.empty())
    factor = zoom.scales[static_cast<size_t>(random.integer(0, std::ssize(zoom.scales) - 1))];
  else if (zoom.scale_min < zoom.scale_max)
    factor = random.uniform(zoom.scale_min, zoom.scale_max);
  else
    factor = zoom.scale_min;
  drawn.short_side = std::max<int64_t>(1, std::llround(static_cast<double>(system.short_side) * factor));
  return drawn;
}

RcnnBatch RcnnLoader::State::make(int64_t step, const std::stop_token& stop) {
  const auto augmented = [&](const InstanceSample& sample, Random& random) {
    const Extent size = rcnn_size({sample.image.height, sample.image.width}, zoomed(random));
    return augment(sample, others, {}, size, random);
  };
  std::vector<InstanceSample> made = samples.batch(step, stop, augmented);
  RcnnBatch batch;
  Extent largest;
  for (InstanceSample& sample : made) {
    const Extent size{sample.image.height, sample.image.width};
    largest = {std::max(largest.height, size.height), std::max(largest.width, size.width)};
    batch.sizes.push_back(size);
    batch.instances.push_back(std::move(sample.instances));
    batch.names.push_back(std::move(sample.name));
  }
  batch.images = preprocessed(
      made, preprocessing,
      {round_up(largest.height, preprocessing.multiple), round_up(largest.width, preprocessing.multiple)});
  return batch;
}

RcnnLoader::RcnnLoader(const InstanceDataset& dataset, const ModelInfo& info, AugmentOptions augment_options,
                       const LoaderOptions& options, int64_t first_step) {
  check(options, dataset.size(), first_step);
  check(augment_options);
  if (augment_options.fill.empty()) augment_options.fill = mean_rgb(info.preprocessing);
  state_ = std::make_unique<State>(dataset, info, std::move(augment_options), options, first_step);
}

RcnnLoader::~RcnnLoader() = default;

RcnnBatch RcnnLoader::next() {
  return state_->batches.next();
}

}  // namespace vitrail::train
