#include "vitrail/predict/instance.h"

#include <cmath>
#include <map>
#include <optional>

#include <gtest/gtest.h>

#include "narrow_ssd.h"
#include "noise_image.h"
#include "vitrail/base/error.h"
#include "vitrail/base/quantile.h"
#include "vitrail/base/text.h"
#include "vitrail/engine/engine.h"
#include "vitrail/graph/part.h"
#include "vitrail/image/image_file.h"
#include "vitrail/image/resized_input.h"

namespace vitrail {
namespace {

using Settings = std::map<std::string, std::string>;

constexpr int64_t side = narrow_ssd_side;

// ---- The slow way: one box at a time, definitions as loops ----

struct Map {
  const float* values;
  int64_t channels, height, width;
  float at(int64_t c, int64_t y, int64_t x) const { return values[(c * height + y) * width + x]; }
};

Map map_of(const Tensor& tensor) {
  return {tensor.data<float>().data(), tensor.size(1), tensor.size(2), tensor.size(3)};
}

/// TensorFlow's crop_and_resize at one place; 0 outside.
double sample(const Map& map, int64_t c, double y, double x) {
  if (y < 0 || x < 0 || y > static_cast<double>(map.height - 1) || x > static_cast<double>(map.width - 1))
    return 0;
  const auto y0 = static_cast<int64_t>(y), x0 = static_cast<int64_t>(x);
  const int64_t y1 = std::min(y0 + 1, map.height - 1), x1 = std::min(x0 + 1, map.width - 1);
  const double dy = y - static_cast<double>(y0), dx = x - static_cast<double>(x0);
  return (1 - dy) * ((1 - dx) * double{map.at(c, y0, x0)} + dx * double{map.at(c, y0, x1)}) +
         dy * ((1 - dx) * double{map.at(c, y1, x0)} + dx * double{map.at(c, y1, x1)});
}

struct Grid {
  int64_t y0, x0, y1, x1;
};

Grid cells_of(const Box& box) {
  constexpr int64_t last = side / 32;
  const auto floor_of = [](float v) { return static_cast<int64_t>(std::floor(v / 32)); };
  const auto ceil_of = [](float v) { return static_cast<int64_t>(std::ceil(v / 32)); };
  Grid g{std::clamp<int64_t>(floor_of(box.y1), 0, last - 1),
         std::clamp<int64_t>(floor_of(box.x1), 0, last - 1), std::clamp<int64_t>(ceil_of(box.y2), 0, last),
         std::clamp<int64_t>(ceil_of(box.x2), 0, last)};
  g.y1 = std::max(g.y1, g.y0 + 1);
  g.x1 = std::max(g.x1, g.x0 + 1);
  return g;
}

Tensor slow_crop(const Map& map, const Box& region, int64_t stride, int64_t height, int64_t width) {
  Tensor crop = Tensor::empty(DataType::f32, {1, map.channels, height, width});
  const double s = static_cast<double>(stride);
  const bool exact = std::fmod(region.x1, 32) == 0 && std::fmod(region.y1, 32) == 0 &&
                     std::fmod(region.x2, 32) == 0 && std::fmod(region.y2, 32) == 0 &&
                     region.height() / s == static_cast<double>(height) &&
                     region.width() / s == static_cast<double>(width);
  const double ystep = (double{region.y2} - double{region.y1}) / side * static_cast<double>(map.height - 1) /
                       static_cast<double>(2 * height - 1);
  const double xstep = (double{region.x2} - double{region.x1}) / side * static_cast<double>(map.width - 1) /
                       static_cast<double>(2 * width - 1);
  const double top = double{region.y1} / side * static_cast<double>(map.height - 1);
  const double left = double{region.x1} / side * static_cast<double>(map.width - 1);
  float* out = crop.data<float>().data();
  for (int64_t c = 0; c < map.channels; ++c)
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < width; ++x) {
        if (exact) {
          *out++ = map.at(c, static_cast<int64_t>(double{region.y1} / s) + y,
                          static_cast<int64_t>(double{region.x1} / s) + x);
          continue;
        }
        double largest = -1e30;
        for (int64_t v = 2 * y; v < 2 * y + 2; ++v)
          for (int64_t u = 2 * x; u < 2 * x + 2; ++u)
            largest = std::max(largest, sample(map, c, top + static_cast<double>(v) * ystep,
                                               left + static_cast<double>(u) * xstep));
        *out++ = static_cast<float>(largest);
      }
  return crop;
}

Tensor slow_coverage(const Box& box, const Box& region, int64_t height, int64_t width) {
  Tensor share = Tensor::empty(DataType::f32, {1, 1, height, width});
  float* out = share.data<float>().data();
  const float h = region.height() / static_cast<float>(height),
              w = region.width() / static_cast<float>(width);
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x) {
      const float top = region.y1 + static_cast<float>(y) * h, left = region.x1 + static_cast<float>(x) * w;
      const float dy = std::min(box.y2, top + h) - std::max(box.y1, top);
      const float dx = std::min(box.x2, left + w) - std::max(box.x1, left);
      *out++ = std::max(dy, 0.0f) * std::max(dx, 0.0f) / (h * w);
    }
  return share;
}

