#include "vitrail/train/tensorboard.h"

#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/train/crc32c.h"

namespace vitrail::train {
namespace {

// Protocol buffers on the wire: a key (field number, wire type), then the value.
enum WireType { varint_type = 0, fixed64_type = 1, bytes_type = 2, fixed32_type = 5 };

void put_varint(std::string& to, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    to += static_cast<char>((value & 0x7F) | 0x80);
  to += static_cast<char>(value);
}
void put_key(std::string& to, int field, WireType type) {
  put_varint(to, static_cast<uint64_t>(field) << 3 | type);
}
void put_little_endian(std::string& to, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i)
    to += static_cast<char>(value >> (8 * i) & 0xFF);
}
void put_integer(std::string& to, int field, int64_t value) {
  put_key(to, field, varint_type);
  put_varint(to, static_cast<uint64_t>(value));
}
void put_double(std::string& to, int field, double value) {
  put_key(to, field, fixed64_type);
  put_little_endian(to, std::bit_cast<uint64_t>(value), 8);
}
void put_float(std::string& to, int field, float value) {
  put_key(to, field, fixed32_type);
  put_little_endian(to, std::bit_cast<uint32_t>(value), 4);
}
void put_bytes(std::string& to, int field, std::string_view bytes) {
  put_key(to, field, bytes_type);
  put_varint(to, bytes.size());
  to += bytes;
}

double wall_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Field numbers of tensorflow/core/util/event.proto and summary.proto.
constexpr int event_wall_time = 1, event_step = 2, event_file_version = 3, event_summary = 5,
              event_session_log = 7;
constexpr int session_log_status = 1, session_status_start = 1;
constexpr int summary_value = 1, value_tag = 1, value_simple = 2, value_image = 4;
constexpr int image_height = 1, image_width = 2, image_colorspace = 3, image_bytes = 4, colorspace_rgb = 3;

std::filesystem::path new_file_in(const std::filesystem::path& folder) {
  const auto seconds = static_cast<int64_t>(wall_time());
  for (int number = 0;; ++number) {
    const auto path = folder / cat("events.out.tfevents.", seconds, ".vitrail.", number);
    if (!std::filesystem::exists(path)) return path;
  }
}

}  // namespace

uint32_t masked_crc32c(std::string_view bytes) {
  return std::rotr(crc32c(bytes), 15) + 0xA282EAD8u;
}

EventWriter::EventWriter(const std::filesystem::path& folder, int64_t start_step) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error)
    throw Error(ErrorKind::file,
                {.where = folder.string(), .found = cat("cannot be created: ", error.message())});
  path_ = new_file_in(folder);
  file_.open(path_, std::ios::binary);
  event(0, event_file_version, "brain.Event:2");
  std::string log;
  put_integer(log, session_log_status, session_status_start);
  event(start_step, event_session_log, log);
  flush();
}

void EventWriter::scalar(std::string_view tag, int64_t step, double value) {
  std::string entry, summary;
  put_bytes(entry, value_tag, tag);
  put_float(entry, value_simple, static_cast<float>(value));
  put_bytes(summary, summary_value, entry);
  event(step, event_summary, summary);
}

void EventWriter::image(std::string_view tag, int64_t step, std::string_view png, int64_t height,
                        int64_t width) {
  std::string picture, entry, summary;
  put_integer(picture, image_height, height);
  put_integer(picture, image_width, width);
  put_integer(picture, image_colorspace, colorspace_rgb);
  put_bytes(picture, image_bytes, png);
  put_bytes(entry, value_tag, tag);
  put_bytes(entry, value_image, picture);
  put_bytes(summary, summary_value, entry);
  event(step, event_summary, summary);
}

void EventWriter::event(int64_t step, int field, std::string_view message) {
  std::string bytes;
  put_double(bytes, event_wall_time, wall_time());
  if (step != 0) put_integer(bytes, event_step, step);
  put_bytes(bytes, field, message);
  record(bytes);
}

void EventWriter::record(std::string_view bytes) {
  std::string head;
  put_little_endian(head, bytes.size(), 8);
  put_little_endian(head, masked_crc32c(head), 4);
  std::string tail;
  put_little_endian(tail, masked_crc32c(bytes), 4);
  file_ << head << bytes << tail;
}

void EventWriter::flush() {
  file_.flush();
  if (!file_)
    throw Error(ErrorKind::file, {.where = path_.string(),
                                  .found = cat("cannot be written: ", std::strerror(errno)),
                                  .next = "Is the disk full?"});
}

}  // namespace vitrail::train
