// Pictures of more than three channels on their way to a batch: files that make one picture together, what
// augmentation does to them, and what the checker says.

#include "vitrail/image/channels.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <message_of.h>

#include "noise_image.h"
#include "temporary_folder.h"
#include "tiff_file.h"
#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"
#include "vitrail/data/augment.h"
#include "vitrail/data/check.h"
#include "vitrail/data/color_jitter.h"
#include "vitrail/data/folder.h"
#include "vitrail/data/loader.h"
#include "vitrail/image/image_file.h"
#include "vitrail/image/label_png.h"

namespace vitrail {
namespace {

using testing::HasSubstr;

/// A folder data set of three pictures in colour, each with a grey depth.
class Stacked : public testing::Test {
 protected:
  void SetUp() override {
    write_file_atomically(folder_ / "classes.txt", "0 near\n1 far\n");
    write_file_atomically(folder_ / "channels.txt", "images   # colour\ndepth 1\n");
    for (uint64_t i = 0; i < 3; ++i) {
      colors_.push_back(noise_image(12, 16, 3, i));
      depths_.push_back(noise_image(12, 16, 1, 10 + i));
      write_png(folder_ / cat("images/", i, ".png"), colors_[i]);
      write_png(folder_ / cat("depth/", i, ".png"), depths_[i]);
      LabelMap labels(12, 16);
      labels.at(3, static_cast<int64_t>(i)) = 1;
      write_label_map(folder_ / cat("masks/", i, ".png"), labels);
    }
  }
  std::string spec() const { return "folder:" + folder_.path().string(); }
  /// The findings of this kind.
  FindingGroup found(const std::string& kind) const {
    const DatasetReport report = check_dataset(spec());
    for (const FindingGroup& group : report.findings)
      if (group.kind == kind) return group;
    ADD_FAILURE() << kind << " is not in\n" << to_text(report);
    return {};
  }

