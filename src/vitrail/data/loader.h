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
  int64_t prefetch = 4;  ///< batches ready ahead of the consumer
};

struct Batch {
  Tensor images;  ///< f32 [N, C, H, W], preprocessed; samples of unlike size are padded (bottom, right) to
                  ///< the largest
  Tensor labels;  ///< i64 [N, H, W]; 255 = ignored, padding included
  std::vector<std::string> names;
  int64_t step = 0;
};

class Loader {
 public:
  Loader(const Dataset& dataset, AugmentOptions augment, Preprocessing preprocessing, LoaderOptions options,
         int64_t first_step = 0);
  ~Loader();
  /// The next step's batch; rethrows what a worker threw (a broken file, say) with the file's name.
  Batch next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vitrail
