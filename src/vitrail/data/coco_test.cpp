#include "vitrail/data/coco.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "temporary_folder.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/data/coco_file.h"
#include "vitrail/image/image_file.h"

namespace vitrail {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using Json = nlohmann::json;
namespace fs = std::filesystem;

/// Two pictures, two categories, and an object of each form of outline.
Json small_set() {
  return Json::parse(R"({
    "info": {"year": 2026, "nested": {"list": [{"id": 1}]}},
    "images": [{"id": 7, "file_name": "a.png", "height": 6, "width": 8},
               {"id": 3, "file_name": "sub/b.png", "height": 4, "width": 4}],
    "annotations": [
      {"id": 1, "image_id": 7, "category_id": 18, "iscrowd": 0, "area": 6.5, "bbox": [1, 1, 3, 2],
       "segmentation": [[1, 1, 4, 1, 4, 3, 1, 3]]},
      {"id": 2, "image_id": 7, "category_id": 1, "iscrowd": 1, "area": 48, "bbox": [0, 0, 8, 6],
       "segmentation": {"size": [6, 8], "counts": [0, 48]}},
      {"id": 900100184324, "image_id": 3, "category_id": 1,
       "segmentation": {"size": [4, 4], "counts": "52800000000"}}],
    "categories": [{"id": 18, "name": "dog"}, {"id": 1, "name": "person", "supercategory": "person"}]
  })");
}

class CocoTest : public testing::Test {
 protected:
  CocoTest() {
    Json json = small_set();
    json["annotations"][2]["segmentation"]["counts"] = rle_to_text(rle_from_counts({5, 2, 9}, 4, 4, "test"));
    write(json);
    write_png(folder_ / "a.png", Image(6, 8));
    write_png(folder_ / "sub/b.png", Image(4, 4));
  }
  fs::path file() const { return folder_.path() / "instances_test.json"; }
  void write(const Json& json) const { std::ofstream(file()) << json.dump(); }

  std::string refusal() const {
    try {
      read_coco_file(file());
    } catch (const Error& e) {
      EXPECT_THAT(e.what(), StartsWith(file().string()));
      return e.what();
    }
    return "not refused";
  }

  TemporaryFolder folder_;
};

TEST_F(CocoTest, ReadsPicturesAndObjects) {
  const auto data = open_instance_dataset("coco:" + file().string(), "");
  ASSERT_EQ(data->size(), 2);
  ASSERT_EQ(data->classes().size(), 2u);
  EXPECT_EQ(data->classes()[0].name, "person") << "classes are sorted by category id";
  EXPECT_EQ(data->category_of(1), 18);
  const InstanceSample a = data->load(0);
  EXPECT_EQ(a.id, 7);
  EXPECT_EQ(a.name, "a");
  EXPECT_EQ(a.image.width, 8);
  ASSERT_EQ(a.instances.size(), 2u);
  EXPECT_EQ(a.instances[0].class_index, 1);
  EXPECT_EQ(a.instances[0].box, (Box{1, 1, 4, 3}));
  EXPECT_EQ(a.instances[0].mask, rle_from_polygons({{1, 1, 4, 1, 4, 3, 1, 3}}, 6, 8));
  EXPECT_EQ(a.instances[0].area, 6.5);
  EXPECT_TRUE(a.instances[1].crowd);
  EXPECT_EQ(area(a.instances[1].mask), 48);
  const InstanceSample b = data->annotations(1);
  EXPECT_EQ(b.image.width, 4);
  EXPECT_TRUE(b.image.pixels.empty());
  ASSERT_EQ(b.instances.size(), 1u);
  EXPECT_EQ(b.instances[0].area, 2) << "of the mask, where the file says nothing";
  EXPECT_EQ(b.instances[0].box_xywh, bounds(b.instances[0].mask));
}

TEST_F(CocoTest, FoldersHaveSplits) {
  fs::create_directories(folder_ / "annotations");
  fs::create_directories(folder_ / "val2017/sub");
  fs::rename(file(), folder_ / "annotations/instances_val2017.json");
  fs::rename(folder_ / "a.png", folder_ / "val2017/a.png");
  std::ofstream(folder_ / "annotations/captions_val2017.json") << "{}";
  const std::string spec = "coco:" + folder_.path().string();
  const auto data = open_instance_dataset(spec, "val2017");
  EXPECT_EQ(data->load(0).instances.size(), 2u);
  EXPECT_THROW(open_instance_dataset(spec, "train2017"), Error);
  EXPECT_THROW(open_instance_dataset(spec, "val2017+val2017"), Error);
  EXPECT_THROW(open_instance_dataset("coco:" + (folder_ / "none").string(), ""), Error);
  EXPECT_THROW(open_instance_dataset("cocoa:x", ""), Error);
}

