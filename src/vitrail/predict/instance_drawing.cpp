#include "vitrail/predict/instance_drawing.h"

#include "vitrail/base/text.h"

namespace vitrail {

std::vector<DrawnInstance> drawn_instances(const std::vector<FoundInstance>& found,
                                           const std::vector<ClassInfo>& classes) {
  const std::vector<Rgb> colors = instance_colors(static_cast<int64_t>(found.size()));
  std::vector<DrawnInstance> drawn;
  for (const FoundInstance& instance : found) {
    const ClassInfo& name = classes.at(static_cast<size_t>(instance.class_index));
    drawn.push_back({.mask = instance.mask,
                     .box = {instance.box.x1, instance.box.y1, instance.box.x2, instance.box.y2},
                     .label = cat(name.name, " ", fixed(instance.score, 2)),
                     .color = colors[drawn.size()]});
  }
  return drawn;
}

}  // namespace vitrail
