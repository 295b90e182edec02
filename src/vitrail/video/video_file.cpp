#include "vitrail/video/video_file.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstring>

#include <opencv2/imgproc.hpp>
#include <opencv2/videoio.hpp>
#include <unistd.h>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/image/image_list.h"

namespace vitrail {
namespace {

bool ends_in(const std::filesystem::path& path, const char* extension) {
  const std::string found = path.extension().string();
  return std::equal(found.begin(), found.end(), extension, extension + std::strlen(extension),
                    [](unsigned char a, char b) { return std::tolower(a) == b; });
}

cv::Mat as_mat(Image& image) {
  return {static_cast<int>(image.height), static_cast<int>(image.width), CV_8UC3, image.pixels.data()};
}

}  // namespace

struct VideoReader::State {
  /// Opens and asks for the size; false where that gives no video.
  template <class... Source>
  bool open(const Source&... source) {
    bool opened = false;
    try {
      opened = capture.open(source...);
    } catch (const cv::Exception&) {  // what OpenCV throws says less than we do
    }
    size = {std::lround(capture.get(cv::CAP_PROP_FRAME_HEIGHT)),
            std::lround(capture.get(cv::CAP_PROP_FRAME_WIDTH))};
    return opened && size.height > 0 && size.width > 0;
  }

  std::string name;
  bool live = false;
  cv::VideoCapture capture;
  ImageSize size;
  cv::Mat bgr;
};

VideoReader::VideoReader() : state_(std::make_unique<State>()) {}

VideoReader::VideoReader(const std::filesystem::path& path) : VideoReader() {
  state_->name = path.string();
  if (!std::filesystem::is_regular_file(path))
    throw Error(ErrorKind::file, {.where = state_->name, .found = "there is no such file"});
  if (!state_->open(state_->name, cv::CAP_FFMPEG))
    throw Error(ErrorKind::format, {.where = state_->name,
                                    .found = "no video that can be read",
                                    .next = "Convert it: ffmpeg -i FILE out.mp4"});
}

VideoReader VideoReader::camera(int number) {
  VideoReader reader;
  reader.state_->name = cat("camera ", number);
  reader.state_->live = true;
  if (!reader.state_->open(number, cv::CAP_ANY))
    throw Error(ErrorKind::file, {.where = reader.state_->name,
                                  .found = "no camera that can be opened",
                                  .next = cat("Is there a /dev/video", number,
                                              ", may you read it, and does no other program have it?")});
  return reader;
}

VideoReader::~VideoReader() = default;
VideoReader::VideoReader(VideoReader&&) noexcept = default;
VideoReader& VideoReader::operator=(VideoReader&&) noexcept = default;

const std::string& VideoReader::name() const {
  return state_->name;
}

bool VideoReader::is_live() const {
  return state_->live;
}

ImageSize VideoReader::size() const {
  return state_->size;
}

double VideoReader::frames_per_second() const {
  const double rate = state_->capture.get(cv::CAP_PROP_FPS);
  return std::isfinite(rate) && rate > 0 && rate < 1000 ? rate : 25;
}

int64_t VideoReader::frame_count() const {
  const double count = state_->capture.get(cv::CAP_PROP_FRAME_COUNT);
  return std::isfinite(count) && count > 0 && count < 1e12 ? std::llround(count) : 0;
}

std::optional<Image> VideoReader::read() {
  if (!state_->capture.read(state_->bgr) || state_->bgr.empty()) return std::nullopt;
  if (state_->bgr.rows != state_->size.height || state_->bgr.cols != state_->size.width ||
      state_->bgr.type() != CV_8UC3)
    throw Error(ErrorKind::format, {.where = state_->name,
                                    .found = cat("a frame of ", state_->bgr.cols, "x", state_->bgr.rows),
                                    .allowed = cat("all of ", state_->size.width, "x", state_->size.height)});
  Image frame(state_->size.height, state_->size.width);
  cv::cvtColor(state_->bgr, as_mat(frame), cv::COLOR_BGR2RGB);
  return frame;
}

struct VideoWriter::State {
  std::filesystem::path path, temporary;
  ImageSize size;
  cv::VideoWriter writer;
  cv::Mat bgr;
};

VideoWriter::VideoWriter(const std::filesystem::path& path, ImageSize size, double frames_per_second)
    : state_(std::make_unique<State>()) {
  if (!has_video_extension(path) || ends_in(path, ".webm"))
    throw Error(ErrorKind::usage, {.where = path.string(),
                                   .found = "not a video's name",
                                   .allowed = "a name that ends in .mp4, .avi, .mov, .mkv, .m4v"});
  state_->path = path;
  state_->size = size;
  state_->temporary =
      path.parent_path() / cat(".", path.stem().string(), ".", getpid(), path.extension().string());
  const bool avi = ends_in(path, ".avi");
  const int codec =
      avi ? cv::VideoWriter::fourcc('M', 'J', 'P', 'G') : cv::VideoWriter::fourcc('m', 'p', '4', 'v');
  const cv::Size shape(static_cast<int>(size.width), static_cast<int>(size.height));
  bool opened = false;
  try {
    opened = state_->writer.open(state_->temporary.string(), cv::CAP_FFMPEG, codec, frames_per_second, shape);
  } catch (const cv::Exception&) {
  }
  if (opened) return;
  std::error_code ignored;
  std::filesystem::remove(state_->temporary, ignored);
  throw Error(ErrorKind::file, {.where = path.string(),
                                .found = "it cannot be written as a video",
                                .next = "Check the folder, or choose a name that ends in .avi"});
}

VideoWriter::~VideoWriter() {
  state_->writer.release();
  std::error_code ignored;
  std::filesystem::remove(state_->temporary, ignored);  // gone already after finish()
}

void VideoWriter::write(const Image& frame) {
  if (frame.height != state_->size.height || frame.width != state_->size.width || frame.channels != 3)
    throw Error(ErrorKind::shape, {.where = state_->path.string(),
                                   .found = cat("a frame of ", frame.width, "x", frame.height),
                                   .allowed = cat(state_->size.width, "x", state_->size.height)});
  const cv::Mat rgb(static_cast<int>(frame.height), static_cast<int>(frame.width), CV_8UC3,
                    const_cast<uint8_t*>(frame.pixels.data()));
  cv::cvtColor(rgb, state_->bgr, cv::COLOR_RGB2BGR);
  state_->writer.write(state_->bgr);
}

void VideoWriter::finish() {
  state_->writer.release();
  std::error_code failed;
  std::filesystem::rename(state_->temporary, state_->path, failed);
  if (failed)
    throw Error(ErrorKind::file,
                {.where = state_->path.string(), .found = "cannot be replaced: " + failed.message()});
}

}  // namespace vitrail
