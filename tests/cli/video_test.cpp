// `vitrail segment` on a video.

#include <gmock/gmock.h>
#include <opencv2/videoio.hpp>

#include "fixture.h"
#include "vitrail/base/file.h"

namespace vitrail::testing {
namespace {

using nlohmann::json;

void write_video(const std::string& path, int frames) {
  cv::VideoWriter writer(path, cv::CAP_FFMPEG, cv::VideoWriter::fourcc('M', 'J', 'P', 'G'), 10, {64, 48});
  ASSERT_TRUE(writer.isOpened());
  for (int i = 0; i < frames; ++i)
    writer.write(cv::Mat(48, 64, CV_8UC3, cv::Scalar(20 * i, 90, 150)));
}

TEST_F(CliTest, SegmentPaintsAVideo) {
  write_video(path("in.avi"), 7);
  const json report = json_of(
      vitrail({"segment", model(), path("in.avi"), "-o", path("out.mp4"), "--threads", "1", "--json"}));
  EXPECT_EQ(report["frames"], 7);
  EXPECT_EQ(report["complete"], true);
  cv::VideoCapture capture(path("out.mp4"), cv::CAP_FFMPEG);
  int frames = 0;
  for (cv::Mat frame; capture.read(frame); ++frames)
    EXPECT_EQ(frame.size(), cv::Size(64, 48));
  EXPECT_EQ(frames, 7);
}

TEST_F(CliTest, SegmentRefusesImpossibleVideos) {
  write_video(path("in.avi"), 2);
  write_file_atomically(path("text.mp4"), "no video");
  expect_refused(vitrail({"segment", model(), path("text.mp4"), "-o", path("out.mp4")}), 1, {"text.mp4"});
  expect_refused(vitrail({"segment", model(), path("none.mp4"), "-o", path("out.mp4")}), 1, {"none.mp4"});
  expect_refused(vitrail({"segment", model(), path("in.avi"), "-o", path("folder")}), 2, {"folder", ".mp4"});
  expect_refused(vitrail({"segment", model(), path("in.avi"), "-o", path("in.avi")}), 2, {"overwrite"});
  expect_refused(vitrail({"segment", model(), path("in.avi"), picture("a.png", 8, 8), "-o", path("out")}), 2,
                 {"one video"});
}

}  // namespace
}  // namespace vitrail::testing
