#include "vitrail/engine/packed_weights.h"

#include "vitrail/engine/layout.h"

namespace vitrail::engine_detail {

dnnl::memory PackedWeights::get(const Tensor& tensor, const dnnl::memory::desc& plain,
                                const dnnl::memory::desc& wanted, const dnnl::engine& engine) {
  const std::lock_guard lock(mutex_);
  for (const Packed& entry : packed_)
    if (entry.source.raw() == tensor.raw() && entry.plain == plain && entry.memory.get_desc() == wanted)
      return entry.memory;
  dnnl::memory source(plain, engine, const_cast<std::byte*>(tensor.raw()));
  dnnl::memory packed = source;
  if (plain != wanted) {
    packed = dnnl::memory(wanted, engine);
    dnnl::stream stream(engine);
    dnnl::reorder(source, packed).execute(stream, source, packed);
    stream.wait();
  }
  packed_.push_back({tensor, plain, packed});
  return packed;
}

Tensor PackedWeights::stored(const Tensor& tensor) {
  const std::lock_guard lock(mutex_);
  for (const Stored& entry : stored_)
    if (entry.source.raw() == tensor.raw() && entry.source.shape() == tensor.shape()) return entry.stored;
  stored_.push_back({tensor, to_storage(tensor)});
  return stored_.back().stored;
}

}  // namespace vitrail::engine_detail
