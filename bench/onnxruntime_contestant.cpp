#include <cstring>

#include "bench/contestant.h"
#include "bench/line_process.h"
#include "vitrail/base/file.h"
#include "vitrail/base/text.h"

namespace vitrail::bench {
namespace {

/// Runs in a process of its own, which times each inference from within.
class OnnxRuntimeContestant : public Contestant {
 public:
  OnnxRuntimeContestant(const Case& net, const Files& files, int threads)
      : process_({"node", VITRAIL_SOURCE_DIR "/bench/onnxruntime_worker.mjs",
                  VITRAIL_SOURCE_DIR "/tests/onnxruntime/node_modules", files.onnx, files.input,
                  to_string(net.input), cat(threads)}),
        save_(files.input + ".out") {
    process_.read_line();
  }

  double run() override { return std::stod(process_.ask("run")) / 1000; }

  std::vector<float> outputs() override {
    process_.ask("save " + save_);
    const std::string bytes = read_file(save_);
    std::vector<float> values(bytes.size() / sizeof(float));
    std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
    return values;
  }

 private:
  LineProcess process_;
  std::string save_;
};

}  // namespace

std::unique_ptr<Contestant> make_onnxruntime(const Case& net, const Files& files, int threads) {
  return std::make_unique<OnnxRuntimeContestant>(net, files, threads);
}

}  // namespace vitrail::bench
