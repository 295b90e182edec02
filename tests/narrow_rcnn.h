#pragma once
// Small Mask R-CNNs of random weights for tests, whose boxes, classes and masks differ as trained ones' do.
//
//   Model model = narrow_rcnn("mask-rcnn-r50-fpn", 3);

#include <algorithm>
#include <map>
#include <string>

#include "vitrail/base/random.h"
#include "vitrail/base/text.h"
#include "vitrail/nets/registry.h"
#include "vitrail/weights/initialize.h"

namespace vitrail {

inline void fill_normal(Tensor& tensor, double deviation, Random& random) {
  tensor = tensor.clone();
  for (float& value : tensor.data<float>())
    value = static_cast<float>(random.normal() * deviation);
}

// Frozen normalisations of random weights do not keep the scale: here each block adds a little, and the
// heads' last layers say something.
inline Model narrow_rcnn(const std::string& name, int64_t classes,
                         std::map<std::string, std::string> set = {}) {
  set.insert({{"width", "0.125"}, {"short_side", "96"}, {"long_side", "160"}, {"boxes", "20"}});
  Model model = build_net(name, {.classes = classes, .set = set});
  model.weights = initial_weights(model.graph, 7);
  Random random(3);
  for (auto& [parameter, tensor] : model.weights) {
    if (parameter == "backbone.bn1.weight" || parameter == "backbone.body.bn1.weight") {
      tensor = tensor.clone();
      std::fill(tensor.data<float>().begin(), tensor.data<float>().end(),
                model.info.preprocessing.std[0] > 1 ? 1.0f : 0.02f);
    }
    if (parameter.ends_with("bn3.weight")) fill_normal(tensor, 0.2, random);
    if (parameter.ends_with("bbox_pred.weight")) fill_normal(tensor, 0.02, random);
    if (parameter.ends_with("cls_score.weight") || parameter.ends_with("logits.weight"))
      fill_normal(tensor, 0.2, random);
  }
  for (int64_t c = 0; c < classes; ++c)
    model.info.classes.push_back({.name = cat("class ", c)});
  return model;
}

}  // namespace vitrail
