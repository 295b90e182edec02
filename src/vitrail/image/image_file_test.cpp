#include "vitrail/image/image_file.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <map>

#include <gtest/gtest.h>

// jpeglib.h needs FILE from the lines above.
#include <jpeglib.h>
#include <opencv2/imgcodecs.hpp>

#include "image_samples.h"
#include "temporary_folder.h"
#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"
#include "vitrail/image/exif.h"

namespace vitrail {
namespace {

// The oracle: OpenCV's reading of the same bytes, as RGB.
Image opencv_decoded(const std::string& bytes) {
  const cv::Mat buffer(1, static_cast<int>(bytes.size()), CV_8U, const_cast<char*>(bytes.data()));
  const cv::Mat bgr = cv::imdecode(buffer, cv::IMREAD_COLOR);
  Image image(bgr.rows, bgr.cols);
  for (int y = 0; y < bgr.rows; ++y)
    for (int x = 0; x < bgr.cols; ++x)
      for (int c = 0; c < 3; ++c)
        image.at(y, x)[c] = bgr.at<cv::Vec3b>(y, x)[2 - c];
  return image;
}

std::string opencv_encoded(const Image& image, const char* extension, const std::vector<int>& options = {}) {
  cv::Mat bgr(static_cast<int>(image.height), static_cast<int>(image.width), CV_8UC3);
  for (int y = 0; y < bgr.rows; ++y)
    for (int x = 0; x < bgr.cols; ++x)
      for (int c = 0; c < 3; ++c)
        bgr.at<cv::Vec3b>(y, x)[2 - c] = image.at(y, x)[c];
  std::vector<uint8_t> bytes;
  EXPECT_TRUE(cv::imencode(extension, bgr, bytes, options));
  return {bytes.begin(), bytes.end()};
}

int largest_difference(const Image& a, const Image& b) {
  if (a.height != b.height || a.width != b.width || a.channels != b.channels) return 256;
  int largest = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i)
    largest = std::max(largest, std::abs(a.pixels[i] - b.pixels[i]));
  return largest;
}

ErrorKind error_of(const std::string& bytes, int64_t max_pixels = max_image_pixels) {
  try {
    image_from_bytes(bytes, "the.file", max_pixels);
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("the.file"), std::string::npos) << error.what();
    return error.kind();
  }
  ADD_FAILURE() << "no error";
  return ErrorKind::cancelled;
}

// `image` as libjpeg writes it after `adjust` has changed `info`.
std::string jpeg_written(jpeg_compress_struct& info, const Image& image, J_COLOR_SPACE colors,
                         const std::function<void()>& adjust) {
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* out = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &out, &size);
  info.image_height = static_cast<JDIMENSION>(image.height);
  info.image_width = static_cast<JDIMENSION>(image.width);
  info.input_components = static_cast<int>(image.channels);
  info.in_color_space = colors;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, 100, TRUE);
  adjust();
  jpeg_start_compress(&info, TRUE);
  for (int64_t y = 0; y < image.height; ++y) {
    auto* row = const_cast<uint8_t*>(image.at(y, 0));
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  std::string bytes(reinterpret_cast<char*>(out), size);
  std::free(out);
  return bytes;
}

TEST(ImageFile, PngOfEveryKindEqualsOpenCv) {
  Random random(1);
  const std::vector<std::pair<int, std::vector<int>>> kinds{{PNG_COLOR_TYPE_GRAY, {1, 2, 4, 8, 16}},
                                                            {PNG_COLOR_TYPE_PALETTE, {1, 2, 4, 8}},
                                                            {PNG_COLOR_TYPE_GRAY_ALPHA, {8, 16}},
                                                            {PNG_COLOR_TYPE_RGB, {8, 16}},
                                                            {PNG_COLOR_TYPE_RGB_ALPHA, {8, 16}}};
  int files = 0;
  for (const auto& [color_type, depths] : kinds) {
    for (const int depth : depths) {
      for (const bool interlaced : {false, true}) {
        for (const bool transparent : {false, true}) {
          if (transparent && (color_type & PNG_COLOR_MASK_ALPHA) != 0) continue;
          const PngKind kind{depth, color_type, interlaced, transparent};
          const int64_t height = random.integer(1, 40), width = random.integer(1, 40);
          std::vector<uint16_t> values(static_cast<size_t>(height * width * kind.channels()));
          for (uint16_t& value : values)
            value = static_cast<uint16_t>(random.integer(0, (1 << depth) - 1));
          std::vector<Rgb> palette(color_type == PNG_COLOR_TYPE_PALETTE ? size_t{1} << depth : 0);
          for (Rgb& color : palette)
            for (uint8_t& v : color)
              v = static_cast<uint8_t>(random.integer(0, 255));
          const std::string bytes = png_file(kind, height, width, values, palette);
          const std::string what = cat("type ", color_type, " depth ", depth, " interlaced ", interlaced);
          EXPECT_EQ(image_from_bytes(bytes, what).pixels, opencv_decoded(bytes).pixels) << what;
          const ImageInfo info = image_info_from_bytes(bytes, what);
          EXPECT_EQ(info.size, (ImageSize{height, width}));
          EXPECT_EQ(info.bit_depth, depth);
          EXPECT_EQ(info.channels, kind.channels());
          EXPECT_EQ(info.palette, color_type == PNG_COLOR_TYPE_PALETTE);
          ++files;
        }
      }
    }
  }
  EXPECT_EQ(files, 52);
}

