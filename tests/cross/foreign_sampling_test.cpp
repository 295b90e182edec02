// How maps are resampled, as other tools write it, against ONNX Runtime.

#include "cross/foreign_nodes.h"

namespace vitrail::foreign {
namespace {

// Positions that are computed from x; some lie beyond the border.
std::vector<Case> grids() {
  const std::string grid =
      node("Slice", "x zero two one", "offsets") +
      node("Transpose", "offsets", "last", "attribute { name: 'perm' type: INTS ints: [0, 2, 3, 1] } ") +
      node("Mul", "last far1", "grid") + floats("far1", {}, {1.7});
  std::vector<Case> cases;
  const auto add = [&](const char* mode, int opset) {
    for (const char* padding : {"zeros", "border", "reflection"})
      for (const int aligned : {0, 1})
        cases.push_back({cat(mode, " ", padding, " ", aligned),
                         grid + node("GridSample", "x grid", "y",
                                     word("mode", mode) + word("padding_mode", padding) +
                                         whole("align_corners", aligned)),
                         opset});
  };
  for (const char* mode : {"bilinear", "nearest", "bicubic"})
    add(mode, 16);
  for (const char* mode : {"linear", "nearest", "cubic"})
    add(mode, 20);
  cases.push_back({"as it is left out", grid + node("GridSample", "x grid", "y")});
  return cases;
}

std::string reals(const char* name, const std::vector<double>& values) {
  return floats(name, {static_cast<int64_t>(values.size())}, values);
}
std::string numbers(const char* name, const std::vector<int64_t>& values) {
  return integers(name, {static_cast<int64_t>(values.size())}, values);
}

// By scales, and to sizes; x is 1x4x6x8.
std::vector<Case> resizes() {
  std::vector<Case> cases;
  const std::string known = node("Reshape", "x shape", "k") + numbers("shape", {1, 4, 6, 8});
  const auto scaled = [&](const std::string& name, const std::vector<double>& scales,
                          const std::string& attributes) {
    cases.push_back(
        {name, reals("scales", scales) + node("Resize", "x none scales", "y", attributes) + reals("none", {}),
         18});
  };
  const auto sized = [&](const std::string& name, const std::vector<int64_t>& sizes,
                         const std::string& attributes) {
    cases.push_back({name,
                     known + numbers("sizes", sizes) + reals("none", {}) +
                         node("Resize", "k none none sizes", "y", attributes),
                     18});
  };
  for (const char* mode : {"linear", "cubic"})
    for (const char* coordinates : {"half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"})
      for (const int excluded : {0, 1}) {
        const std::string how = word("mode", mode) + word("coordinate_transformation_mode", coordinates) +
                                whole("exclude_outside", excluded);
        const std::string name = cat(mode, " ", coordinates, excluded != 0 ? " exclude_outside" : "");
        if (mode == std::string("cubic") || excluded == 0) {
          scaled(name + " up", {1, 1, 1.5, 2.25}, how);
          sized(name + " down", {1, 4, 4, 3}, how);
        }
        const std::string smooth = how + whole("antialias", 1);
        scaled(name + " antialias", {1, 1, 0.5, 0.4}, smooth);
        sized(name + " antialias to a size", {1, 4, 2, 11}, smooth);
      }
  for (const char* policy : {"not_larger", "not_smaller"})
    for (const char* mode : {"nearest", "linear"}) {
      const std::string how = word("mode", mode) + word("keep_aspect_ratio_policy", policy) +
                              "attribute { name: 'axes' type: INTS ints: [2, 3] } ";
      sized(cat(mode, " ", policy), {9, 11}, how);
      sized(cat(mode, " ", policy, " down"), {5, 3}, how);
    }
  for (const double beyond : {0.0, 2.5})
    for (const char* mode : {"nearest", "linear"})
      cases.push_back(
          {cat("crop ", mode, " beyond ", beyond),
           known + reals("region", {0, 0, -0.2, 0.25, 1, 1, 0.9, 1.4}) + numbers("sizes", {1, 4, 7, 9}) +
               reals("none", {}) +
               node("Resize", "k region none sizes", "y",
                    word("mode", mode) + word("coordinate_transformation_mode", "tf_crop_and_resize") +
                        real("extrapolation_value", beyond))});
  const std::string turned = "attribute { name: 'axes' type: INTS ints: [3, -2] } ";
  scaled("axes the other way round", {0.6, 2.5}, word("mode", "linear") + turned);
  sized("axes the other way round, to a size", {5, 13}, word("mode", "linear") + turned);
  cases.push_back({"crop with axes the other way round",
                   known + reals("region", {0.25, -0.2, 1.4, 0.9}) + numbers("sizes", {9, 7}) +
                       reals("none", {}) +
                       node("Resize", "k region none sizes", "y",
                            word("mode", "linear") + turned +
                                word("coordinate_transformation_mode", "tf_crop_and_resize")),
                   18});
  for (const char* mode : {"nearest", "linear"}) {
    const std::string how = word("mode", mode) + word("coordinate_transformation_mode", "asymmetric") +
                            word("nearest_mode", "floor");
    scaled(cat(mode, " of the channels"), {1, 2, 1, 1}, how);
    cases.push_back({cat(mode, " of a plane"), node("Reshape", "x plane", "p") + numbers("plane", {24, 8}) +
                                                   reals("scales", {0.5, 2.5}) + reals("none", {}) +
                                                   node("Resize", "p none scales", "y", how)});
    cases.push_back({cat(mode, " of a volume"), node("Reshape", "x volume", "v") +
                                                    numbers("volume", {1, 1, 4, 6, 8}) +
                                                    reals("scales", {1, 1, 2, 1.5, 2}) + reals("none", {}) +
                                                    node("Resize", "v none scales", "y", how)});
    cases.push_back({cat(mode, " of a volume to a size"),
                     node("Reshape", "x volume", "v") + numbers("volume", {1, 1, 4, 6, 8}) +
                         numbers("sizes", {1, 1, 7, 6, 5}) + reals("none", {}) +
                         node("Resize", "v none none sizes", "y", how)});
  }
  return cases;
}

TEST(ForeignSampling, ResizesOfEveryKind) {
  expect_like_onnx_runtime(resizes());
}
TEST(ForeignSampling, Grids) {
  expect_like_onnx_runtime(grids());
}

}  // namespace
}  // namespace vitrail::foreign
