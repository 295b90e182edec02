#pragma once
// Seeded random numbers whose sequence is the same on every compiler and machine (std:: distributions are
// not).
//
//   Random random(seed);                         // or Random(seed).fork(sample_index) for an independent
//   stream double scale = random.uniform(0.5, 2.0); if (random.chance(0.5)) flip();

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace vitrail {

/// xoshiro256** seeded by splitmix64 (Blackman & Vigna 2018). A value: copy it to replay a sequence.
class Random {
 public:
  explicit Random(uint64_t seed = 0);

  /// A stream of its own for each (seed, key): what sample 17 draws does not depend on who drew before it.
  Random fork(uint64_t key) const;

  uint64_t next();
  double uniform();                            ///< in [0, 1)
  double uniform(double low, double high);     ///< in [low, high)
  int64_t integer(int64_t low, int64_t high);  ///< in [low, high], both included, unbiased
  double normal();                             ///< mean 0, standard deviation 1
  bool chance(double probability) { return uniform() < probability; }

  template <class T>
  void shuffle(std::vector<T>& items) {
    for (int64_t i = static_cast<int64_t>(items.size()) - 1; i > 0; --i)
      std::swap(items[static_cast<size_t>(i)], items[static_cast<size_t>(integer(0, i))]);
  }

  /// The whole state, for checkpoints.
  std::vector<uint64_t> state() const;
  static Random from_state(const std::vector<uint64_t>& state);

 private:
  uint64_t seed_ = 0;
  uint64_t s_[4] = {};
};

}  // namespace vitrail