const BranchSystem* slow_branch(const SsdSystem& system, const Grid& cells) {
  const int64_t h = cells.y1 - cells.y0, w = cells.x1 - cells.x0;
  for (const BranchSystem& branch : system.branches) {
    if (system.choice == SsdSystem::Choice::single) return &branch;
    if (system.choice == SsdSystem::Choice::exact ? h == branch.height && w == branch.width
                                                  : h >= branch.height && w >= branch.width)
      return &branch;
  }
  const bool rest = system.choice == SsdSystem::Choice::exact && system.branches.back().resizes;
  return rest ? &system.branches.back() : nullptr;
}

/// What each pixel's mask logit is, at the picture's size.
struct SlowInstance {
  Box box;
  int64_t class_index = 0;
  float score = 0;
  Box anchor{};
  std::vector<double> logits;  ///< empty: no mask
};

class SlowWay {
 public:
  SlowWay(const Model& model, const Image& picture) : model_(model), picture_(picture) {
    std::vector<std::string> names = {"box_codes", "class_logits"};
    for (const int64_t stride : system_.crop_strides)
      names.push_back(cat("features_", stride));
    const Engine trunk(part_of(model.graph, names), model.weights, {.threads = 1});
    outputs_ = trunk.run({resized_input(picture, model.info.preprocessing, side, side)});
  }

  std::vector<SlowInstance> find() {
    std::vector<SlowInstance> found = suppressed(candidates());
    std::map<std::string, int64_t> used;
    for (SlowInstance& instance : found) {
      const Box found_box = instance.box, box = system_.from_anchors ? instance.anchor : found_box;
      instance.box = {found_box.x1 * sx(), found_box.y1 * sy(), found_box.x2 * sx(), found_box.y2 * sy()};
      const Grid cells = cells_of(box);
      const BranchSystem* branch = system_.branches.empty() ? nullptr : slow_branch(system_, cells);
      if (branch == nullptr || used[branch->name]++ >= branch->most_boxes) continue;
      Box region = box;
      if (system_.encompassing)
        region = {static_cast<float>(32 * cells.x0), static_cast<float>(32 * cells.y0),
                  static_cast<float>(32 * cells.x1), static_cast<float>(32 * cells.y1)};
      paste(mask_of(*branch, box, region, instance.class_index), region, instance);
    }
    return found;
  }

 private:
  float sx() const { return static_cast<float>(picture_.width) / side; }
  float sy() const { return static_cast<float>(picture_.height) / side; }

