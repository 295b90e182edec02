// Networks of more than three channels as a user meets them: trained on files that make one picture together,
// measured, and run on files again. What is to be found shows in the fourth channel alone.

#include <filesystem>

#include <gmock/gmock.h>

#include "fixture.h"
#include "vitrail/base/file.h"
#include "vitrail/base/random.h"
#include "vitrail/base/text.h"
#include "vitrail/image/image_file.h"
#include "vitrail/image/label_png.h"

namespace vitrail::testing {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class ChannelsTest : public CliTest {
 protected:
  static constexpr int64_t height = 40, width = 48;

  /// A folder data set of noise in colour and a depth with one far rectangle, which is the second class.
  std::string stacked_dataset() const {
    const std::filesystem::path root = path("stacked");
    for (const char* folder : {"images", "depth", "masks"})
      std::filesystem::create_directories(root / folder);
    write_file_atomically(root / "classes.txt", "0 near\n1 far\n");
    write_file_atomically(root / "channels.txt", "images\ndepth 1\n");
    Random random(3);
    for (int i = 0; i < 8; ++i) {
      Image color(height, width), depth(height, width, 1);
      LabelMap labels(height, width);
      for (uint8_t& value : color.pixels)
        value = static_cast<uint8_t>(random.integer(0, 255));
      const int64_t top = random.integer(0, 16), left = random.integer(0, 20);
      for (int64_t y = 0; y < height; ++y)
        for (int64_t x = 0; x < width; ++x) {
          const bool far = y >= top && y < top + 22 && x >= left && x < left + 26;
          labels.at(y, x) = far ? 1 : 0;
          *depth.at(y, x) = static_cast<uint8_t>((far ? 170 : 60) + random.integer(-30, 30));
        }
      const std::string name = cat(i, ".png");
      write_png(root / "images" / name, color);
      write_png(root / "depth" / name, depth);
      write_label_map(root / "masks" / name, labels);
    }
    write_file_atomically(root / "train.txt", "0\n1\n2\n3\n4\n5\n");
    write_file_atomically(root / "test.txt", "6\n7\n");
    return root.string();
  }

  /// A fresh model of four channels, for what is refused.
  std::string model_of_four() const {
    const Result result = vitrail({"export", "unet", "--classes", "near,far", "--set", "base=2", "--set",
                                   "in_channels=4", "--out", path("four.onnx")});
    EXPECT_EQ(result.status, 0) << result.err;
    return path("four.onnx");
  }

