#include "vitrail/metrics/coco_eval.h"

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <set>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "temporary_folder.h"
#include "vitrail/base/error.h"
#include "vitrail/base/random.h"
#include "vitrail/base/text.h"
#include "vitrail/metrics/boundary.h"

namespace vitrail {
namespace {

using Json = nlohmann::json;

Rle rectangle(int64_t height, int64_t width, const std::array<double, 4>& box) {
  const auto [x, y, w, h] = box;
  return rle_from_polygons({{x, y, x + w, y, x + w, y + h, x, y + h}}, height, width);
}

TrueObject truth(const std::array<double, 4>& box, int64_t class_index = 0) {
  return {class_index, box, rectangle(200, 200, box), false, box[2] * box[3], 1};
}
FoundObject found(const std::array<double, 4>& box, double score, int64_t class_index = 0) {
  return {class_index, box, rectangle(200, 200, box), score};
}

TEST(CocoEval, OneRightOneMissedOneWrong) {
  CocoEvaluator evaluator(1);
  evaluator.add(1, {truth({0, 0, 10, 10}), truth({50, 50, 10, 10})},
                {found({0, 0, 10, 10}, 0.9), found({100, 100, 10, 10}, 0.95)});
  const CocoScores s = evaluator.scores();
  // Precision 1/2 up to recall 1/2: 51 of the 101 steps.
  EXPECT_NEAR(*s.average_precision({}), 0.5 * 51 / 101, 1e-12);
  EXPECT_NEAR(*s.average_recall({}), 0.5, 1e-12);
  EXPECT_NEAR(*s.average_recall({.most_found = 1}), 0, 1e-12);
  EXPECT_FALSE(s.average_precision({.area = CocoArea::large}).has_value());
  EXPECT_EQ(s.true_objects(0, CocoArea::small), 2);
  EXPECT_EQ(s.found_objects(0), 2);
}

TEST(CocoEval, AnObjectWithIdZeroIsFoundUnlessPycocotoolsIsMimicked) {
  TrueObject zero = truth({0, 0, 10, 10});
  zero.id = 0;
  for (const bool mimic : {false, true}) {
    CocoEvaluator evaluator(1, {.id_zero_is_unmatched = mimic});
    evaluator.add(1, {zero}, {found({0, 0, 10, 10}, 0.9)});
    EXPECT_NEAR(*evaluator.scores().average_precision({}), mimic ? 0 : 1, 1e-12);
  }
}

TEST(CocoEval, CrowdsExcuseAnyNumberOfFinds) {
  TrueObject crowd = truth({50, 50, 100, 100});
  crowd.crowd = true;
  CocoEvaluator evaluator(1);
  evaluator.add(1, {truth({0, 0, 10, 10}), crowd},
                {found({0, 0, 10, 10}, 0.1), found({60, 60, 10, 10}, 0.9), found({60, 60, 10, 10}, 0.8)});
  EXPECT_NEAR(*evaluator.scores().average_precision({}), 1, 1e-12);
}

TEST(CocoEval, AreaLimitsBelongToBothRanges) {
  CocoEvaluator evaluator(1);
  evaluator.add(1, {truth({0, 0, 32, 32})}, {});
  const CocoScores s = evaluator.scores();
  EXPECT_EQ(s.true_objects(0, CocoArea::small), 1);
  EXPECT_EQ(s.true_objects(0, CocoArea::medium), 1);
  EXPECT_EQ(s.true_objects(0, CocoArea::large), 0);
}

TEST(CocoEval, RimsAreWhatErosionTakes) {
  Random random(5);
  for (int trial = 0; trial < 50; ++trial) {
    Mask mask(random.integer(1, 12), random.integer(1, 12));
    for (uint8_t& pixel : mask.pixels)
      pixel = random.chance(0.85) ? 1 : 0;
    const int64_t width = random.integer(1, 3);
    Mask rim = mask;
    for (int64_t y = 0; y < mask.height; ++y)
      for (int64_t x = 0; x < mask.width; ++x) {
        bool is_core = true;
        for (int64_t v = y - width; v <= y + width; ++v)
          for (int64_t u = x - width; u <= x + width; ++u)
            is_core = is_core && v >= 0 && v < mask.height && u >= 0 && u < mask.width && mask.at(v, u) != 0;
        if (is_core) rim.at(y, x) = 0;
      }
    EXPECT_EQ(rim_of(encode_rle(mask), width), encode_rle(rim));
  }
  EXPECT_EQ(rim_width(480, 640, 0.02), 16);
  EXPECT_EQ(rim_width(3, 3, 0.02), 1);
}

TEST(CocoEval, NonsenseIsRefused) {
  CocoEvaluator evaluator(2);
  evaluator.add(1, {}, {});
  EXPECT_THROW(evaluator.add(1, {}, {}), Error);
  EXPECT_THROW(evaluator.add(2, {truth({0, 0, 1, 1}, 2)}, {}), Error);
  EXPECT_THROW(evaluator.add(2, {}, {found({0, 0, 1, 1}, NAN)}), Error);
  FoundObject other_size = found({0, 0, 1, 1}, 1);
  other_size.mask = rectangle(100, 200, {0, 0, 1, 1});
  EXPECT_THROW(evaluator.add(2, {truth({0, 0, 1, 1})}, {other_size}), Error);
  EXPECT_THROW((void)evaluator.scores().average_recall({.most_found = 3}), Error);
  EXPECT_THROW((void)evaluator.scores().average_recall({.class_index = 2}), Error);
  EXPECT_NO_THROW(evaluator.add(2, {}, {})) << "a refused picture leaves nothing behind";
}

// Picture 2299 of COCO's val2017 (13 people and a crowd; annotations CC BY 4.0) with a detector's boxes, and
// the figures that the tests of faster-coco-eval publish for it as pycocotools'.
TEST(CocoEval, APublishedPictureHasItsPublishedFigures) {
  const std::array<double, 5> people[] = {// box, area
                                          {70.18, 189.51, 64.2, 112.04, 4357.5248},
                                          {139.9, 190.55, 72.04, 107.81, 4688.672549999999},
                                          {204.27, 187.31, 65.83, 101.12, 4038.5159499999995},
                                          {257.68, 192.06, 72.41, 95.16, 4427.582449999998},
                                          {327.79, 190.02, 63.11, 95.01, 4009.819699999999},
                                          {387.02, 193.51, 62.58, 98.63, 3448.9534999999996},
                                          {394.3, 127.59, 40.72, 92.29, 2209.38355},
                                          {331.91, 131.75, 66.35, 117.15, 3576.6812000000027},
                                          {322.94, 129.11, 38.51, 72.29, 1914.4569500000002},
                                          {60.0, 32.96, 53.21, 106.88, 2595.7634000000007},
                                          {99.93, 80.0, 46.67, 74.28, 1766.3418500000002},
                                          {431.19, 134.39, 42.6, 141.41, 3529.9226500000004},
                                          {284.3, 118.18, 41.34, 109.28, 2461.4506000000006},
                                          {0, 18, 499, 263, 87090}};
  const std::array<double, 5> finds[] = {
      // box, score
      {0.023, 131.217, 46.438, 145.565, 0.73537},   {69.943, 193.115, 64.941, 107.132, 0.70184},
      {384.914, 193.709, 69.607, 97.819, 0.67916},  {327.302, 189.619, 60.443, 97.483, 0.66178},
      {139.475, 192.003, 72.769, 103.302, 0.65485}, {391.178, 127.631, 42.296, 92.2, 0.63106},
      {38.117, 128.745, 41.144, 147.276, 0.62575},  {429.468, 132.132, 47.589, 146.875, 0.61723},
      {110.203, 126.231, 38.686, 133.226, 0.57315}, {264.701, 193.581, 65.041, 95.608, 0.57249},
      {355.63, 130.565, 42.723, 97.821, 0.56443},   {248.012, 123.709, 46.19, 108.957, 0.50313},
      {321.319, 129.063, 39.732, 108.869, 0.45959}, {216.014, 122.973, 39.979, 98.859, 0.45283},
      {202.388, 190.317, 65.361, 101.373, 0.45203}, {97.949, 86.133, 48.116, 73.603, 0.3739},
      {178.873, 121.629, 43.202, 116.363, 0.35788}, {288.638, 121.121, 37.154, 112.827, 0.34437},
      {60.512, 33.788, 52.803, 94.854, 0.33802},    {0.147, 90.889, 48.041, 77.764, 0.33673},
      {446.76, 87.429, 48.095, 203.282, 0.33519},   {44.883, 80.76, 48.201, 79.793, 0.32205},
      {145.264, 133.644, 37.335, 101.748, 0.30812}, {112.352, 29.787, 50.295, 92.886, 0.3036},
      {391.916, 36.331, 49.174, 83.455, 0.28702},   {407.634, 83.988, 44.853, 76.104, 0.27551},
      {75.197, 135.555, 37.547, 101.157, 0.26372},  {144.933, 86.119, 42.959, 71.099, 0.22839},
      {362.281, 90.381, 46.311, 69.53, 0.22765},    {320.495, 89.08, 44.146, 70.92, 0.21637},
      {163.672, 26.658, 44.792, 89.299, 0.21491},   {445.443, 86.566, 48.408, 141.157, 0.20146},
      {349.221, 26.183, 44.031, 94.373, 0.19005},   {223.965, 69.865, 54.486, 86.119, 0.15501},
      {185.664, 87.481, 42.012, 66.442, 0.11465},   {208.43, 21.466, 50.104, 89.881, 0.11058}};
  std::vector<TrueObject> truths;
  for (const auto& [x, y, w, h, area] : people)
    truths.push_back({.box_xywh = {x, y, w, h}, .mask = {}, .crowd = area == 87090, .area = area});
  std::vector<FoundObject> founds;
  for (const auto& [x, y, w, h, score] : finds)
    founds.push_back({.box_xywh = {x, y, w, h}, .mask = {}, .score = score});
  CocoEvaluator evaluator(1, {.overlap = OverlapOf::boxes});
  evaluator.add(2299, truths, founds);
  const std::optional<double> absent;
  const std::optional<double> published[12] = {0.7099009900990099,
                                               1.0,
                                               0.8415841584158416,
                                               absent,
                                               0.7099009900990099,
                                               absent,
                                               0.0,
                                               0.45384615384615384,
                                               0.7153846153846154,
                                               absent,
                                               0.7153846153846154,
                                               absent};
  const auto figures = evaluator.scores().summary();
  for (size_t i = 0; i < 12; ++i) {
    ASSERT_EQ(figures[i].has_value(), published[i].has_value()) << i;
    if (published[i]) {
      EXPECT_NEAR(*figures[i], *published[i], 1e-9) << i;
    }
  }
}

// --- against tests/coco/coco_reference.py ---

struct RandomPicture {
  int64_t id, height, width;
  std::vector<TrueObject> truth;
  std::vector<FoundObject> found;
};
struct RandomSet {
  int64_t classes = 1;
  bool id_zero_is_unmatched = false;
  bool boundaries = false;
  std::vector<RandomPicture> pictures;
};

class RandomSets {
 public:
  explicit RandomSets(uint64_t seed) : random_(seed) {}

