#pragma once
// TensorBoard event files: scalars and pictures that `tensorboard --logdir RUN` shows.
//
//   EventWriter events("run/tensorboard", start_step);
//   events.scalar("loss", step, 0.7);
//   events.image("val/worst", step, encode_png(picture), height, width);
//
// A file is a sequence of TFRecords (length u64, masked CRC-32C of the length, bytes, masked CRC-32C of the
// bytes; little endian), each an `Event` protocol buffer (tensorflow/core/util/event.proto), written here by
// hand. A writer never touches older files: a resumed run starts one of its own, whose first record tells
// TensorBoard to forget what it had from `start_step` on.

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace vitrail::train {

class EventWriter {
 public:
  /// Creates `folder` and a new file in it. Throws Error(file).
  EventWriter(const std::filesystem::path& folder, int64_t start_step);

  void scalar(std::string_view tag, int64_t step, double value);
  /// `png` is the encoded picture, of height x width pixels.
  void image(std::string_view tag, int64_t step, std::string_view png, int64_t height, int64_t width);
  /// Hands what was written to the system, so that a viewer sees it. Throws Error(file) if it could not.
  void flush();

  const std::filesystem::path& path() const { return path_; }

 private:
  void event(int64_t step, int field, std::string_view message);
  void record(std::string_view bytes);

  std::filesystem::path path_;
  std::ofstream file_;
};

/// The CRC that TFRecords store: rotated right by 15 bits, plus a constant, so that the CRC of a record that
/// holds CRCs is sound too.
uint32_t masked_crc32c(std::string_view bytes);

}  // namespace vitrail::train
