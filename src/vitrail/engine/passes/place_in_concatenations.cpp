#include <algorithm>
#include <set>

#include "vitrail/engine/layout.h"
#include "vitrail/engine/passes/passes.h"

namespace vitrail::engine_detail {
namespace {

class Placing {
 public:
  Placing(Network& network, const std::function<bool(const Layer&)>& makes_gaps)
      : network_(network), makes_gaps_(makes_gaps), uses_(use_counts(network)), makers_(producers(network)) {
    for (const Layer& layer : network.layers)
      if (layer.residual != no_value) fixed_.insert(layer.residual);  // written again later
    for (const NetworkPort& output : network.outputs)
      fixed_.insert(output.value);
  }

  void place_parts_of(const Layer& concat) {
    const NetworkValue& whole = network_.value(concat.output);
    if (concat.bytes || element_count(whole.shape) == 0) return;
    const auto rank = static_cast<int64_t>(whole.shape.size());
    const int64_t axis = (std::get<op::Concat>(concat.op).axis + rank) % rank;
    const AxisView view = axis_view(whole.shape, axis, !whole.channels_last());
    const bool gaps = view.outer > 1;
    if (gaps && !(whole.channels_last() && axis == 1)) return;
    int64_t first = 0;
    for (const ValueId part : concat.inputs) {
      if (gaps ? can_have_gaps(part) : can_be_placed(part))
        network_.value(part).place = {concat.output, first, gaps ? view.size : 0};
      const AxisView own = axis_view(network_.shape(part), axis, !whole.channels_last());
      first += own.size * own.inner;
    }
  }

 private:
  bool can_be_placed(ValueId part) const {
    const NetworkValue& value = network_.value(part);
    const int64_t maker = makers_[static_cast<size_t>(part)];
    if (maker < 0 || value.place.whole != no_value || fixed_.count(part) > 0) return false;
    const Layer& layer = network_.layers[static_cast<size_t>(maker)];
    return element_count(value.shape) > 0 && layer.residual == no_value && !layer.bytes &&
           !std::holds_alternative<op::Concat>(layer.op);  // whose own parts would have to move too
  }

  bool can_have_gaps(ValueId part) const {
    return can_be_placed(part) && uses_[static_cast<size_t>(part)] == 1 &&
           makes_gaps_(network_.layers[static_cast<size_t>(makers_[static_cast<size_t>(part)])]);
  }

  Network& network_;
  const std::function<bool(const Layer&)>& makes_gaps_;
  const std::vector<int64_t> uses_, makers_;
  std::set<ValueId> fixed_;
};

}  // namespace

void place_in_concatenations(Network& network, const std::function<bool(const Layer&)>& makes_gaps) {
  Placing placing(network, makes_gaps);
  for (const Layer& layer : network.layers)
    if (std::holds_alternative<op::Concat>(layer.op) && has_own_step(network, layer))
      placing.place_parts_of(layer);
}

}  // namespace vitrail::engine_detail
