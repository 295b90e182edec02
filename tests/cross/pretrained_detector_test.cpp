// The detector that TensorFlow trained on COCO, through our weights' loader, network, engine and decoding: a
// fault in any of them, and it finds nothing.

#include <filesystem>
#include <numeric>

#include <gtest/gtest.h>

#include "vitrail/nets/registry.h"
#include "vitrail/predict/evaluate_instances.h"
#include "vitrail/weights/pretrained.h"

namespace vitrail {
namespace {

namespace fs = std::filesystem;

TEST(PretrainedDetector, FindsTheObjectsOfCocoPictures) {
  const fs::path data = fs::path(VITRAIL_SOURCE_DIR) / "../shared/data";
  const fs::path weights = data / "pretrained/ssd_mobilenet_v1_x0.75_coco.safetensors";
  const fs::path pictures = data / "coco/instances_val.json";
  if (!fs::exists(weights) || !fs::exists(pictures)) GTEST_SKIP() << "no " << weights << " or " << pictures;
  const auto dataset = open_instance_dataset("coco:" + pictures.string(), "");
  const int64_t classes = std::ssize(dataset->classes());
  Model model = build_net(
      "ssd-mobilenet", {.classes = classes,
                        .set = {{"depth_multiplier", "0.75"}, {"size", "300"}, {"score_threshold", "0.01"}}});
  model.info.classes = dataset->classes();
  PretrainedOptions options;
  for (const ClassInfo& c : model.info.classes)
    options.classes.push_back(c.name);
  model.weights = load_pretrained(weights, model.graph, options).weights;
  InstanceEvaluateOptions some;
  some.pictures.resize(60);
  std::iota(some.pictures.begin(), some.pictures.end(), 0);
  const InstanceEvaluation evaluation = evaluate(InstancePredictor(model), *dataset, some);
  const std::optional<double> precision = evaluation.boxes.average_precision({.threshold = 0});  // IoU .50
  ASSERT_TRUE(precision.has_value());
  EXPECT_GT(*precision, 0.25);  // 0.35 on all 206
}

}  // namespace
}  // namespace vitrail