TEST_F(CocoTest, PicturesMustBeThoseThatWereAnnotated) {
  write_png(folder_ / "a.png", Image(5, 8));
  const auto data = open_instance_dataset("coco:" + file().string(), "all");
  EXPECT_NO_THROW(data->annotations(0));
  EXPECT_THROW(data->load(0), Error);
  fs::remove(folder_ / "a.png");
  EXPECT_THROW(data->load(0), Error);
}

struct Fault {
  const char* key;  // what the error must name
  const char* reason;
  const char* patch;  // JSON patch
};

TEST_F(CocoTest, EveryFaultNamesFileKeyAndReason) {
  const Fault faults[] = {
      {"annotations", "missing", R"([{"op": "remove", "path": "/annotations"}])"},
      {"images", "missing", R"([{"op": "remove", "path": "/images"}])"},
      {"categories", "a list is due", R"([{"op": "replace", "path": "/categories", "value": 3}])"},
      {"images", "list of objects", R"([{"op": "add", "path": "/images/0", "value": 3}])"},
      {"annotations", "list of objects", R"([{"op": "add", "path": "/annotations/0", "value": [{}]}])"},
      {"images[1].id", "missing", R"([{"op": "remove", "path": "/images/1/id"}])"},
      {"images[1].id", "whole number", R"([{"op": "replace", "path": "/images/1/id", "value": "3"}])"},
      {"images[1].id", "whole number", R"([{"op": "replace", "path": "/images/1/id", "value": 1e30}])"},
      {"images[1].id", "whole number",
       R"([{"op": "replace", "path": "/images/1/id", "value": 18446744073709551615}])"},
      {"images[1].id", "second picture", R"([{"op": "replace", "path": "/images/1/id", "value": 7}])"},
      {"images[0].height", "from 1", R"([{"op": "replace", "path": "/images/0/height", "value": 0}])"},
      {"images[0].height", "from 1", R"([{"op": "replace", "path": "/images/0/height", "value": 1000000}])"},
      {"images[0].file_name", "below the folder",
       R"([{"op": "replace", "path": "/images/0/file_name", "value": "/etc/passwd"}])"},
      {"images[0].file_name", "below the folder",
       R"([{"op": "replace", "path": "/images/0/file_name", "value": "../../x.png"}])"},
      {"images[0].file_name", "text", R"([{"op": "replace", "path": "/images/0/file_name", "value": ""}])"},
      {"categories[1].id", "second category",
       R"([{"op": "replace", "path": "/categories/1/id", "value": 18}])"},
      {"categories[0].name", "text", R"([{"op": "replace", "path": "/categories/0/name", "value": 5}])"},
      {"annotations[1].id", "second annotation",
       R"([{"op": "replace", "path": "/annotations/1/id", "value": 1}])"},
      {"annotations[0].image_id", "no picture",
       R"([{"op": "replace", "path": "/annotations/0/image_id", "value": 9}])"},
      {"annotations[0].category_id", "there are 2, 1..18",
       R"([{"op": "replace", "path": "/annotations/0/category_id", "value": 0}])"},
      {"annotations[0].iscrowd", "from 0 to 1",
       R"([{"op": "replace", "path": "/annotations/0/iscrowd", "value": 2}])"},
      {"annotations[0].area", "number", R"([{"op": "replace", "path": "/annotations/0/area", "value": -1}])"},
      {"annotations[0].area", "number",
       R"([{"op": "replace", "path": "/annotations/0/area", "value": null}])"},
      {"annotations[0].bbox", "4 are due",
       R"([{"op": "replace", "path": "/annotations/0/bbox", "value": [1, 2, 3]}])"},
      {"annotations[0].bbox", "0 or more",
       R"([{"op": "replace", "path": "/annotations/0/bbox", "value": [5, 2, -3, 1]}])"},
      {"annotations[0].bbox", "numbers from",
       R"([{"op": "replace", "path": "/annotations/0/bbox", "value": [5, 2, 1e300, 1]}])"},
      {"annotations[0].segmentation", "missing",
       R"([{"op": "remove", "path": "/annotations/0/segmentation"}])"},
      {"annotations[0].segmentation", "no polygon",
       R"([{"op": "replace", "path": "/annotations/0/segmentation", "value": []}])"},
      {"annotations[0].segmentation", "list of its own",
       R"([{"op": "replace", "path": "/annotations/0/segmentation", "value": [1, 2, 3, 4, 5, 6]}])"},
      {"annotations[0].segmentation[0]", "three corners",
       R"([{"op": "replace", "path": "/annotations/0/segmentation", "value": [[1, 2, 3, 4]]}])"},
      {"annotations[0].segmentation[1]", "three corners",
       R"([{"op": "add", "path": "/annotations/0/segmentation/1", "value": [1, 2, 3, 4, 5, 6, 7]}])"},
      {"annotations[0].segmentation[0]", "numbers",
       R"([{"op": "replace", "path": "/annotations/0/segmentation/0/3", "value": "1"}])"},
      {"annotations[0].segmentation[0]", "numbers",
       R"([{"op": "replace", "path": "/annotations/0/segmentation/0/3", "value": 1e12}])"},
      {"annotations[1].segmentation.counts", "add up",
       R"([{"op": "replace", "path": "/annotations/1/segmentation/counts", "value": [0, 47]}])"},
      {"annotations[1].segmentation.counts", "numbers",
       R"([{"op": "replace", "path": "/annotations/1/segmentation/counts", "value": [-1, 49]}])"},
      {"annotations[1].segmentation.counts", "number",
       R"([{"op": "replace", "path": "/annotations/1/segmentation/counts", "value": 4}])"},
      {"annotations[1].segmentation.size", "[6, 8]",
       R"([{"op": "replace", "path": "/annotations/1/segmentation/size", "value": [8, 6]}])"},
      {"annotations[1].segmentation.size", "from 1",
       R"([{"op": "replace", "path": "/annotations/1/segmentation/size", "value": [4611686018427387904, 4]}])"},
      {"annotations[2].segmentation.counts", "character 0",
       R"([{"op": "replace", "path": "/annotations/2/segmentation/counts", "value": "~"}])"},
      {"annotations[2].segmentation.counts", "add up",
       R"([{"op": "replace", "path": "/annotations/2/segmentation/counts", "value": ""}])"},
  };
  const Json good = Json::parse(std::ifstream(file()));
  for (const Fault& fault : faults) {
    write(good.patch(Json::parse(fault.patch)));
    const std::string text = refusal();
    EXPECT_THAT(text, HasSubstr(cat(file().string(), ": ", fault.key))) << fault.patch;
    EXPECT_THAT(text, HasSubstr(fault.reason)) << fault.patch;
  }
}