TEST(ImageFile, JpegIsWithinTwoLevelsOfOpenCv) {
  Random random(2);
  int files = 0;
  for (const int quality : {35, 75, 98}) {
    for (const bool progressive : {false, true}) {
      const Image image = smooth_image(random.integer(1, 90), random.integer(1, 90));
      const std::string bytes = opencv_encoded(
          image, ".jpg", {cv::IMWRITE_JPEG_QUALITY, quality, cv::IMWRITE_JPEG_PROGRESSIVE, progressive});
      EXPECT_LE(largest_difference(image_from_bytes(bytes, "x"), opencv_decoded(bytes)), 2);
      EXPECT_EQ(image_info_from_bytes(bytes, "x").size, (ImageSize{image.height, image.width}));
      ++files;
    }
  }
  EXPECT_EQ(files, 6);
}

TEST(ImageFile, GreyJpegIsExpanded) {
  Image grey(20, 30, 1);
  for (size_t i = 0; i < grey.pixels.size(); ++i)
    grey.pixels[i] = static_cast<uint8_t>(i % 30 * 8);
  const std::string bytes = encode_jpeg(grey, 100);
  EXPECT_EQ(image_info_from_bytes(bytes, "x").channels, 1);
  const Image image = image_from_bytes(bytes, "x");
  ASSERT_EQ(image.pixels.size(), 3 * grey.pixels.size());
  for (size_t i = 0; i < grey.pixels.size(); ++i) {
    EXPECT_NEAR(image.pixels[3 * i], grey.pixels[i], 3);
    EXPECT_EQ(image.pixels[3 * i], image.pixels[3 * i + 1]);
    EXPECT_EQ(image.pixels[3 * i], image.pixels[3 * i + 2]);
  }
}

TEST(ImageFile, CmykJpegIsConvertedInBothConventions) {
  for (const bool adobe : {true, false}) {
    Image cmyk(16, 16, 4);
    for (int64_t i = 0; i < 256; ++i) {
      uint8_t* inks = cmyk.at(0, i);
      const uint8_t plain[4] = {static_cast<uint8_t>(i), 40, static_cast<uint8_t>(255 - i), 60};
      for (int c = 0; c < 4; ++c)
        inks[c] = adobe ? static_cast<uint8_t>(255 - plain[c]) : plain[c];
    }
    jpeg_compress_struct info{};
    const std::string bytes =
        jpeg_written(info, cmyk, JCS_CMYK, [&] { info.write_Adobe_marker = adobe ? TRUE : FALSE; });
    const Image image = image_from_bytes(bytes, "x");
    for (int64_t i = 0; i < 256; ++i) {
      EXPECT_NEAR(image.at(0, i)[0], (255 - i) * 195 / 255.0, 5) << adobe;
      EXPECT_NEAR(image.at(0, i)[1], 215 * 195 / 255.0, 5);
      EXPECT_NEAR(image.at(0, i)[2], i * 195 / 255.0, 5);
    }
    EXPECT_EQ(image_info_from_bytes(bytes, "x").channels, 4);
  }
}

TEST(ImageFile, OrientationIsAppliedAsOpenCvDoes) {
  const std::string jpeg = encode_jpeg(smooth_image(24, 40), 95);
  const std::string png = encode_png(smooth_image(24, 40));
  for (int orientation = 1; orientation <= 8; ++orientation) {
    for (const bool big_endian : {false, true}) {
      const std::string turned = with_exif(jpeg, orientation, big_endian);
      const Image image = image_from_bytes(turned, "x");
      EXPECT_LE(largest_difference(image, opencv_decoded(turned)), 2) << orientation;
      EXPECT_EQ(image_info_from_bytes(turned, "x").size, (ImageSize{image.height, image.width}));
      EXPECT_EQ(image.height, orientation < 5 ? 24 : 40);
      const size_t end = png.size() - 12;  // before IEND
      const std::string late =
          png.substr(0, end) + png_chunk("eXIf", exif_block(orientation, big_endian)) + png.substr(end);
      EXPECT_EQ(largest_difference(image_from_bytes(late, "x"), opencv_decoded(late)), 0) << orientation;
      EXPECT_EQ(image_info_from_bytes(late, "x").size.height, image.height);
    }
  }
}

