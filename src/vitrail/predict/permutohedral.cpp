#include "vitrail/predict/permutohedral.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/parallel.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

constexpr int most_dimensions = 6;
constexpr float most_feature = 8000;  // keys are 16-bit
constexpr int64_t grain = 4096;       // points or vertices worth a thread

using Key = std::array<int16_t, most_dimensions>;

/// Open addressing from a lattice point's first d coordinates to its number.
class KeyTable {
 public:
  KeyTable(int dimensions, int64_t expected) : dimensions_(static_cast<size_t>(dimensions)) {
    size_t size = 1024;
    while (size < 2 * static_cast<size_t>(expected))
      size *= 2;
    slots_.assign(size, -1);
  }

  int32_t add(const Key& key) {
    if (2 * keys_.size() / dimensions_ > slots_.size()) grow();
    const size_t slot = find(key);
    if (slots_[slot] < 0) {
      slots_[slot] = static_cast<int32_t>(keys_.size() / dimensions_);
      keys_.insert(keys_.end(), key.begin(), key.begin() + static_cast<std::ptrdiff_t>(dimensions_));
    }
    return slots_[slot];
  }
  int32_t look_up(const Key& key) const { return slots_[find(key)]; }
  std::vector<int16_t>& keys() { return keys_; }

 private:
  size_t find(const Key& key) const {
    uint64_t hash = 0;
    for (size_t i = 0; i < dimensions_; ++i)
      hash = (hash + static_cast<uint16_t>(key[i])) * 0x9e3779b97f4a7c15u;
    for (size_t slot = (hash >> 20) & (slots_.size() - 1);; slot = (slot + 1) & (slots_.size() - 1))
      if (slots_[slot] < 0 || std::equal(key.begin(), key.begin() + static_cast<std::ptrdiff_t>(dimensions_),
                                         keys_.begin() + slots_[slot] * static_cast<int64_t>(dimensions_)))
        return slot;
  }
  void grow() {
    std::vector<int32_t> old(slots_.size() * 2, -1);
    old.swap(slots_);
    for (const int32_t number : old)
      if (number >= 0) {
        Key key{};
        std::copy_n(keys_.begin() + number * static_cast<int64_t>(dimensions_), dimensions_, key.begin());
        slots_[find(key)] = number;
      }
  }

  size_t dimensions_;
  std::vector<int32_t> slots_;
  std::vector<int16_t> keys_;
};

/// A point's simplex: its remainder-0 corner, the order of its residuals, and its barycentric weights.
struct Simplex {
  std::array<int, most_dimensions + 1> corner{}, rank{};
  std::array<float, most_dimensions + 2> weight{};
};

Simplex simplex_of(const float* feature, int d, const std::array<float, most_dimensions>& scale) {
  std::array<float, most_dimensions + 1> elevated{};
  float sum = 0;
  for (int j = d; j > 0; --j) {
    const auto at = static_cast<size_t>(j);
    const float scaled = feature[j - 1] * scale[at - 1];
    elevated[at] = sum - static_cast<float>(j) * scaled;
    sum += scaled;
  }
  elevated[0] = sum;

  Simplex simplex;
  int excess = 0;
  for (size_t i = 0; i <= static_cast<size_t>(d); ++i) {
    const auto nearest = static_cast<int>(std::lround(elevated[i] / static_cast<float>(d + 1)));
    simplex.corner[i] = nearest * (d + 1);
    excess += nearest;
  }
  const auto residual = [&](size_t i) { return elevated[i] - static_cast<float>(simplex.corner[i]); };
  for (size_t i = 0; i <= static_cast<size_t>(d); ++i)
    for (size_t j = i + 1; j <= static_cast<size_t>(d); ++j)
      ++simplex.rank[residual(i) < residual(j) ? i : j];
  for (size_t i = 0; i <= static_cast<size_t>(d); ++i) {
    simplex.rank[i] += excess;
    const int shift = simplex.rank[i] < 0 ? d + 1 : simplex.rank[i] > d ? -(d + 1) : 0;
    simplex.rank[i] += shift;
    simplex.corner[i] += shift;
  }
  for (size_t i = 0; i <= static_cast<size_t>(d); ++i) {
    const float share = residual(i) / static_cast<float>(d + 1);
    const auto at = static_cast<size_t>(d - simplex.rank[i]);
    simplex.weight[at] += share;
    simplex.weight[at + 1] -= share;
  }
  simplex.weight[0] += 1 + simplex.weight[static_cast<size_t>(d) + 1];
  return simplex;
}

}  // namespace

Permutohedral::Permutohedral(std::span<const float> features, int dimensions)
    : dimensions_(dimensions),
      points_(dimensions > 0 ? static_cast<int64_t>(features.size()) / dimensions : 0) {
  const bool corners_fit = points_ < std::numeric_limits<int32_t>::max() / (dimensions + 1);
  if (dimensions < 1 || dimensions > most_dimensions || points_ < 1 || !corners_fit ||
      points_ * dimensions != static_cast<int64_t>(features.size()))
    throw Error(ErrorKind::usage, {.where = "permutohedral lattice",
                                   .found = cat(features.size(), " features in ", dimensions, " dimensions"),
                                   .allowed = cat("points of 1..", most_dimensions, " dimensions")});
  for (const float feature : features)
    if (!(std::abs(feature) <= most_feature))
      throw Error(ErrorKind::usage, {.where = "permutohedral lattice",
                                     .found = cat("the feature ", feature),
                                     .allowed = cat("finite, at most ", most_feature)});
  embed(features);
  find_neighbours();
}

