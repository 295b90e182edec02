#include "vitrail/data/check_instances.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "temporary_folder.h"
#include "vitrail/base/error.h"
#include "vitrail/base/random.h"
#include "vitrail/base/text.h"
#include "vitrail/image/image_file.h"
#include "vitrail/image/label_png.h"

namespace vitrail {
namespace {

using testing::HasSubstr;
using Json = nlohmann::json;

/// Two pictures and three healthy objects, to be broken by a test.
class CheckInstances : public testing::Test {
 protected:
  CheckInstances() {
    for (int i = 0; i < 2; ++i) {
      Image image(20, 30);
      for (uint8_t& v : image.pixels)
        v = static_cast<uint8_t>(random_.integer(0, 255));
      write_png(folder_ / cat("images/", i, ".png"), image);
      json_["images"].push_back(
          {{"id", i + 1}, {"file_name", cat(i, ".png")}, {"height", 20}, {"width", 30}});
    }
    json_["categories"] = {{{"id", 1}, {"name", "cat"}}, {{"id", 2}, {"name", "dog"}}};
    for (int i = 0; i < 3; ++i) {
      const double x = 2.0 + 6 * i;
      json_["annotations"].push_back({{"id", i + 1},
                                      {"image_id", i < 2 ? 1 : 2},
                                      {"category_id", 1 + i % 2},
                                      {"bbox", {x, 3, 5, 4}},
                                      {"area", 20},
                                      {"segmentation", {{x, 3, x + 5, 3, x + 5, 7, x, 7}}}});
    }
  }

  Json& object(size_t i) { return json_["annotations"][i]; }
  std::string spec() const { return "coco:" + (folder_.path() / "instances.json").string(); }
  InstanceReport report(const CheckOptions& options = {}) const {
    std::ofstream(folder_.path() / "instances.json") << json_.dump();
    return check_instances(spec(), options);
  }

  /// The one kind of finding that there is, beside what any removal brings about.
  FindingGroup only(const std::string& kind, Severity severity) const {
    InstanceReport r = report();
    std::erase_if(r.findings, [](const FindingGroup& group) {
      return group.kind == "class-absent" || group.kind == "pictures-without-objects";
    });
    EXPECT_EQ(r.findings.size(), 1u) << to_text(r);
    if (r.findings.size() != 1) return {.first = {{"", ""}}};
    EXPECT_EQ(r.findings[0].kind, kind);
    EXPECT_EQ(r.findings[0].severity, severity);
    return r.findings[0];
  }

