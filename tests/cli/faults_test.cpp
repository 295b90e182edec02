// What users get for wrong names, wrong files and wrong arguments: one sentence on standard error, and an
// exit status that scripts can rely on.

#include <gmock/gmock.h>

#include "fixture.h"
#include "vitrail/base/file.h"
#include "vitrail/base/random.h"

namespace vitrail::testing {
namespace {

using ::testing::HasSubstr;

TEST_F(CliTest, NoCommandShowsTheCommands) {
  const Result result = vitrail({});
  expect_refused(result, 2, {"no command", "segment", "inspect"});
}

TEST_F(CliTest, UnknownCommandNamesTheNearest) {
  expect_refused(vitrail({"segmnt"}), 2, {"unknown command 'segmnt'", "Did you mean 'segment'?", "evaluate"});
}

TEST_F(CliTest, UnknownOptionNamesTheNearest) {
  expect_refused(vitrail({"inspect", "mobilenet-x0.5-fcn8", "--clases", "19"}), 2,
                 {"'--clases'", "'--classes'"});
  expect_refused(vitrail({"doctor", "now"}), 2, {"'now'"});
}

TEST_F(CliTest, MissingAndMalformedArgumentsAreUsageErrors) {
  expect_refused(vitrail({"segment"}), 2, {"MODEL"});
  expect_refused(vitrail({"segment", "m.onnx", "a.png"}), 2, {"--out"});
  expect_refused(vitrail({"segment", "m.onnx", "a.png", "--out", path("o"), "--tile", "big"}), 2,
                 {"--tile", "big"});
  expect_refused(vitrail({"segment", "m.onnx", "a.png", "--out", path("o"), "--memory", "0"}), 2,
                 {"--memory"});
  expect_refused(vitrail({"evaluate", "m.onnx"}), 2, {"--dataset"});
  const auto segment = [&](const std::string& option, const std::string& value) {
    return vitrail({"segment", "m.onnx", "a.png", "--out", path("o"), option, value});
  };
  expect_refused(segment("--tile", "-8"), 2, {"'-8'", "whole number, 0 to 1048576"});
  expect_refused(segment("--threads", "many"), 2, {"'many'", "whole number, 0 to 4096"});
  expect_refused(segment("--opacity", "2"), 2, {"'2'", "0 to 1"});
  for (const std::string memory : {"-1", "2TB", "big", "", "1.5GB", "99999999999999"})
    expect_refused(segment("--memory", memory), 2, {"--memory", "64MB"});
  for (const std::string size : {"64", "64x", "x64", "0x64", "-1x64", "64x64x64", "9999999999x1", "axb"})
    expect_refused(vitrail({"inspect", "mobilenet-x0.5-fcn8", "--input", size}), 2,
                   {"--input", size, "512x1024"});
  for (const std::string classes : {"0", "256", "-3", ",", "a,,b"})
    expect_refused(vitrail({"inspect", "mobilenet-x0.5-fcn8", "--classes=" + classes}), 2, {"--classes"});
}

TEST_F(CliTest, OptionsThatWouldChangeNothingAreRefused) {
  expect_refused(vitrail({"inspect", model(), "--classes", "4"}), 2, {"--classes with a model file"});
  expect_refused(vitrail({"export", model(), "--out", path("o.onnx"), "--seed", "4"}), 2, {"--seed"});
  expect_refused(vitrail({"inspect", model(), "--memory", "64MB"}), 2, {"--memory", "--engine"});
  expect_refused(vitrail({"evaluate", model(), "--dataset", dataset(), "--objects", "11"}), 2,
                 {"--objects", "class 11", "0 to 10"});
}

TEST_F(CliTest, QuantizeRefusesBeforeItCalibrates) {
  const std::string net = path("two.onnx"), out = path("bytes.onnx");
  ASSERT_EQ(vitrail({"export", "mobilenet-x0.25-os8", "--classes", "2", "--out", net}).status, 0);
  const Result result =
      vitrail({"quantize", net, "--dataset", dataset(), "--images", "1", "--split", "train+val", "-o", out});
  expect_refused(result, 2, {"2 classes", "11"});
}

TEST_F(CliTest, NamesOfClassesAreOnePerLine) {
  write_file_atomically(path("names.txt"), "sky\n\nroad\n");
  expect_refused(vitrail({"adopt", model(), "-o", path("o.onnx"), "--names", path("names.txt")}), 2,
                 {"names.txt:2", "empty line"});
  write_file_atomically(path("eleven.txt"), "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\n\n");
  EXPECT_EQ(vitrail({"adopt", model(), "-o", path("o.onnx"), "--names", path("eleven.txt")}).status, 0);
}

TEST_F(CliTest, AFileWhereAFolderIsNeededIsNamed) {
  const std::string photo = picture("a.png", 32, 32);
  expect_refused(vitrail({"segment", model(), photo, "--out", path("a.png/out")}), 1, {"a.png/out", "--out"});
}

TEST_F(CliTest, UnknownNamesListWhatExists) {
  expect_refused(vitrail({"inspect", "mobilenet-x0.5-fcn9"}), 2,
                 {"mobilenet-x0.5-fcn9", "squeezenet1.1-fcn8"});
  expect_refused(vitrail({"list", "netz"}), 2, {"netz", "Did you mean 'nets'?", "datasets"});
  expect_refused(vitrail({"check-dataset", "camvit:" + path("")}), 2, {"camvit", "Did you mean 'camvid'?"});
  expect_refused(vitrail({"evaluate", model(), "--dataset", dataset(), "--split", "tset"}), 2,
                 {"tset", "test"});
  expect_refused(vitrail({"evaluate", model(), "--dataset", dataset(), "--convention", "skip"}), 2,
                 {"skip", "truth_only"});
  expect_refused(vitrail({"inspect", "mobilenet-x0.5-fcn8", "--set", "dpeth=1"}), 2, {"dpeth"});
  expect_refused(vitrail({"inspect", "mobilenet-x0.5-fcn8", "--set", "depth"}), 2, {"key=value"});
}

TEST_F(CliTest, WrongModelFilesAreNamed) {
  const std::string photo = picture("a.png", 32, 32);
  const std::string bytes = read_file(model());
  write_file_atomically(path("truncated.onnx"), bytes.substr(0, bytes.size() / 2));
  write_file_atomically(path("empty.onnx"), "");
  write_file_atomically(path("garbage.onnx"), std::string(1000, 'x'));
  write_file_atomically(path("garbage.safetensors"), std::string(1000, 'x'));
  std::filesystem::create_directory(path("folder.onnx"));
  for (const std::string name : {"missing.onnx", "folder.onnx", "truncated.onnx", "empty.onnx",
                                 "garbage.onnx", "garbage.safetensors", "missing.safetensors"}) {
    SCOPED_TRACE(name);
    expect_refused(vitrail({"segment", path(name), photo, "--out", path("out")}), 1, {name});
    expect_refused(vitrail({"inspect", path(name)}), 1, {name});
    expect_refused(vitrail({"export", path(name), "--out", path("new.onnx")}), 1, {name});
    EXPECT_FALSE(std::filesystem::exists(path("new.onnx")));
  }
  expect_refused(vitrail({"segment", photo, photo, "--out", path("out")}), 2, {"a.png", ".onnx"});
}

TEST_F(CliTest, WrongImagesAreNamed) {
  write_file_atomically(path("text.png"), "text");
  std::filesystem::create_directory(path("nothing"));
  for (const std::string name : {"missing.png", "text.png", "nothing"}) {
    SCOPED_TRACE(name);
    expect_refused(vitrail({"segment", model(), path(name), "--out", path("out")}), 1, {name});
  }
}

TEST_F(CliTest, ResultsNeverReplaceInputs) {
  const std::string photo = picture("photos/a.png", 32, 32);
  const std::string before = read_file(photo);
  expect_refused(vitrail({"segment", model(), photo, "--out", path("photos")}), 2, {"a.png", "--out"});
  EXPECT_EQ(read_file(photo), before);
  const std::string other = picture("more/a.png", 32, 32);
  expect_refused(vitrail({"segment", model(), photo, other, "--out", path("out")}), 2, {"a.png"});
}

TEST_F(CliTest, TooLittleMemoryAndTooSmallTilesAreRefusedWithAWayOut) {
  const std::string photo = picture("a.png", 200, 200);
  const Result memory = vitrail({"segment", model(), photo, "--out", path("out"), "--memory", "1"});
  expect_refused(memory, 1, {"a.png", "--memory"});
  const Result tile = vitrail({"segment", model(), photo, "--out", path("out"), "--tile", "64"});
  expect_refused(tile, 1, {"a.png", "--overlap"});
}

TEST_F(CliTest, WrongDataSetsAreNamed) {
  expect_refused(vitrail({"evaluate", model(), "--dataset", "camvid:" + path("missing")}), 1, {"missing"});
  expect_refused(vitrail({"evaluate", model(), "--dataset", "camvid"}), 2, {"NAME:PATH"});
  const std::string data = dataset();
  const std::string two = path("two.onnx");
  ASSERT_EQ(vitrail({"export", "mobilenet-x0.25-os8", "--classes", "2", "--out", two}).status, 0);
  expect_refused(vitrail({"evaluate", two, "--dataset", data}), 2, {"2 classes", "11"});
}

TEST_F(CliTest, ExportNeedsAnOnnxName) {
  expect_refused(vitrail({"export", "mobilenet-x0.25-os8", "--out", path("model.pb")}), 2,
                 {"model.pb", ".onnx"});
  expect_refused(vitrail({"export", "mobilenet-x0.25-os8", "--out", path("none/model.onnx")}), 1, {"none"});
}

TEST_F(CliTest, DamagedModelsNeverCrash) {
  const std::string bytes = read_file(model());
  const std::string photo = picture("a.png", 32, 32);
  Random random(11);
  for (int i = 0; i < 40; ++i) {
    std::string damaged = bytes.substr(
        0, random.chance(0.5) ? bytes.size()
                              : static_cast<size_t>(random.integer(0, static_cast<int64_t>(bytes.size()))));
    for (int flips = 0; flips < 8 && !damaged.empty(); ++flips)
      damaged[static_cast<size_t>(
          random.integer(0, std::min<int64_t>(4000, static_cast<int64_t>(damaged.size()) - 1)))] ^=
          static_cast<char>(1 << random.integer(0, 7));
    write_file_atomically(path("damaged.onnx"), damaged);
    const Result result = vitrail({"segment", path("damaged.onnx"), photo, "--out", path("out")});
    EXPECT_LE(result.status, 2) << "mutation " << i << ": " << result.err;
    if (result.status != 0) {
      EXPECT_THAT(result.err, ::testing::StartsWith("vitrail: "));
    }
  }
}

}  // namespace
}  // namespace vitrail::testing