  /// Share of the pixels of `folder`/6.png and 7.png that are as in the masks.
  double right_share(const std::string& data, const std::string& folder) const {
    int64_t right = 0, all = 0;
    for (const char* name : {"6.png", "7.png"}) {
      const LabelMap found = read_label_map(std::filesystem::path(folder) / name),
                     truth = read_label_map(std::filesystem::path(data) / "masks" / name);
      for (size_t i = 0; i < truth.labels.size(); ++i, ++all)
        right += found.labels.at(i) == truth.labels[i];
    }
    return static_cast<double>(right) / static_cast<double>(all);
  }
};

#ifdef VITRAIL_TRAIN
TEST_F(ChannelsTest, WhatOnlyTheFourthChannelShowsIsLearntAndFound) {
  const std::string data = stacked_dataset(), out = path("run"), model = out + "/model.onnx";
  write_file_atomically(path("recipe.toml"), R"(
[net]
name = "unet"
set = { base = 4, in_channels = 4 }
[data]
dataset = "folder"
val_split = "test"
[augment]
flip = 0.5
crop_height = 48
crop_width = 48
brightness = 0.3
blur = 0.2
[optimizer]
name = "adamw"
rate = 0.02
[train]
steps = 60
batch = 4
seed = 1
threads = 1
)");
  const Result trained = vitrail({"train", path("recipe.toml"), "--data", "folder:" + data, "--out", out});
  ASSERT_EQ(trained.status, 0) << trained.err;

  const json measured =
      json_of(vitrail({"evaluate", model, "--dataset", "folder:" + data, "--split", "test", "--json"}));
  EXPECT_GT(measured["mean_iou"].get<double>(), 0.9);

  // Two files, then two folders.
  const Result one = vitrail({"segment", model, data + "/images/6.png", "--with-image", data + "/depth/6.png",
                              "--out", path("one")});
  ASSERT_EQ(one.status, 0) << one.err;
  EXPECT_TRUE(std::filesystem::exists(path("one/6-overlay.jpg")));
  const Result all =
      vitrail({"segment", model, data + "/images", "--with-image", data + "/depth", "--out", path("all")});
  ASSERT_EQ(all.status, 0) << all.err;
  EXPECT_EQ(read_label_map(path("all/6.png")).labels, read_label_map(path("one/6.png")).labels);
  EXPECT_GT(right_share(data, path("all")), 0.95);

  // The colours say nothing: exchanged, they change next to nothing.
  const Result other = vitrail({"segment", model, data + "/images/7.png", "--with-image",
                                data + "/depth/6.png", "--out", path("other")});
  ASSERT_EQ(other.status, 0) << other.err;
  const std::vector<uint16_t> a = read_label_map(path("other/7.png")).labels,
                              b = read_label_map(path("one/6.png")).labels;
  int64_t same = 0;
  for (size_t i = 0; i < a.size(); ++i)
    same += a[i] == b[i];
  EXPECT_GT(same, height * width * 95 / 100);
}

TEST_F(ChannelsTest, ANetworkOfOtherChannelsIsRefusedBeforeTraining) {
  write_file_atomically(path("three.toml"),
                        "[net]\nname = \"unet\"\nset = { base = 2 }\n"
                        "[data]\ndataset = \"folder\"\nval_split = \"\"\n");
  expect_refused(
      vitrail({"train", path("three.toml"), "--data", "folder:" + stacked_dataset(), "--out", path("run")}),
      1, {"0.png", "a picture of 4 channels", "the network reads 3", "in_channels"});
}
#endif

TEST_F(ChannelsTest, FilesThatDoNotFitAreRefusedWithWhatToDo) {
  const std::string model = model_of_four(), data = stacked_dataset(), out = path("out");
  const std::string image = data + "/images/0.png", depth = data + "/depth/0.png";
  EXPECT_EQ(vitrail({"segment", model, image, "--with-image", depth, "--out", out}).status, 0);
  expect_refused(vitrail({"segment", model, image, "--out", out}), 1,
                 {"a picture of 3 channels", "the network reads 4", "--with-image"});
  expect_refused(vitrail({"segment", model, image, "--with-image", image, "--out", out}), 1,
                 {"0.png 3, 0.png 3; 6 together", "the network reads 4"});
  expect_refused(vitrail({"segment", model, data + "/images", "--with-image", depth, "--out", out}), 2,
                 {"--with-image", "8 images", "a folder"});
  std::filesystem::remove(data + "/depth/5.png");
  expect_refused(vitrail({"segment", model, data + "/images", "--with-image", data + "/depth", "--out", out}),
                 1, {"no picture named 5"});
  expect_refused(vitrail({"segment", model, picture("b.png", 32, 32), "--with-image", depth, "--out", out}),
                 1, {"0.png", "48x40", "32x32"});
  expect_refused(vitrail({"segment", this->model(), image, "--with-image", depth, "--out", out}), 1,
                 {"the network reads 3", "Leave files out"});
  expect_refused(vitrail({"segment", model, image, "--with-image", depth, "--out", data + "/depth"}), 2,
                 {"would overwrite"});
}

TEST_F(ChannelsTest, EveryCommandTakesANetworkOfMoreChannels) {
  const std::string model = model_of_four();
  EXPECT_EQ(vitrail({"inspect", model}).status, 0);
  EXPECT_EQ(vitrail({"inspect", "fcn32s-vgg16-rgb-hha", "--set", "width=0.0625"}).status, 0);
  const Result bench = vitrail({"bench", model, "--rounds", "2"});
  EXPECT_EQ(bench.status, 0) << bench.err;
  const Result small = vitrail({"export", model, "--input", "64x64", "--out", path("fixed.onnx")});
  EXPECT_EQ(small.status, 0) << small.err;
  const std::string data = stacked_dataset();
  const Result fixed = vitrail({"segment", path("fixed.onnx"), data + "/images/0.png", "--with-image",
                                data + "/depth/0.png", "--out", path("fixed")});
  EXPECT_EQ(fixed.status, 0) << fixed.err;
  const Result checked = vitrail({"check-dataset", "folder:" + data});
  EXPECT_EQ(checked.status, 0) << checked.out;
  EXPECT_THAT(checked.out, HasSubstr("png, 3 channels, 8 bits + png, 1 channel, 8 bits"));
}

}  // namespace
}  // namespace vitrail::testing
