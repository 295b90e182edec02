#include "cross/onnx_runtime.h"

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <stdexcept>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "vitrail/base/file.h"
#include "vitrail/base/text.h"

namespace vitrail {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

const fs::path kHarness = fs::path(VITRAIL_SOURCE_DIR) / "tests" / "onnxruntime";

// `text` as one word of a POSIX shell.
std::string quoted(const std::string& text) {
  std::string word = "'";
  for (const char c : text)
    word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

// A folder of this process, removed at the end.
class Scratch {
 public:
  Scratch() : path(fs::path(testing::TempDir()) / cat("vitrail_onnxruntime_", getpid())) {
    fs::create_directories(path);
  }
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  std::string write(const std::string& name, std::string_view bytes) const {
    write_file_atomically(path / name, bytes);
    return (path / name).string();
  }

  fs::path path;
};

Json description_of(const RuntimeJob& job, size_t number, const Scratch& scratch) {
  Json inputs = Json::array();
  for (const auto& [name, tensor] : job.inputs) {
    const std::string_view bytes(reinterpret_cast<const char*>(tensor.raw()),
                                 static_cast<size_t>(tensor.bytes()));
    inputs.push_back({{"name", name},
                      {"shape", tensor.shape()},
                      {"file", scratch.write(cat("input_", number, "_", inputs.size(), ".bin"), bytes)}});
  }
  return {{"model", scratch.write(cat("model_", number, ".onnx"), job.onnx)},
          {"inputs", inputs},
          {"output", (scratch.path / cat("output_", number)).string()}};
}

RuntimeResult result_of(const Json& job) {
  const Json found = Json::parse(read_file(job.at("output").get<std::string>() + ".json"));
  if (found.contains("error")) return {found.at("error").get<std::string>(), {}};
  RuntimeResult result;
  for (const Json& output : found.at("outputs")) {
    const std::string type = output.at("type").get<std::string>();
    static const std::map<std::string, DataType> known = {
        {"float32", DataType::f32}, {"int64", DataType::i64}, {"uint8", DataType::u8}};
    if (!known.contains(type)) throw std::runtime_error("an output of " + type);
    Tensor tensor = Tensor::empty(known.at(type), output.at("shape").get<std::vector<int64_t>>());
    const std::string bytes = read_file(output.at("file").get<std::string>());
    if (static_cast<int64_t>(bytes.size()) != tensor.bytes())
      throw std::runtime_error("an output is cut short");
    std::memcpy(tensor.raw(), bytes.data(), bytes.size());
    result.outputs.push_back(std::move(tensor));
  }
  return result;
}

}  // namespace

std::string why_no_onnx_runtime() {
  if (!fs::exists(kHarness / "node_modules" / "onnxruntime-node"))
    return "ONNX Runtime is not installed: run 'npm ci --ignore-scripts' in tests/onnxruntime";
  if (std::system("node --version > /dev/null 2>&1") != 0) return "there is no 'node' program";
  return "";
}

std::vector<RuntimeResult> run_onnx_runtime(const std::vector<RuntimeJob>& jobs) {
  const Scratch scratch;
  Json list = Json::array();
  for (const RuntimeJob& job : jobs)
    list.push_back(description_of(job, list.size(), scratch));
  const std::string request = scratch.write("jobs.json", list.dump());
  // The child runs outside any sanitizer that this program may be built with.
  const std::string command =
      cat("env -u LD_PRELOAD node ", quoted((kHarness / "run.mjs").string()), " ", quoted(request), " >&2");
  if (const int status = std::system(command.c_str()); status != 0)
    throw std::runtime_error(cat("'", command, "' ended with status ", status));
  std::vector<RuntimeResult> results;
  for (const Json& job : list)
    results.push_back(result_of(job));
  return results;
}

}  // namespace vitrail
