#include "vitrail/metrics/cityscapes_ap.h"

#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "temporary_folder.h"
#include "vitrail/base/error.h"
#include "vitrail/base/random.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

using Json = nlohmann::json;

constexpr int64_t height = 60, width = 80;

Mask rectangle(int64_t x, int64_t y, int64_t w, int64_t h) {
  Mask mask(height, width);
  for (int64_t v = std::max<int64_t>(y, 0); v < std::min(y + h, height); ++v)
    for (int64_t u = std::max<int64_t>(x, 0); u < std::min(x + w, width); ++u)
      mask.at(v, u) = 1;
  return mask;
}
Rle runs(int64_t x, int64_t y, int64_t w, int64_t h) {
  return encode_rle(rectangle(x, y, w, h));
}
const Rle nothing = runs(0, 0, 0, 0);

TEST(CityscapesAp, OneFoundOneMissed) {
  CityscapesApEvaluator evaluator(2);
  evaluator.add({{0, runs(0, 0, 20, 20)}, {0, runs(40, 0, 20, 20)}}, {{0, runs(0, 0, 20, 20), 0.9}}, nothing);
  const CityscapesApScores s = evaluator.scores();
  // One point of the curve, (recall 0.5, precision 1), and the artificial one at recall 0.
  EXPECT_NEAR(*s.average_precision(), 0.5, 1e-12);
  EXPECT_FALSE(s.average_precision(CityscapesRange::all, 0, 1).has_value()) << "no object of class 1";
  EXPECT_FALSE(s.average_precision(CityscapesRange::within_50m).has_value()) << "no distances";
}

TEST(CityscapesAp, AnOverlapMustBeGreaterThanTheThreshold) {
  CityscapesApEvaluator evaluator(1);
  evaluator.add({{0, runs(0, 0, 20, 20)}}, {{0, runs(0, 0, 20, 10), 0.9}}, nothing);
  EXPECT_EQ(*evaluator.scores().average_precision(CityscapesRange::all, 0), 0) << "IoU is 0.5";
}

TEST(CityscapesAp, TheSecondFindOfAnObjectIsWrong) {
  CityscapesApEvaluator evaluator(1);
  evaluator.add({{0, runs(0, 0, 20, 20)}}, {{0, runs(0, 0, 20, 19), 0.4}, {0, runs(0, 0, 20, 20), 0.9}},
                nothing);
  // Points from the lowest score: (precision 1/2, recall 1), (1, 1), (1, 0): widths 0, 1/2, 1/2.
  EXPECT_NEAR(*evaluator.scores().average_precision(CityscapesRange::all, 0), 1, 1e-12);
}

TEST(CityscapesAp, FindsOnVoidAndGroupsAreForgiven) {
  for (const bool forgiven : {true, false}) {
    CityscapesApEvaluator evaluator(1);
    CityscapesTrueObject group{0, runs(40, 30, 30, 15), true};
    evaluator.add(
        forgiven ? std::vector<CityscapesTrueObject>{{0, runs(0, 0, 20, 20)}, group}
                 : std::vector<CityscapesTrueObject>{{0, runs(0, 0, 20, 20)}},
        {{0, runs(0, 0, 20, 20), 0.5}, {0, runs(42, 31, 10, 10), 0.9}, {0, runs(0, 50, 20, 5), 0.8}},
        forgiven ? runs(0, 49, 30, 8) : nothing);
    if (forgiven)
      EXPECT_NEAR(*evaluator.scores().average_precision(), 1, 1e-12);
    else
      EXPECT_LT(*evaluator.scores().average_precision(), 0.7);
  }
}

TEST(CityscapesAp, NearAndLargeObjectsAloneCountWithinADistance) {
  CityscapesApEvaluator evaluator(1);
  const CityscapesTrueObject near{0, runs(0, 0, 40, 30), false, 20, 0.9};
  const CityscapesTrueObject far{0, runs(40, 0, 40, 30), false, 70, 0.9};
  const CityscapesTrueObject vague{0, runs(40, 30, 40, 30), false, 20, 0.4};
  evaluator.add({near, far, vague}, {{0, near.mask, 0.9}}, nothing);
  const CityscapesApScores s = evaluator.scores();
  EXPECT_NEAR(*s.average_precision(CityscapesRange::within_50m), 1, 1e-12);
  EXPECT_NEAR(*s.average_precision(CityscapesRange::within_100m), 0.5, 1e-12);
  EXPECT_NEAR(*s.average_precision(), 1.0 / 3, 1e-12);
}

