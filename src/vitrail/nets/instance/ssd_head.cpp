#include "vitrail/nets/instance/ssd_head.h"

#include "vitrail/base/text.h"
#include "vitrail/nets/layers.h"

namespace vitrail {
namespace {

Value rows_of(const Scope& scope, Value map, int64_t columns) {
  return reshape(scope, transpose(scope, map, {0, 2, 3, 1}), {0, -1, columns});
}

}  // namespace

void add_ssd_outputs(const Scope& net, const std::vector<SsdLevel>& levels, int64_t classes) {
  std::vector<Value> codes, logits;
  for (size_t i = 0; i < levels.size(); ++i) {
    codes.push_back(rows_of(net / cat("box_codes_", i), levels[i].codes, 4));
    logits.push_back(rows_of(net / cat("class_logits_", i), levels[i].logits, classes + 1));
  }
  net.graph().output("box_codes", concat(net / "box_codes", codes, 1));
  net.graph().output("class_logits", concat(net / "class_logits", logits, 1));
}

}  // namespace vitrail