  std::vector<Box> anchors() const {
    std::vector<Box> boxes;
    const std::vector<int64_t> maps = {10, 5, 3, 2, 1, 1};
    const double scale[] = {0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 1.0};
    for (size_t level = 0; level < 6; ++level) {
      std::vector<std::pair<double, double>> sizes;  // scale, width / height
      if (level == 0)
        sizes = {{0.1, 1}, {0.2, 2}, {0.2, 0.5}};
      else
        for (const double ratio : {1.0, 2.0, 0.5, 3.0, 0.3333})
          sizes.push_back({scale[level], ratio});
      if (level > 0) sizes.push_back({std::sqrt(scale[level] * scale[level + 1]), 1});
      for (int64_t y = 0; y < maps[level]; ++y)
        for (int64_t x = 0; x < maps[level]; ++x)
          for (const auto& [s, ratio] : sizes) {
            const double cy = (static_cast<double>(y) + 0.5) / static_cast<double>(maps[level]) * side;
            const double cx = (static_cast<double>(x) + 0.5) / static_cast<double>(maps[level]) * side;
            const double h = s / std::sqrt(ratio) * side, w = s * std::sqrt(ratio) * side;
            boxes.push_back({static_cast<float>(cx - w / 2), static_cast<float>(cy - h / 2),
                             static_cast<float>(cx + w / 2), static_cast<float>(cy + h / 2)});
          }
    }
    return boxes;
  }

  std::vector<SlowInstance> candidates() const {
    const std::vector<Box> all = anchors();
    const int64_t columns = outputs_[1].size(2);
    EXPECT_EQ(static_cast<int64_t>(all.size()), outputs_[0].size(1));
    std::vector<SlowInstance> found;
    for (size_t i = 0; i < all.size(); ++i) {
      const float* code = outputs_[0].data<float>().data() + 4 * i;
      const double h = all[i].height(), w = all[i].width();
      const double cy = (all[i].y1 + all[i].y2) / 2 + code[0] / 10 * h,
                   cx = (all[i].x1 + all[i].x2) / 2 + code[1] / 10 * w;
      const double dh = std::exp(std::min(code[2] / 5.0, 16.0)) * h / 2,
                   dw = std::exp(std::min(code[3] / 5.0, 16.0)) * w / 2;
      const auto cut = [](double v) { return static_cast<float>(std::clamp(v, 0.0, double{side})); };
      const Box box{cut(cx - dw), cut(cy - dh), cut(cx + dw), cut(cy + dh)};
      if (box.area() <= 0) continue;
      for (int64_t c = 1; c < columns; ++c) {
        const double logit =
            outputs_[1].data<float>()[i * static_cast<size_t>(columns) + static_cast<size_t>(c)];
        found.push_back({box, c - 1, static_cast<float>(1 / (1 + std::exp(-logit))), all[i], {}});
      }
    }
    return found;
  }