TEST(ImageFile, OtherFormatsEqualOpenCv) {
  const Image image = smooth_image(37, 53);
  for (const char* extension : {".bmp", ".ppm", ".tiff", ".webp"}) {
    const std::string bytes = opencv_encoded(image, extension);
    EXPECT_EQ(largest_difference(image_from_bytes(bytes, extension), opencv_decoded(bytes)), 0) << extension;
    const ImageInfo info = image_info_from_bytes(bytes, extension);
    EXPECT_EQ(info.size, (ImageSize{37, 53})) << extension;
    EXPECT_EQ(info.channels, 3) << extension;
    EXPECT_EQ(info.bit_depth, 8) << extension;
  }
}

TEST(ImageFile, TiffIsTurnedUpright) {
  const Image image = smooth_image(12, 20);
  std::string bytes = opencv_encoded(image, ".tiff", {cv::IMWRITE_TIFF_COMPRESSION, 1});
  ASSERT_TRUE(bytes.starts_with("II"));
  // OpenCV writes no orientation; the tag of the compression (259), which 1 is the default of, becomes one
  // (274).
  const size_t tag = bytes.find(std::string("\x03\x01\x03\0\x01\0\0\0\x01\0", 10));
  ASSERT_NE(tag, std::string::npos);
  EXPECT_EQ(image_from_bytes(bytes, "x").pixels, image.pixels);
  bytes[tag] = '\x12';
  bytes[tag + 8] = 6;
  EXPECT_EQ(image_from_bytes(bytes, "x").pixels, oriented(image, 6).pixels);
  EXPECT_EQ(image_info_from_bytes(bytes, "x").size, (ImageSize{20, 12}));
}

TEST(ImageFile, WritesWhatItReads) {
  Random random(3);
  const TemporaryFolder folder;
  const Image photo = noise_image(33, 21, 3, random);
  write_png(folder / "a.png", photo);
  EXPECT_EQ(read_image(folder / "a.png").pixels, photo.pixels);
  EXPECT_EQ(image_size(folder / "a.png"), (ImageSize{33, 21}));
  const Image smooth = smooth_image(64, 48);
  write_jpeg(folder / "a.jpg", smooth, 98);
  EXPECT_LE(largest_difference(read_image(folder / "a.jpg"), smooth), 24) << "chroma is halved";
  EXPECT_EQ(image_size(folder / "a.jpg"), (ImageSize{64, 48}));
  const Image grey = noise_image(5, 7, 1, random);
  const Image expanded = image_from_bytes(encode_png(grey), "x");
  for (size_t i = 0; i < grey.pixels.size(); ++i)
    EXPECT_EQ(expanded.pixels[3 * i + 1], grey.pixels[i]);
}

TEST(ImageFile, RefusesToWriteWhatIsNoPicture) {
  EXPECT_THROW(encode_png(Image()), Error);
  EXPECT_THROW(encode_png(Image(2, 2, 4)), Error);
  Image torn(4, 4);
  torn.pixels.pop_back();
  EXPECT_THROW(encode_jpeg(torn), Error);
  EXPECT_THROW(encode_jpeg(Image(2, 2), 0), Error);
  EXPECT_THROW(encode_jpeg(Image(1, 70000)), Error) << "JPEG ends at 65500";
}

TEST(ImageFile, RefusesWhatIsNoPicture) {
  EXPECT_EQ(error_of(""), ErrorKind::unsupported);
  EXPECT_EQ(error_of("GIF89a and more than sixteen bytes"), ErrorKind::unsupported);
  EXPECT_THROW(read_image("no/such/file.png"), Error);
  EXPECT_THROW(image_size("no/such/file.png"), Error);
}

