#pragma once
// Videos on disk and cameras, through OpenCV (FFmpeg and Video4Linux below it): frames as pictures, in order.
//
//   VideoReader reader("street.mp4");
//   VideoWriter writer("out.mp4", reader.size(), reader.frames_per_second());
//   while (std::optional<Image> frame = reader.read()) writer.write(*frame);
//   writer.finish();
//
// A library of its own, vitrail::video: OpenCV's video libraries take longer to load than a picture to
// segment.

#include <filesystem>
#include <memory>
#include <optional>

#include "vitrail/image/image_file.h"

namespace vitrail {

class VideoReader {
 public:
  /// Throws Error(file) for a file that is missing, Error(format) for one that OpenCV cannot open as a video.
  explicit VideoReader(const std::filesystem::path& path);
  /// The camera of this number (/dev/videoN). Throws Error(file) where there is none that can be opened.
  static VideoReader camera(int number);
  ~VideoReader();
  VideoReader(VideoReader&&) noexcept;
  VideoReader& operator=(VideoReader&&) noexcept;

  const std::string& name() const;  ///< the file, or "camera 0"
  bool is_live() const;             ///< a camera: frames that nobody takes are gone

  ImageSize size() const;
  double frames_per_second() const;  ///< 25 where the file does not tell
  int64_t frame_count() const;       ///< as the file claims; 0 where it does not, and it may be wrong

  /// The next frame as RGB; nothing at the end. A file that is cut off ends where its frames do. Throws
  /// Error(format) for a frame of another size.
  std::optional<Image> read();

 private:
  VideoReader();

  struct State;
  std::unique_ptr<State> state_;
};

class VideoWriter {
 public:
  /// Motion JPEG into .avi, MPEG-4 into all others. Frames go to a temporary file beside `path`, which
  /// finish() moves there: `path` never holds half a video. Throws Error(usage) for a name that is no
  /// video's, Error(file) where it cannot be written.
  VideoWriter(const std::filesystem::path& path, ImageSize size, double frames_per_second);
  ~VideoWriter();  ///< without finish(): removes the temporary file

  /// Throws Error(shape) for a frame of another size.
  void write(const Image& frame);
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vitrail
