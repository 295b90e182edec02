#include "vitrail/image/channels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <message_of.h>

#include "noise_image.h"
#include "temporary_folder.h"
#include "tiff_file.h"
#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"
#include "vitrail/image/image_file.h"
#include "vitrail/image/preprocess.h"
#include "vitrail/image/resize.h"
#include "vitrail/image/resized_input.h"

namespace vitrail {
namespace {

using testing::HasSubstr;

TEST(Channels, AStackHasThePartsChannelsInTheirOrder) {
  const Image color = noise_image(7, 5, 3, 1), depth = noise_image(7, 5, 1, 2), two = noise_image(7, 5, 2, 3);
  const Image all = stacked({color, depth, two});
  EXPECT_EQ(*channel_of(all, 4).at(3, 2), two.at(3, 2)[0]);
  ASSERT_EQ(all.channels, 6);
  for (int64_t c = 0; c < 3; ++c)
    EXPECT_EQ(channel_of(all, c).pixels, channel_of(color, c).pixels);
  EXPECT_EQ(channel_of(all, 3).pixels, depth.pixels);
  EXPECT_EQ(channel_of(all, 5).pixels, channel_of(two, 1).pixels);
  EXPECT_EQ(stacked({color}).pixels, color.pixels);
  EXPECT_EQ(color_view(all).pixels, color.pixels);
  EXPECT_EQ(color_view(two).at(3, 2)[2], two.at(3, 2)[0]) << "grey and something else";
}

TEST(Channels, PartsThatDoNotFitAreRefusedByName) {
  const std::string text = message_of([] { stacked({Image(4, 6), Image(4, 5, 1)}, {"a.png", "depth.png"}); });
  EXPECT_THAT(text, HasSubstr("depth.png: a picture of 5x4; a.png has 6x4"));
  EXPECT_THROW(stacked({}), Error);
  EXPECT_THROW(stacked({Image(2, 2, 60), Image(2, 2, 5)}), Error);
}

// Strips and tiles, together and plane by plane, 8 and 16 bits, packed and not.
TEST(Channels, ATiffsBandsAreReadHoweverTheyLie) {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder / "bands.tif";
  int files = 0;
  for (const int64_t samples : {2, 4, 5, 13})
    for (const int bits : {8, 16})
      for (const bool separate : {false, true})
        for (const bool tiled : {false, true})
          for (const uint16_t compression : {COMPRESSION_NONE, COMPRESSION_LZW}) {
            const Image bands = noise_image(23, 37, samples, static_cast<uint64_t>(++files));
            write_tiff(path, bands,
                       {.bits = bits, .separate = separate, .tiled = tiled, .compression = compression});
            const Image read = read_all_channels(path);
            SCOPED_TRACE(cat(samples, " samples, ", bits, " bits, separate ", separate, ", tiled ", tiled));
            ASSERT_EQ(read.channels, samples);
            EXPECT_EQ(read.pixels, bands.pixels);
            EXPECT_EQ(image_info(path).all_channels, samples);
            if (samples > 4) {
              EXPECT_EQ(read_image(path).pixels, bands.pixels) << "more than colour and transparency";
            }
          }
  EXPECT_EQ(files, 64);
}

TEST(Channels, TransparencyIsNoChannelAndInfraredIsOne) {
  const TemporaryFolder folder;
  const Image four = noise_image(9, 11, 4, 1);
  Image opaque = four;
  for (size_t i = 3; i < opaque.pixels.size(); i += 4)
    opaque.pixels[i] = 255;
  write_tiff(folder / "alpha.tif", opaque,
             {.photometric = PHOTOMETRIC_RGB, .extra = {EXTRASAMPLE_UNASSALPHA}});
  EXPECT_EQ(read_all_channels(folder / "alpha.tif").pixels, color_view(opaque).pixels);
  write_tiff(folder / "infrared.tif", four,
             {.photometric = PHOTOMETRIC_RGB, .extra = {EXTRASAMPLE_UNSPECIFIED}});
  EXPECT_EQ(read_all_channels(folder / "infrared.tif").pixels, four.pixels);
  EXPECT_EQ(read_image(folder / "infrared.tif").channels, 3) << "as before";
  EXPECT_EQ(read_image_channels(folder / "infrared.tif", 4).pixels, four.pixels);
  EXPECT_THROW(read_image_channels(folder / "infrared.tif", 5), Error);
}

TEST(Channels, GreyFilesHaveOneAndOthersThree) {
  const TemporaryFolder folder;
  const Image grey = noise_image(6, 8, 1, 1), color = noise_image(6, 8, 3, 2);
  write_png(folder / "grey.png", grey);
  write_png(folder / "color.png", color);
  EXPECT_EQ(read_all_channels(folder / "grey.png").pixels, grey.pixels);
  EXPECT_EQ(read_all_channels(folder / "color.png").pixels, color.pixels);
  EXPECT_EQ(read_image_channels(folder / "grey.png", 3).pixels, color_view(grey).pixels);
  const Image luma = read_image_channels(folder / "color.png", 1);
  for (size_t i = 0; i < luma.pixels.size(); ++i) {
    const uint8_t* rgb = color.pixels.data() + 3 * i;
    ASSERT_NEAR(luma.pixels[i], 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2], 0.501);
  }
}

TEST(Channels, FloatsAndTooManyBandsAreRefused) {
  const TemporaryFolder folder;
  write_tiff(folder / "signed.tif", noise_image(5, 5, 5, 1), {.format = SAMPLEFORMAT_INT});
  EXPECT_THAT(message_of([&] { read_image(folder / "signed.tif"); }), HasSubstr("signed"));
  write_tiff(folder / "many.tif", noise_image(5, 5, 65, 1));
  EXPECT_THAT(message_of([&] { read_image(folder / "many.tif"); }), HasSubstr("65 channels"));
  write_tiff(folder / "large.tif", noise_image(20, 20, 12, 1));
  EXPECT_THROW(read_image(folder / "large.tif", 1000), Error)
      << "4800 values are more than 1000 pixels of colour";
  EXPECT_EQ(read_image(folder / "large.tif", 1600).channels, 12);
}

TEST(Channels, DamagedBandsAreRefusedOrWhole) {
  const TemporaryFolder folder;
  int refused = 0, read = 0;
  for (const bool tiled : {false, true}) {
    write_tiff(folder / "sound.tif", noise_image(17, 19, 6, 1),
               {.tiled = tiled, .compression = COMPRESSION_LZW});
    const std::string sound = read_file(folder / "sound.tif");
    Random random(5);
    for (int trial = 0; trial < 300; ++trial) {
      std::string bytes = sound;
      for (int64_t i = random.integer(1, 6); i > 0; --i)
        bytes[static_cast<size_t>(random.integer(4, std::ssize(bytes) - 1))] =
            static_cast<char>(random.integer(0, 255));
      if (trial % 5 == 0) bytes.resize(static_cast<size_t>(random.integer(8, std::ssize(bytes) - 1)));
      try {
        const Image image = image_from_bytes(bytes, "damaged", 1 << 20);
        EXPECT_EQ(std::ssize(image.pixels), image.height * image.width * image.channels);
        ++read;
      } catch (const Error&) {
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 50);
  EXPECT_GT(read, 50);
}

TEST(Channels, APictureIsMadeOfItsFilesForTheNetwork) {
  const TemporaryFolder folder;
  const Image color = noise_image(6, 8, 3, 1), depth = noise_image(6, 8, 1, 2);
  write_png(folder / "a.png", color);
  write_png(folder / "depth.png", depth);
  write_png(folder / "small.png", noise_image(5, 8, 1, 3));
  const auto made = [&](std::initializer_list<const char*> names, int64_t channels) {
    std::vector<std::filesystem::path> files;
    for (const char* name : names)
      files.push_back(folder / name);
    return read_picture(files, channels);
  };
  EXPECT_EQ(made({"a.png"}, 3).pixels, color.pixels);
  EXPECT_EQ(made({"depth.png"}, 3).channels, 3) << "grey for a network of colours, as ever";
  EXPECT_EQ(made({"a.png", "depth.png"}, 4).pixels, stacked({color, depth}).pixels);
  EXPECT_EQ(made({"depth.png", "depth.png"}, 2).pixels, stacked({depth, depth}).pixels);
  EXPECT_EQ(made({"depth.png", "depth.png"}, 4).channels, 4)
      << "the first file gives what is left, in colours";
  EXPECT_EQ(made({"a.png", "a.png"}, 6).pixels, stacked({color, color}).pixels);
  EXPECT_THAT(
      message_of([&] { made({"a.png"}, 4); }),
      HasSubstr("a picture of 3 channels; the network reads 4. Name the files of the other channels"));
  EXPECT_THAT(message_of([&] {
                made({"a.png", "a.png"}, 4);
              }),
              HasSubstr("a.png 3, a.png 3; 6 together; the network reads 4. Leave files out"));
  EXPECT_THAT(message_of([&] { made({"a.png", "depth.png"}, 3); }), HasSubstr("the network reads 3"));
  EXPECT_THAT(message_of([&] { made({"a.png", "small.png"}, 4); }), HasSubstr("small.png: a picture of 8x5"));
}

TEST(Channels, EveryChannelIsNormalisedByItsOwnStatistics) {
  const Image image = noise_image(9, 14, 6, 1);
  for (const ChannelOrder order : {ChannelOrder::rgb, ChannelOrder::bgr}) {
    const Preprocessing p{
        .order = order, .mean = {1, 20, 30, 40, 50, 60}, .std = {1, 2, 4, 8, 16, 32}, .multiple = 4};
    const Tensor input = preprocess(image, p);
    ASSERT_EQ(input.shape(), (Shape{1, 6, 12, 16}));
    for (int64_t c = 0; c < 6; ++c) {
      const int64_t source = order == ChannelOrder::bgr && c < 3 ? 2 - c : c;
      const auto i = static_cast<size_t>(c);
      for (int64_t y = 0; y < 12; ++y)
        for (int64_t x = 0; x < 16; ++x) {
          const bool inside = y < 9 && x < 14;
          const double expected = inside ? (image.at(y, x)[source] - p.mean[i]) / p.std[i] : 0;
          ASSERT_NEAR(input.data<float>()[static_cast<size_t>((c * 12 + y) * 16 + x)], expected, 1e-4);
        }
    }
  }
}

TEST(Channels, ResizingTreatsAllAlike) {
  const Image image = noise_image(31, 45, 7, 1);
  const Preprocessing p{.mean = {0, 0, 0, 0, 0, 0, 0}, .std = {1, 1, 1, 1, 1, 1, 1}};
  const Preprocessing one{.order = ChannelOrder::grey, .mean = {0}, .std = {1}};
  for (const auto& [height, width] : std::vector<std::pair<int64_t, int64_t>>{{12, 20}, {50, 90}, {12, 90}}) {
    const Image resized = resize_image(image, height, width);
    const Tensor fused = resized_input(image, p, height, width);
    ASSERT_EQ(resized.channels, 7);
    for (int64_t c = 0; c < 7; ++c) {
      EXPECT_EQ(channel_of(resized, c).pixels, resize_image(channel_of(image, c), height, width).pixels);
      const Tensor alone = resized_input(channel_of(image, c), one, height, width);
      for (int64_t i = 0; i < height * width; ++i)
        ASSERT_NEAR(fused.data<float>()[static_cast<size_t>(c * height * width + i)],
                    alone.data<float>()[static_cast<size_t>(i)], 1e-3);
    }
  }
}

TEST(Channels, NetworksSayWhatTheyReadAndPicturesWhatTheyHave) {
  const Preprocessing four{.mean = {1, 2, 3, 4}, .std = {1, 1, 1, 1}};
  EXPECT_THAT(message_of([&] { preprocess(Image(4, 4), four); }),
              HasSubstr("a picture of 3 channels; the network reads 4. Give it the files of all channels"));
  EXPECT_THAT(
      message_of([] { preprocess(Image(4, 4, 6), {}); }),
      HasSubstr("a picture of 6 channels; the network reads 3. Take a network that is built for them"));
  EXPECT_THROW(preprocess(Image(4, 4, 2), {.order = ChannelOrder::bgr, .mean = {1, 2}, .std = {1, 1}}),
               Error);
  EXPECT_EQ(preprocess(Image(4, 4, 2), {.mean = {1, 2}, .std = {1, 1}}).size(1), 2) << "grey and another";
  EXPECT_THROW(preprocess(Image(4, 4, 1), {.mean = {1}, .std = {1}}), Error)
      << "one channel is grey, not rgb";
}

}  // namespace
}  // namespace vitrail