  RandomSet next(int trial) {
    RandomSet set;
    set.classes = trial % 20 == 0 ? 25 : random_.integer(1, 4);
    crowded_ = trial % 10 == 3;  // so many that their shares fall on the recall steps
    if (crowded_) set.classes = 1;
    set.id_zero_is_unmatched = random_.chance(0.3);
    set.boundaries = trial % 8 == 0;
    ids_ = {};
    std::set<int64_t> image_ids;
    const int64_t pictures = random_.integer(1, 5);
    while (std::ssize(image_ids) < pictures)
      image_ids.insert(random_.integer(-3, 1000));
    for (const int64_t id : image_ids)
      set.pictures.push_back(picture(id, set.classes, trial));
    if (random_.chance(0.5)) random_.shuffle(set.pictures);
    return set;
  }

 private:
  RandomPicture picture(int64_t id, int64_t classes, int trial) {
    RandomPicture p{id, random_.integer(8, 40), random_.integer(8, 40), {}, {}};
    if (random_.chance(0.25)) p.height = p.width = 128;
    if (!random_.chance(0.15))
      for (int64_t i = crowded_ ? 20 : random_.integer(1, 6); i > 0; --i)
        p.truth.push_back(true_object(p, classes));
    if (!random_.chance(0.15))
      for (int64_t i = trial % 25 == 0 ? 130 : crowded_ ? 25 : random_.integer(1, 10); i > 0; --i)
        p.found.push_back(found_object(p, classes));
    return p;
  }

