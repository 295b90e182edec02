#pragma once
// A data set's samples one after the other, the next one being read while this one is worked on.

#include <cstdint>
#include <future>

namespace vitrail {

/// body(index, sample) for every sample of `dataset`, which has size() and a thread-safe load(index), at the
/// places of `indices`.
template <class Dataset, class Indices, class Body>
void load_ahead(const Dataset& dataset, const Indices& indices, const Body& body) {
  const auto load = [&](int64_t index) {
    return std::async(std::launch::async, [&dataset, index] { return dataset.load(index); });
  };
  if (indices.empty()) return;
  auto next = load(indices.front());
  for (size_t i = 0; i < indices.size(); ++i) {
    const auto sample = next.get();
    if (i + 1 < indices.size()) next = load(indices[i + 1]);
    body(indices[i], sample);
  }
}

}  // namespace vitrail
