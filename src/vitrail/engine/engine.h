#pragma once
// The engine: runs a graph on the CPU, without LibTorch.
//
// Use it wherever masks are needed from images: it folds batch normalisation into the convolutions, fuses
// activations and sums, plans one arena for all intermediate maps and runs oneDNN's kernels and our own.
//
//   Engine engine(model.graph, model.weights);
//   Tensor image = Tensor::zeros(DataType::f32, {1, 3, 360, 480});     // N x C x H x W, preprocessed
//   std::vector<Tensor> outputs = engine.run({image});                 // logits [1, classes, 360, 480]
//
// Any input size is accepted: a program is compiled the first time a size is seen and kept. `run` may be
// called from many threads at once; they share the programs and the packed weights, and each call has an
// arena of its own.
//
// A graph may have sizes that depend on what it computes (NonMaxSuppression, NonZero, a computed TopK): then
// it runs in stages, each a program of its own, compiled once what it needs is known.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "vitrail/graph/model.h"

namespace vitrail {

/// How products of matrices are computed. bf16 rounds both operands to 8 bits of precision and sums in f32:
/// up to twice as fast, where the processor has avx512_bf16; elsewhere f32 is used and the report says so.
enum class Precision { f32, bf16 };

struct EngineOptions {
  /// Threads of one run; 0 = all cores the process may use. The same number gives the same results, bit for
  /// bit. A run sets OpenMP's thread count of the calling thread and puts it back; other threads are not
  /// affected.
  int threads = 0;
  Precision precision = Precision::f32;
  /// Bytes that the maps and packed weights of one program may take (ProgramReport::memory_bytes); 0 = no
  /// limit. Speed is given up until it fits; where nothing fits, Error(limit) says what would. Of a graph
  /// that runs in stages each stage has it for itself.
  int64_t memory_limit = 0;
  int64_t cached_programs =
      8;  ///< programs kept for different input sizes; the least recently used goes first
};

/// What a program is made of, for `inspect --engine`, tests and benchmarks.
struct StepReport {
  std::string name;                ///< the node (the last one, where several were fused)
  std::string kind;                ///< "convolution", "resize", ...
  std::string kernel;              ///< the implementation: oneDNN's info string, or "vitrail"
  std::vector<std::string> fused;  ///< names of the nodes that this step also does
  Shape output;
  int64_t multiply_adds = 0;
  double milliseconds = 0;  ///< median of Engine::profile's runs; 0 in a report() without runs
  /// Whether it runs plain loops, 10 to 1000 times slower than a kernel: oneDNN's or the graph's evaluation.
  bool is_slow() const { return kernel.starts_with("ref") || kernel.starts_with("gemm:ref"); }
};

struct ProgramReport {
  std::vector<StepReport> steps;
  int64_t arena_bytes = 0;   ///< allocated once per concurrent run
  int64_t weight_bytes = 0;  ///< packed weights, shared
  int threads = 0;           ///< of a run
  int64_t memory_bytes() const { return arena_bytes + weight_bytes; }
  std::vector<std::string> notes;  ///< what was asked for and could not be had
};

class Engine {
 public:
  /// Takes the inference part of `graph`. Throws Error(usage) naming every parameter without a value in
  /// `weights`, and Error(unsupported) naming every node it cannot run, all at once.
  Engine(const Graph& graph, const Weights& weights, EngineOptions options = {});
  ~Engine();
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;

  /// Values of the graph's outputs, in order, for its inputs, in order. Thread-safe.
  std::vector<Tensor> run(const std::vector<Tensor>& inputs) const;

  /// Compiles for these input shapes now (or finds the program) and describes it. Of a graph that runs in
  /// stages it says only that: what they are depends on the values of the inputs.
  ProgramReport report(const std::vector<Shape>& inputs) const;

  /// The same with times: `runs` runs (at least 1) after one to warm up, and each step's median.
  ProgramReport profile(const std::vector<Tensor>& inputs, int runs = 5) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vitrail