  std::array<double, 4> box(const RandomPicture& p) {
    const double step = random_.chance(0.5) ? 1 : 4;  // whole or quarter pixels
    const auto along = [&](int64_t size) {
      return static_cast<double>(random_.integer(0, size * static_cast<int64_t>(step))) / step;
    };
    const double x = along(p.width), y = along(p.height), u = along(p.width), v = along(p.height);
    return {std::min(x, u), std::min(y, v), std::abs(u - x), std::abs(v - y)};
  }

  TrueObject true_object(const RandomPicture& p, int64_t classes) {
    TrueObject object;
    object.class_index = random_.integer(0, classes - 1);
    object.box_xywh = box(p);
    object.mask = rectangle(p.height, p.width, object.box_xywh);
    object.crowd = random_.chance(0.15);
    const double areas[] = {static_cast<double>(area(object.mask)), 1024, 9216,
                            random_.uniform(0.0, 15000.0)};
    object.area = areas[random_.integer(0, 3)];
    do
      object.id = random_.integer(0, 200);
    while (!ids_.insert(object.id).second);
    return object;
  }

  /// A true object as it is, a little off, or something else; scores often tie.
  FoundObject found_object(const RandomPicture& p, int64_t classes) {
    FoundObject object{random_.integer(0, classes - 1), box(p), {}, 0};
    if (!p.truth.empty() && random_.chance(0.75)) {
      const TrueObject& target = p.truth[static_cast<size_t>(random_.integer(0, std::ssize(p.truth) - 1))];
      object.box_xywh = target.box_xywh;
      if (random_.chance(0.9)) object.class_index = target.class_index;
      if (random_.chance(0.6))
        for (size_t i = 2; i < 4; ++i)
          object.box_xywh[i] *= random_.integer(1, 8) / 8.0;
    }
    object.mask = rectangle(p.height, p.width, object.box_xywh);
    object.score = random_.chance(0.7) ? static_cast<double>(random_.integer(0, 10)) / 10 : random_.uniform();
    return object;
  }

