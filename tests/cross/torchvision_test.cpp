// torchvision's networks: random weights that Debian's python3-torchvision saved load by name, and the engine
// computes from them what torchvision computed.

#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "cross/compare.h"
#include "cross/python.h"
#include "temporary_folder.h"
#include "vitrail/base/text.h"
#include "vitrail/engine/engine.h"
#include "vitrail/nets/classification.h"
#include "vitrail/nets/registry.h"
#include "vitrail/weights/initialize.h"
#include "vitrail/weights/pretrained.h"
#include "vitrail/weights/torch_file.h"

namespace vitrail {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kClassifiers{"resnet18",      "resnet50",      "alexnet", "googlenet",
                                            "squeezenet1_0", "squeezenet1_1", "vgg16_bn"};
const std::vector<std::string> kSegmenters{"fcn_resnet50", "deeplabv3_resnet50", "lraspp_mobilenet_v3_large"};
// Hundreds of megabytes each, and of the same parts: with VITRAIL_ALL_TORCHVISION=1 in the environment.
const std::vector<std::string> kLargeClassifiers{"resnet101", "resnet152", "vgg16"};
const std::vector<std::string> kLargeSegmenters{"fcn_resnet101", "deeplabv3_resnet101"};

// The output [1, classes] of a classifier is ours of [1, classes, 1, 1].
Tensor like(const Tensor& expected, const Tensor& found) {
  return expected.elements() == found.elements() ? expected.reshaped(found.shape()) : expected;
}

void expect_same(const fs::path& folder, const std::string& name, Model model, const std::string& prefix) {
  SCOPED_TRACE(name);
  const Pretrained loaded = load_pretrained(folder / (name + ".pth"), model.graph, {.prefix = prefix});
  EXPECT_TRUE(loaded.missing.empty()) << join(loaded.missing);
  EXPECT_TRUE(loaded.unused.empty()) << join(loaded.unused);
  EXPECT_TRUE(loaded.skipped.empty()) << join(loaded.skipped);
  ASSERT_EQ(loaded.weights.size(), model.graph.parameters().size()) << "every parameter comes from the file";
  const TorchFile run = read_torch_file(folder / (name + "_run.pth"));
  const Tensor found = Engine(model.graph, loaded.weights).run({run.tensors.at("input")}).at(0);
  EXPECT_LE(relative_difference(found, like(run.tensors.at("output"), found)), 1e-4);
  fs::remove(folder / (name + ".pth"));
}

TEST(Torchvision, WeightFilesLoadAndComputeTheSame) {
  const std::string python = python_with_torchvision();
  if (python.empty()) GTEST_SKIP() << "no Python with torchvision (Debian: python3-torchvision)";
  std::vector<std::string> classifiers_here = kClassifiers, segmenters_here = kSegmenters;
  if (std::getenv("VITRAIL_ALL_TORCHVISION") != nullptr) {
    classifiers_here.insert(classifiers_here.end(), kLargeClassifiers.begin(), kLargeClassifiers.end());
    segmenters_here.insert(segmenters_here.end(), kLargeSegmenters.begin(), kLargeSegmenters.end());
  }
  const TemporaryFolder folder;
  const fs::path script = fs::path(VITRAIL_SOURCE_DIR) / "tests/torchvision/save.py";
  const std::string command = cat(python, " '", script.string(), "' '", folder.path().string(), "' ",
                                  join(classifiers_here, " "), " ", join(segmenters_here, " "));
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
  for (const std::string& name : classifiers_here)
    expect_same(folder.path(), name, build_classifier(name), "");
  for (const std::string& name : segmenters_here)
    expect_same(folder.path(), name, build_net(name, {.classes = 21}), "backbone.");
}

// A file for 21 classes in a network of 5: everything but the last layers is loaded, and they are named.
TEST(Torchvision, AClassifierOfOtherClassesIsLeftOut) {
  const std::string python = python_with_torchvision();
  if (python.empty()) GTEST_SKIP() << "no Python with torchvision (Debian: python3-torchvision)";
  const TemporaryFolder folder;
  const fs::path script = fs::path(VITRAIL_SOURCE_DIR) / "tests/torchvision/save.py";
  const std::string name = "lraspp_mobilenet_v3_large";
  ASSERT_EQ(
      std::system(cat(python, " '", script.string(), "' '", folder.path().string(), "' ", name).c_str()), 0);
  const Model model = build_net(name, {.classes = 5});
  const Pretrained loaded = load_pretrained(folder / (name + ".pth"), model.graph);
  EXPECT_EQ(loaded.skipped.size(), 4u) << "weight and bias of both classifiers";
  EXPECT_EQ(loaded.weights.size() + 4, model.graph.parameters().size());
}

}  // namespace
}  // namespace vitrail
