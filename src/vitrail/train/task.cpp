#include "vitrail/train/task.h"

#include <algorithm>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/nets/registry.h"

namespace vitrail::train {

std::unique_ptr<Task> make_task(const Recipe& recipe) {
  const auto& entries = instance_nets();
  const bool instances = std::any_of(entries.begin(), entries.end(),
                                     [&](const NetEntry& entry) { return entry.name == recipe.net.name; });
  if (!instances) return make_semantic_task(recipe);
  if (!recipe.data.tasks.empty())
    throw Error(ErrorKind::usage, {.where = recipe.source,
                                   .found = cat("data.tasks for ", recipe.net.name),
                                   .allowed = "networks that label pixels"});
  const Model model = build_net(recipe.net.name, {.classes = 1, .set = recipe.net.set});
  return std::holds_alternative<RcnnSystem>(model.info.instance) ? make_rcnn_task(recipe)
                                                                 : make_ssd_task(recipe);
}

}  // namespace vitrail::train