  std::vector<SlowInstance> suppressed(std::vector<SlowInstance> all) const {
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.score > b.score; });
    std::vector<SlowInstance> kept;
    for (const SlowInstance& one : all) {
      const bool covered = std::any_of(kept.begin(), kept.end(), [&](const SlowInstance& other) {
        return other.class_index == one.class_index && iou(other.box, one.box) > 0.6;
      });
      if (!covered) kept.push_back(one);
      if (kept.size() == 100) break;
    }
    return kept;
  }

  Tensor mask_of(const BranchSystem& branch, const Box& box, const Box& region, int64_t class_index) {
    const Graph graph = part_of(model_.graph, {branch.name + ".masks"});
    std::vector<Tensor> inputs;
    for (const Input& input : graph.inputs()) {
      const std::string what = input.name.substr(branch.name.size() + 1);
      const Shape shape = graph.shape(input.value);
      if (what == "crop_box") {
        inputs.push_back(slow_coverage(box, region, shape[2], shape[3]));
        continue;
      }
      const int64_t stride = std::stoll(what.substr(5));
      const auto index =
          static_cast<size_t>(std::find(system_.crop_strides.begin(), system_.crop_strides.end(), stride) -
                              system_.crop_strides.begin());
      inputs.push_back(slow_crop(map_of(outputs_[2 + index]), region, stride, shape[2], shape[3]));
    }
    auto [engine, is_new] = engines_.try_emplace(branch.name);
    if (is_new) engine->second.emplace(graph, model_.weights, EngineOptions{.threads = 1});
    const Tensor all = engine->second->run(inputs).at(0);
    const int64_t cells = all.size(2) * all.size(3), column = all.size(1) > 1 ? class_index : 0;
    return Tensor::from<float>(
        {all.size(2), all.size(3)},
        all.data<float>().subspan(static_cast<size_t>(column * cells), static_cast<size_t>(cells)));
  }

  void paste(const Tensor& mask, const Box& region, SlowInstance& instance) const {
    instance.logits.assign(static_cast<size_t>(picture_.height * picture_.width), -1e9);
    const int64_t rows = mask.size(0), columns = mask.size(1);
    const float* values = mask.data<float>().data();
    const auto value = [&](int64_t y, int64_t x) {
      return double{
          values[std::clamp<int64_t>(y, 0, rows - 1) * columns + std::clamp<int64_t>(x, 0, columns - 1)]};
    };
    for (int64_t y = 0; y < picture_.height; ++y)
      for (int64_t x = 0; x < picture_.width; ++x) {
        const double py = static_cast<double>(y) + 0.5, px = static_cast<double>(x) + 0.5;
        if (py < instance.box.y1 || py >= instance.box.y2 || px < instance.box.x1 || px >= instance.box.x2)
          continue;
        const double v = (py / sy() - region.y1) / region.height() * static_cast<double>(rows) - 0.5;
        const double u = (px / sx() - region.x1) / region.width() * static_cast<double>(columns) - 0.5;
        const auto y0 = static_cast<int64_t>(std::floor(v)), x0 = static_cast<int64_t>(std::floor(u));
        const double dy = v - static_cast<double>(y0), dx = u - static_cast<double>(x0);
        instance.logits[static_cast<size_t>(y * picture_.width + x)] =
            (1 - dy) * ((1 - dx) * value(y0, x0) + dx * value(y0, x0 + 1)) +
            dy * ((1 - dx) * value(y0 + 1, x0) + dx * value(y0 + 1, x0 + 1));
      }
  }

  const Model& model_;
  const SsdSystem& system_ = std::get<SsdSystem>(model_.info.instance);
  const Image& picture_;
  std::vector<Tensor> outputs_;
  std::map<std::string, std::optional<Engine>> engines_;
};

struct Agreement {
  int64_t masks = 0, set = 0, clear = 0;
};

/// A threshold that half of the pixels inside boxes exceed.
double middle_logit(const std::vector<SlowInstance>& slow) {
  std::vector<double> inside;
  for (const SlowInstance& instance : slow)
    std::copy_if(instance.logits.begin(), instance.logits.end(), std::back_inserter(inside),
                 [](double logit) { return logit > -1e8; });
  return inside.empty() ? 0 : median(inside);
}