  TemporaryFolder folder_;
  std::vector<Image> colors_, depths_;
};

TEST_F(Stacked, FoldersMakeOnePicture) {
  const auto data = open_dataset(spec(), "all");
  ASSERT_EQ(data->size(), 3);
  for (int64_t i = 0; i < 3; ++i) {
    const auto at = static_cast<size_t>(i);
    EXPECT_EQ(data->load(i).image.pixels, stacked({colors_[at], depths_[at]}).pixels);
  }
  const DatasetReport report = check_dataset(spec());
  EXPECT_EQ(report.errors(), 0) << to_text(report);
  EXPECT_EQ(report.splits[0].image_formats.begin()->first,
            "png, 3 channels, 8 bits + png, 1 channel, 8 bits");
}

TEST_F(Stacked, TheCheckerTellsEveryChannelsMeanAndDeviation) {
  const std::vector<ChannelSum> channels = check_dataset(spec()).splits.at(0).channels;
  ASSERT_EQ(channels.size(), 4u);
  for (size_t c = 0; c < 4; ++c) {
    double mean = 0, square = 0;
    for (size_t i = 0; i < 3; ++i)
      for (size_t at = 0; at < 12 * 16; ++at) {
        const double value = c < 3 ? colors_[i].pixels[3 * at + c] : depths_[i].pixels[at];
        mean += value / (3 * 12 * 16);
        square += value * value / (3 * 12 * 16);
      }
    EXPECT_NEAR(channels[c].mean(), mean, 1e-9);
    EXPECT_NEAR(channels[c].deviation(), std::sqrt(square - mean * mean), 1e-9);
  }
  EXPECT_THAT(to_text(check_dataset(spec())), HasSubstr("  channels: mean ["));
}

TEST_F(Stacked, ColoursMayBeAskedForAsGrey) {
  write_file_atomically(folder_ / "channels.txt", "images 1\ndepth\n");
  const Image image = open_dataset(spec(), "all")->load(1).image;
  EXPECT_EQ(image.pixels, stacked({grey_view(colors_[1]), depths_[1]}).pixels);
}

TEST_F(Stacked, ATiffsInfraredIsKeptWhereItIsAskedFor) {
  const Image four = noise_image(12, 16, 4, 5);
  for (uint64_t i = 0; i < 3; ++i) {
    std::filesystem::remove(folder_ / cat("images/", i, ".png"));
    write_tiff(folder_ / cat("images/", i, ".tif"), four,
               {.photometric = PHOTOMETRIC_RGB, .extra = {EXTRASAMPLE_UNSPECIFIED}});
  }
  std::filesystem::remove(folder_ / "channels.txt");
  EXPECT_EQ(open_dataset(spec(), "all")->load(0).image.channels, 3);
  EXPECT_EQ(found("fourth-channel").count, 3);
  write_file_atomically(folder_ / "channels.txt", "images 4\n");
  EXPECT_EQ(open_dataset(spec(), "all")->load(0).image.pixels, four.pixels);
  for (const FindingGroup& group : check_dataset(spec()).findings)
    EXPECT_NE(group.kind, "fourth-channel");
}

TEST_F(Stacked, AMissingFileIsAnErrorAndIsListed) {
  std::filesystem::remove(folder_ / "depth/1.png");
  EXPECT_THAT(message_of([&] { open_dataset(spec(), "all"); }),
              HasSubstr("1 pictures lack a file of further channels"));
  EXPECT_THAT(found("channels-missing").first.at(0).file, HasSubstr("depth/1.*"));
  write_file_atomically(folder_ / "train.txt", "0\n2\n");
  EXPECT_EQ(open_dataset(spec(), "train")->size(), 2) << "a list may leave it out";
}

TEST_F(Stacked, AnotherSizeIsAnErrorAndIsFound) {
  write_png(folder_ / "depth/1.png", Image(12, 15, 1));
  EXPECT_THAT(message_of([&] { open_dataset(spec(), "all")->load(1); }),
              HasSubstr("depth/1.png: a picture of 15x12"));
  EXPECT_THAT(found("channel-size-mismatch").first.at(0).detail, HasSubstr("15x12, the first file 16x12"));
}

TEST_F(Stacked, AnotherNumberOfChannelsIsAnErrorAndIsFound) {
  write_png(folder_ / "depth/1.png", Image(12, 16));
  EXPECT_THAT(message_of([&] { open_dataset(spec(), "all")->load(1); }),
              HasSubstr("depth/1.png: a picture of 3 channels; 1 are wanted"));
  EXPECT_THAT(found("unreadable-image").first.at(0).file, HasSubstr("depth/1.png"));
  write_file_atomically(folder_ / "channels.txt", "images\ndepth\n");
  const FindingGroup group = found("channel-count");
  EXPECT_EQ(group.count, 1);
  EXPECT_THAT(group.first.at(0).detail, HasSubstr("6 channels; most have 4"));
}

TEST_F(Stacked, ABadTableOfFoldersIsRefusedByLine) {
  for (const std::string bad :
       {"images\nimages\n", "images 0\n", "images 65\n", "images x\n", "images 3 3\n"}) {
    write_file_atomically(folder_ / "channels.txt", bad);
    EXPECT_THAT(message_of([&] { open_dataset(spec(), "all"); }), HasSubstr("channels.txt:")) << bad;
  }
  write_file_atomically(folder_ / "channels.txt", "# nothing\n");
  EXPECT_THAT(message_of([&] { open_dataset(spec(), "all"); }), HasSubstr("no folder"));
  write_file_atomically(folder_ / "channels.txt", "images\nheat\n");
  EXPECT_THAT(message_of([&] { open_dataset(spec(), "all"); }), HasSubstr("there is no such folder"));
}

TEST_F(Stacked, TheLoaderPreparesAllChannelsAndNamesWhatDoesNotFit) {
  const auto data = open_dataset(spec(), "all");
  const Preprocessing four{.mean = {10, 20, 30, 40}, .std = {1, 1, 1, 2}};
  Loader loader(*data, {}, four, {.batch = 1, .threads = 1});
  const Batch batch = loader.next();
  ASSERT_EQ(batch.images.shape(), (Shape{1, 4, 12, 16}));
  const size_t index = static_cast<size_t>(std::stoi(batch.names[0]));
  for (size_t i = 0; i < 12 * 16; ++i)
    ASSERT_NEAR(batch.images.data<float>()[3 * 12 * 16 + i], (depths_[index].pixels[i] - 40) / 2.0, 1e-4);
  Loader wrong(*data, {}, {}, {.batch = 1, .threads = 1});
  EXPECT_THAT(message_of([&] { wrong.next(); }), HasSubstr("a picture of 4 channels; the network reads 3"));
}

/// Five channels: colours, and two that a view must move with them, being the same as the first and second.
Sample followed(int64_t height, int64_t width) {
  const Image color = noise_image(height, width, 3, 3);
  Image rest(height, width, 2);
  for (size_t i = 0; i < color.pixels.size() / 3; ++i) {
    rest.pixels[2 * i] = color.pixels[3 * i];
    rest.pixels[2 * i + 1] = color.pixels[3 * i + 1];
  }
  return {stacked({color, rest}), LabelMap(height, width), "five"};
}

TEST(StackedAugmentation, GeometryMovesAllChannelsTogether) {
  const AugmentOptions options{.scale_min = 0.5,
                               .scale_max = 2,
                               .rotate_degrees = 20,
                               .crop_height = 40,
                               .crop_width = 50,
                               .elastic_sigma = 2,
                               .flip = 0.5,
                               .fill = {7, 8, 9, 7, 8}};
  check(options);
  Random random(1);
  for (int trial = 0; trial < 12; ++trial) {
    const Image seen = augment(followed(45, 38), options, random).image;
    ASSERT_EQ(seen.channels, 5);
    for (size_t i = 0; i < seen.pixels.size(); i += 5) {
      ASSERT_EQ(seen.pixels[i], seen.pixels[i + 3]);
      ASSERT_EQ(seen.pixels[i + 1], seen.pixels[i + 4]);
    }
  }
}

TEST(StackedAugmentation, AViewIsThatOfTheColoursAlone) {
  const Sample five = followed(33, 41);
  for (const double degrees : {0.0, 15.0}) {
    const View view{.scaled_height = 50,
                    .scaled_width = 30,
                    .degrees = degrees,
                    .top = 5,
                    .left = -3,
                    .height = 40,
                    .width = 44};
    const Image all = view_image(five.image, view, {1, 2, 3, 1, 2});
    EXPECT_EQ(color_view(all).pixels, view_image(color_view(five.image), view, {1, 2, 3}).pixels);
  }
}

TEST(StackedAugmentation, ColourAndBlurChangeTheFirstThreeAlone) {
  const Image before = followed(20, 30).image;
  Image after = before, colors = color_view(before);
  const ColorChange change{.brightness = 0.8, .contrast = 1.2, .saturation = 0.7, .hue_degrees = 20};
  change_colors(after, change);
  blur(after, 1.3);
  change_colors(colors, change);
  blur(colors, 1.3);
  EXPECT_EQ(color_view(after).pixels, colors.pixels) << "as of a picture of colours";
  for (size_t i = 0; i < before.pixels.size(); i += 5) {
    ASSERT_EQ(after.pixels[i + 3], before.pixels[i + 3]);
    ASSERT_EQ(after.pixels[i + 4], before.pixels[i + 4]);
  }
  Image two = noise_image(9, 9, 2, 1);
  const Image was = two;
  blur(two, 1);
  EXPECT_NE(grey_view(two).pixels, grey_view(was).pixels);
  for (size_t i = 1; i < two.pixels.size(); i += 2)
    ASSERT_EQ(two.pixels[i], was.pixels[i]);
}

TEST(StackedAugmentation, AFillOfTooFewValuesIsRefused) {
  Random random(1);
  const AugmentOptions options{.crop_height = 60, .crop_width = 60, .fill = {1, 2, 3}};
  EXPECT_THAT(message_of([&] { augment(followed(20, 20), options, random); }),
              HasSubstr("fill of 3 values for pictures of 5 channels"));
  EXPECT_EQ(fill_color({.fill = {9}}, 5), Fill(5, 9));
  EXPECT_EQ(fill_color({}, 2), Fill(2, 0));
}

}  // namespace
}  // namespace vitrail
