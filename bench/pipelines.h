#pragma once
// From a JPEG file to a label PNG, whole: what a user waits for.

#include "bench/contestant.h"

namespace vitrail::bench {

struct PipelineFiles {
  std::string model;    ///< of ours, of any size
  std::string picture;  ///< a JPEG of the size that the network is run at
  std::string out;      ///< the label PNG
  Files exported;       ///< the same network, up to the choice of class, for ONNX Runtime
};

/// read, decode, normalise, network, choice of class, encode, write: all ours.
std::unique_ptr<Contestant> make_own_pipeline(const PipelineFiles& files, int threads, Precision precision);
/// imread, blobFromImage and imwrite of OpenCV around ONNX Runtime. Its inference is timed in its own
/// process, so that nothing is counted for the way there.
std::unique_ptr<Contestant> make_onnxruntime_pipeline(const Case& net, const PipelineFiles& files,
                                                      int threads);

/// The network of `model` at this size up to the choice of class.
Case pipeline_case(const std::string& model, int64_t height, int64_t width);

}  // namespace vitrail::bench