/// Boxes and scores alike, and every pixel on the side of the threshold on which its logit is, unless that is
/// nearly the threshold.
Agreement expect_alike(const std::vector<FoundInstance>& found, const std::vector<SlowInstance>& slow,
                       double threshold) {
  Agreement seen;
  EXPECT_EQ(found.size(), slow.size());
  for (size_t i = 0; i < std::min(found.size(), slow.size()); ++i) {
    EXPECT_NEAR(found[i].score, slow[i].score, 1e-5) << i;
    EXPECT_EQ(found[i].class_index, slow[i].class_index) << i;
    EXPECT_NEAR(found[i].box.x1, slow[i].box.x1, 0.02) << i;
    EXPECT_NEAR(found[i].box.y1, slow[i].box.y1, 0.02) << i;
    EXPECT_NEAR(found[i].box.x2, slow[i].box.x2, 0.02) << i;
    EXPECT_NEAR(found[i].box.y2, slow[i].box.y2, 0.02) << i;
    EXPECT_EQ(found[i].mask.counts.empty(), slow[i].logits.empty()) << i;
    if (found[i].mask.counts.empty() || slow[i].logits.empty()) continue;
    ++seen.masks;
    const Mask mask = decode_rle(found[i].mask);
    int64_t wrong = 0;
    for (size_t p = 0; p < mask.pixels.size(); ++p) {
      const double logit = slow[i].logits[p];
      (logit > threshold ? seen.set : seen.clear) += logit > -1e8;
      wrong += std::abs(logit - threshold) > 1e-3 && (mask.pixels[p] != 0) != (logit > threshold);
    }
    EXPECT_LE(wrong, 1) << i;  // a pixel whose centre lies on the very edge of the box
  }
  return seen;
}

struct Case {
  std::string name;
  Settings set;
  friend void PrintTo(const Case& c, std::ostream* out) {
    *out << c.name;
    for (const auto& [key, value] : c.set)
      *out << " " << key << "=" << value;
  }
};

class SsdJoins : public ::testing::TestWithParam<Case> {};

TEST_P(SsdJoins, AreWhatOneBoxAfterTheOtherGives) {
  Model model = narrow_ssd(GetParam().name, GetParam().set);
  const Image picture = noise_image(117, 201, 3, 1);
  std::vector<SlowInstance> slow = SlowWay(model, picture).find();
  EXPECT_EQ(slow.size(), 100u);
  const double threshold = middle_logit(slow);
  std::get<SsdSystem>(model.info.instance).mask_threshold = threshold;
  const InstancePredictor predictor(model, {.engine = {.threads = 2}});
  const std::vector<FoundInstance> found = predictor.predict(picture);
  const Agreement seen = expect_alike(found, slow, threshold);
  if (!predictor.has_masks()) return;
  EXPECT_GT(seen.masks, 20);
  EXPECT_GT(seen.set, 1000);
  EXPECT_GT(seen.clear, 1000);

  // One box, and none.
  const std::vector<FoundInstance> best =
      InstancePredictor(model, {.engine = {.threads = 1}}, {.most = 1}).predict(picture);
  slow.resize(1);
  expect_alike(best, slow, threshold);
  EXPECT_TRUE(InstancePredictor(model, {}, {.least_score = 1}).predict(picture).empty());
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, SsdJoins,
    ::testing::Values(Case{"ssd-mobilenet", {}}, Case{"ssd-mobilenet-single-branch", {}},
                      Case{"ssd-mobilenet-single-shape", {}}, Case{"ssd-mobilenet-single-shape-plus", {}},
                      Case{"ssd-mobilenet-multi-shape", {}},
                      Case{"ssd-mobilenet-multi-shape", {{"decoder", "fcn16"}, {"class_masks", "1"}}},
                      Case{"ssd-mobilenet-multi-shape", {{"conditioned", "1"}}},
                      Case{"ssd-mobilenet-multi-shape", {{"from_anchors", "1"}}},
                      Case{"ssd-mobilenet-single-branch", {{"encompassing", "0"}}}));

TEST(InstancePredictor, AChoiceIsPartOfTheWhole) {
  const Model model = narrow_ssd("ssd-mobilenet-multi-shape", {});
  const Image picture = noise_image(90, 120, 3, 2);
  const std::vector<FoundInstance> all = InstancePredictor(model).predict(picture);
  ASSERT_EQ(all.size(), 100u);
  const float middle = all[50].score;
  std::vector<FoundInstance> upper;
  for (const FoundInstance& one : all)
    if (one.score > middle) upper.push_back(one);
  EXPECT_EQ(InstancePredictor(model, {}, {.least_score = middle}).predict(picture), upper);

  std::vector<FoundInstance> second = InstancePredictor(model, {}, {.classes = {1, 1}}).predict(picture);
  EXPECT_FALSE(second.empty());
  for (const FoundInstance& one : second)
    EXPECT_EQ(one.class_index, 1);
  std::vector<FoundInstance> boxes = InstancePredictor(model, {}, {.masks = false}).predict(picture);
  ASSERT_EQ(boxes.size(), all.size());
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(boxes[i].box, all[i].box);
    EXPECT_TRUE(boxes[i].mask.counts.empty());
  }
}

