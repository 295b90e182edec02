#include "vitrail/detect/nms.h"

#include <chrono>
#include <cmath>

#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/detect/test_boxes.h"

namespace vitrail {
namespace {

using Indices = std::vector<int64_t>;

Indices naive_suppress(const std::vector<Box>& boxes, const std::vector<float>& scores, const Indices& groups,
                       double threshold) {
  Indices kept;
  std::vector<bool> gone(boxes.size(), false);
  for (;;) {
    size_t best = boxes.size();
    for (size_t i = 0; i < boxes.size(); ++i)
      if (!gone[i] && (best == boxes.size() || scores[i] > scores[best])) best = i;
    if (best == boxes.size()) return kept;
    kept.push_back(static_cast<int64_t>(best));
    gone[best] = true;
    for (size_t i = 0; i < boxes.size(); ++i)
      if (groups[i] == groups[best] && static_cast<double>(iou(boxes[i], boxes[best])) > threshold)
        gone[i] = true;
  }
}

TEST(Nms, EqualsTheNaiveLoopWithTies) {
  Random random(6);
  for (int i = 0; i < 200; ++i) {
    const int64_t count = random.integer(0, 90);
    const std::vector<Box> boxes = random_boxes(random, count, 40, i % 2 == 0 ? 5 : 0);
    const std::vector<float> scores = random_values(random, count, 0, 1, i % 3 == 0 ? 0.1 : 0);
    Indices groups;
    for (int64_t b = 0; b < count; ++b)
      groups.push_back(random.integer(-1, 2));
    const double threshold = std::vector<double>{0, 0.01, 0.3, 0.5, 0.99, 1, -1}[static_cast<size_t>(i % 7)];
    const Indices expected = naive_suppress(boxes, scores, groups, threshold);
    EXPECT_EQ(suppress_by_group(boxes, scores, groups, threshold), expected) << threshold;
    EXPECT_EQ(suppress(boxes, scores, threshold),
              naive_suppress(boxes, scores, Indices(boxes.size(), 0), threshold));
    Indices first = expected;
    if (first.size() > 7) first.resize(7);
    EXPECT_EQ(suppress_by_group(boxes, scores, groups, threshold, 7), first);
  }
}

TEST(Nms, AnOverlapOfTheThresholdIsKept) {
  const std::vector<Box> boxes{{0, 0, 10, 10}, {0, 0, 10, 5}};
  const std::vector<float> scores{0.5f, 0.5f};
  EXPECT_EQ(suppress(boxes, scores, 0.5), (Indices{0, 1}));
  EXPECT_EQ(suppress(boxes, scores, 0.49), (Indices{0}));
}

TEST(Nms, HugeAndEmptyBoxes) {
  const std::vector<Box> boxes{{-3e38f, -3e38f, 3e38f, 3e38f},
                               {-1e30f, -1e30f, 1e30f, 1e30f},
                               {5, 5, 5, 5},
                               {5, 5, 5, 5},
                               {0, 0, 1e-30f, 1e-30f},
                               {0, 0, 1, 1}};
  const std::vector<float> scores{6, 5, 4, 3, 2, 1};
  EXPECT_EQ(suppress(boxes, scores, 0.5), (Indices{0, 1, 2, 3, 4, 5}));
  EXPECT_THROW(suppress(std::vector<Box>{{NAN, 0, 1, 1}}, std::vector<float>{1}, 0.5), Error);
  EXPECT_THROW(suppress(std::vector<Box>{{0, 0, 1, 1}}, std::vector<float>{NAN}, 0.5), Error);
  EXPECT_THROW(suppress(std::vector<Box>{{0, 0, 1, 1}}, std::vector<float>{}, 0.5), Error);
  EXPECT_TRUE(suppress({}, {}, 0.5).empty());
}

TEST(Nms, BestOfIsStable) {
  const std::vector<float> scores{1, 3, 2, 3, 1};
  EXPECT_EQ(best_of(scores, 3), (Indices{1, 3, 2}));
  EXPECT_EQ(best_of(scores, 9), (Indices{1, 3, 2, 0, 4}));
  EXPECT_EQ(best_of(scores, 0), Indices{});
}

TEST(Nms, ClassScores) {
  const Tensor logits = Tensor::from<float>({2, 3}, std::vector<float>{0, 1, 2, 1000, 0, -1000});
  const Tensor sigmoid = class_scores(logits, false);
  ASSERT_EQ(sigmoid.shape(), (Shape{2, 2}));
  EXPECT_NEAR(sigmoid.data<float>()[0], 1 / (1 + std::exp(-1.0)), 1e-6);
  EXPECT_NEAR(sigmoid.data<float>()[2], 0.5, 1e-6);
  EXPECT_EQ(sigmoid.data<float>()[3], 0);
  const Tensor softmax = class_scores(logits, true);
  const double sum = 1 + std::exp(1.0) + std::exp(2.0);
  EXPECT_NEAR(softmax.data<float>()[0], std::exp(1.0) / sum, 1e-6);
  EXPECT_NEAR(softmax.data<float>()[1], std::exp(2.0) / sum, 1e-6);
  EXPECT_EQ(softmax.data<float>()[2], 0);
  EXPECT_THROW(class_scores(Tensor::zeros(DataType::f32, {2, 0}), false), Error);
}

// The choice of boxes, step by step as nms.h says it.
std::vector<Detection> naive_choice(const std::vector<Box>& boxes, const std::vector<float>& scores,
                                    int64_t classes, const BoxSelection& s) {
  const int64_t rows = std::ssize(scores) / classes;
  std::vector<Detection> all;
  for (int64_t c = 0; c < classes; ++c) {
    std::vector<Detection> of_class;
    for (int64_t r = 0; r < rows; ++r) {
      const Box box = boxes[static_cast<size_t>(std::ssize(boxes) == rows ? r : r * classes + c)];
      const float score = scores[static_cast<size_t>(r * classes + c)];
      if (score > static_cast<float>(s.score_threshold) && box.area() > 0)
        of_class.push_back({box, c, score, r});
    }
    std::stable_sort(of_class.begin(), of_class.end(), [](auto& a, auto& b) { return a.score > b.score; });
    if (s.before_suppression > 0 && std::ssize(of_class) > s.before_suppression)
      of_class.resize(static_cast<size_t>(s.before_suppression));
    std::vector<Box> b;
    std::vector<float> v;
    for (const Detection& d : of_class) {
      b.push_back(d.box);
      v.push_back(d.score);
    }
    Indices kept = naive_suppress(b, v, Indices(b.size(), 0), s.iou_threshold);
    if (s.per_class > 0 && std::ssize(kept) > s.per_class) kept.resize(static_cast<size_t>(s.per_class));
    for (const int64_t i : kept)
      all.push_back(of_class[static_cast<size_t>(i)]);
  }
  std::stable_sort(all.begin(), all.end(), [](auto& a, auto& b) { return a.score > b.score; });
  if (s.total > 0 && std::ssize(all) > s.total) all.resize(static_cast<size_t>(s.total));
  return all;
}

void expect_equal(const std::vector<Detection>& found, const std::vector<Detection>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].box, expected[i].box);
    EXPECT_EQ(found[i].class_index, expected[i].class_index);
    EXPECT_EQ(found[i].score, expected[i].score);
    EXPECT_EQ(found[i].source, expected[i].source);
  }
}