TEST(CityscapesAp, NonsenseIsRefused) {
  CityscapesApEvaluator evaluator(1);
  EXPECT_THROW(evaluator.add({{1, nothing}}, {}, nothing), Error);
  EXPECT_THROW(evaluator.add({{0, encode_rle(Mask(3, 3))}}, {}, nothing), Error);
}

Json pixels_of(const Rle& rle) {
  const Mask mask = decode_rle(rle);
  Json pixels = Json::array();
  for (size_t i = 0; i < mask.pixels.size(); ++i)
    if (mask.pixels[i] != 0) pixels.push_back(i);
  return pixels;
}

TEST(CityscapesAp, RandomSetsHaveTheFiguresOfTheReference) {
  if (std::system("python3 -c pass >/dev/null 2>&1") != 0) GTEST_SKIP() << "there is no python3";
  Random random(9);
  const auto box = [&] {
    return runs(random.integer(0, 60), random.integer(0, 40), random.integer(1, 45), random.integer(1, 40));
  };
  std::vector<CityscapesApScores> ours;
  Json sets = Json::array();
  for (int trial = 0; trial < 40; ++trial) {
    const int64_t classes = random.integer(1, 3);
    CityscapesApEvaluator evaluator(classes);
    Json set{{"classes", classes}, {"frames", Json::array()}};
    for (int64_t f = random.integer(1, 3); f > 0; --f) {
      std::vector<CityscapesTrueObject> truth;
      std::vector<CityscapesFoundObject> found;
      Json frame{{"truth", Json::array()}, {"found", Json::array()}};
      for (int64_t i = random.integer(0, 5); i > 0; --i) {
        CityscapesTrueObject t{random.integer(0, classes - 1), box(), random.chance(0.2)};
        if (trial % 2 == 0)
          t.distance = random.uniform(10.0, 120.0), t.stereo_density = random.uniform(0.3, 1.0);
        frame["truth"].push_back({{"class", t.class_index},
                                  {"mask", pixels_of(t.mask)},
                                  {"group", t.group},
                                  {"distance", t.distance.value_or(-1)},
                                  {"density", t.stereo_density}});
        truth.push_back(t);
      }
      for (int64_t i = random.integer(0, 6); i > 0; --i) {
        CityscapesFoundObject d{random.integer(0, classes - 1), box(),
                                static_cast<double>(random.integer(1, 9)) / 10};
        if (!truth.empty() && random.chance(0.7)) {
          const CityscapesTrueObject& target =
              truth[static_cast<size_t>(random.integer(0, std::ssize(truth) - 1))];
          const auto [x, y, w, h] = bounds(target.mask);
          d.mask = runs(static_cast<int64_t>(x), static_cast<int64_t>(y),
                        static_cast<int64_t>(w) - random.integer(0, 3),
                        static_cast<int64_t>(h) - random.integer(0, 3));
          d.class_index = target.class_index;
        }
        frame["found"].push_back({{"class", d.class_index}, {"mask", pixels_of(d.mask)}, {"score", d.score}});
        found.push_back(d);
      }
      const Rle void_pixels = random.chance(0.5) ? box() : nothing;
      frame["void"] = pixels_of(void_pixels);
      evaluator.add(truth, found, void_pixels);
      set["frames"].push_back(frame);
    }
    ours.push_back(evaluator.scores());
    sets.push_back(set);
  }
  const TemporaryFolder folder;
  const std::string input = folder / "sets.json", output = folder / "figures.json";
  std::ofstream(input) << sets.dump();
  ASSERT_EQ(std::system(cat("python3 ", VITRAIL_SOURCE_DIR, "/tests/coco/cityscapes_reference.py ", input,
                            " ", output)
                            .c_str()),
            0);
  const Json figures = Json::parse(std::ifstream(output));
  int64_t between = 0;
  for (size_t i = 0; i < ours.size(); ++i)
    for (const size_t range : {0u, 1u, 2u}) {
      if (range > 0 && !ours[i].has_distances()) continue;
      for (int64_t c = 0; c < ours[i].classes(); ++c)
        for (size_t o = 0; o < cityscapes_overlaps; ++o) {
          const Json& theirs = figures[i][range][static_cast<size_t>(c)][o];
          const auto value = ours[i].average_precision(static_cast<CityscapesRange>(range), o, c);
          ASSERT_EQ(value.has_value(), !theirs.is_null()) << i << " " << range << " " << c << " " << o;
          if (!value) continue;
          ASSERT_NEAR(*value, theirs.get<double>(), 1e-9) << i << " " << range << " " << c << " " << o;
          between += *value > 0 && *value < 1 ? 1 : 0;
        }
    }
  EXPECT_GT(between, 200);
}

}  // namespace
}  // namespace vitrail
