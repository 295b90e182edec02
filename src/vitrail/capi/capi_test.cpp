#include <cmath>
#include <filesystem>
#include <thread>

#include <gmock/gmock.h>

#include "image_samples.h"
#include "mutate.h"
#include "temporary_folder.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"
#include "vitrail/capi/border.h"
#include "vitrail/capi/vitrail.h"
#include "vitrail/image/image_file.h"
#include "vitrail/image/label_png.h"
#include "vitrail/nets/registry.h"
#include "vitrail/onnx/onnx.h"
#include "vitrail/predict/semantic.h"
#include "vitrail/weights/initialize.h"

namespace vitrail {
namespace {

using ::testing::HasSubstr;

Model small_model() {
  Model model = build_net("mobilenet-x0.25-os8", {.classes = 4});
  model.weights = initial_weights(model.graph, 7);
  model.info.classes = {
      {"sky", {70, 130, 180}}, {"road", {128, 64, 128}}, {"car", {0, 0, 142}}, {"tree", {1, 2, 3}}};
  return model;
}

class CApi : public ::testing::Test {
 protected:
  void SetUp() override {
    bytes_ = onnx_bytes(small_model());
    ASSERT_EQ(vitrail_open_bytes(bytes_.data(), bytes_.size(), nullptr, &model_, &error_), VITRAIL_OK)
        << error_.text;
  }
  void TearDown() override { vitrail_close(model_); }

  /// An image of ours as the caller's.
  static vitrail_image view(const Image& image) {
    vitrail_image given = VITRAIL_IMAGE_INIT;
    given.pixels = image.pixels.data();
    given.height = image.height;
    given.width = image.width;
    given.order = image.channels == 1 ? VITRAIL_GREY : VITRAIL_RGB;
    return given;
  }
  std::vector<uint8_t> segment(const vitrail_image& image) {
    std::vector<uint8_t> labels(static_cast<size_t>(image.height * image.width), 99);
    EXPECT_EQ(vitrail_segment(model_, &image, labels.data(), 0, nullptr, &error_), VITRAIL_OK) << error_.text;
    return labels;
  }
  static std::vector<uint8_t> predicted(const Image& image) {
    const LabelMap map = SemanticPredictor(small_model()).predict(image);
    return {map.labels.begin(), map.labels.end()};
  }

