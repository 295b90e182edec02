#include "vitrail/image/plain_codecs.h"

#include <gtest/gtest.h>
#include <opencv2/imgcodecs.hpp>

#include "image_samples.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

std::string little(uint32_t value, int size) {
  std::string text;
  for (int i = 0; i < size; ++i)
    text += static_cast<char>(value >> 8 * i & 255);
  return text;
}

struct BmpKind {
  int bits = 24;
  bool from_top = false;
  bool old = false;  ///< OS/2 header
  std::array<uint32_t, 3> masks{};
};

// A BMP of noise: every bit pattern is a picture.
std::string bmp_file(const BmpKind& kind, int64_t height, int64_t width, Random& random) {
  std::string palette;
  if (kind.bits <= 8)
    for (int i = 0; i < 1 << kind.bits; ++i) {
      palette += little(static_cast<uint32_t>(random.integer(0, 0xFFFFFF)), 3);
      if (!kind.old) palette += '\0';
    }
  std::string masks;
  if (kind.masks[0] != 0)
    for (const uint32_t mask : kind.masks)
      masks += little(mask, 4);
  std::string pixels(static_cast<size_t>((width * kind.bits + 31) / 32 * 4 * height), '\0');
  for (char& byte : pixels)
    byte = static_cast<char>(random.integer(0, 255));
  const auto h = static_cast<uint32_t>(height), w = static_cast<uint32_t>(width),
             bits = static_cast<uint32_t>(kind.bits);
  std::string header = kind.old ? little(12, 4) + little(w, 2) + little(h, 2) + little(1, 2) + little(bits, 2)
                                : little(40, 4) + little(w, 4) + little(kind.from_top ? 0 - h : h, 4) +
                                      little(1, 2) + little(bits, 2) + little(masks.empty() ? 0 : 3, 4) +
                                      std::string(20, '\0');
  header += masks + palette;
  const auto at = static_cast<uint32_t>(14 + header.size());
  return "BM" + little(at + static_cast<uint32_t>(pixels.size()), 4) + little(0, 4) + little(at, 4) + header +
         pixels;
}

TEST(PlainCodecs, BmpOfEveryKindEqualsOpenCv) {
  Random random(1);
  const std::vector<BmpKind> kinds{
      {1}, {4}, {8}, {24}, {32}, {8, true}, {24, true}, {8, false, true}, {24, false, true}};
  for (const BmpKind& kind : kinds) {
    for (int trial = 0; trial < 5; ++trial) {
      const int64_t height = random.integer(1, 20), width = random.integer(1, 20);
      const std::string bytes = bmp_file(kind, height, width, random);
      const Image image = decode_bmp(bytes, "x", 1000);
      const cv::Mat buffer(1, static_cast<int>(bytes.size()), CV_8U, const_cast<char*>(bytes.data()));
      const cv::Mat bgr = cv::imdecode(buffer, cv::IMREAD_COLOR);
      ASSERT_EQ(bgr.rows, height);
      ASSERT_EQ(bgr.cols, width);
      for (int y = 0; y < bgr.rows; ++y)
        for (int x = 0; x < bgr.cols; ++x)
          for (int c = 0; c < 3; ++c)
            ASSERT_EQ(image.at(y, x)[c], bgr.at<cv::Vec3b>(y, x)[2 - c])
                << kind.bits << " bits, " << kind.old;
    }
  }
}

TEST(PlainCodecs, BmpMasksSelectTheirBits) {
  Random random(2);
  const std::string bytes = bmp_file({16, false, false, {0xF800, 0x07E0, 0x001F}}, 1, 50, random);
  const Image image = decode_bmp(bytes, "x", 1000);
  const size_t at = bytes.size() - 100;
  for (size_t x = 0; x < 50; ++x) {
    const int pixel = static_cast<uint8_t>(bytes[at + 2 * x]) | static_cast<uint8_t>(bytes[at + 2 * x + 1])
                                                                    << 8;
    const uint8_t* rgb = image.at(0, static_cast<int64_t>(x));
    EXPECT_NEAR(rgb[0], (pixel >> 11) * 255.0 / 31, 0.51);
    EXPECT_NEAR(rgb[1], (pixel >> 5 & 63) * 255.0 / 63, 0.51);
    EXPECT_NEAR(rgb[2], (pixel & 31) * 255.0 / 31, 0.51);
  }
}

TEST(PlainCodecs, BmpRefusesRunLengthsAndNonsense) {
  Random random(3);
  std::string bytes = bmp_file({8}, 4, 4, random);
  bytes[30] = 1;
  EXPECT_THROW(decode_bmp(bytes, "x", 1000), Error);
  bytes[30] = 0;
  bytes[28] = 7;
  EXPECT_THROW(bmp_info(bytes, "x"), Error);
  bytes[28] = 8;
  bytes[46] = 2;  // a palette of two colours, indices up to 255
  EXPECT_THROW(decode_bmp(bytes, "x", 1000), Error);
}

TEST(PlainCodecs, PnmOfEveryKind) {
  const std::vector<uint8_t> black_white{0, 0, 0, 255, 255, 255, 0, 0, 0};
  EXPECT_EQ(decode_pnm("P1 3 1\n1 0 1\n", "x", 9).pixels, black_white);
  EXPECT_EQ(decode_pnm("P1 # a comment 9\n3 1\n101", "x", 9).pixels, black_white);
  EXPECT_EQ(decode_pnm("P4\n3 1\n\xA0", "x", 9).pixels, black_white);
  const std::vector<uint8_t> grey{0, 0, 0, 51, 51, 51};
  EXPECT_EQ(decode_pnm("P2 2 1 10 0 2", "x", 9).pixels, grey);
  EXPECT_EQ(decode_pnm(std::string("P5 2 1 255\n\0\x33", 13), "x", 9).pixels, grey);
  EXPECT_EQ(decode_pnm(std::string("P5 2 1 65535\n\0\0\x33\x33", 17), "x", 9).pixels, grey);
  EXPECT_EQ(decode_pnm("P3 1 1 255 1 2 3", "x", 9).pixels, (std::vector<uint8_t>{1, 2, 3}));
  EXPECT_EQ(decode_pnm("P6 1 1 255 ###", "x", 9).pixels, (std::vector<uint8_t>{35, 35, 35}));
  EXPECT_EQ(pnm_info("P5 4 3 1000\n", "x").bit_depth, 16);
}

TEST(PlainCodecs, PnmRefusesNonsense) {
  for (const char* text :
       {"P6", "P6 1 1", "P6 1 1 255", "P6 1 1 0 abc", "P6 1 1 70000 abc", "P6 1 1 255 ab", "P2 2 1 9 1",
        "P2 1 1 9 10", "P1 2 1 12", "P6 -1 1 255 abc", "P6 99999999999999999999 1 255 abc"})
    EXPECT_THROW(decode_pnm(text, "x", 1000), Error) << text;
}

}  // namespace
}  // namespace vitrail
