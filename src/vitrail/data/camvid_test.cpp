#include "vitrail/data/camvid.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/data/check.h"
#include "vitrail/data/loader.h"

namespace vitrail {
namespace {

namespace fs = std::filesystem;
const fs::path real_root = fs::path(VITRAIL_SOURCE_DIR) / "../shared/data/camvid";

#define SKIP_WITHOUT_CAMVID() \
  if (!fs::exists(real_root)) GTEST_SKIP() << "no CamVid at " << real_root

TEST(CamVid, TheRealOneHasThePublishedSizes) {
  SKIP_WITHOUT_CAMVID();
  const std::string spec = "camvid:" + real_root.string();
  EXPECT_EQ(open_dataset(spec, "train")->size(), 367);
  EXPECT_EQ(open_dataset(spec, "val")->size(), 101);
  EXPECT_EQ(open_dataset(spec, "test")->size(), 233);
  const auto joined = open_dataset(spec, "train+val");
  EXPECT_EQ(joined->size(), 468);
  EXPECT_EQ(joined->name(367), open_dataset(spec, "val")->name(0));
  const Sample sample = joined->load(467);
  EXPECT_EQ(sample.image.width, 480);
  EXPECT_EQ(sample.image.height, 360);
  for (const uint16_t label : sample.labels.labels)
    ASSERT_TRUE(label < 11 || label == 255);
}

TEST(CamVid, TheCheckerFindsNoFaultInTheRealOne) {
  SKIP_WITHOUT_CAMVID();
  const DatasetReport report = check_dataset("camvid:" + real_root.string());
  EXPECT_EQ(report.errors(), 0) << to_text(report);
  EXPECT_EQ(report.warnings(), 0) << to_text(report);
  ASSERT_EQ(report.splits.size(), 3u);
  // Counted by another program from the PNG files.
  EXPECT_EQ(report.splits[1].counts.pixels,
            (std::vector<int64_t>{1601620, 4531180, 98499, 5053176, 1521751, 2851125, 155724, 537197, 304716,
                                  113531, 387010}));
  EXPECT_EQ(report.splits[1].counts.ignored, 297271);
  EXPECT_EQ(report.splits[0].samples, 367);
  EXPECT_EQ(report.splits[0].image_sizes,
            (std::map<std::pair<int64_t, int64_t>, int64_t>{{{360, 480}, 367}}));
}

TEST(CamVid, TheFixtureLoadsInEverySplit) {
  const std::string spec = "camvid:" + (fs::path(VITRAIL_SOURCE_DIR) / "tests/fixtures/camvid").string();
  const DatasetReport report = check_dataset(spec);
  EXPECT_EQ(report.errors() + report.warnings(), 0) << to_text(report);
  const auto data = open_dataset(spec, "train+val+test");
  ASSERT_EQ(data->size(), 8);
  EXPECT_EQ(data->classes()[8].name, "Car");
  EXPECT_EQ(data->load(7).image.width, 96) << "a PNG image beside JPEG ones";
  EXPECT_THROW(data->load(8), std::out_of_range);
}

}  // namespace
}  // namespace vitrail
