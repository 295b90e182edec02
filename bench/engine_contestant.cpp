#include <chrono>

#include "bench/contestant.h"
#include "vitrail/engine/engine.h"

namespace vitrail::bench {
namespace {

class EngineContestant : public Contestant {
 public:
  EngineContestant(const Case& net, int threads, Precision precision)
      : engine_(net.model.graph, net.model.weights, {.threads = threads, .precision = precision}),
        input_(input_of(net)) {}

  double run() override {
    const auto start = std::chrono::steady_clock::now();
    output_ = engine_.run({input_}).at(0);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

  std::vector<float> outputs() override {
    const Tensor values = output_.to_f32();
    return {values.data<float>().begin(), values.data<float>().end()};
  }

 private:
  Engine engine_;
  Tensor input_, output_;
};

}  // namespace

std::unique_ptr<Contestant> make_engine(const Case& net, int threads, Precision precision) {
  return std::make_unique<EngineContestant>(net, threads, precision);
}

}  // namespace vitrail::bench
