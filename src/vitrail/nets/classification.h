#pragma once
// The encoders with their ImageNet heads, as torchvision (or Caffe) has them: what their weight files were
// made for, what the tables of parameters and multiply-adds count, and what proves that an encoder is the
// published one.
//
//   Model model = build_classifier("resnet50");     // "image" [N,3,H,W] -> "logits" [N,1000,1,1]
//   model.weights = load_pretrained("resnet50.pth", model.graph, {.prefix = ""}).weights;
//
// Linear layers are convolutions over one position (FCN's reading of them): their weights are [out, in, 1,
// 1], or [out, C, h, w] where they read a C x h x w map.

#include <cstdint>
#include <string>
#include <vector>

#include "vitrail/graph/model.h"

namespace vitrail {

struct ClassifierEntry {
  std::string name;          ///< "resnet50"
  std::string summary;       ///< one line
  int64_t parameters = 0;    ///< learnable, with 1000 classes (SPEC 1.1)
  int64_t side = 224;        ///< pixels of the square input that the multiply-adds are counted at
  double multiply_adds = 0;  ///< at that size, rounded as published
  Model (*build)(int64_t classes);
};

const std::vector<ClassifierEntry>& classifiers();
/// Throws Error(usage) listing what exists.
Model build_classifier(const std::string& name, int64_t classes = 1000);

}  // namespace vitrail
