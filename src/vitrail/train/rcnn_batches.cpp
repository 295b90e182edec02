#include "vitrail/train/rcnn_batches.h"

#include <algorithm>
#include <cmath>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/data/instance_augment.h"
#include "vitrail/data/loader_parts.h"
#include "vitrail/image/preprocess.h"
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
  State(const InstanceDataset& data, const ModelInfo& info, AugmentOptions augment_options,
        const LoaderOptions& options, int64_t first_step)
      : dataset(data),
        system(std::get<RcnnSystem>(info.instance)),
        preprocessing(info.preprocessing),
        zoom(augment_options),
        others(without_zoom(std::move(augment_options))),
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
  RcnnSystem zoomed(Random& random) const;
  InstanceSample sample_at(int64_t position);
  RcnnBatch make(int64_t step, const std::stop_token& stop);

  const InstanceDataset& dataset;
  const RcnnSystem system;
  const Preprocessing preprocessing;
  const AugmentOptions zoom, others;  // drawn here, and by augment()
  const int64_t batch_size;
  ShuffledSequence sequence;
  SampleCache<InstanceSample> cache;
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

InstanceSample RcnnLoader::State::sample_at(int64_t position) {
  const int64_t index = sequence.index_at(position);
  Random random = sequence.augment_stream_at(position);
  const std::shared_ptr<const InstanceSample> sample = cache.get(index);
  const Extent size = rcnn_size({sample->image.height, sample->image.width}, zoomed(random));
  try {
    return augment(*sample, others, {}, size, random);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& e) {  // out of memory, say: it must not lose the file's name
    throw Error(ErrorKind::file, {.where = dataset.image_path(index).string(), .found = e.what()});
  }
}

RcnnBatch RcnnLoader::State::make(int64_t step, const std::stop_token& stop) {
  RcnnBatch batch;
  std::vector<Image> images;
  const int64_t first = checked_mul(step, batch_size, "position in the shuffled data set");
  Extent largest;
  for (int64_t i = 0; i < batch_size && !stop.stop_requested(); ++i) {
    InstanceSample sample = sample_at(checked_add(first, i, "position in the shuffled data set"));
    batch.sizes.push_back({sample.image.height, sample.image.width});
    largest = {std::max(largest.height, sample.image.height), std::max(largest.width, sample.image.width)};
    images.push_back(std::move(sample.image));
    batch.instances.push_back(std::move(sample.instances));
    batch.names.push_back(std::move(sample.name));
  }
  const int64_t height = round_up(largest.height, preprocessing.multiple),
                width = round_up(largest.width, preprocessing.multiple);
  const auto channels = static_cast<int64_t>(preprocessing.mean.size());
  batch.images = Tensor::empty(DataType::f32, {std::ssize(images), channels, height, width});
  for (size_t i = 0; i < images.size(); ++i)
    preprocess_into(images[i], preprocessing, height, width,
                    batch.images.data<float>().data() + static_cast<int64_t>(i) * channels * height * width);
  return batch;
}

RcnnLoader::RcnnLoader(const InstanceDataset& dataset, const ModelInfo& info, AugmentOptions augment_options,
                       const LoaderOptions& options, int64_t first_step) {
  check(augment_options);
  if (dataset.size() < 1)
    throw Error(ErrorKind::usage, {.where = "loader", .found = "a data set without samples"});
  if (augment_options.fill.empty()) augment_options.fill = mean_rgb(info.preprocessing);
  state_ = std::make_unique<State>(dataset, info, std::move(augment_options), options, first_step);
}

RcnnLoader::~RcnnLoader() = default;

RcnnBatch RcnnLoader::next() {
  return state_->batches.next();
}

}  // namespace vitrail::train