void Permutohedral::embed(std::span<const float> features) {
  const int d = dimensions_;
  std::array<float, most_dimensions> scale{};
  for (int i = 0; i < d; ++i)
    scale[static_cast<size_t>(i)] =
        static_cast<float>(std::sqrt(2.0 / 3) * (d + 1) / std::sqrt((i + 1.0) * (i + 2.0)));
  const auto corners = static_cast<size_t>(d) + 1;
  vertex_of_.resize(static_cast<size_t>(points_) * corners);
  weight_of_.resize(vertex_of_.size());
  KeyTable table(d, points_);
  for (int64_t point = 0; point < points_; ++point) {
    const Simplex simplex = simplex_of(features.data() + point * d, d, scale);
    for (size_t r = 0; r < corners; ++r) {
      Key key{};
      for (size_t i = 0; i < static_cast<size_t>(d); ++i) {
        const int step = static_cast<int>(r);
        key[i] =
            static_cast<int16_t>(simplex.corner[i] + (simplex.rank[i] <= d - step ? step : step - (d + 1)));
      }
      vertex_of_[static_cast<size_t>(point) * corners + r] = table.add(key);
      weight_of_[static_cast<size_t>(point) * corners + r] = simplex.weight[r];
    }
  }
  keys_ = std::move(table.keys());
  vertices_ = static_cast<int64_t>(keys_.size()) / d;
}

void Permutohedral::find_neighbours() {
  const auto d = static_cast<size_t>(dimensions_);
  KeyTable table(dimensions_, vertices_);
  Key key{};
  for (int64_t v = 0; v < vertices_; ++v) {
    std::copy_n(keys_.begin() + v * dimensions_, d, key.begin());
    table.add(key);
  }
  neighbours_.resize((d + 1) * static_cast<size_t>(vertices_) * 2);
  const auto neighbour = [&](const int16_t* from, size_t axis, int direction) {
    Key to{};
    for (size_t i = 0; i < d; ++i)
      to[i] = static_cast<int16_t>(from[i] - direction);
    if (axis < d) to[axis] = static_cast<int16_t>(from[axis] + direction * dimensions_);
    const int32_t found = table.look_up(to);
    return found < 0 ? static_cast<int32_t>(vertices_) : found;
  };
  for (size_t axis = 0; axis <= d; ++axis)
    parallel_for(vertices_, grain, [&](int64_t v) {
      const int16_t* from = keys_.data() + v * dimensions_;
      int32_t* to = neighbours_.data() + (static_cast<int64_t>(axis) * vertices_ + v) * 2;
      to[0] = neighbour(from, axis, 1);
      to[1] = neighbour(from, axis, -1);
    });
  // The corners of each vertex, so that splatting gathers and no two threads add to one place.
  first_of_.assign(static_cast<size_t>(vertices_) + 1, 0);
  for (const int32_t v : vertex_of_)
    ++first_of_[static_cast<size_t>(v) + 1];
  for (size_t v = 0; v < static_cast<size_t>(vertices_); ++v)
    first_of_[v + 1] += first_of_[v];
  corners_.resize(vertex_of_.size());
  std::vector<int64_t> next(first_of_.begin(), first_of_.end() - 1);
  for (size_t corner = 0; corner < vertex_of_.size(); ++corner)
    corners_[static_cast<size_t>(next[static_cast<size_t>(vertex_of_[corner])]++)] =
        static_cast<int32_t>(corner);
}

void Permutohedral::filter(std::span<const float> values, int64_t channels, std::span<float> result) const {
  const int64_t size = checked_mul(points_, channels, "permutohedral filter");
  if (channels < 1 || static_cast<int64_t>(values.size()) != size || values.size() != result.size())
    throw Error(ErrorKind::shape, {.where = "permutohedral filter",
                                   .found = cat(values.size(), " values and ", result.size(), " results"),
                                   .allowed = cat(points_, " points x ", channels, " channels")});
  const int64_t corners = dimensions_ + 1;
  std::vector<float> now(static_cast<size_t>((vertices_ + 1) * channels), 0.0f), then(now.size(), 0.0f);
  parallel_for(vertices_, grain, [&](int64_t v) {
    float* sum = now.data() + v * channels;
    for (int64_t at = first_of_[static_cast<size_t>(v)]; at < first_of_[static_cast<size_t>(v) + 1]; ++at) {
      const int64_t corner = corners_[static_cast<size_t>(at)];
      const float weight = weight_of_[static_cast<size_t>(corner)];
      const float* value = values.data() + corner / corners * channels;
      for (int64_t c = 0; c < channels; ++c)
        sum[c] += weight * value[c];
    }
  });
  for (int64_t axis = 0; axis < corners; ++axis) {
    parallel_for(vertices_, grain, [&](int64_t v) {
      const int32_t* near = neighbours_.data() + (axis * vertices_ + v) * 2;
      const float *own = now.data() + v * channels, *a = now.data() + near[0] * channels,
                  *b = now.data() + near[1] * channels;
      float* out = then.data() + v * channels;
      for (int64_t c = 0; c < channels; ++c)
        out[c] = own[c] + 0.5f * (a[c] + b[c]);
    });
    now.swap(then);  // both end in a row of zeros, which stands for vertices that are not there
  }
  const float alpha = 1 / (1 + std::pow(2.0f, static_cast<float>(-dimensions_)));
  parallel_for(points_, grain, [&](int64_t point) {
    float* out = result.data() + point * channels;
    std::fill_n(out, channels, 0.0f);
    for (int64_t r = 0; r < corners; ++r) {
      const auto corner = static_cast<size_t>(point * corners + r);
      const float weight = alpha * weight_of_[corner];
      const float* value = now.data() + static_cast<int64_t>(vertex_of_[corner]) * channels;
      for (int64_t c = 0; c < channels; ++c)
        out[c] += weight * value[c];
    }
  });
}

}  // namespace vitrail
