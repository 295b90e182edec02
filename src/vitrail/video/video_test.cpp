#include <cstdlib>

#include <gmock/gmock.h>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/videoio.hpp>

#include "temporary_folder.h"
#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/nets/registry.h"
#include "vitrail/video/segment_video.h"
#include "vitrail/video/video_file.h"
#include "vitrail/weights/initialize.h"

namespace vitrail {
namespace {

using ::testing::HasSubstr;

constexpr int height = 48, width = 64, frames = 23;

/// Frame i is grey of a brightness that tells i.
void write_sample(const std::string& path, int count = frames) {
  cv::VideoWriter writer(path, cv::CAP_FFMPEG, cv::VideoWriter::fourcc('M', 'J', 'P', 'G'), 12,
                         {width, height});
  ASSERT_TRUE(writer.isOpened());
  for (int i = 0; i < count; ++i)
    writer.write(cv::Mat(height, width, CV_8UC3, cv::Scalar::all(10 * i + 10)));
}

SemanticPredictor small_predictor() {
  Model model = build_net("mobilenet-x0.25-os8", {.classes = 3});
  model.weights = initial_weights(model.graph, 1);
  model.info.classes = {{"a", {250, 0, 0}}, {"b", {0, 250, 0}}, {"c", {0, 0, 250}}};
  return SemanticPredictor(std::move(model), {.engine = {.threads = 1}});
}

class Video : public ::testing::Test {
 protected:
  void SetUp() override {
    setenv("OPENCV_FFMPEG_LOGLEVEL", "-8", 1);
    cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
    in_ = (folder_ / "in.avi").string();
    out_ = (folder_ / "out.avi").string();
    write_sample(in_);
  }
  size_t files() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder_.path()), {}));
  }

  TemporaryFolder folder_;
  std::string in_, out_;
};

TEST_F(Video, FramesComeAndGoInOrder) {
  VideoReader reader(in_);
  EXPECT_EQ(reader.size(), (ImageSize{height, width}));
  EXPECT_NEAR(reader.frames_per_second(), 12, 0.01);
  EXPECT_EQ(reader.frame_count(), frames);
  VideoWriter writer(out_, reader.size(), 12);
  int count = 0;
  while (const std::optional<Image> frame = reader.read()) {
    EXPECT_NEAR(frame->at(5, 5)[0], 10 * count++ + 10, 3);
    writer.write(*frame);
  }
  EXPECT_EQ(count, frames);
  EXPECT_THROW(writer.write(Image(3, 3)), Error);
  EXPECT_FALSE(std::filesystem::exists(out_));
  writer.finish();
  EXPECT_EQ(VideoReader(out_).frame_count(), frames);
}

/// The overlapped stages give, frame by frame, what one after the other gives.
TEST_F(Video, LabelsAreThoseOfEachFrameInOrder) {
  const SemanticPredictor predictor = small_predictor();
  std::vector<LabelMap> labels;
  std::vector<int64_t> progress;
  VideoOptions options;
  options.labels = [&](int64_t frame, const LabelMap& map) {
    EXPECT_EQ(frame, static_cast<int64_t>(labels.size()));
    labels.push_back(map);
  };
  options.progress = [&](int64_t done, int64_t claimed) {
    EXPECT_EQ(claimed, frames);
    progress.push_back(done);
    return true;
  };
  const VideoSummary summary = segment_video(predictor, in_, out_, options);
  EXPECT_EQ(summary.frames, frames);
  EXPECT_TRUE(summary.complete);
  EXPECT_GT(summary.network, 0);
  EXPECT_EQ(progress.size(), size_t{frames});
  ASSERT_EQ(labels.size(), size_t{frames});
  VideoReader reader(in_);
  for (const LabelMap& map : labels)
    EXPECT_EQ(map.labels, predictor.predict(*reader.read()).labels);
  VideoReader written(out_);
  EXPECT_EQ(written.frame_count(), frames);
  EXPECT_EQ(written.size(), (ImageSize{height, width}));
  EXPECT_EQ(files(), 2u);
}

TEST_F(Video, EndedEarlyItIsClosedProperly) {
  VideoOptions options;
  options.progress = [](int64_t done, int64_t) { return done < 5; };
  const VideoSummary summary = segment_video(small_predictor(), in_, out_, options);
  EXPECT_EQ(summary.frames, 5);
  EXPECT_FALSE(summary.complete);
  EXPECT_EQ(VideoReader(out_).frame_count(), 5);
}

TEST_F(Video, AFaultInAnyStageEndsAllAndLeavesNothing) {
  const SemanticPredictor predictor = small_predictor();
  VideoOptions options;
  options.labels = [](int64_t frame, const LabelMap&) {
    if (frame == 3) throw Error(ErrorKind::numeric, {.where = "frame 3"});
  };
  EXPECT_THROW(segment_video(predictor, in_, out_, options), Error);
  Model model = build_net("mobilenet-x0.25-os8", {.classes = 3});
  model.weights = initial_weights(model.graph, 1);
  model.info.classes = predictor.info().classes;
  const SemanticPredictor too_small(model, {.engine = {.threads = 1}, .memory_bytes = 1});
  EXPECT_THROW(segment_video(too_small, in_, out_), Error);
  EXPECT_FALSE(std::filesystem::exists(out_));
  EXPECT_EQ(files(), 1u);
}

TEST_F(Video, RefusesWhatIsNoVideo) {
  const SemanticPredictor predictor = small_predictor();
  const auto kind_of = [&](const std::string& in, const std::string& out) {
    try {
      segment_video(predictor, in, out);
    } catch (const Error& error) {
      return error.kind();
    }
    return ErrorKind::cancelled;
  };
  EXPECT_EQ(kind_of((folder_ / "none.avi").string(), out_), ErrorKind::file);
  replace_file(folder_ / "text.avi", "not a video");
  EXPECT_EQ(kind_of((folder_ / "text.avi").string(), out_), ErrorKind::format);
  EXPECT_EQ(kind_of(in_, (folder_ / "out.png").string()), ErrorKind::usage);
  EXPECT_EQ(kind_of(in_, "/no/such/folder/out.avi"), ErrorKind::file);
  const std::string bytes = read_file(in_);
  replace_file(folder_ / "cut.avi", bytes.substr(0, 200));
  EXPECT_EQ(kind_of((folder_ / "cut.avi").string(), out_), ErrorKind::format);
}

TEST_F(Video, ACutOffFileEndsWhereItsFramesDo) {
  const std::string whole = (folder_ / "whole.mkv").string(), cut = (folder_ / "cut.mkv").string();
  segment_video(small_predictor(), in_, whole);
  const std::string bytes = read_file(whole);
  replace_file(cut, bytes.substr(0, bytes.size() / 2));
  const VideoSummary summary = segment_video(small_predictor(), cut, out_);
  EXPECT_GT(summary.frames, 2);
  EXPECT_LT(summary.frames, frames);
}

}  // namespace
}  // namespace vitrail
