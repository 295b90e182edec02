#include "vitrail/weights/safetensors.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "mutate.h"
#include "temporary_folder.h"
#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

using testing::HasSubstr;

void write(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// A file by hand: the header's length (its own unless given), the header, the data.
std::string file_of(const std::string& header, const std::string& data, uint64_t length = UINT64_MAX) {
  if (length == UINT64_MAX) length = header.size();
  std::string bytes;
  for (int i = 0; i < 8; ++i)
    bytes.push_back(static_cast<char>((length >> (8 * i)) & 0xff));
  return bytes + header + data;
}

std::string refusal(const std::string& bytes, ErrorKind kind = ErrorKind::format) {
  const TemporaryFolder folder;
  const auto path = folder / "refused.safetensors";
  write(path, bytes);
  try {
    read_safetensors(path);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    EXPECT_THAT(error.what(), HasSubstr("refused.safetensors"));
    return error.what();
  }
  return "accepted";
}

std::string bytes_of(const Tensor& tensor) {
  return {reinterpret_cast<const char*>(tensor.raw()), static_cast<size_t>(tensor.bytes())};
}

Weights weights_of_every_type() {
  Weights weights;
  Random random(3);
  const std::vector<DataType> types{DataType::f32, DataType::f16, DataType::bf16,   DataType::f64,
                                    DataType::i64, DataType::i32, DataType::i16,    DataType::i8,
                                    DataType::u8,  DataType::u16, DataType::boolean};
  for (const DataType type : types) {
    Tensor tensor = Tensor::empty(type, {2, 3});
    for (int64_t i = 0; i < tensor.bytes(); ++i)
      tensor.raw()[i] = static_cast<std::byte>(random.integer(0, 1));
    weights.emplace(cat("layer.", name_of(type)), tensor);
  }
  weights.emplace("scalar", Tensor::from<float>({}, std::vector<float>{2.5f}));
  weights.emplace("nothing", Tensor::zeros(DataType::f32, {0, 4}));
  weights.emplace("größe \"quoted\"", Tensor::from<float>({1}, std::vector<float>{-1}));
  return weights;
}

TEST(Safetensors, RoundTripsEveryTypeAndTheMetadata) {
  const TemporaryFolder folder;
  const auto path = folder / "all.safetensors";
  const std::map<std::string, std::string> metadata{{"format", "pt"}, {"note", "a \"quote\"\nand é"}};
  const Weights weights = weights_of_every_type();
  write_safetensors(path, weights, metadata);
  const Safetensors read = read_safetensors(path);
  EXPECT_EQ(read.metadata, metadata);
  ASSERT_EQ(read.tensors.size(), weights.size());
  for (const auto& [name, tensor] : weights) {
    const Tensor& other = read.tensors.at(name);
    EXPECT_EQ(other.type(), tensor.type()) << name;
    EXPECT_EQ(other.shape(), tensor.shape()) << name;
    EXPECT_EQ(bytes_of(other), bytes_of(tensor)) << name;
  }
  const std::string first = read_file(path);
  write_safetensors(path, read.tensors, read.metadata);
  EXPECT_EQ(read_file(path), first) << "the same tensors give the same bytes";
}

TEST(Safetensors, WritesWhatTheFormatSaysReadByHand) {
  const TemporaryFolder folder;
  const auto path = folder / "hand.safetensors";
  write_safetensors(path, {{"b", Tensor::from<float>({2}, std::vector<float>{1, 2})},
                           {"a", Tensor::from<uint8_t>({3}, std::vector<uint8_t>{7, 8, 9})}});
  const std::string bytes = read_file(path);
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  EXPECT_EQ((8 + length) % 64, 0u) << "the data are aligned";
  const auto header = nlohmann::json::parse(bytes.substr(8, length));
  EXPECT_EQ(header, nlohmann::json::parse(R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[8,11]},
                                              "b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})"));
  EXPECT_EQ(bytes.size(), 8 + length + 11);
  float second = 0;
  std::memcpy(&second, bytes.data() + 8 + length + 4, 4);
  EXPECT_EQ(second, 2.0f);
  EXPECT_EQ(bytes.substr(8 + length + 8), "\x07\x08\x09");
}

TEST(Safetensors, ReadsUnalignedDataAndTensorsOutliveTheFile) {
  const TemporaryFolder folder;
  const auto path = folder / "odd.safetensors";
  std::string data = "xyz";
  const float value = 3.25f;
  data.append(reinterpret_cast<const char*>(&value), 4);
  write(path, file_of(R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},)"
                      R"("b":{"dtype":"F32","shape":[1],"data_offsets":[3,7]}})",
                      data));
  const Tensor b = read_safetensors(path).tensors.at("b");
  std::filesystem::remove(path);
  EXPECT_EQ(b.data<float>()[0], value);
}

