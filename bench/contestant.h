#pragma once
// Who runs in a comparison. Every contestant of a case gets the same network, weights and input, and is asked
// for one run at a time, so that the rounds of all interleave and share whatever the machine does meanwhile.

#include <memory>
#include <string>
#include <vector>

#include "vitrail/engine/engine.h"
#include "vitrail/graph/model.h"

namespace vitrail::bench {

/// A network to run: `model.graph` ends in what is timed, for the one input shape.
struct Case {
  std::string key;    ///< "M1"
  std::string title;  ///< for people
  Model model;
  Shape input;
};

class Contestant {
 public:
  virtual ~Contestant() = default;
  /// One run, in seconds, of what the caller of that engine waits for.
  virtual double run() = 0;
  /// The outputs of the last run as numbers, to see that all compute the same; empty where they cannot be
  /// had.
  virtual std::vector<float> outputs() = 0;
};

/// The input of a case: noise as normalised pixels are.
Tensor input_of(const Case& net);

/// Where contestants keep their files; made by the caller, removed by it.
struct Files {
  std::string onnx;   ///< the case's network, of fixed size
  std::string input;  ///< its input as raw f32
};

std::unique_ptr<Contestant> make_engine(const Case& net, int threads, Precision precision);
std::unique_ptr<Contestant> make_opencv(const Case& net, const Files& files, int threads);
std::unique_ptr<Contestant> make_onnxruntime(const Case& net, const Files& files, int threads);
enum class TorchMode {
  eager,
  frozen
};  ///< batch norm folded, channels-last; or traced, frozen and optimised, too
std::unique_ptr<Contestant> make_libtorch(const Case& net, TorchMode mode, int threads);

}  // namespace vitrail::bench