TEST(ImageFile, SaysWhatElseAFileIs) {
  const auto text_of = [](const std::string& bytes) -> std::string {
    try {
      image_from_bytes(bytes, "photo.jpg");
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  using namespace std::string_literals;
  for (const auto& [bytes, kind] : {std::pair{"GIF89a and more"s, "a GIF;"s},
                                    {"\0\0\0\030ftypheic\0\0\0\0"s, "a HEIC"s},
                                    {"\0\0\0\030ftypavif\0\0\0\0"s, "an AVIF;"s},
                                    {"\0\0\0\030ftypisom\0\0\0\0"s, "a video;"s},
                                    {"<svg xmlns='x'/>"s, "an SVG"s},
                                    {""s, "an empty file; "s},
                                    {"\0\0\0\030ftyp"s, "00 00 00 18"s}})
    EXPECT_NE(text_of(bytes).find(kind), std::string::npos) << text_of(bytes);
}

TEST(ImageFile, EveryTruncationIsRefused) {
  const Image image = smooth_image(40, 56);
  const std::map<std::string, std::string> files{
      {"png", encode_png(image)},
      {"jpeg", encode_jpeg(image)},
      {"progressive", opencv_encoded(image, ".jpg", {cv::IMWRITE_JPEG_PROGRESSIVE, 1})},
      {"bmp", opencv_encoded(image, ".bmp")},
      {"ppm", opencv_encoded(image, ".ppm")},
      {"webp", opencv_encoded(image, ".webp")}};
  for (const auto& [kind, bytes] : files) {
    ASSERT_NO_THROW(image_from_bytes(bytes, kind));
    const size_t step = bytes.size() / 90 + 1;
    for (size_t size = 0; size < bytes.size(); size += step)
      EXPECT_THROW(image_from_bytes(bytes.substr(0, size), kind), Error) << kind << " cut to " << size;
    EXPECT_THROW(image_from_bytes(bytes.substr(0, bytes.size() - 1), kind), Error) << kind;
  }
}

TEST(ImageFile, HugeClaimsAreRefusedAtOnce) {
  const auto start = std::chrono::steady_clock::now();
  std::string png = encode_png(smooth_image(8, 8));
  const std::string header = png.substr(24, 5);
  const auto claiming = [&](uint32_t width, uint32_t height) {
    std::string data;
    append_big_endian(data, width);
    append_big_endian(data, height);
    return png.substr(0, 8) + png_chunk("IHDR", data + header) + png.substr(33);
  };
  EXPECT_EQ(error_of(claiming(0x7FFFFFFF, 0x7FFFFFFF)), ErrorKind::limit);
  EXPECT_EQ(error_of(claiming(16384, 16384)), ErrorKind::format) << "below the limit, but 200 bytes long";
  EXPECT_EQ(error_of(claiming(0, 5)), ErrorKind::format);
  EXPECT_EQ(error_of(png, 63), ErrorKind::limit);
  EXPECT_NO_THROW(image_from_bytes(png, "x", 64));

  std::string jpeg = encode_jpeg(smooth_image(8, 8));
  const size_t frame = jpeg.find("\xFF\xC0");
  ASSERT_NE(frame, std::string::npos);
  const auto size_jpeg = [&](int high) {
    for (const size_t at : {frame + 5, frame + 7})
      jpeg[at] = static_cast<char>(high);
    return jpeg;
  };
  EXPECT_EQ(error_of(size_jpeg(0xFF)), ErrorKind::limit);
  EXPECT_EQ(error_of(size_jpeg(0x3F)), ErrorKind::format);

  EXPECT_EQ(error_of("P6 99999999 99999999 255 abcdefghijklmnopqrstuvwxyz"), ErrorKind::limit);
  EXPECT_EQ(error_of("P6 9999 9999 255 abcdefghijklmnopqrstuvwxyz"), ErrorKind::format);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
}

// Each coefficient of each colour in scans of its own, bit by bit: 757 scans, all of them allowed by the
// format.
std::vector<jpeg_scan_info> endless_scans() {
  std::vector<jpeg_scan_info> scans{{3, {0, 1, 2, 0}, 0, 0, 0, 0}};
  for (int component = 0; component < 3; ++component)
    for (int coefficient = 1; coefficient < 64; ++coefficient)
      for (int bit = 3; bit >= 0; --bit)
        scans.push_back({1, {component, 0, 0, 0}, coefficient, coefficient, bit == 3 ? 0 : bit + 1, bit});
  return scans;
}

// A decoder passes over the whole picture for each scan, however few bytes it has: many of them would hang
// it.
TEST(ImageFile, ProgressiveJpegOfEndlessScansIsRefused) {
  const std::vector<jpeg_scan_info> scans = endless_scans();
  jpeg_compress_struct info{};
  const std::string bytes = jpeg_written(info, smooth_image(64, 64), JCS_RGB, [&] {
    info.scan_info = scans.data();
    info.num_scans = static_cast<int>(scans.size());
  });
  ASSERT_EQ(opencv_decoded(bytes).width, 64) << "the file is whole";
  try {
    image_from_bytes(bytes, "x");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("more than 500 scans"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace vitrail