TEST(InstancePredictor, AFileIsAsItsPixels) {
  const Model model = narrow_ssd("ssd-mobilenet-multi-shape", {});
  const InstancePredictor predictor(model, {.engine = {.threads = 1}});
  const Image picture = noise_image(75, 130, 3, 3);
  PredictSeconds seconds;
  ImageSize size;
  const std::vector<FoundInstance> found =
      predictor.predict_file(encode_png(picture), "a.png", &seconds, &size);
  EXPECT_EQ(found, predictor.predict(picture));
  EXPECT_EQ(size, (ImageSize{75, 130}));
  EXPECT_GT(seconds.network, 0);
  // A large JPEG is decoded at less than its size; boxes come out at it.
  const Image large = noise_image(700, 900, 3, 4);
  for (const FoundInstance& one : predictor.predict_file(encode_jpeg(large, 90), "b.jpg", nullptr, &size)) {
    EXPECT_LE(one.box.x2, 900);
    EXPECT_TRUE(one.mask.counts.empty() || one.mask.width == 900);
  }
  EXPECT_EQ(size, (ImageSize{700, 900}));
}

TEST(InstancePredictor, AnotherInputSizeGivesOtherBoxes) {
  const Model model = narrow_ssd("ssd-mobilenet-multi-shape", {});
  const Image picture = noise_image(96, 96, 3, 5);
  const InstancePredictor wide(model, {.input_size = {96, 224}});
  EXPECT_EQ(wide.predict(picture).size(), 100u);
  EXPECT_NE(wide.predict(picture), InstancePredictor(model).predict(picture));
}

TEST(InstancePredictor, SaysWhatIsWrong) {
  const Model model = narrow_ssd("ssd-mobilenet", {});
  const auto text_of = [](const auto& make) -> std::string {
    try {
      make();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  const auto expect = [&](const std::string& words, Model given, PredictOptions options = {},
                          InstanceChoice choice = {}) {
    EXPECT_NE(text_of([&] { InstancePredictor(given, options, choice); }).find(words), std::string::npos)
        << words;
  };
  expect("tiles", model, {.tile = 256});
  expect("class 7", model, {}, {.classes = {7}});
  expect("score 1.5", model, {}, {.least_score = 1.5});
  Model other = model;
  other.info.task = Task::semantic;
  expect("semantic", other);
  other = model;
  other.info.instance = {};
  expect("anchors", other);
  other = model;
  other.info.preprocessing.height = other.info.preprocessing.width = 0;
  expect("--size", other);
  other = model;
  other.info.classes.pop_back();
  expect("class_logits", other);
  other = model;
  std::get<SsdSystem>(other.info.instance).anchors.levels[1].sizes.pop_back();
  EXPECT_NE(text_of([&] { InstancePredictor(other).predict(Image(8, 8)); }).find("anchors"),
            std::string::npos);
  other = narrow_ssd("ssd-mobilenet-multi-shape", {});
  std::get<SsdSystem>(other.info.instance).class_specific_masks = true;
  expect("masks", other);
  other = narrow_ssd("ssd-mobilenet-multi-shape", {});
  std::get<SsdSystem>(other.info.instance).crop_strides.pop_back();
  expect("crop_8", other);
  EXPECT_THROW(InstancePredictor(model).predict(Image()), Error);
}

}  // namespace
}  // namespace vitrail
