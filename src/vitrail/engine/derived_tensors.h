#pragma once
// What passes and steps make of a network's constants (parts, transforms, packed copies): made once and
// shared by the programs of all input sizes.

#include <functional>
#include <list>
#include <mutex>
#include <string>

#include "vitrail/base/tensor.h"

namespace vitrail::engine_detail {

class DerivedTensors {
 public:
  /// The result of `make` for this source; `how` tells apart what is made of one source. Thread-safe. The
  /// result must not be written to.
  Tensor get(const Tensor& source, const std::string& how, const std::function<Tensor()>& make) {
    const std::lock_guard lock(mutex_);
    for (const Entry& entry : entries_)
      if (entry.source.raw() == source.raw() && entry.source.shape() == source.shape() && entry.how == how)
        return entry.result;
    entries_.push_back({source, how, make()});
    return entries_.back().result;
  }

 private:
  struct Entry {
    Tensor source;  // keeps the bytes that identify it alive
    std::string how;
    Tensor result;
  };
  std::mutex mutex_;
  std::list<Entry> entries_;
};

}  // namespace vitrail::engine_detail
