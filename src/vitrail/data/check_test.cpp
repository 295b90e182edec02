#include "vitrail/data/check.h"

#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "temporary_folder.h"
#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/random.h"
#include "vitrail/base/text.h"
#include "vitrail/image/image_file.h"
#include "vitrail/image/label_png.h"

namespace vitrail {
namespace {

/// A folder data set of two classes with four healthy pairs, to be broken by a test.
class CheckDataset : public testing::Test {
 protected:
  void SetUp() override {
    write_file_atomically(folder_ / "classes.txt", "0 ground 0 0 0\n1 thing 255 0 0\n");
    for (const char* name : {"a", "b", "c", "d"})
      write_pair(name, 1);
    write_file_atomically(folder_ / "train.txt", "a\nb\n");
    write_file_atomically(folder_ / "val.txt", "c\nd\n");
  }

  void write_pair(const std::string& name, uint16_t label, uint16_t other = 0) {
    Image image(6, 8);
    for (uint8_t& v : image.pixels)
      v = static_cast<uint8_t>(random_.integer(0, 255));
    write_png(folder_ / cat("images/", name, ".png"), image);
    LabelMap labels(6, 8, other);
    labels.at(3, 5) = label;
    write_label_map(folder_ / cat("masks/", name, ".png"), labels);
  }

  DatasetReport report(const CheckOptions& options = {}) const {
    return check_dataset("folder:" + folder_.path().string(), options);
  }

  /// The one group of findings that there is, which must be of this kind.
  FindingGroup only(const std::string& kind, const CheckOptions& options = {}) const {
    const DatasetReport r = report(options);
    EXPECT_EQ(r.findings.size(), 1u) << to_text(r);
    if (r.findings.size() != 1) return {};
    EXPECT_EQ(r.findings[0].kind, kind) << to_text(r);
    EXPECT_EQ(r.errors(), r.findings[0].severity == Severity::error ? r.findings[0].count : 0);
    return r.findings[0];
  }