TEST(Safetensors, AFileOfNoTensorsIsFine) {
  const TemporaryFolder folder;
  const auto path = folder / "empty.safetensors";
  write_safetensors(path, {});
  EXPECT_TRUE(read_safetensors(path).tensors.empty());
}

TEST(Safetensors, RefusesALyingLength) {
  EXPECT_THAT(refusal(""), HasSubstr("0 bytes"));
  EXPECT_THAT(refusal("\x01\x02"), HasSubstr("8 bytes of header length"));
  EXPECT_THAT(refusal(file_of("{}", "", uint64_t{1} << 62)), HasSubstr("can hold one of at most 2"));
  EXPECT_THAT(refusal(file_of("{}", "", UINT64_MAX - 3)), HasSubstr("can hold one of at most 2"));
  EXPECT_THAT(refusal(file_of("", "")), HasSubstr("does not begin with '{'"));
}

TEST(Safetensors, RefusesAHeaderThatIsNotTheFormats) {
  EXPECT_THAT(refusal(file_of("{", "")), HasSubstr("not JSON"));
  EXPECT_THAT(refusal(file_of("{}x", "")), HasSubstr("not JSON"));
  EXPECT_THAT(refusal(file_of("{\"a\xff\":{}}", "")), HasSubstr("not JSON"));
  EXPECT_THAT(refusal(file_of(R"({"a":1})", "")), HasSubstr("number 1"));
  EXPECT_THAT(refusal(file_of(R"({"a":[1]})", "")), HasSubstr("a list"));
  EXPECT_THAT(refusal(file_of(R"({"a":null})", "")), HasSubstr("null"));
  EXPECT_THAT(refusal(file_of(R"({"a":{}})", "")), HasSubstr("tensor 'a': an incomplete description"));
  EXPECT_THAT(refusal(file_of(R"({"a":{"dtype":"F32","shape":[[1]]}})", "")), HasSubstr("a list"));
  EXPECT_THAT(refusal(file_of(R"({"a":{"dtype":"F4"}})", "")), HasSubstr("dtype 'F4'; known are F64"));
  EXPECT_THAT(refusal(file_of(R"({"a":{"kind":"F4"}})", "")), HasSubstr("key 'kind'"));
  EXPECT_THAT(refusal(file_of(R"({"a":{"shape":[-1]}})", "")), HasSubstr("not negative"));
  EXPECT_THAT(refusal(file_of(R"({"a":{"shape":[1.5]}})", "")), HasSubstr("whole numbers"));
  EXPECT_THAT(refusal(file_of(R"({"a":{"shape":[18446744073709551615]}})", "")), HasSubstr("too large"));
  EXPECT_THAT(refusal(file_of(R"({"__metadata__":{"a":1}})", "")), HasSubstr("number 1"));
  EXPECT_THAT(refusal(file_of(R"({"":{}})", "")), HasSubstr("name is empty"));
  EXPECT_THAT(refusal(file_of(R"({"a\u0007":{}})", "")), HasSubstr("control character"));
  EXPECT_THAT(refusal(file_of("{\"" + std::string(2000, 'a') + "\":{}}", "")), HasSubstr("longer than 1024"));
  EXPECT_THAT(refusal(file_of("{\"a\":" + std::string(100000, '['), "")), HasSubstr("a list"));
}

TEST(Safetensors, RefusesDuplicateKeys) {
  const std::string a = R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  EXPECT_EQ(refusal(file_of("{" + a + "}", "x")), "accepted") << "the twin of the refused ones is sound";
  EXPECT_THAT(refusal(file_of("{" + a + "," + a + "}", "x")), HasSubstr("'a' is there twice"));
  EXPECT_THAT(refusal(file_of(R"({"a":{"dtype":"U8","dtype":"F32"}})", "")), HasSubstr("twice"));
  EXPECT_THAT(refusal(file_of(R"({"__metadata__":{"k":"1","k":"2"}})", "")), HasSubstr("twice"));
}