TEST_F(CocoTest, FilesThatAreNoJsonAreRefusedByName) {
  const std::string good = Json::parse(std::ifstream(file())).dump();
  for (const std::string& bytes :
       {std::string(), std::string("{"), good.substr(0, good.size() / 2), std::string("[]"), std::string("3"),
        std::string(100000, '['), good + "x", std::string("{\"images\": [], \"images\": []}"),
        std::string("{\"images\": [\"\xff\"]}")}) {
    std::ofstream(file(), std::ios::binary) << bytes;
    EXPECT_NE(refusal(), "not refused") << bytes.substr(0, 50);
  }
}

TEST_F(CocoTest, AllFaultsAreSeenByWhoAsks) {
  Json json = Json::parse(std::ifstream(file()));
  json["annotations"][0]["category_id"] = 5;
  json["annotations"][1]["image_id"] = 5;
  json["images"][1]["width"] = 0;  // which also orphans the third annotation
  write(json);
  std::vector<std::string> kinds;
  const CocoFile read = read_coco_file(file(), [&](const CocoFault& f) { kinds.emplace_back(f.kind); });
  EXPECT_THAT(kinds, testing::ElementsAre("bad-value", "unknown-category", "unknown-image", "unknown-image"));
  EXPECT_EQ(read.images.size(), 1u);
  EXPECT_TRUE(read.annotations.empty());
}

// The areas that COCO's authors computed from the outlines are near those of our pixels.
TEST(CocoData, OutlinesHaveTheAreasThatTheFileSays) {
  const fs::path file = fs::path(VITRAIL_SOURCE_DIR) / "../shared/data/coco/instances_val.json";
  if (!fs::exists(file)) GTEST_SKIP() << file << " is not here";
  const auto data = open_instance_dataset("coco:" + file.string(), "");
  EXPECT_EQ(data->size(), 206);
  EXPECT_EQ(data->classes().size(), 80u);
  EXPECT_EQ(data->category_of(79), 90);
  double ours = 0, theirs = 0;
  int64_t objects = 0, crowds = 0;
  for (int64_t i = 0; i < data->size(); ++i)
    for (const Instance& instance : data->annotations(i).instances) {
      ++objects;
      crowds += instance.crowd ? 1 : 0;
      ours += static_cast<double>(area(instance.mask));
      theirs += instance.area;
      if (!instance.crowd && instance.area > 2000) {
        EXPECT_NEAR(static_cast<double>(area(instance.mask)) / instance.area, 1, 0.05) << instance.id;
      }
    }
  EXPECT_EQ(objects, 1786);
  EXPECT_EQ(crowds, 21);
  EXPECT_NEAR(ours / theirs, 1, 0.01);
  const InstanceSample first = data->load(0);
  EXPECT_EQ(first.image.pixels.size(), static_cast<size_t>(first.image.height * first.image.width * 3));
}

}  // namespace
}  // namespace vitrail
