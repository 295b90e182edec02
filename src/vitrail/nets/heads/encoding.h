#pragma once
// EncNet's context head (Zhang et al. 2018; SPEC 7.1): a dictionary of codewords summarises the whole image;
// the summary says which classes are there (SE output) and gates the channels of the map that is classified.
//
//   EncodingScores scores = encoding_head(net / "head", jpu.map, 59, {.first_kernel = 1});
//   graph.output("se", scores.presence, /*training_only=*/true);   // [N, 59]: logits of "class occurs in the
//   image"

#include <vector>

#include "vitrail/nets/scope.h"

namespace vitrail {

struct EncodingOptions {
  int64_t codewords = 32;
  int64_t first_kernel = 3;  ///< of the convolution to C/4: 3; 1 behind the JPU
  int64_t width = 0;         ///< channels of the head; 0 = a quarter of the map's
  std::vector<Value>
      laterals;  ///< finer encoder maps of the same size (`--lateral`: c2, c3), joined by a 3x3
};

struct EncodingScores {
  Value scores;    ///< [N, classes, h, w]
  Value presence;  ///< [N, classes]
};

/// Parameters `conv5.0.weight`, `encmodule.encoding.{0 (1x1), 3 (codewords, scale), 4 (normalisation over the
/// codewords)}`, `encmodule.fc.0`, `encmodule.selayer`, `conv6.1`.
EncodingScores encoding_head(const Scope& scope, Value x, int64_t classes,
                             const EncodingOptions& options = {});

}  // namespace vitrail
