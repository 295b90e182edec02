#pragma once
// Small SSDs of random weights for tests, whose boxes, classes and masks differ as trained ones' do.
//
//   Model model = narrow_ssd("ssd-mobilenet-multi-shape", {{"decoder", "fcn16"}});

#include <map>
#include <string>

#include "vitrail/base/random.h"
#include "vitrail/base/text.h"
#include "vitrail/nets/registry.h"
#include "vitrail/weights/initialize.h"

namespace vitrail {

constexpr int64_t narrow_ssd_side = 160;  ///< of its square input: 5 x 5 cells of 32 pixels

inline Model narrow_ssd(const std::string& name, std::map<std::string, std::string> set,
                        int64_t classes = 2) {
  set.insert({{"depth_multiplier", "0.1"}, {"size", cat(narrow_ssd_side)}});
  if (name != "ssd-mobilenet") set.insert({{"branch_channels", "8"}});
  Model model = build_net(name, {.classes = classes, .set = set});
  model.weights = initial_weights(model.graph, 3);
  Random random(5);
  for (auto& [parameter, tensor] : model.weights)
    if (parameter.find("Predictor") != std::string::npos || parameter.find("score") != std::string::npos)
      for (float& value : tensor.data<float>())
        value = static_cast<float>(random.normal() * 0.4);
  model.info.classes.clear();
  for (int64_t c = 0; c < classes; ++c)
    model.info.classes.push_back({cat("thing ", c), {}});
  return model;
}

}  // namespace vitrail