  Random random_;
  std::set<int64_t> ids_;
  bool crowded_ = false;
};

/// As COCO's files say it: categories 2, 4, 6 ..., masks as numbers, as text and (true ones) as polygons.
Json json_of(const RandomSet& set) {
  Json json{{"zero_is_unmatched", set.id_zero_is_unmatched},
            {"kinds", set.boundaries ? Json{"boxes", "masks", "boundaries"} : Json{"boxes", "masks"}},
            {"images", Json::array()},
            {"annotations", Json::array()},
            {"results", Json::array()}};
  for (int64_t c = 0; c < set.classes; ++c)
    json["categories"].push_back(2 * c + 2);
  for (const RandomPicture& p : set.pictures) {
    json["images"].push_back({{"id", p.id}, {"height", p.height}, {"width", p.width}});
    for (const TrueObject& t : p.truth) {
      const auto [x, y, w, h] = t.box_xywh;
      const Json polygon{{x, y, x + w, y, x + w, y + h, x, y + h}};
      const Json runs{{"size", {p.height, p.width}}, {"counts", t.mask.counts}};
      json["annotations"].push_back({{"id", t.id},
                                     {"image_id", p.id},
                                     {"category_id", 2 * t.class_index + 2},
                                     {"iscrowd", t.crowd ? 1 : 0},
                                     {"area", t.area},
                                     {"bbox", t.box_xywh},
                                     {"segmentation", t.crowd ? runs : polygon}});
    }
    for (const FoundObject& f : p.found)
      json["results"].push_back(
          {{"image_id", p.id},
           {"category_id", 2 * f.class_index + 2},
           {"bbox", f.box_xywh},
           {"score", f.score},
           {"segmentation", {{"size", {p.height, p.width}}, {"counts", rle_to_text(f.mask)}}}});
  }
  return json;
}

CocoScores evaluate(const RandomSet& set, OverlapOf overlap) {
  CocoEvaluator evaluator(set.classes,
                          {.overlap = overlap, .id_zero_is_unmatched = set.id_zero_is_unmatched});
  for (const RandomPicture& p : set.pictures)
    evaluator.add(p.id, p.truth, p.found);
  return evaluator.scores();
}

struct Tally {
  int64_t same = 0, absent = 0, between = 0;  // `between`: figures that are neither 0 nor 1
};

void expect_same(const std::optional<double>& ours, const Json& theirs, const std::string& what,
                 Tally& tally) {
  ASSERT_EQ(ours.has_value(), !theirs.is_null()) << what;
  ++tally.same;
  if (!ours) {
    ++tally.absent;
    return;
  }
  tally.between += *ours > 0 && *ours < 1 ? 1 : 0;
  ASSERT_NEAR(*ours, theirs.get<double>(), 1e-9) << what;
}

void expect_same(const CocoScores& scores, const Json& theirs, const std::string& what, Tally& tally) {
  for (size_t t = 0; t <= coco_thresholds; ++t)
    for (size_t a = 0; a < coco_areas.size(); ++a)
      for (size_t m = 0; m < coco_most_found.size(); ++m)
        for (int64_t c = 0; c <= scores.classes(); ++c) {
          CocoFigure figure{.area = coco_areas[a], .most_found = coco_most_found[m]};
          if (t > 0) figure.threshold = t - 1;
          if (c > 0) figure.class_index = c - 1;
          const std::string at = cat(what, " [", t, "][", a, "][", m, "][", c, "]");
          const auto c_at = static_cast<size_t>(c);
          expect_same(scores.average_precision(figure), theirs[0][t][a][m][c_at], "AP of " + at, tally);
          expect_same(scores.average_recall(figure), theirs[1][t][a][m][c_at], "AR of " + at, tally);
        }
}

TEST(CocoEval, EveryFigureOfRandomSetsIsThatOfTheReference) {
  if (std::system("python3 -c pass >/dev/null 2>&1") != 0) GTEST_SKIP() << "there is no python3";
  constexpr int trials = 200;
  RandomSets sets(7);
  std::vector<RandomSet> all;
  Json json = Json::array();
  for (int trial = 0; trial < trials; ++trial) {
    all.push_back(sets.next(trial));
    json.push_back(json_of(all.back()));
  }
  const TemporaryFolder folder;
  const std::string input = folder / "sets.json", output = folder / "figures.json";
  std::ofstream(input) << json.dump();
  ASSERT_EQ(
      std::system(
          cat("python3 ", VITRAIL_SOURCE_DIR, "/tests/coco/coco_reference.py ", input, " ", output).c_str()),
      0);
  const Json figures = Json::parse(std::ifstream(output));
  ASSERT_EQ(figures.size(), all.size());
  Tally tally;
  for (size_t i = 0; i < all.size(); ++i)
    for (const OverlapOf overlap : {OverlapOf::boxes, OverlapOf::masks, OverlapOf::boundaries}) {
      const std::string kind(name_of(overlap));
      if (!figures[i].contains(kind)) continue;
      expect_same(evaluate(all[i], overlap), figures[i][kind], cat("set ", i, " ", kind), tally);
    }
  EXPECT_GT(tally.same, 500000);
  EXPECT_GT(tally.between, 50000);
  EXPECT_GT(tally.absent, 10000);
}

}  // namespace
}  // namespace vitrail
