// vitrail doctor: is this machine and this build in order?

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <thread>

#include <google/protobuf/stubs/common.h>
#include <link.h>
#include <nlohmann/json.hpp>
#include <oneapi/dnnl/dnnl_version.h>
#include <opencv2/core/version.hpp>
#include <png.h>

#include "vitrail/base/random.h"
#include "vitrail/base/text.h"
#include "vitrail/cli/command.h"
#include "vitrail/cli/output.h"
#include "vitrail/cli/terminal.h"
#include "vitrail/engine/engine.h"

namespace vitrail::cli {
namespace {

using Json = nlohmann::ordered_json;

Json library_versions() {
  constexpr int protobuf = GOOGLE_PROTOBUF_VERSION;
  Json versions = {{"vitrail", VITRAIL_VERSION},
                   {"compiler", __VERSION__},
                   {"oneDNN", cat(DNNL_VERSION_MAJOR, ".", DNNL_VERSION_MINOR, ".", DNNL_VERSION_PATCH)},
                   {"OpenCV", CV_VERSION},
                   {"libpng", PNG_LIBPNG_VER_STRING},
                   {"protobuf", cat(protobuf / 1000000, ".", protobuf / 1000 % 1000, ".", protobuf % 1000)}};
#ifdef VITRAIL_TRAIN
  versions["LibTorch"] = VITRAIL_LIBTORCH_VERSION;
#endif
  return versions;
}

Json cpu_features() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return {{"avx2", __builtin_cpu_supports("avx2") != 0},
          {"fma", __builtin_cpu_supports("fma") != 0},
          {"avx512", __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0},
          {"vnni", __builtin_cpu_supports("avx512vnni") != 0},
          {"bf16", __builtin_cpu_supports("avx512bf16") != 0}};
#else
  return Json::object();
#endif
}

/// The BLAS library that is loaded ("" for none), which LibTorch multiplies matrices with. Debian's
/// libblas.so.3 is a link to the one that was chosen.
std::string loaded_blas() {
  std::string found;
  dl_iterate_phdr(
      [](dl_phdr_info* library, size_t, void* out) {
        std::error_code failed;
        const std::filesystem::path path = std::filesystem::canonical(library->dlpi_name, failed);
        const std::string name = path.filename().string();
        for (const char* const blas : {"libopenblas", "libblis", "libmkl", "libblas"})
          if (name.starts_with(blas)) *static_cast<std::string*>(out) = path.string();
        return 0;
      },
      &found);
  return found;
}

bool is_reference_blas(const std::string& blas) {
  for (const char* const fast : {"openblas", "blis", "mkl", "atlas"})
    if (blas.find(fast) != std::string::npos) return false;
  return !blas.empty();
}

/// A 3x3 convolution with stride, padding and an odd size, by the engine and by four loops.
double convolution_difference() {
  const int64_t channels = 3, filters = 8, height = 11, width = 13;
  Random random(1);
  const auto noise = [&](Shape shape) {
    Tensor tensor = Tensor::empty(DataType::f32, std::move(shape));
    for (float& value : tensor.data<float>())
      value = static_cast<float>(random.normal());
    return tensor;
  };
  const Tensor image = noise({1, channels, height, width}), weight = noise({filters, channels, 3, 3});
  Graph graph;
  const Value input = graph.input("image", {1, channels, -1, -1});
  const Value kernel = graph.parameter({.name = "weight", .shape = weight.shape()});
  graph.output("out", graph.add(op::Conv{.strides = {2, 2}, .pads = {1, 1, 1, 1}}, {input, kernel}, "conv"));
  const Tensor out = Engine(graph, {{"weight", weight}}).run({image}).at(0);

  double worst = 0;
  for (int64_t i = 0; i < out.elements(); ++i) {
    const int64_t x = i % out.size(3), y = i / out.size(3) % out.size(2),
                  filter = i / out.size(3) / out.size(2);
    double sum = 0;
    for (int64_t tap = 0; tap < channels * 9; ++tap) {
      const int64_t c = tap / 9, v = 2 * y + tap / 3 % 3 - 1, u = 2 * x + tap % 3 - 1;
      if (v < 0 || u < 0 || v >= height || u >= width) continue;
      sum += double{image.data<float>()[static_cast<size_t>((c * height + v) * width + u)]} *
             double{weight.data<float>()[static_cast<size_t>(filter * channels * 9 + tap)]};
    }
    worst = std::max(worst, std::abs(sum - double{out.data<float>()[static_cast<size_t>(i)]}));
  }
  return worst;
}

/// What the environment says of how threads wait (short_waits.h).
std::string thread_waits() {
  std::string waits;
  for (const char* const name : {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"})
    if (const char* value = std::getenv(name)) waits += cat(waits.empty() ? "" : " ", name, "=", value);
  return waits;
}

std::vector<std::string> warnings_of(const Json& cpu, const std::string& blas) {
  std::vector<std::string> warnings;
  if (cpu.contains("avx2") && !cpu["avx2"].get<bool>())
    warnings.push_back("this CPU has no AVX2: networks run several times slower");
  if (const char* core = std::getenv("OPENBLAS_CORETYPE"))
    warnings.push_back(cat("OPENBLAS_CORETYPE=", core,
                           " forces OpenBLAS's kernels: results and speed differ from other runs"));
  if (is_reference_blas(blas))
    warnings.push_back(
        cat(blas, " is the reference BLAS, with which training is slow: install libopenblas0"));
  return warnings;
}

Json examine() {
  Json report;
  report["libraries"] = library_versions();
  report["cpu"] = cpu_features();
  report["cores"] = std::thread::hardware_concurrency();
  report["waiting"] = thread_waits();
#ifdef VITRAIL_TRAIN
  report["training"] = true;
#else
  report["training"] = false;
#endif
  const std::string blas = loaded_blas();
  report["blas"] = blas;
  const double difference = convolution_difference();
  report["convolution"] = {{"largest_difference", difference}, {"right", difference < 1e-4}};
  report["warnings"] = warnings_of(report["cpu"], blas);
  report["healthy"] = report["convolution"]["right"];
  return report;
}

void print(const Json& report) {
  for (const auto& [name, version] : report["libraries"].items())
    std::cout << aligned_left(name, 12) << version.get<std::string>() << "\n";
  std::cout << aligned_left("training", 12) << (report["training"].get<bool>() ? "built in" : "not built in")
            << "\n";
  if (const std::string blas = report["blas"]; !blas.empty())
    std::cout << aligned_left("BLAS", 12) << blas << "\n";
  std::cout << aligned_left("cores", 12) << report["cores"] << "\n"
            << aligned_left("waiting", 12) << report["waiting"].get<std::string>() << "\n"
            << aligned_left("CPU", 12);
  for (const auto& [feature, present] : report["cpu"].items())
    std::cout << feature << (present.get<bool>() ? " yes  " : " no  ");
  const Json& convolution = report["convolution"];
  std::cout << "\n"
            << aligned_left("convolution", 12) << (convolution["right"].get<bool>() ? "right" : "WRONG")
            << " (largest difference " << convolution["largest_difference"] << ")\n";
  for (const Json& warning : report["warnings"])
    std::cout << "warning: " << warning.get<std::string>() << "\n";
}

}  // namespace

int doctor_command(CLI::App& app, const Arguments& arguments) {
  bool json = false;
  app.add_flag("--json", json, "print JSON");
  parse(app, arguments);
  const Json report = examine();
  if (json)
    print_json(report);
  else
    print(report);
  if (report["healthy"].get<bool>()) return 0;
  complain("this machine computes a convolution wrongly: the engine's results cannot be trusted here");
  return 1;
}

}  // namespace vitrail::cli
