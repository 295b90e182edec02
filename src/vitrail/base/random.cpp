#include "vitrail/base/random.h"

#include <cassert>
#include <cmath>
#include <numbers>

#include "vitrail/base/error.h"

namespace vitrail {
namespace {

uint64_t splitmix64(uint64_t& x) {
  x += 0x9e3779b97f4a7c15u;
  uint64_t z = x;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

uint64_t rotate_left(uint64_t x, int k) {
  return (x << k) | (x >> (64 - k));
}

}  // namespace

Random::Random(uint64_t seed) : seed_(seed) {
  uint64_t x = seed;
  for (uint64_t& word : s_)
    word = splitmix64(x);
}

Random Random::fork(uint64_t key) const {
  uint64_t x = seed_ ^ (key * 0xd1342543de82ef95u + 0x2545f4914f6cdd1du);
  return Random(splitmix64(x));
}

uint64_t Random::next() {
  const uint64_t result = rotate_left(s_[1] * 5, 7) * 9;
  const uint64_t t = s_[1] << 17;
  s_[2] ^= s_[0];
  s_[3] ^= s_[1];
  s_[1] ^= s_[2];
  s_[0] ^= s_[3];
  s_[2] ^= t;
  s_[3] = rotate_left(s_[3], 45);
  return result;
}

double Random::uniform() {
  return static_cast<double>(next() >> 11) * 0x1.0p-53;
}

double Random::uniform(double low, double high) {
  return low + (high - low) * uniform();
}

int64_t Random::integer(int64_t low, int64_t high) {
  assert(low <= high);
  const uint64_t range = static_cast<uint64_t>(high) - static_cast<uint64_t>(low) + 1;
  if (range == 0) return static_cast<int64_t>(next());
  const uint64_t limit = UINT64_MAX - UINT64_MAX % range;  // reject the tail that would favour small values
  uint64_t draw = next();
  while (draw >= limit)
    draw = next();
  return static_cast<int64_t>(static_cast<uint64_t>(low) + draw % range);
}

double Random::normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

std::vector<uint64_t> Random::state() const {
  return {seed_, s_[0], s_[1], s_[2], s_[3]};
}

Random Random::from_state(const std::vector<uint64_t>& state) {
  if (state.size() != 5)
    throw Error(ErrorKind::format, {.where = "random state",
                                    .found = std::to_string(state.size()) + " words",
                                    .allowed = "5 are needed"});
  Random random(state[0]);
  for (size_t i = 0; i < 4; ++i)
    random.s_[i] = state[i + 1];
  return random;
}

}  // namespace vitrail
