#include "vitrail/train/task.h"

namespace vitrail::train {

std::unique_ptr<Task> make_task(const Recipe& recipe) {
  return make_semantic_task(recipe);
}

}  // namespace vitrail::train
