#pragma once
// OpenCV 4.6 reads a Clip only as opset 6 wrote it.

#include <string>

namespace vitrail::bench {

/// The bytes of an ONNX file whose Clip nodes have their bounds as attributes.
std::string for_opencv(const std::string& onnx_bytes);

}  // namespace vitrail::bench
