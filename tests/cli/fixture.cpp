#include "fixture.h"

#include <gmock/gmock.h>

#include "vitrail/base/random.h"
#include "vitrail/image/image_file.h"
#include "vitrail/image/label_png.h"

namespace vitrail::testing {
namespace {

namespace fs = std::filesystem;

Image noisy_picture(int64_t height, int64_t width, const std::string& name) {
  Image image(height, width);
  Random random(std::hash<std::string>()(name));
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x)
      for (int64_t c = 0; c < 3; ++c)
        image.at(y, x)[c] = static_cast<uint8_t>((x * (c + 1) + y * 3) % 200 + random.integer(0, 55));
  return image;
}

LabelMap striped_labels(int64_t height, int64_t width, int64_t shift) {
  LabelMap labels(height, width);
  for (int64_t y = 0; y < height; ++y)
    for (int64_t x = 0; x < width; ++x)
      labels.at(y, x) = static_cast<uint16_t>((x / 8 + y / 8 + shift) % 12);
  return labels;  // 11 is CamVid's void
}

}  // namespace

void CliTest::SetUp() {
  std::string name = (fs::temp_directory_path() / "vitrail-cli-test-XXXXXX").string();
  ASSERT_NE(mkdtemp(name.data()), nullptr);
  folder_ = name;
}

void CliTest::TearDown() {
  fs::remove_all(folder_);
}

const std::string& CliTest::camvid_classes() {
  static const std::string names =
      "sky,building,pole,road,pavement,tree,sign-symbol,fence,car,pedestrian,bicyclist";
  return names;
}

std::string CliTest::model() const {
  const std::string file = path("model.onnx");
  if (!fs::exists(file)) {
    const Result result = vitrail(
        {"export", "mobilenet-x0.25-os8", "--classes", camvid_classes(), "--seed", "3", "--out", file});
    EXPECT_EQ(result.status, 0) << result.err;
  }
  return file;
}

std::string CliTest::picture(const std::string& name, int64_t height, int64_t width) const {
  fs::create_directories(fs::path(path(name)).parent_path());
  write_png(path(name), noisy_picture(height, width, name));
  return path(name);
}

std::string CliTest::dataset() const {
  for (const std::string split : {"train", "val", "test"})
    for (int64_t i = 0; i < (split == "test" ? 3 : 1); ++i) {
      const std::string name = split + std::to_string(i) + ".png";
      const int64_t height = 40 + i, width = 56 + (split == "val" ? 1 : 0);
      picture("camvid/" + split + "/" + name, height, width);
      fs::create_directories(path("camvid/" + split + "annot"));
      write_label_map(path("camvid/" + split + "annot/" + name), striped_labels(height, width, i));
    }
  return "camvid:" + path("camvid");
}

nlohmann::json json_of(const Result& result) {
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.err, "");
  nlohmann::json json = nlohmann::json::parse(result.out, nullptr, false);
  EXPECT_FALSE(json.is_discarded()) << result.out;
  return json;
}

void expect_refused(const Result& result, int status, const std::vector<std::string>& words) {
  EXPECT_EQ(result.status, status) << result.err;
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, ::testing::StartsWith("vitrail: "));
  for (const std::string& word : words)
    EXPECT_THAT(result.err, ::testing::HasSubstr(word));
}

}  // namespace vitrail::testing
