#pragma once
// Batches for training: loaded, augmented and preprocessed by worker threads ahead of the step that needs
// them.
//
// Batch t is a pure function of (seed, t): which samples, in which order, how augmented. So a run can resume
// at any step, and the number of threads changes nothing but the speed.
//
//   Loader loader(*dataset, augment, preprocessing, {.batch = 8, .seed = 1}, first_step);
//   while (training) { Batch batch = loader.next(); ... }
//
// Epoch e is a fresh shuffle of the data set (seeded by (seed, e)); a batch may span two epochs, none is ever
// short.
//
// Threads: each worker makes whole batches, alone. Nothing it calls starts threads of its own, so `threads`
// is what the loader uses. Only the thread that owns the Loader may call `next`.

#include <memory>
#include <string>
#include <vector>

#include "vitrail/data/augment.h"
#include "vitrail/data/dataset.h"

namespace vitrail {

struct LoaderOptions {
  int64_t batch = 8;
  uint64_t seed = 0;
  int threads = 2;       ///< workers
  int64_t prefetch = 4;  ///< batches made ahead of the consumer, at most
  /// Decoded samples are kept in memory up to this many bytes (JPEG decoding costs more than augmentation);
  /// the rest is decoded each time. 0 = keep none. CamVid's 367 training images take 320 MB.
  int64_t cache_bytes = int64_t{1} << 30;
};

struct Batch {
  Tensor images;  ///< f32 [N, C, H, W], preprocessed; samples of unlike size are padded (bottom, right) to
                  ///< the largest
  Tensor labels;  ///< i64 [N, H, W]; 255 = ignored, padding included
  std::vector<Tensor> further;  ///< the samples' further labels, each as `labels`
  std::vector<std::string> names;
  int64_t step = 0;
};

/// Which sample stands at `position` (step * batch + i) of the endless shuffled sequence.
int64_t shuffled_index(uint64_t seed, int64_t dataset_size, int64_t position);

class Loader {
 public:
  /// `dataset` must outlive the loader. Throws Error(usage) for options out of range or an empty data set.
  Loader(const Dataset& dataset, AugmentOptions augment, Preprocessing preprocessing, LoaderOptions options,
         int64_t first_step = 0);
  /// Stops the workers (each after the sample it is at) and joins them.
  ~Loader();
  /// The next step's batch; rethrows what a worker threw (a broken file, say, with its name). The step that
  /// failed stays the next one: calling again throws again.
  Batch next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vitrail
