// The protocols by name.

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/predict/protocol.h"

namespace vitrail {
namespace {

using Sizing = TestProtocol::Sizing;
using Votes = TestProtocol::Votes;

const std::vector<double> six_scales = {0.5, 0.75, 1, 1.25, 1.5, 1.75};

TestProtocol pspnet(const char* name, int64_t base, int64_t crop) {
  return {.name = name,
          .summary = cat("PSPNet's MATLAB test: long side ", base, " + 1, windows of ", crop,
                         ", softmax of the flipped sum"),
          .sizing = Sizing::long_side_plus_one,
          .base = base,
          .crop = crop,
          .stride = (crop * 2 + 2) / 3,
          .votes = Votes::softmax_of_sum,
          .flip = true};
}

TestProtocol setr(const char* name, int64_t base, int64_t base_short, int64_t crop, int64_t stride) {
  return {.name = name,
          .summary = cat("SETR's test: within ", base, "x", base_short, ", windows of ", crop, " every ",
                         stride, ", logits averaged"),
          .sizing = Sizing::keep_ratio,
          .base = base,
          .base_short = base_short,
          .crop = crop,
          .stride = stride,
          .votes = Votes::logits};
}

std::vector<TestProtocol> single_scale() {
  return {
      {.name = "deeplabv3", .summary = "DeepLab v3: the whole image, softmax", .votes = Votes::softmax},
      {.name = "fastfcn",
       .summary = "FastFCN and EncNet: long side 520, windows of 480 every 320, exp of logits summed",
       .sizing = Sizing::long_side_ceiling,
       .base = 520,
       .align_corners = true,
       .crop = 480,
       .stride = 320,
       .shift_last = false,
       .votes = Votes::exp_of_sum},
      pspnet("pspnet", 512, 473),
      pspnet("pspnet-cityscapes", 2048, 713),
      {.name = "semseg",
       .summary = "semseg's PSPNet: long side 512, windows of 473, softmaxes averaged",
       .sizing = Sizing::long_side_rounded,
       .base = 512,
       .align_corners = true,
       .crop = 473,
       .stride = 316,
       .votes = Votes::softmax,
       .flip = true},
      setr("setr-cityscapes", 2049, 1025, 768, 512),
      setr("setr-ade20k", 2048, 512, 512, 341),
      setr("setr-context", 520, 520, 480, 320),
  };
}

std::vector<TestProtocol> all_protocols() {
  std::vector<TestProtocol> all = {
      {.name = "whole", .summary = "the whole image, once (FCN, SegNet)"},
      {.name = "dilation",
       .summary = "dilated front end and context: tiles of 528 with 186 mirrored pixels around, softmax",
       .crop = 528,
       .stride = 528,
       .margin = 186,
       .shift_last = false,
       .votes = Votes::softmax},
      {.name = "deeplabv2",
       .summary = "DeepLab v2: the whole image at 0.5, 0.75 and 1, the largest logit",
       .align_corners = true,
       .votes = Votes::raw,
       .maximum = true,
       .scales = {0.5, 0.75, 1}},
  };
  for (const TestProtocol& one : single_scale()) {
    all.push_back(one);
    TestProtocol many = one;
    many.name += "-ms";
    many.summary += "; six scales 0.5..1.75 and flip";
    many.scales = six_scales;
    many.flip = true;
    all.push_back(many);
  }
  return all;
}

}  // namespace

const std::vector<TestProtocol>& test_protocols() {
  static const std::vector<TestProtocol> protocols = all_protocols();
  return protocols;
}

const TestProtocol& test_protocol(std::string_view name) {
  std::vector<std::string> names;
  for (const TestProtocol& protocol : test_protocols()) {
    if (protocol.name == name) return protocol;
    names.push_back(protocol.name);
  }
  throw Error(ErrorKind::usage, {.where = "test protocol",
                                 .found = cat("there is no protocol '", name, "'"),
                                 .next = did_you_mean(std::string(name), names)});
}

}  // namespace vitrail
