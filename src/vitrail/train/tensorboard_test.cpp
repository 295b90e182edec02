#include "vitrail/train/tensorboard.h"

#include <bit>
#include <cstring>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "temporary_folder.h"
#include "vitrail/base/file.h"
#include "vitrail/train/crc32c.h"

namespace vitrail::train {
namespace {

namespace fs = std::filesystem;

// A bit-by-bit CRC, to hold the table-driven one against.
uint32_t slow_masked_crc(std::string_view bytes) {
  uint32_t crc = ~0u;
  for (const char byte : bytes) {
    crc ^= static_cast<uint8_t>(byte);
    for (int i = 0; i < 8; ++i)
      crc = crc & 1 ? crc >> 1 ^ 0x82F63B78u : crc >> 1;
  }
  crc = ~crc;
  return (crc >> 15 | crc << 17) + 0xA282EAD8u;
}

template <class T>
T take(std::string_view& bytes) {
  T value;
  if (bytes.size() < sizeof value) throw std::runtime_error("truncated");
  std::memcpy(&value, bytes.data(), sizeof value);
  bytes.remove_prefix(sizeof value);
  return value;
}

uint64_t take_varint(std::string_view& bytes) {
  uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = take<uint8_t>(bytes);
    value |= uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) return value;
  }
}

/// Fields of a protocol buffer by number: numbers as their bits, bytes as they are.
struct Fields {
  std::multimap<uint64_t, uint64_t> numbers;
  std::multimap<uint64_t, std::string> bytes;
};
Fields decode(std::string_view message) {
  Fields fields;
  while (!message.empty()) {
    const uint64_t key = take_varint(message), field = key >> 3;
    switch (key & 7) {
      case 0: fields.numbers.emplace(field, take_varint(message)); break;
      case 1: fields.numbers.emplace(field, take<uint64_t>(message)); break;
      case 5: fields.numbers.emplace(field, take<uint32_t>(message)); break;
      case 2: {
        const uint64_t size = take_varint(message);
        fields.bytes.emplace(field, std::string(message.substr(0, size)));
        message.remove_prefix(size);
        break;
      }
      default: throw std::runtime_error("unknown wire type");
    }
  }
  return fields;
}

std::vector<Fields> events_of(const fs::path& path) {
  const std::string file = read_file(path);
  std::string_view rest = file;
  std::vector<Fields> events;
  while (!rest.empty()) {
    const std::string_view length_bytes = rest.substr(0, 8);
    const auto length = take<uint64_t>(rest);
    EXPECT_EQ(take<uint32_t>(rest), slow_masked_crc(length_bytes));
    const std::string_view message = rest.substr(0, length);
    rest.remove_prefix(length);
    EXPECT_EQ(take<uint32_t>(rest), slow_masked_crc(message));
    events.push_back(decode(message));
  }
  return events;
}

class TensorBoard : public testing::Test {
 protected:
  TemporaryFolder temporary_;
  fs::path folder_ = temporary_.path();
};

TEST(Crc32c, HasTheStandardsValues) {
  EXPECT_EQ(crc32c(std::string_view("123456789")), 0xE3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);  // RFC 3720, B.4
  EXPECT_EQ(crc32c(std::string_view()), 0u);
}

TEST_F(TensorBoard, WritesRecordsThatDecode) {
  EventWriter events(folder_, 0);
  events.scalar("val/mean IoU", 300, 0.625);
  events.image("worst", 7, "not really a png", 36, 48);
  events.flush();
  const std::vector<Fields> read = events_of(events.path());
  ASSERT_EQ(read.size(), 4u);  // after the file's version and the session's start
  EXPECT_EQ(read[0].bytes.find(3)->second, "brain.Event:2");

  EXPECT_EQ(read[2].numbers.find(2)->second, 300u);
  const double wall_time = std::bit_cast<double>(read[2].numbers.find(1)->second);
  EXPECT_GT(wall_time, 1.5e9);
  const Fields scalar = decode(decode(read[2].bytes.find(5)->second).bytes.find(1)->second);
  EXPECT_EQ(scalar.bytes.find(1)->second, "val/mean IoU");
  EXPECT_EQ(std::bit_cast<float>(static_cast<uint32_t>(scalar.numbers.find(2)->second)), 0.625f);

  const Fields value = decode(decode(read[3].bytes.find(5)->second).bytes.find(1)->second);
  const Fields image = decode(value.bytes.find(4)->second);
  EXPECT_EQ(image.numbers.find(1)->second, 36u);
  EXPECT_EQ(image.numbers.find(2)->second, 48u);
  EXPECT_EQ(image.bytes.find(4)->second, "not really a png");
}

TEST_F(TensorBoard, AResumedRunHasAFileOfItsOwnThatSaysWhereItStarts) {
  const EventWriter first(folder_, 0);
  const std::string before = read_file(first.path());
  const EventWriter second(folder_, 120);
  EXPECT_NE(first.path(), second.path());
  EXPECT_EQ(read_file(first.path()), before);
  const std::vector<Fields> read = events_of(second.path());
  ASSERT_EQ(read.size(), 2u);
  EXPECT_EQ(read[1].numbers.find(2)->second, 120u);
  EXPECT_EQ(decode(read[1].bytes.find(7)->second).numbers.find(1)->second, 1u);  // SessionLog.START
}

}  // namespace
}  // namespace vitrail::train
