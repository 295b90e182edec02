#include "vitrail/data/camvid.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "vitrail/base/error.h"
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

}  // namespace
}  // namespace vitrail
