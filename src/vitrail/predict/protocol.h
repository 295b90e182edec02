#pragma once
// How published systems are tested: image sizes, windows, scales, flips, and each paper's way of adding them
// up (SPEC 7.5, 15.5). A published figure is reproduced with its protocol or not at all.
//
//   ProtocolPredictor predictor(model, test_protocol("fastfcn-ms"));
//   LabelMap labels = predictor.predict(photo);        // at the photo's size
//
// Everything is said by the fields, so that another protocol is another value.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "vitrail/engine/engine.h"
#include "vitrail/graph/model.h"
#include "vitrail/image/image.h"

namespace vitrail {

struct TestProtocol {
  std::string name;
  std::string summary;  ///< one line

  /// The size that scale s shows the network.
  enum class Sizing {
    original,            ///< round(s H) x round(s W)
    long_side_ceiling,   ///< long side ceil(base s), the other in proportion, rounded (FastFCN)
    long_side_plus_one,  ///< long side base s + 1 (PSPNet)
    long_side_rounded,   ///< long side round(base s) (semseg)
    keep_ratio,          ///< as large as fits long side s base and short side s base_short (SETR)
  } sizing = Sizing::original;
  int64_t base = 0;
  int64_t base_short = 0;
  bool align_corners = false;  ///< how the normalised image and the votes are resized

  int64_t crop = 0;  ///< side of square windows; 0: the whole image
  int64_t stride = 0;
  /// Pixels shown around each window, mirrored beyond the image (its outermost row is not repeated); a window
  /// votes for what is inside of them.
  int64_t margin = 0;
  bool shift_last = true;  ///< the last window is shifted back inside; false: cut off and padded (FastFCN)

  /// What a window contributes.
  enum class Votes {
    exp_of_sum,      ///< exp(logits + logits of the mirrored window), not normalised (FastFCN)
    softmax_of_sum,  ///< softmax of that sum (PSPNet)
    softmax,         ///< the mean of both softmaxes (semseg, DeepLab v3)
    logits,          ///< logits, averaged over windows; softmax once at the image's size (SETR)
    raw,             ///< logits to the end (DeepLab v2)
  } votes = Votes::softmax;
  bool maximum = false;  ///< over scales the largest instead of the sum (DeepLab v2)
  bool flip = false;
  std::vector<double> scales = {1};
};

/// whole, dilation, deeplabv2, deeplabv3(-ms), fastfcn(-ms), pspnet(-ms), pspnet-cityscapes(-ms),
/// semseg(-ms), setr-cityscapes(-ms), setr-ade20k(-ms), setr-context(-ms).
const std::vector<TestProtocol>& test_protocols();
/// Throws Error(usage) for an unknown name, with the nearest one.
const TestProtocol& test_protocol(std::string_view name);

/// Logits f32 [1, classes, h, w] for a normalised input f32 [1, C, H, W].
using LogitsOf = std::function<Tensor(const Tensor& input)>;

/// The votes f32 [classes, H, W] for a normalised image f32 [1, C, H, W]: what the largest is chosen from.
/// Windows are padded with 0 (the mean) to multiples of `multiple`. The protocol itself, for any network.
Tensor protocol_votes(const Tensor& image, const TestProtocol& protocol, const LogitsOf& logits_of,
                      int64_t multiple = 1);

class ProtocolPredictor {
 public:
  /// Throws what SemanticPredictor throws; Error(usage) for a network of fixed input size whose size is not
  /// the protocol's window.
  ProtocolPredictor(Model model, TestProtocol protocol, EngineOptions options = {});
  ~ProtocolPredictor();
  LabelMap predict(const Image& image) const;
  /// What `predict` chooses the largest of: f32 [classes, H, W] at the image's size.
  Tensor votes(const Image& image) const;
  const ModelInfo& info() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace vitrail