  std::string bytes_;
  vitrail_model* model_ = nullptr;
  vitrail_error error_ = VITRAIL_ERROR_INIT;
};

TEST_F(CApi, LabelsAreThePredictors) {
  const Image image = smooth_image(45, 62);
  EXPECT_EQ(segment(view(image)), predicted(image));
  Image grey(45, 62, 1, 90);
  EXPECT_EQ(segment(view(grey)), predicted(grey));
}

TEST_F(CApi, EveryOrderAndStrideReadsTheSamePixels) {
  const Image image = smooth_image(33, 41);
  const std::vector<uint8_t> expected = segment(view(image));
  struct Layout {
    vitrail_order order;
    int64_t step, red;
  };
  for (const auto& [order, step, red] : {Layout{VITRAIL_RGB, 3, 0}, Layout{VITRAIL_BGR, 3, 2},
                                         Layout{VITRAIL_RGBA, 4, 0}, Layout{VITRAIL_BGRA, 4, 2}}) {
    const int64_t stride = 41 * step + 13;
    std::vector<uint8_t> pixels(static_cast<size_t>(33 * stride), 201);
    for (int64_t y = 0; y < 33; ++y)
      for (int64_t x = 0; x < 41; ++x)
        for (int64_t c = 0; c < 3; ++c)
          pixels[static_cast<size_t>(y * stride + x * step + std::abs(red - c))] = image.at(y, x)[c];
    vitrail_image given = view(image);
    given.pixels = pixels.data();
    given.stride = stride;
    given.order = order;
    EXPECT_EQ(segment(given), expected) << order;
  }
}

TEST_F(CApi, LabelStrideLeavesTheGapsAlone) {
  const Image image = smooth_image(9, 11);
  const vitrail_image given = view(image);
  const std::vector<uint8_t> expected = segment(given);
  std::vector<uint8_t> labels(9 * 16, 77);
  ASSERT_EQ(vitrail_segment(model_, &given, labels.data(), 16, nullptr, nullptr), VITRAIL_OK);
  for (size_t y = 0; y < 9; ++y)
    for (size_t x = 0; x < 16; ++x)
      ASSERT_EQ(labels[y * 16 + x], x < 11 ? expected[y * 11 + x] : 77);
}

TEST_F(CApi, ProbabilitiesSumToOneAndAgreeWithTheLabels) {
  const Image image = smooth_image(20, 24);
  const vitrail_image given = view(image);
  std::vector<uint8_t> labels(20 * 24);
  std::vector<float> probabilities(4 * 20 * 24);
  ASSERT_EQ(vitrail_segment(model_, &given, labels.data(), 24, probabilities.data(), &error_), VITRAIL_OK);
  for (size_t i = 0; i < labels.size(); ++i) {
    double sum = 0;
    for (size_t c = 0; c < 4; ++c) {
      sum += double{probabilities[c * labels.size() + i]};
      EXPECT_LE(probabilities[c * labels.size() + i], probabilities[labels[i] * labels.size() + i]);
    }
    EXPECT_NEAR(sum, 1, 1e-5);
  }
}

TEST_F(CApi, FilesAreSegmentedAndLabelsWritten) {
  const TemporaryFolder folder;
  const Image image = smooth_image(30, 50);
  const std::string photo = (folder.path() / "a.png").string(), out = (folder.path() / "labels.png").string();
  write_png(photo, image);
  int64_t height = 0, width = 0;
  ASSERT_EQ(vitrail_picture_size(photo.c_str(), &height, &width, &error_), VITRAIL_OK);
  EXPECT_EQ(height, 30);
  EXPECT_EQ(width, 50);
  std::vector<uint8_t> labels(30 * 50);
  ASSERT_EQ(vitrail_segment_file(model_, photo.c_str(), labels.data(), height, width, 0, &error_),
            VITRAIL_OK);
  EXPECT_EQ(labels, segment(view(image)));
  ASSERT_EQ(vitrail_write_labels(model_, out.c_str(), labels.data(), height, width, 0, &error_), VITRAIL_OK);
  const LabelFile read = read_label_file(out);
  EXPECT_EQ(std::vector<uint8_t>(read.labels.labels.begin(), read.labels.labels.end()), labels);
  EXPECT_EQ(read.colors.at(1), (Rgb{128, 64, 128}));

  EXPECT_EQ(vitrail_segment_file(model_, photo.c_str(), labels.data(), 50, 30, 0, &error_), VITRAIL_USAGE);
  EXPECT_THAT(error_.text, HasSubstr("50x30"));
  EXPECT_EQ(vitrail_segment_file(model_, "/no/such.png", labels.data(), 30, 50, 0, &error_), VITRAIL_FILE);
  EXPECT_EQ(vitrail_write_labels(model_, "/no/such/a.png", labels.data(), 30, 50, 0, &error_), VITRAIL_FILE);
  EXPECT_EQ(vitrail_picture_size(photo.c_str(), nullptr, &width, &error_), VITRAIL_USAGE);
}

TEST_F(CApi, TellsClassesAndInputPolicy) {
  ASSERT_EQ(vitrail_class_count(model_), 4);
  EXPECT_STREQ(vitrail_class_name(model_, 1), "road");
  EXPECT_EQ(vitrail_class_name(model_, 4), nullptr);
  EXPECT_EQ(vitrail_class_name(model_, -1), nullptr);
  uint8_t rgb[3] = {};
  EXPECT_EQ(vitrail_class_color(model_, 2, rgb, &error_), VITRAIL_OK);
  EXPECT_EQ(rgb[2], 142);
  EXPECT_EQ(vitrail_class_color(model_, 4, rgb, &error_), VITRAIL_USAGE);
  vitrail_input_policy policy = VITRAIL_INPUT_POLICY_INIT;
  ASSERT_EQ(vitrail_get_input_policy(model_, &policy, &error_), VITRAIL_OK);
  const Preprocessing expected = small_model().info.preprocessing;
  EXPECT_EQ(policy.channels, 3);
  EXPECT_EQ(policy.height, 0);
  EXPECT_EQ(policy.multiple, expected.multiple);
  EXPECT_DOUBLE_EQ(policy.mean[1], expected.mean[1]);
  EXPECT_DOUBLE_EQ(policy.std[2], expected.std[2]);
  EXPECT_EQ(vitrail_api_version(), VITRAIL_API_VERSION);
  EXPECT_THAT(vitrail_version_text(), HasSubstr("."));
  EXPECT_STREQ(vitrail_status_name(VITRAIL_LIMIT), "limit");
  EXPECT_STREQ(vitrail_status_name(static_cast<vitrail_status>(77)), "unknown");
}

TEST_F(CApi, RefusesNullAndImpossibleArguments) {
  const Image image = smooth_image(8, 8);
  const vitrail_image good = view(image);
  uint8_t labels[64];
  vitrail_model* other = model_;
  EXPECT_EQ(vitrail_open_file(nullptr, nullptr, &other, &error_), VITRAIL_USAGE);
  EXPECT_EQ(other, nullptr);
  EXPECT_EQ(vitrail_open_file("a.onnx", nullptr, nullptr, &error_), VITRAIL_USAGE);
  EXPECT_EQ(vitrail_open_file("/no/such.onnx", nullptr, &other, &error_), VITRAIL_FILE);
  EXPECT_THAT(error_.text, HasSubstr("/no/such.onnx"));
  EXPECT_EQ(vitrail_open_bytes(nullptr, 5, nullptr, &other, &error_), VITRAIL_USAGE);
  EXPECT_EQ(vitrail_segment(nullptr, &good, labels, 0, nullptr, &error_), VITRAIL_USAGE);
  EXPECT_EQ(vitrail_segment(model_, nullptr, labels, 0, nullptr, &error_), VITRAIL_USAGE);
  EXPECT_EQ(vitrail_segment(model_, &good, nullptr, 0, nullptr, &error_), VITRAIL_USAGE);
  EXPECT_EQ(vitrail_segment(model_, &good, labels, 7, nullptr, &error_), VITRAIL_USAGE);
  EXPECT_EQ(vitrail_class_count(nullptr), 0);
  EXPECT_EQ(vitrail_class_name(nullptr, 0), nullptr);
  vitrail_close(nullptr);

  const auto expect_refused = [&](auto change) {
    vitrail_image bad = good;
    change(bad);
    EXPECT_EQ(vitrail_segment(model_, &bad, labels, 0, nullptr, &error_), VITRAIL_USAGE);
    EXPECT_EQ(error_.status, VITRAIL_USAGE);
    EXPECT_NE(std::string(error_.text), "");
  };
  expect_refused([](vitrail_image& i) { i.size = 0; });
  expect_refused([](vitrail_image& i) { i.pixels = nullptr; });
  expect_refused([](vitrail_image& i) { i.height = 0; });
  expect_refused([](vitrail_image& i) { i.width = -8; });
  expect_refused([](vitrail_image& i) { i.stride = 23; });
  expect_refused([](vitrail_image& i) { i.stride = -24; });
  expect_refused([](vitrail_image& i) { i.order = static_cast<vitrail_order>(9); });
  expect_refused([](vitrail_image& i) { i.height = i.width = 1 << 20; });
}

TEST_F(CApi, DamagedModelsAreRefusedWithText) {
  vitrail_model* other = nullptr;
  for (size_t size = 0; size < bytes_.size(); size += bytes_.size() / 40 + 1) {
    EXPECT_NE(vitrail_open_bytes(bytes_.data(), size, nullptr, &other, &error_), VITRAIL_OK) << size;
    EXPECT_EQ(other, nullptr);
    EXPECT_NE(std::string(error_.text), "");
  }
  Random random(3);
  for (int i = 0; i < 40; ++i) {
    const std::string damaged = mutated(bytes_, random);
    if (vitrail_open_bytes(damaged.data(), damaged.size(), nullptr, &other, &error_) == VITRAIL_OK)
      vitrail_close(other);
  }
}

TEST_F(CApi, OptionsSayWhatAFileDoesNot) {
  Model bare = small_model();
  bare.info.classes.clear();
  const std::string bytes = onnx_bytes(bare);
  vitrail_model* other = nullptr;
  EXPECT_EQ(vitrail_open_bytes(bytes.data(), bytes.size(), nullptr, &other, &error_), VITRAIL_USAGE);
  const double mean[] = {1, 2, 3}, std[] = {4, 5, 6};
  vitrail_options options = VITRAIL_OPTIONS_INIT;
  options.classes = "a,b,c,d";
  options.mean = mean;
  options.std = std;
  options.channels = 3;
  options.bgr = 1;
  options.threads = 1;
  options.input_height = 32;
  options.input_width = 64;
  ASSERT_EQ(vitrail_open_bytes(bytes.data(), bytes.size(), &options, &other, &error_), VITRAIL_OK)
      << error_.text;
  vitrail_input_policy policy = VITRAIL_INPUT_POLICY_INIT;
  vitrail_get_input_policy(other, &policy, nullptr);
  EXPECT_EQ(policy.order, VITRAIL_BGR);
  EXPECT_EQ(policy.width, 64);
  EXPECT_DOUBLE_EQ(policy.std[2], 6);
  EXPECT_STREQ(vitrail_class_name(other, 3), "d");
  vitrail_close(other);

  const auto expect_refused = [&](auto change) {
    vitrail_options bad = options;
    change(bad);
    EXPECT_EQ(vitrail_open_bytes(bytes.data(), bytes.size(), &bad, &other, &error_), VITRAIL_USAGE)
        << error_.text;
  };
  expect_refused([](vitrail_options& o) { o.classes = "a,,b,c"; });
  expect_refused([](vitrail_options& o) { o.classes = ""; });
  expect_refused([](vitrail_options& o) { o.classes = "a,b,c"; });
  expect_refused([](vitrail_options& o) { o.channels = 2; });
  expect_refused([](vitrail_options& o) { o.std = nullptr; });
  expect_refused([](vitrail_options& o) { o.threads = -1; });
  expect_refused([](vitrail_options& o) { o.input_width = 0; });
  expect_refused([](vitrail_options& o) { o.size = 3; });
}

TEST_F(CApi, Bf16GivesNearlyTheSameLabels) {
  vitrail_options options = VITRAIL_OPTIONS_INIT;
  options.bf16 = 1;
  vitrail_model* other = nullptr;
  ASSERT_EQ(vitrail_open_bytes(bytes_.data(), bytes_.size(), &options, &other, &error_), VITRAIL_OK)
      << error_.text;
  const Image image = smooth_image(64, 96);
  const vitrail_image given = view(image);
  std::vector<uint8_t> labels(64 * 96);
  EXPECT_EQ(vitrail_segment(other, &given, labels.data(), 0, nullptr, &error_), VITRAIL_OK) << error_.text;
  vitrail_close(other);
  const std::vector<uint8_t> expected = segment(given);
  size_t same = 0;
  for (size_t i = 0; i < labels.size(); ++i)
    same += labels[i] == expected[i];
  EXPECT_GT(static_cast<double>(same), 0.9 * static_cast<double>(labels.size()));
}

/// Callers of an older and of a newer header.
TEST_F(CApi, StructsOfOtherVersionsAreReadAsFarAsTheyReach) {
  vitrail_options options = VITRAIL_OPTIONS_INIT;
  options.threads = 1;
  options.classes = "never read";
  options.size = offsetof(vitrail_options, classes);
  vitrail_model* other = nullptr;
  ASSERT_EQ(vitrail_open_bytes(bytes_.data(), bytes_.size(), &options, &other, &error_), VITRAIL_OK)
      << error_.text;
  vitrail_close(other);

  struct {
    vitrail_options known = VITRAIL_OPTIONS_INIT;
    int64_t unknown = 0;
  } newer;
  newer.known.size = sizeof newer;
  ASSERT_EQ(vitrail_open_bytes(bytes_.data(), bytes_.size(), &newer.known, &other, &error_), VITRAIL_OK);
  vitrail_close(other);
  newer.unknown = 1;
  EXPECT_EQ(vitrail_open_bytes(bytes_.data(), bytes_.size(), &newer.known, &other, &error_), VITRAIL_USAGE);
  EXPECT_THAT(error_.text, HasSubstr("does not know"));

  vitrail_input_policy policy = VITRAIL_INPUT_POLICY_INIT;
  policy.size = offsetof(vitrail_input_policy, mean);
  policy.mean[0] = -5;
  ASSERT_EQ(vitrail_get_input_policy(model_, &policy, &error_), VITRAIL_OK);
  EXPECT_EQ(policy.channels, 3);
  EXPECT_EQ(policy.mean[0], -5);

  vitrail_error small = VITRAIL_ERROR_INIT;
  small.size = offsetof(vitrail_error, text) + 8;
  EXPECT_EQ(vitrail_open_file("/no/such.onnx", nullptr, &other, &small), VITRAIL_FILE);
  EXPECT_EQ(std::string(small.text).size(), 7u);
}

TEST_F(CApi, OneModelServesManyThreads) {
  const Image image = smooth_image(40, 40);
  const vitrail_image given = view(image);
  const std::vector<uint8_t> expected = segment(given);
  std::vector<std::vector<uint8_t>> results(4, std::vector<uint8_t>(1600));
  std::vector<std::thread> threads;
  for (auto& labels : results)
    threads.emplace_back([&] { vitrail_segment(model_, &given, labels.data(), 0, nullptr, nullptr); });
  for (std::thread& thread : threads)
    thread.join();
  for (const auto& labels : results)
    EXPECT_EQ(labels, expected);
}

TEST(CApiBorder, EveryExceptionBecomesAStatus) {
  vitrail_error error = VITRAIL_ERROR_INIT;
  EXPECT_EQ(capi::guarded(&error, [] { throw std::bad_alloc(); }), VITRAIL_MEMORY);
  EXPECT_EQ(capi::guarded(&error, [] { throw std::runtime_error("odd"); }), VITRAIL_INTERNAL);
  EXPECT_STREQ(error.text, "odd");
  EXPECT_EQ(capi::guarded(&error, [] { throw 5; }), VITRAIL_INTERNAL);
  EXPECT_EQ(capi::guarded(nullptr, [] { throw Error(ErrorKind::limit, {.where = "x"}); }), VITRAIL_LIMIT);
  EXPECT_EQ(capi::guarded(&error, [] {}), VITRAIL_OK);
  EXPECT_STREQ(error.text, "");
  EXPECT_EQ(capi::guarded(&error, [] { throw Error(ErrorKind::shape, {.found = std::string(5000, 'a')}); }),
            VITRAIL_SHAPE);
  EXPECT_EQ(std::string(error.text).size(), sizeof error.text - 1);
}

}  // namespace
}  // namespace vitrail