  TemporaryFolder folder_;
  Random random_{1};
};

void expect_mentions(const FindingGroup& group, const std::string& file, const std::string& detail) {
  ASSERT_FALSE(group.first.empty());
  EXPECT_NE(group.first[0].file.find(file), std::string::npos) << group.first[0].file;
  EXPECT_NE(group.first[0].detail.find(detail), std::string::npos) << group.first[0].detail;
}

TEST_F(CheckDataset, FindsNothingInAHealthyOneAndCountsIt) {
  const DatasetReport r = report();
  EXPECT_TRUE(r.findings.empty()) << to_text(r);
  ASSERT_EQ(r.splits.size(), 2u);
  EXPECT_EQ(r.splits[0].samples, 2);
  EXPECT_EQ(r.splits[0].counts.pixels, (std::vector<int64_t>{94, 2}));
  EXPECT_EQ(r.splits[1].image_sizes.at({6, 8}), 2);
  EXPECT_EQ(r.weights_from, "train");
  EXPECT_NEAR(r.median_frequency[1] / r.median_frequency[0], 47, 1e-9);
}

TEST_F(CheckDataset, FindsPairsMissingEitherSide) {
  std::filesystem::remove(folder_ / "masks/b.png");
  expect_mentions(only("image-without-labels"), "images/b.png", "");
  write_pair("b", 1);
  std::filesystem::remove(folder_ / "train.txt");
  std::filesystem::remove(folder_ / "val.txt");
  std::filesystem::remove(folder_ / "images/c.png");
  expect_mentions(only("labels-without-image"), "masks/c.png", "");
}

TEST_F(CheckDataset, FindsUnreadableFiles) {
  const std::string bytes = read_file(folder_ / "images/a.png");
  write_file_atomically(folder_ / "images/a.png", bytes.substr(0, bytes.size() / 2));
  EXPECT_EQ(only("unreadable-image").severity, Severity::error);
  write_file_atomically(folder_ / "images/a.png", bytes);
  write_file_atomically(folder_ / "masks/c.png", "not a picture");
  const DatasetReport r = report();
  EXPECT_EQ(r.errors(), 1) << to_text(r);
  EXPECT_EQ(r.findings.front().kind, "unreadable-labels");
}

TEST_F(CheckDataset, FindsSizeMismatches) {
  Image narrow(6, 7);
  narrow.pixels[0] = 1;
  write_png(folder_ / "images/b.png", narrow);
  expect_mentions(only("size-mismatch"), "masks/b.png", "labels of 8x6, image of 7x6");
}

TEST_F(CheckDataset, FindsLabelsOutOfRangeByFileAndPixel) {
  write_pair("b", 2);
  const FindingGroup group = only("label-out-of-range");
  expect_mentions(group, "masks/b.png", "label 2 at (5,3)");
  expect_mentions(group, "masks/b.png", "2 (1 pixels)");
  EXPECT_TRUE(report({.label_map = {{0, 0}, {1, 1}, {2, 255}}}).findings.empty())
      << "a label map declares it";
}

TEST_F(CheckDataset, FindsColourMasksWithOtherColours) {
  Image colors(6, 8);
  colors.at(3, 5)[0] = 254;
  write_png(folder_ / "masks/b.png", colors);
  expect_mentions(only("undeclared-colour"), "masks/b.png", "(5,3)");
}

TEST_F(CheckDataset, FindsMasksOf0And255UnlessTheyAreMapped) {
  for (const char* name : {"a", "b", "c", "d"})
    write_pair(name, 255);
  const DatasetReport r = report();
  ASSERT_EQ(r.errors(), 2) << to_text(r);  // one per split
  EXPECT_EQ(r.findings[0].kind, "masks-of-0-and-255");
  const DatasetReport mapped = report({.label_map = {{0, 0}, {255, 1}}});
  EXPECT_TRUE(mapped.findings.empty()) << to_text(mapped);
}

TEST_F(CheckDataset, FindsClassesAbsentFromASplit) {
  write_pair("c", 0);
  write_pair("d", 0);
  const FindingGroup group = only("class-absent");
  EXPECT_EQ(group.severity, Severity::warning);
  expect_mentions(group, "", "split val: class 1 (thing)");
}

TEST_F(CheckDataset, FindsSplitsWithoutPictures) {
  write_file_atomically(folder_ / "train.txt", "");
  const FindingGroup group = only("broken-split");
  EXPECT_EQ(group.count, 1);
  expect_mentions(group, "", "split train has no picture");
  const DatasetReport other = report();
  EXPECT_EQ(other.weights_from, "train+val");  // not from nothing
  EXPECT_NE(to_text(other).find("1 error, 0 warnings\n"), std::string::npos) << to_text(other);
}

TEST_F(CheckDataset, ShowsNoTablesWhereNothingCouldBeRead) {
  std::filesystem::remove(folder_ / "classes.txt");
  const std::string text = to_text(report());
  EXPECT_NE(text.find("classes.txt"), std::string::npos) << text;
  EXPECT_EQ(text.find("Share"), std::string::npos) << text;
  EXPECT_EQ(text.find("class_weight_values"), std::string::npos) << text;
}

TEST_F(CheckDataset, FindsTheSamePictureInTwoSplitsUnderAnotherName) {
  std::filesystem::copy_file(folder_ / "images/a.png", folder_ / "images/d.png",
                             std::filesystem::copy_options::overwrite_existing);
  const FindingGroup group = only("same-image-in-two-splits");
  EXPECT_EQ(group.severity, Severity::error);
  expect_mentions(group, "images/d.png", "images/a.png of split train");
}

TEST_F(CheckDataset, ReportsChannelsAndBitDepth) {
  Image grey(6, 8, 1);
  grey.pixels[0] = 3;
  write_png(folder_ / "images/a.png", grey);
  EXPECT_EQ(only("grey-image").severity, Severity::note);
  EXPECT_EQ(report().splits[0].image_formats.count("png, 1 channel, 8 bits"), 1u) << to_text(report());
}

TEST_F(CheckDataset, ShowsFiveOfAKindAndCountsAll) {
  std::string list;
  for (int i = 0; i < 9; ++i) {
    write_pair(cat("extra_", i), 7);
    list += cat("extra_", i, "\n");
  }
  write_file_atomically(folder_ / "train.txt", "a\n" + list);
  const FindingGroup group = only("label-out-of-range");
  EXPECT_EQ(group.count, 9);
  ASSERT_EQ(group.first.size(), 5u);
  EXPECT_NE(group.first[0].file.find("extra_0"), std::string::npos)
      << "in the list's order, whatever the threads";
  EXPECT_NE(to_text(report()).find("... and 4 more"), std::string::npos);
}

TEST_F(CheckDataset, ThreadsChangeNothing) {
  write_pair("a", 9);
  write_pair("c", 8);
  const std::string one = to_json(report({.threads = 1}));
  EXPECT_EQ(one, to_json(report({.threads = 4})));
}

TEST_F(CheckDataset, JsonSaysWhatTheReportSays) {
  write_pair("b", 2);
  const auto json = nlohmann::json::parse(to_json(report()));
  EXPECT_EQ(json.at("errors"), 1);
  EXPECT_EQ(json.at("findings").at(0).at("kind"), "label-out-of-range");
  EXPECT_EQ(json.at("splits").at(0).at("name"), "train");
  EXPECT_EQ(json.at("splits").at(1).at("classes").at(1).at("pixels"), 2);
  EXPECT_EQ(json.at("class_weights").at("median_frequency").size(), 2u);
}

TEST_F(CheckDataset, CanBeStopped) {
  int64_t calls = 0;
  const CheckOptions options{.threads = 2, .progress = [&](int64_t done, int64_t all) {
                               EXPECT_EQ(all, 4);
                               ++calls;
                               return done < 2;
                             }};
  try {
    report(options);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::cancelled);
  }
  EXPECT_EQ(calls, 2);
}

TEST_F(CheckDataset, DamagedFilesOfAnyKindAreFindingsNotCrashes) {
  const std::filesystem::path paths[] = {folder_ / "images/a.png", folder_ / "masks/a.png"};
  const std::string healthy[] = {read_file(paths[0]), read_file(paths[1])};
  const auto put = [](const std::filesystem::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
  };
  int64_t noticed = 0;
  for (int trial = 0; trial < 200; ++trial) {
    const int which = trial % 2;
    std::string bytes = healthy[which];
    if (trial % 3 == 0)
      bytes.resize(static_cast<size_t>(random_.integer(0, static_cast<int64_t>(bytes.size()) - 1)));
    else
      bytes[static_cast<size_t>(random_.integer(0, static_cast<int64_t>(bytes.size()) - 1))] ^= 0x10;
    put(paths[which], bytes);
    noticed += report({.threads = 1}).errors() > 0;
    put(paths[which], healthy[which]);
  }
  EXPECT_GT(noticed, 180) << "PNG guards its chunks with checksums";
}

TEST(CheckDatasetOpen, RefusesWhatIsNoDataSet) {
  EXPECT_THROW(check_dataset("folder:/no/such"), Error);
  EXPECT_THROW(check_dataset("camvid:/no/such"), Error);
  EXPECT_THROW(check_dataset("nothing:/no/such"), Error);
}

}  // namespace
}  // namespace vitrail
