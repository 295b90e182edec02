#include "vitrail/train/task.h"

#include <algorithm>

#include "vitrail/nets/registry.h"

namespace vitrail::train {

std::unique_ptr<Task> make_task(const Recipe& recipe) {
  const auto& entries = instance_nets();
  const bool instances = std::any_of(entries.begin(), entries.end(),
                                     [&](const NetEntry& entry) { return entry.name == recipe.net.name; });
  return instances ? make_instance_task(recipe) : make_semantic_task(recipe);
}

}  // namespace vitrail::train
