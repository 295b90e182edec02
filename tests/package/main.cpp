// What a program that uses the installed library looks like: a network by name, fresh weights, one picture.

#include <iostream>

#include "vitrail/base/error.h"
#include "vitrail/nets/registry.h"
#include "vitrail/predict/semantic.h"
#include "vitrail/weights/initialize.h"

int main() {
  try {
    vitrail::Model model = vitrail::build_net("mobilenet-x0.5-bilinear", {.classes = 3});
    model.info.classes = {{"sky", {70, 130, 180}}, {"road", {128, 64, 128}}, {"car", {0, 0, 142}}};
    model.weights = vitrail::initial_weights(model.graph, 1);
    const vitrail::SemanticPredictor predictor(std::move(model));
    const vitrail::LabelMap labels = predictor.predict(vitrail::Image(75, 101));
    std::cout << "label map " << labels.height << "x" << labels.width << "\n";
    return 0;
  } catch (const vitrail::Error& error) {
    std::cerr << "consumer: " << error.what() << "\n";
    return 1;
  }
}
