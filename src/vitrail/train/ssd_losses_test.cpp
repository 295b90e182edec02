#include "vitrail/train/ssd_losses.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/base/random.h"
#include "vitrail/detect/box_coding.h"

namespace vitrail::train {
namespace {

using Matching = SsdLossOptions::Matching;
using Mining = SsdLossOptions::Mining;

Box drawn_box(Random& random, double side) {
  const auto x = static_cast<float>(random.uniform(0, 0.7 * side)),
             y = static_cast<float>(random.uniform(0, 0.7 * side));
  return {x, y, x + static_cast<float>(random.uniform(0.1 * side, 0.3 * side)),
          y + static_cast<float>(random.uniform(0.1 * side, 0.3 * side))};
}

struct Example {
  SsdSystem system;
  std::vector<Box> anchors;
  std::vector<SsdObjects> objects;
  at::Tensor codes, logits;

  Example(uint64_t seed, int64_t classes, bool softmax, at::ScalarType type = at::kDouble) {
    Random random(seed);
    system.softmax_scores = softmax;
    for (int i = 0; i < 60; ++i)
      anchors.push_back(drawn_box(random, 100));
    objects.resize(2);
    for (int i = 0; i < 3; ++i) {
      objects[0].boxes.push_back(drawn_box(random, 100));
      objects[0].classes.push_back(random.integer(0, classes - 1));
    }
    torch::manual_seed(seed);
    codes = torch::randn({2, 60, 4}, type).set_requires_grad(true);
    logits = torch::randn({2, 60, classes + 1}, type).set_requires_grad(true);
  }
};

double sigmoid_cross_entropy(double z, double t) {
  return std::max(z, 0.0) - z * t + std::log1p(std::exp(-std::abs(z)));
}
double huber(double x) {
  return std::abs(x) <= 1 ? 0.5 * x * x : std::abs(x) - 0.5;
}

/// Everything in plain loops, with every background anchor counting, or the hardest ones.
std::pair<double, double> naive(const Example& e, bool hardest) {
  const auto codes = e.codes.accessor<double, 3>(), logits = e.logits.accessor<double, 3>();
  double boxes = 0, classes = 0;
  int64_t matched = 0;
  for (int64_t n = 0; n < 2; ++n) {
    const SsdObjects& objects = e.objects[static_cast<size_t>(n)];
    const std::vector<int64_t> match = match_best(e.anchors, objects.boxes);
    std::vector<double> background_losses;
    int64_t own = 0;
    for (int64_t a = 0; a < 60; ++a) {
      const int64_t m = match[static_cast<size_t>(a)];
      const int64_t column = m < 0 ? 0 : objects.classes[static_cast<size_t>(m)] + 1;
      double cost = 0, sum = 0;
      for (int64_t c = 0; c < logits.size(2); ++c) {
        cost += sigmoid_cross_entropy(logits[n][a][c], c == column ? 1 : 0);
        sum += std::exp(logits[n][a][c]);
      }
      if (e.system.softmax_scores) cost = std::log(sum) - logits[n][a][column];
      if (m < 0) {
        background_losses.push_back(cost);
        continue;
      }
      ++own;
      classes += cost;
      const auto target =
          encode(objects.boxes[static_cast<size_t>(m)], e.anchors[static_cast<size_t>(a)], e.system.coding);
      for (int64_t k = 0; k < 4; ++k)
        boxes += huber(codes[n][a][k] - static_cast<double>(target[static_cast<size_t>(k)]));
    }
    matched += own;
    std::sort(background_losses.rbegin(), background_losses.rend());
    if (hardest) background_losses.resize(std::min(background_losses.size(), static_cast<size_t>(3 * own)));
    classes = std::accumulate(background_losses.begin(), background_losses.end(), classes);
  }
  const auto share = 1 / static_cast<double>(std::max<int64_t>(matched, 1));
  return {boxes * share, classes * share};
}

TEST(SsdLoss, EqualsPlainLoops) {
  for (const bool softmax : {false, true})
    for (const bool hardest : {false, true})
      for (uint64_t seed = 1; seed <= 8; ++seed) {
        const Example e(seed, 3, softmax);
        const SsdLoss loss(e.system, e.anchors, {.mining = hardest ? Mining::hardest : Mining::none});
        const LossValue value = loss(e.codes, e.logits, e.objects);
        const auto [boxes, classes] = naive(e, hardest);
        ASSERT_GT(boxes, 0);
        EXPECT_NEAR(value.parts[0].second.item<double>(), boxes, 1e-5 * boxes);
        EXPECT_NEAR(value.parts[1].second.item<double>(), classes, 1e-9 * classes);
        EXPECT_NEAR(value.total.item<double>(), boxes + classes, 1e-5 * (boxes + classes));
      }
}

TEST(SsdLoss, GradientsAreThoseOfFiniteDifferences) {
  Example e(5, 2, false);
  const SsdLoss loss(e.system, e.anchors, {.mining = Mining::none, .box_weight = 0.5, .class_weight = 2});
  loss(e.codes, e.logits, e.objects).total.backward();
  const double step = 1e-5;
  int checked = 0;
  for (at::Tensor* x : {&e.codes, &e.logits}) {
    const at::Tensor gradient = x->grad().flatten();
    at::Tensor values = x->detach().flatten();  // shares the memory
    for (int64_t i = 0; i < values.numel(); i += 7, ++checked) {
      const double before = values[i].item<double>();
      values[i] = before + step;
      const double up = loss(e.codes, e.logits, e.objects).total.item<double>();
      values[i] = before - step;
      const double down = loss(e.codes, e.logits, e.objects).total.item<double>();
      values[i] = before;
      EXPECT_NEAR(gradient[i].item<double>(), (up - down) / (2 * step), 1e-5);
    }
  }
  EXPECT_GT(checked, 50);
}

// One anchor on its object, one beside it, one far away: by hand.
TEST(SsdLoss, OfThreeAnchorsByHand) {
  SsdSystem system;
  const std::vector<Box> anchors{{0, 0, 10, 10}, {5, 0, 15, 10}, {50, 50, 60, 60}};
  const std::vector<SsdObjects> objects{{{{0, 0, 10, 10}}, {0}, {}}};
  const at::Tensor codes = at::zeros({1, 3, 4}), logits = at::zeros({1, 3, 2});
  const SsdLoss loss(system, anchors, {.mining = Mining::hardest});
  const LossValue value = loss(codes, logits, objects);
  EXPECT_NEAR(value.parts[0].second.item<double>(), 0, 1e-9);
  // Three anchors count (1 matched, 2 of at most 3 negatives), each with 2 columns of log 2.
  EXPECT_NEAR(value.parts[1].second.item<double>(), 6 * std::log(2), 1e-6);
}

TEST(SsdLoss, APictureWithoutObjectsCostsNothingUnlessAsked) {
  Example e(3, 1, false);
  e.objects.assign(2, {});
  EXPECT_EQ(SsdLoss(e.system, e.anchors, {})(e.codes, e.logits, e.objects).total.item<double>(), 0);
  EXPECT_EQ(SsdLoss(e.system, e.anchors, {.mining = Mining::hardest})(e.codes, e.logits, e.objects)
                .total.item<double>(),
            0);
  EXPECT_GT(SsdLoss(e.system, e.anchors, {.mining = Mining::hardest, .least_negatives = 5})(e.codes, e.logits,
                                                                                            e.objects)
                .total.item<double>(),
            0);
}

TEST(SsdLoss, AnchorsInACrowdDoNotCount) {
  Example e(4, 1, false);
  const SsdLoss loss(e.system, e.anchors, {.mining = Mining::none});
  const double before = loss(e.codes, e.logits, e.objects).parts[1].second.item<double>();
  for (SsdObjects& each : e.objects)
    each.crowds = {{-1, -1, 101, 101}};
  const double after = loss(e.codes, e.logits, e.objects).parts[1].second.item<double>();
  EXPECT_LT(after, before);
  EXPECT_GT(after, 0);  // matched ones stay
}

TEST(SsdLoss, SuppressionCountsWhatTheMinerChooses) {
  const Example e(6, 2, false, at::kFloat);
  const SsdLoss mined(e.system, e.anchors, {.mining = Mining::suppression}),
      hardest(e.system, e.anchors, {.mining = Mining::hardest});
  // Random codes decode to boxes of which hardly any two are the same, so nothing is suppressed.
  EXPECT_NEAR(mined(e.codes, e.logits, e.objects).total.item<double>(),
              hardest(e.codes, e.logits, e.objects).total.item<double>(), 1e-4);
}

TEST(SsdLoss, SizesThatDoNotFitAreRefused) {
  const Example e(2, 2, false);
  const SsdLoss loss(e.system, e.anchors, {});
  EXPECT_THROW(loss(e.codes.slice(1, 0, 30), e.logits, e.objects), Error);
  EXPECT_THROW(loss(e.codes, e.logits, std::vector<SsdObjects>(3)), Error);
}

}  // namespace
}  // namespace vitrail::train