  TemporaryFolder folder_;
  Random random_{1};
  Json json_;
};

TEST_F(CheckInstances, FindsNothingInAHealthyOneAndCountsIt) {
  const InstanceReport r = report();
  EXPECT_TRUE(r.findings.empty()) << to_text(r);
  ASSERT_EQ(r.splits.size(), 1u);
  EXPECT_EQ(r.splits[0].images, 2);
  EXPECT_EQ(r.splits[0].objects, 3);
  EXPECT_EQ(r.splits[0].small, 3);
  EXPECT_EQ(r.splits[0].objects_of_class, (std::vector<int64_t>{2, 1}));
  EXPECT_EQ(r.splits[0].images_of_class, (std::vector<int64_t>{2, 1}));
  EXPECT_EQ(r.splits[0].image_sizes.at({20, 30}), 2);
}

TEST_F(CheckInstances, FindsUnknownCategoriesAndPictures) {
  object(0)["category_id"] = 7;
  EXPECT_THAT(only("unknown-category", Severity::error).first[0].detail,
              HasSubstr("annotations[0].category_id: 7"));
  object(0)["category_id"] = 1;
  object(2)["image_id"] = 9;
  const InstanceReport r = report();
  EXPECT_EQ(r.errors(), 1);
  EXPECT_EQ(r.findings[0].kind, "unknown-image");
  EXPECT_EQ(r.findings[1].kind, "pictures-without-objects");
}

TEST_F(CheckInstances, FindsDegeneratePolygonsAndDoubleNumbers) {
  object(0)["segmentation"] = {{1, 2, 3, 4}};
  only("degenerate-polygon", Severity::error);
  object(0)["segmentation"] = object(1)["segmentation"];
  object(0)["bbox"] = object(1)["bbox"];
  object(0)["id"] = 2;
  only("duplicate-id", Severity::error);
}

TEST_F(CheckInstances, FindsBoxesOutsideAndElsewhere) {
  object(0)["bbox"] = {-2, 3, 9, 4};
  EXPECT_THAT(only("box-outside", Severity::warning).first[0].detail, HasSubstr("reaches 2 px"));
  object(0)["bbox"] = {20, 12, 5, 5};
  EXPECT_THAT(only("box-elsewhere", Severity::warning).first[0].detail, HasSubstr("annotation 1 (cat)"));
  object(0)["bbox"] = {2, 3, 5, 0};
  only("empty-box", Severity::error);
}

TEST_F(CheckInstances, FindsOutlinesThatLeaveThePictureOrHaveNoPixel) {
  object(0)["segmentation"] = {{2, 3, 7, 3, 7, 40, 2, 40}};
  object(0)["bbox"] = {2, 3, 5, 17};
  EXPECT_THAT(only("outline-outside", Severity::warning).first[0].detail, HasSubstr("reaches 20 px"));
  object(0)["segmentation"] = {{2.1, 3.1, 2.2, 3.1, 2.2, 3.2}};
  only("empty-mask", Severity::warning);
}

TEST_F(CheckInstances, FindsIdZeroAndTheSameObjectTwice) {
  object(0)["id"] = 0;
  only("id-zero", Severity::warning);
  object(0)["id"] = 1;
  json_["annotations"].push_back(object(1));
  object(3)["id"] = 50;
  EXPECT_THAT(only("same-object-twice", Severity::warning).first[0].detail, HasSubstr("annotation 50"));
}

TEST_F(CheckInstances, FindsPicturesThatAreMissingOrOtherOrTwice) {
  write_png(folder_ / "images/0.png", Image(20, 31));
  EXPECT_THAT(only("size-mismatch", Severity::error).first[0].detail, HasSubstr("31x20"));
  std::filesystem::remove(folder_ / "images/1.png");
  const InstanceReport r = report();
  EXPECT_EQ(r.errors(), 2) << to_text(r);
  json_["images"][1]["file_name"] = "0.png";
  json_["images"][1]["width"] = json_["images"][0]["width"] = 31;
  const InstanceReport twice = report();
  EXPECT_EQ(twice.findings[0].kind, "same-picture-twice") << to_text(twice);
}

TEST_F(CheckInstances, ShowsFiveOfAKindAndCountsAll) {
  for (int i = 0; i < 9; ++i) {
    json_["annotations"].push_back(object(0));
    json_["annotations"].back()["id"] = 100 + i;
    json_["annotations"].back()["category_id"] = 70 + i;
  }
  const FindingGroup group = only("unknown-category", Severity::error);
  EXPECT_EQ(group.count, 9);
  EXPECT_EQ(group.first.size(), 5u);
  EXPECT_THAT(to_text(report()), HasSubstr("... and 4 more"));
  const Json json = Json::parse(to_json(report()));
  EXPECT_EQ(json.at("errors"), 9);
  EXPECT_EQ(json.at("splits")[0].at("objects"), 3);
  EXPECT_EQ(to_json(report({.threads = 1})), to_json(report({.threads = 4})));
}

TEST_F(CheckInstances, ReadsEveryKindOfDataSet) {
  const TemporaryFolder& root = folder_;
  LabelMap numbers(20, 30);
  numbers.at(4, 5) = 1;
  for (const char* name : {"a", "b"}) {
    std::filesystem::create_directories(root / "nuclei/instances");
    std::filesystem::create_directories(root / "nuclei/images");
    write_png(root / cat("nuclei/images/", name, ".png"), Image(20, 30, 3, static_cast<uint8_t>(name[0])));
    write_label_map(root / cat("nuclei/instances/", name, ".png"), numbers);
  }
  std::ofstream(root / "nuclei/train.txt") << "a.png\n";
  std::ofstream(root / "nuclei/val.txt") << "b.png\n";
  const InstanceReport r = check_instances("dsb2018:" + (root / "nuclei").string());
  EXPECT_TRUE(r.findings.empty()) << to_text(r);
  EXPECT_EQ(r.splits.size(), 2u);
  std::ofstream(root / "nuclei/instances/a.png") << "no picture";
  EXPECT_EQ(check_instances("dsb2018:" + (root / "nuclei").string()).findings[0].kind, "unreadable-objects");
  EXPECT_THROW(check_instances("coco:/no/such"), Error);
  EXPECT_THROW(check_instances("nothing:/no/such"), Error);
}

}  // namespace
}  // namespace vitrail
