#include "vitrail/nets/instance/rpn.h"

#include "vitrail/base/text.h"
#include "vitrail/nets/layers.h"

namespace vitrail {
namespace {

constexpr init::Normal small{0.01};

// Column `index` of the last dimension of [N, rows, columns].
Value column(const Scope& scope, Value x, int64_t index) {
  const Value which =
      scope.graph().add(op::Constant{Tensor::from(Shape{}, std::vector<int64_t>{index})}, {}, scope("index"));
  return scope.graph().add(op::Gather{.axis = 2}, {x, which}, scope("gather"));
}

// [N, anchors * columns, h, w] -> [N, h * w * anchors, columns]
Value rows(const Scope& scope, Value map, int64_t columns) {
  return reshape(scope, transpose(scope, map, {0, 2, 3, 1}), {0, -1, columns});
}

Value objectness(const Scope& scope, Value map, const RpnOptions& options) {
  const int64_t columns = options.two_logits ? 2 : 1;
  const Value logits = conv(scope, map, {.out = options.anchors * columns, .init = small});
  if (!options.two_logits) return reshape(scope, transpose(scope, logits, {0, 2, 3, 1}), {0, -1});
  const Value pairs = rows(scope, logits, columns);
  return scope.graph().add(op::Binary{op::Binary::Function::subtract},
                           {column(scope / "object", pairs, 1), column(scope / "background", pairs, 0)},
                           scope("difference"));
}

}  // namespace

void add_rpn_outputs(const Scope& net, const std::vector<Feature>& maps, const RpnOptions& options) {
  Graph& graph = net.graph();
  for (const Feature& map : maps) {
    const Scope head = (net / "rpn" / cat("stride", map.stride)).sharing(net / "rpn" / "head");
    ConvOptions first = with_bias(
        conv3x3(options.channels > 0 ? options.channels : graph.channels(map.value), 1, options.dilation));
    first.init = small;
    const Value x = conv_relu(head / "conv", map.value, first);
    graph.output(cat("objectness_", map.stride), objectness(head / "cls_logits", x, options));
    const Scope boxes = head / "bbox_pred";
    graph.output(cat("rpn_codes_", map.stride),
                 rows(boxes, conv(boxes, x, {.out = options.anchors * 4, .init = small}), 4));
  }
}

}  // namespace vitrail
