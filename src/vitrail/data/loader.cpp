#include "vitrail/data/loader.h"

#include <algorithm>

#include "vitrail/data/loader_parts.h"
#include "vitrail/image/input_route.h"

namespace vitrail {
namespace {

void copy_labels(const LabelMap& labels, int64_t height, int64_t width, int64_t* out) {
  std::fill(out, out + height * width, int64_t{LabelMap::ignore_label});
  for (int64_t y = 0; y < labels.height; ++y)
    std::copy_n(labels.labels.begin() + y * labels.width, labels.width, out + y * width);
}

/// One label map of each sample, `which` says which, as i64 [N, H, W].
template <class Which>
Tensor label_tensor(const std::vector<Sample>& samples, Extent size, const Which& which) {
  Tensor result = Tensor::empty(DataType::i64, {std::ssize(samples), size.height, size.width});
  int64_t* to = result.data<int64_t>().data();
  for (const Sample& sample : samples) {
    copy_labels(which(sample), size.height, size.width, to);
    to += size.height * size.width;
  }
  return result;
}

Batch assemble(std::vector<Sample> samples, const Preprocessing& preprocessing, int64_t step) {
  Extent size;
  for (const Sample& s : samples) {
    const auto [height, width] = input_size(s.image.height, s.image.width, preprocessing);
    size = {std::max(size.height, height), std::max(size.width, width)};
  }
  Batch batch{.images = preprocessed(samples, preprocessing, size), .step = step};
  batch.labels = label_tensor(samples, size, [](const Sample& s) -> const LabelMap& { return s.labels; });
  for (size_t i = 0; i < samples.front().further.size(); ++i)
    batch.further.push_back(
        label_tensor(samples, size, [i](const Sample& s) -> const LabelMap& { return s.further.at(i); }));
  for (Sample& s : samples)
    batch.names.push_back(std::move(s.name));
  return batch;
}

}  // namespace

int64_t shuffled_index(uint64_t seed, int64_t dataset_size, int64_t position) {
  return epoch_order(seed, dataset_size,
                     position / dataset_size)[static_cast<size_t>(position % dataset_size)];
}

struct Loader::State {
  State(const Dataset& dataset, AugmentOptions augment_options, Preprocessing preprocess_options,
        const LoaderOptions& options, int64_t first_step)
      : augmentation(std::move(augment_options)),
        preprocessing(std::move(preprocess_options)),
        samples(dataset, options),
        batches([this](int64_t step, const std::stop_token& stop) { return make(step, stop); },
                options.threads, options.prefetch, first_step) {}

  Batch make(int64_t step, const std::stop_token& stop) {
    const auto augmented = [&](const Sample& sample, Random& random) {
      check_channels(sample.image.channels, preprocessing, sample.name);
      return augment(sample, augmentation, random);
    };
    std::vector<Sample> made = samples.batch(step, stop, augmented);
    return stop.stop_requested() ? Batch() : assemble(std::move(made), preprocessing, step);
  }

  const AugmentOptions augmentation;
  const Preprocessing preprocessing;
  SampleStream<Dataset> samples;
  Prefetch<Batch> batches;  // last: its workers use all of the above
};

Loader::Loader(const Dataset& dataset, AugmentOptions augment_options, Preprocessing preprocessing,
               LoaderOptions options, int64_t first_step) {
  check(options, dataset.size(), first_step);
  check(augment_options);
  input_size(1, 1, preprocessing);  // refuses contradictions here, not in a worker
  if (augment_options.fill.empty()) augment_options.fill = mean_rgb(preprocessing);
  state_ = std::make_unique<State>(dataset, std::move(augment_options), std::move(preprocessing), options,
                                   first_step);
}

Loader::~Loader() = default;

Batch Loader::next() {
  return state_->batches.next();
}

}  // namespace vitrail
