#include "vitrail/engine/steps/walk.h"

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/engine/layout.h"

namespace vitrail::engine_detail {

Walk::Walk(const std::vector<int64_t>& sizes, const std::vector<std::vector<int64_t>>& strides)
    : strides_(strides.size()) {
  for (size_t d = 0; d < sizes.size(); ++d) {
    count_ *= sizes[d];
    if (sizes[d] == 1) continue;
    bool joins = !sizes_.empty();
    for (size_t k = 0; k < strides.size(); ++k)
      joins = joins && strides_[k].back() == strides[k][d] * sizes[d];
    if (joins)
      sizes_.back() *= sizes[d];
    else
      sizes_.push_back(sizes[d]);
    for (size_t k = 0; k < strides.size(); ++k) {
      if (joins) strides_[k].pop_back();
      strides_[k].push_back(strides[k][d]);
    }
  }
  if (sizes_.empty()) {
    sizes_.push_back(1);
    for (std::vector<int64_t>& list : strides_)
      list.push_back(1);
  }
  if (sizes_.size() > 16)
    throw Error(ErrorKind::limit,
                {.found = cat(sizes_.size(), " dimensions"), .allowed = "at most 16 that do not join"});
}

void Walk::start(int64_t at, std::array<int64_t, 16>& index, Offsets& from) const {
  for (size_t d = sizes_.size(); d-- > 0;) {
    index[d] = at % sizes_[d];
    at /= sizes_[d];
    for (size_t k = 0; k < strides_.size(); ++k)
      from[k] += index[d] * strides_[k][d];
  }
}

std::vector<int64_t> strides_of(const StepContext& context, ValueId id) {
  const NetworkValue& value = context.network.value(id);
  return storage_strides(value.shape, !value.channels_last());
}

std::vector<int64_t> broadcast_strides(const StepContext& context, ValueId id, const Shape& output) {
  const Shape& operand = context.shape(id);
  const std::vector<int64_t> own = strides_of(context, id);
  std::vector<int64_t> strides(output.size(), 0);
  const size_t missing = output.size() - operand.size();
  for (size_t d = missing; d < output.size(); ++d)
    if (operand[d - missing] != 1) strides[d] = own[d - missing];
  return strides;
}

std::vector<int64_t> in_storage_order(const StepContext& context, ValueId output,
                                      const std::vector<int64_t>& by_dimension) {
  std::vector<int64_t> ordered;
  for (const size_t d : storage_order(by_dimension.size(), !context.network.value(output).channels_last()))
    ordered.push_back(by_dimension[d]);
  return ordered;
}

Walk walk_of(const StepContext& context, ValueId output, const std::vector<ValueId>& operands) {
  const Shape& shape = context.shape(output);
  std::vector<std::vector<int64_t>> strides;
  for (const ValueId operand : operands)
    strides.push_back(in_storage_order(context, output, broadcast_strides(context, operand, shape)));
  return Walk(in_storage_order(context, output, shape), strides);
}

}  // namespace vitrail::engine_detail
