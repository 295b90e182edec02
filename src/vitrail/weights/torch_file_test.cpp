#include "vitrail/weights/torch_file.h"

#include <fstream>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mutate.h"
#include "temporary_folder.h"
#include "vitrail/base/error.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"
#include "vitrail/weights/pickle.h"
#include "vitrail/weights/zip_archive.h"

namespace vitrail {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::filesystem::path fixture(const std::string& name) {
  return std::filesystem::path(VITRAIL_SOURCE_DIR) / "tests/fixtures/torch" / name;
}

void write(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

template <class T>
std::string raw(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

// A zip archive of stored entries, as small as the format allows.
std::string zip_of(const std::vector<std::pair<std::string, std::string>>& entries, uint16_t method = 0) {
  std::string local, central;
  for (const auto& [name, data] : entries) {
    const std::string sizes = raw(uint32_t{0}) + raw(static_cast<uint32_t>(data.size())) +
                              raw(static_cast<uint32_t>(data.size())) +
                              raw(static_cast<uint16_t>(name.size()));
    const std::string common = raw(uint16_t{20}) + raw(uint16_t{0}) + raw(method) + raw(uint32_t{0}) + sizes;
    central += "PK\x01\x02" + raw(uint16_t{20}) + common + raw(uint16_t{0}) + raw(uint16_t{0}) +
               raw(uint32_t{0}) + raw(uint32_t{0}) + raw(static_cast<uint32_t>(local.size())) + name;
    local += "PK\x03\x04" + common + raw(uint16_t{0}) + name + data;
  }
  const auto count = static_cast<uint16_t>(entries.size());
  return local + central + "PK\x05\x06" + raw(uint32_t{0}) + raw(count) + raw(count) +
         raw(static_cast<uint32_t>(central.size())) + raw(static_cast<uint32_t>(local.size())) +
         raw(uint16_t{0});
}

std::string text(const std::string& value) {
  return cat("X", raw(static_cast<uint32_t>(value.size())), value);
}
std::string number(int32_t value) {
  return cat("J", raw(value));
}
std::string name(const std::string& module, const std::string& function) {
  return cat("c", module, "\n", function, "\n");
}
std::string tuple_of(const std::vector<int32_t>& values) {
  std::string result = "(";
  for (const int32_t value : values)
    result += number(value);
  return result + "t";
}

struct Described {
  std::string storage = "torch", type = "FloatStorage", key = "0";
  int32_t elements = 4, offset = 0;
  std::vector<int32_t> sizes{4}, strides{1};
};

std::string tensor(const Described& d) {
  return name("torch._utils", "_rebuild_tensor_v2") + "((" + text("storage") + name(d.storage, d.type) +
         text(d.key) + text("cpu") + number(d.elements) + "tQ" + number(d.offset) + tuple_of(d.sizes) +
         tuple_of(d.strides) + "\x89}tR";
}

std::string dictionary(const std::string& value) {
  return std::string("\x80\x02}") + text("w") + value + "s.";
}

std::string file_of(const std::string& pickle, const std::string& data = std::string(16, '\0')) {
  return zip_of({{"archive/data.pkl", pickle}, {"archive/data/0", data}});
}

Error fault_of(const std::string& bytes) {
  const TemporaryFolder folder;
  write(folder / "x.pth", bytes);
  try {
    read_torch_file(folder / "x.pth");
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("x.pth"));
    return error;
  }
  ADD_FAILURE() << "it was read";
  return {ErrorKind::usage, {}};
}

void expect_fixture(const Weights& w) {
  EXPECT_EQ(w.size(), 12u);
  EXPECT_EQ(w.at("a.weight").shape(), (Shape{3, 4}));
  EXPECT_THAT(w.at("a.weight").data<float>(), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
  EXPECT_EQ(w.at("a.transposed").shape(), (Shape{4, 3}));
  EXPECT_THAT(w.at("a.transposed").data<float>(), ElementsAre(0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11));
  EXPECT_THAT(w.at("a.slice").data<float>(), ElementsAre(4, 5, 6, 7));
  EXPECT_EQ(w.at("b.half").type(), DataType::f16);
  EXPECT_THAT(w.at("b.half").to_f32().data<float>(), ElementsAre(0.5f, -2.0f));
  EXPECT_THAT(w.at("b.double").data<double>(), ElementsAre(1e-3));
  EXPECT_THAT(w.at("b.bfloat16").to_f32().data<float>(), ElementsAre(1.5f, -3.0f));
  EXPECT_EQ(w.at("c.long").shape(), Shape{});
  EXPECT_THAT(w.at("c.long").data<int64_t>(), ElementsAre(1234567890123));
  EXPECT_THAT(w.at("c.int").data<int32_t>(), ElementsAre(-5));
  EXPECT_THAT(w.at("c.bytes").data<uint8_t>(), ElementsAre(0, 255));
  EXPECT_EQ(w.at("c.flags").type(), DataType::boolean);
  EXPECT_EQ(w.at("c.flags").bytes(), 2);
  EXPECT_EQ(w.at("d.parameter").shape(), (Shape{2, 1, 1}));
  EXPECT_THAT(w.at("d.parameter").data<float>(), ElementsAre(7, 7));
  EXPECT_EQ(w.at("e.empty").shape(), (Shape{0, 3}));
}

// Files that PyTorch 1.13 wrote: as zip archive (pickle protocols 2 and 4), in the format before 1.6, and a
// checkpoint of a DataParallel model.
TEST(TorchFile, ReadsWhatPyTorchWrites) {
  for (const char* file : {"small.pth", "small_legacy.pth", "protocol4.pth", "checkpoint.pth"}) {
    SCOPED_TRACE(file);
    EXPECT_TRUE(is_torch_file(fixture(file)));
    expect_fixture(read_torch_file(fixture(file)).tensors);
  }
}

TEST(TorchFile, KnowsItsOwnFiles) {
  const TemporaryFolder folder;
  for (const char* bytes : {"", "P", "PK\x05\x06", "{}", "\x80\x02"}) {
    write(folder / "x", bytes);
    EXPECT_FALSE(is_torch_file(folder / "x"));
    EXPECT_EQ(fault_of(bytes).kind(), ErrorKind::format);
  }
}

TEST(TorchFile, ReadsAHandMadeArchive) {
  const TemporaryFolder folder;
  write(folder / "x.pth", file_of(dictionary(tensor({})), raw(1.0f) + raw(2.0f) + raw(3.0f) + raw(4.0f)));
  const TorchFile file = read_torch_file(folder / "x.pth");
  EXPECT_THAT(file.tensors.at("w").data<float>(), ElementsAre(1, 2, 3, 4));
}

TEST(TorchFile, ReportsWhatIsNoTensor) {
  const TemporaryFolder folder;
  write(folder / "x.pth",
        file_of(std::string("\x80\x02}") + text("epoch") + "K\x03s" + text("w") + tensor({}) + "s."));
  EXPECT_THAT(read_torch_file(folder / "x.pth").ignored, ElementsAre("epoch"));
}

// What an attacker would write. Each is refused by the name of what it asks for, and none of it happens.
TEST(TorchFile, ExecutesNothing) {
  const TemporaryFolder folder;
  const std::string mark = (folder / "executed").string(), command = text("touch " + mark) + "\x85R.";
  const auto stack_global = [](const std::string& module, const std::string& function) {
    return text(module) + text(function) + "\x93";
  };
  const std::vector<std::pair<std::string, std::string>> attacks{
      {name("posix", "system") + command, "posix.system"},
      {name("os", "system") + command, "os.system"},
      {stack_global("os", "system") + command, "os.system"},
      {name("builtins", "eval") + command, "builtins.eval"},
      {stack_global("builtins", "exec") + command, "builtins.exec"},
      {name("__builtin__", "getattr") + command, "__builtin__.getattr"},
      {name("subprocess", "Popen") + command, "subprocess.Popen"},
      {name("torch.hub", "load") + command, "torch.hub.load"},
      {name("torch._utils", "_rebuild_tensor_v2\nx") + ".", "instruction 120"},
      {name("torch", "FloatStorage.__reduce__") + ".", "torch.FloatStorage.__reduce__"},
      {std::string("(") + text("touch " + mark) + "ios\nsystem\n.", "instruction 105"},   // INST
      {std::string("(") + name("collections", "OrderedDict") + "o.", "instruction 111"},  // OBJ
      {name("collections", "OrderedDict") + ")\x81.", "instruction 129"},                 // NEWOBJ
      {std::string("\x82\x01."), "instruction 130"},                                      // EXT1
      {std::string("P") + "0\n.", "instruction 80"},                                      // PERSID
      {name("torch", "FloatStorage") + ")R.", "torch.FloatStorage"},
      {name("collections", "OrderedDict") + text("x") + "\x85R.", "collections.OrderedDict"},
      {name("collections", "OrderedDict") + "}b.", "sets attributes"}};
  for (const auto& [attack, named] : attacks) {
    const std::string pickle = cat("\x80\x04", attack);
    const Error error = fault_of(file_of(pickle));
    EXPECT_EQ(error.kind(), ErrorKind::unsupported) << error.what();
    EXPECT_THAT(error.what(), HasSubstr(named));
  }
  EXPECT_FALSE(std::filesystem::exists(mark));
}

TEST(TorchFile, BelievesNoSizeStrideOrStorage) {
  const std::vector<Described> wrong{
      {.elements = 5},
      {.elements = -1},
      {.offset = 1},
      {.offset = -1},
      {.sizes = {5}},
      {.sizes = {-4}},
      {.sizes = {2, 2}},
      {.sizes = {2}, .strides = {4}},
      {.sizes = {2}, .strides = {-1}},
      {.sizes = {1000000}, .strides = {0}},
      {.sizes = {2147483647, 2147483647, 2147483647}, .strides = {0, 0, 0}},
      {.sizes = std::vector<int32_t>(17, 1), .strides = std::vector<int32_t>(17, 1)},
      {.key = "1"},
      {.key = std::string(65, '0')}};
  for (const Described& d : wrong) {
    const Error error = fault_of(file_of(dictionary(tensor(d))));
    EXPECT_TRUE(error.kind() == ErrorKind::format || error.kind() == ErrorKind::limit) << error.what();
  }
  EXPECT_EQ(fault_of(file_of(dictionary(tensor({.type = "ComplexFloatStorage"})))).kind(),
            ErrorKind::unsupported);
}

TEST(TorchFile, ManyNamesForOneStorageCannotExhaustMemory) {
  std::string pickle = std::string("\x80\x02}") + text("a") +
                       tensor({.elements = 4096, .sizes = {64, 64}, .strides = {1, 64}}) + "q\x01s";
  for (int i = 0; i < 1000; ++i)
    pickle += text(cat("copy", i)) + "h\x01s";
  EXPECT_EQ(fault_of(file_of(pickle + ".", std::string(4 * 4096, '\0'))).kind(), ErrorKind::limit);
}

TEST(TorchFile, RefusesDamagedPickles) {
  for (const std::string& pickle :
       {std::string(), std::string("\x80"), std::string("\x80\x07."), std::string("."), std::string("(."),
        std::string("}t."), std::string("h\x05."), std::string("K\x01s."), std::string("]K\x01s."),
        std::string("}K\x01"
                    "a."),
        std::string("}(K\x01u."), std::string("X\xff\xff\xff\xff."), std::string("]."), std::string("}."),
        std::string("K\x01Q."), std::string("cno newline")}) {
    const Error error = fault_of(file_of(pickle));
    EXPECT_TRUE(error.kind() == ErrorKind::format || error.kind() == ErrorKind::unsupported) << error.what();
  }
  // Self-containing and deep structures cost nothing.
  fault_of(
      file_of("\x80\x02]q\x01h\x01"
              "a."));
  fault_of(file_of(cat("\x80\x02)", std::string(100000, '\x85'), ".")));
}

TEST(TorchFile, RefusesCompressedAndStrangeArchives) {
  EXPECT_THAT(fault_of(zip_of({{"archive/data.pkl", "x"}}, 8)).what(), HasSubstr("compressed"));
  EXPECT_THAT(fault_of(zip_of({{"readme.txt", "x"}})).what(), HasSubstr("data.pkl"));
  EXPECT_THAT(fault_of(zip_of({{"a/data.pkl", "x"}, {"a/data.pkl", "x"}})).what(), HasSubstr("twice"));
}

// Cut anywhere, or broken anywhere: an error that names the file, or tensors that lie inside it.
TEST(TorchFile, NoDamageIsHalfBelieved) {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder / "x.pth";
  Random random(5);
  int read = 0;
  for (const char* file : {"small.pth", "small_legacy.pth"}) {
    const std::string good = read_file(fixture(file));
    for (int i = 0; i < 400; ++i) {
      write(path,
            i < 100 ? good.substr(0, good.size() * static_cast<size_t>(i) / 100) : mutated(good, random));
      try {
        double sum = 0;
        for (const auto& [key, value] : read_torch_file(path).tensors)
          for (int64_t b = 0; b < value.bytes(); ++b)
            sum += static_cast<double>(value.raw()[b]);
        EXPECT_GE(sum, 0);
        ++read;
      } catch (const Error& error) {
        EXPECT_THAT(error.what(), HasSubstr("x.pth"));
      }
    }
  }
  EXPECT_GT(read, 0) << "some damage hits padding or values";
}

}  // namespace
}  // namespace vitrail