TEST(Safetensors, RefusesRangesThatDoNotFit) {
  const auto one = [](const std::string& shape, const std::string& offsets) {
    return R"("a":{"dtype":"F32","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
  };
  EXPECT_EQ(refusal(file_of("{" + one("[1]", "[0,4]") + "}", "1234")), "accepted");
  EXPECT_THAT(refusal(file_of("{" + one("[2]", "[0,8]") + "}", "1234")), HasSubstr("data bytes 0 to 4"));
  EXPECT_THAT(refusal(file_of("{" + one("[1]", "[4,0]") + "}", "1234")), HasSubstr("bytes 4 to 0"));
  EXPECT_THAT(refusal(file_of("{" + one("[1]", "[0]") + "}", "1234")), HasSubstr("incomplete"));
  EXPECT_THAT(refusal(file_of("{" + one("[3]", "[0,4]") + "}", "1234")), HasSubstr("needs 12"));
  EXPECT_THAT(refusal(file_of("{" + one("[4294967296,4294967296]", "[0,4]") + "}", "1234")),
              HasSubstr("overflows"));
  EXPECT_THAT(refusal(file_of("{" + one("[1]", "[0,4]") + "}", "12345")), HasSubstr("1 bytes after"));
  EXPECT_THAT(refusal(file_of("{" + one("[1]", "[1,5]") + "}", "12345")), HasSubstr("a gap"));
  const std::string b = R"(,"b":{"dtype":"U8","shape":[2],"data_offsets":[3,5]})";
  EXPECT_THAT(refusal(file_of("{" + one("[1]", "[0,4]") + b + "}", "12345")),
              HasSubstr("tensor 'b': its data begin at byte 3; they overlap"));
}

TEST(Safetensors, WriterRefusesWhatNoReaderCouldTake) {
  const TemporaryFolder folder;
  const auto path = folder / "bad.safetensors";
  const Tensor tensor = Tensor::zeros(DataType::f32, {1});
  EXPECT_THROW(write_safetensors(path, {{"", tensor}}), Error);
  EXPECT_THROW(write_safetensors(path, {{"__metadata__", tensor}}), Error);
  EXPECT_THROW(write_safetensors(path, {{"a", Tensor()}}), Error);
  EXPECT_THROW(write_safetensors(path, {{"a\xff", tensor}}), Error);
  EXPECT_THROW(write_safetensors(path, {{"a", tensor}}, {{"k", "\xff"}}), Error);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Safetensors, MissingFileIsNamed) {
  try {
    read_safetensors("/no/such/file.safetensors");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::file);
    EXPECT_THAT(error.what(), HasSubstr("/no/such/file.safetensors"));
  }
}

// What a file that was accepted must be: every byte of every tensor readable, none counted twice.
int64_t check_consistent(const std::filesystem::path& path) {
  const Safetensors file = read_safetensors(path);
  int64_t bytes = 0, sum = 0;
  for (const auto& [name, tensor] : file.tensors) {
    EXPECT_EQ(tensor.bytes(), element_count(tensor.shape()) * size_of(tensor.type())) << name;
    bytes += tensor.bytes();
    for (int64_t i = 0; i < tensor.bytes(); ++i)
      sum += std::to_integer<int64_t>(tensor.raw()[i]);
  }
  EXPECT_LE(bytes, static_cast<int64_t>(std::filesystem::file_size(path)));
  return sum;
}

TEST(Safetensors, FiveHundredDamagedFilesAreRefusedOrConsistent) {
  const TemporaryFolder folder;
  const auto path = folder / "damaged.safetensors";
  write_safetensors(path, weights_of_every_type(), {{"format", "pt"}});
  const std::string good = read_file(path);
  Random random(2026);
  int refused = 0, accepted = 0;
  for (int i = 0; i < 500; ++i) {
    write(path, mutated(good, random));
    try {
      check_consistent(path);
      ++accepted;
    } catch (const Error& error) {
      ++refused;
      ASSERT_EQ(error.kind(), ErrorKind::format) << error.what();
      ASSERT_THAT(error.what(), HasSubstr("damaged.safetensors"));
    }
  }
  EXPECT_GT(refused, 250) << "most damage must be seen";
  RecordProperty("refused", refused);
  RecordProperty("accepted", accepted);
}

TEST(Safetensors, ReadsThePretrainedFiles) {
  const auto folder = std::filesystem::path(VITRAIL_SOURCE_DIR) / "../shared/data/pretrained";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no ../shared/data/pretrained";
  const Safetensors file = read_safetensors(folder / "mobilenet_v1_x0.50.safetensors");
  EXPECT_EQ(file.metadata.at("depth_multiplier"), "0.5");
  EXPECT_EQ(file.tensors.size(), 112u);
  EXPECT_EQ(file.tensors.at("Conv2d_0.weight").type(), DataType::f16);
  EXPECT_EQ(file.tensors.at("Conv2d_0.weight").shape(), (Shape{16, 3, 3, 3}));
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    EXPECT_GT(check_consistent(entry.path()), 0) << entry.path();
}

}  // namespace
}  // namespace vitrail
