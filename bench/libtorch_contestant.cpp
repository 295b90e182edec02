#include <chrono>
#include <optional>

#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/script.h>
#include <torch/torch.h>

#include "bench/contestant.h"
#include "vitrail/quantize/fold_batch_norm.h"
#include "vitrail/train/convert.h"
#include "vitrail/train/module.h"

namespace vitrail::bench {
namespace {

/// The network as TorchScript: traced, its weights frozen into it, optimised for inference.
torch::jit::Module frozen_script(train::Module& network, const at::Tensor& input) {
  torch::jit::Module script("bench.Traced", std::make_shared<torch::jit::CompilationUnit>());
  const auto traced = torch::jit::tracer::trace(
      {input},
      [&](torch::jit::Stack stack) {
        return torch::jit::Stack{network.forward({stack.at(0).toTensor()}).at(0).second};
      },
      [](const at::Tensor&) { return std::string(); }, /*strict=*/true, /*force_outplace=*/false, &script);
  script.type()->addMethod(script._ivalue()->compilation_unit()->create_function(
      c10::QualifiedName(*script.type()->name(), "forward"), traced.first->graph));
  script.eval();
  torch::jit::Module frozen = torch::jit::freeze(script);
  return torch::jit::optimize_for_inference(frozen);
}

class TorchContestant : public Contestant {
 public:
  TorchContestant(const Case& net, TorchMode mode, int threads)
      : network_(folded(net.model).graph, folded(net.model).weights), threads_(threads) {
    const torch::NoGradGuard guard;
    network_.train(false);
    for (const auto& [name, tensor] : network_.tensors())
      tensor.requires_grad_(false);
    input_ = train::to_torch(input_of(net)).contiguous(at::MemoryFormat::ChannelsLast);
    if (mode == TorchMode::frozen) {
      at::set_num_threads(threads_);
      script_ = frozen_script(network_, input_);
    }
  }

  double run() override {
    const c10::InferenceMode guard;
    at::set_num_threads(threads_);
    const auto start = std::chrono::steady_clock::now();
    output_ = script_ ? script_->forward({input_}).toTensor() : network_.forward({input_}).at(0).second;
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

  std::vector<float> outputs() override {
    const at::Tensor values = output_.to(at::kFloat).contiguous();
    return {values.data_ptr<float>(), values.data_ptr<float>() + values.numel()};
  }

 private:
  train::Module network_;
  int threads_;
  at::Tensor input_, output_;
  std::optional<torch::jit::Module> script_;
};

}  // namespace

std::unique_ptr<Contestant> make_libtorch(const Case& net, TorchMode mode, int threads) {
  return std::make_unique<TorchContestant>(net, mode, threads);
}

}  // namespace vitrail::bench