TEST(Nms, ChoiceEqualsItsSteps) {
  Random random(7);
  for (int i = 0; i < 120; ++i) {
    const int64_t rows = random.integer(0, 50), classes = random.integer(1, 4);
    const bool own = i % 2 == 0;
    const std::vector<Box> boxes = random_boxes(random, own ? rows * classes : rows, 40, i % 3 == 0 ? 5 : 0);
    const std::vector<float> scores = random_values(random, rows * classes, 0, 1, i % 5 == 0 ? 0.1 : 0);
    const BoxSelection selection{.score_threshold = 0.2,
                                 .iou_threshold = 0.4,
                                 .before_suppression = random.integer(0, 20),
                                 .per_class = random.integer(0, 12),
                                 .total = random.integer(0, 20)};
    expect_equal(choose(boxes, scores, classes, selection), naive_choice(boxes, scores, classes, selection));
  }
}

TEST(Nms, ChooseBoxesDecodesAndClips) {
  const std::vector<Box> anchors{{-8, 0, 8, 16}, {20, 20, 36, 36}, {60, 60, 80, 80}};
  const Tensor codes = Tensor::zeros(DataType::f32, {3, 4});
  const Tensor scores = Tensor::from<float>({3, 1}, std::vector<float>{0.6f, 0.9f, 0.8f});
  const auto found = choose_boxes(codes, scores, anchors, BoxCoding{}, BoxSelection{}, {32, 32});
  ASSERT_EQ(found.size(), 2u) << "the third lies outside";
  EXPECT_EQ(found[0].box, (Box{20, 20, 32, 32}));
  EXPECT_EQ(found[1].box, (Box{0, 0, 8, 16}));
  EXPECT_EQ(found[1].source, 0);
  EXPECT_EQ(choose_boxes(codes, scores, anchors, BoxCoding{}, BoxSelection{}, {32, 32}, 9).size(), 1u);
  EXPECT_THROW(
      choose_boxes(codes, scores, std::span(anchors).first(2), BoxCoding{}, BoxSelection{}, {32, 32}), Error);
}

TEST(Nms, ProposalsComeFromAllLevels) {
  const std::vector<Box> fine{{0, 0, 8, 8}, {0, 0, 8, 7}, {20, 20, 28, 28}},
      coarse{{0, 0, 8, 8}, {4, 4, 30, 30}};
  const std::vector<float> fine_logits{1, 2, -1}, coarse_logits{3, -2}, codes(12, 0.0f);
  const std::vector<ProposalLevel> levels{{fine_logits, codes, fine},
                                          {coarse_logits, std::span(codes).first(8), coarse}};
  const BoxSelection selection{.score_threshold = 0, .iou_threshold = 0.7, .per_class = 0, .total = 3};
  const BoxCoding coding{.scales = {1, 1, 1, 1}, .y_first = false};
  const auto found = choose_proposals(levels, coding, selection, {64, 64});
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].source, 3);
  EXPECT_EQ(found[1].source, 1) << "the same place on another level stays";
  EXPECT_EQ(found[2].source, 2);
  EXPECT_NEAR(found[0].score, 1 / (1 + std::exp(-3.0)), 1e-6);
  EXPECT_EQ(choose_proposals(levels, coding, selection, {64, 64}, 8).at(1).source, 0) << "7 high is dropped";
}

TEST(Nms, NearlyEqualThresholdsStayFast) {
  // Hard-negative mining: thousands of boxes, of which hardly any is suppressed.
  Random random(8);
  const std::vector<Box> boxes = random_boxes(random, 8000, 640);
  const std::vector<float> scores = random_values(random, 8000, 0, 1);
  const auto start = std::chrono::steady_clock::now();
  EXPECT_GT(suppress(boxes, scores, 0.99).size(), 7900u);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  RecordProperty("seconds", std::to_string(seconds));
  EXPECT_LT(seconds, 5) << "all pairs would be 64 million";
}

}  // namespace
}  // namespace vitrail
