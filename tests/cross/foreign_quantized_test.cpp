// Networks of bytes as ONNX Runtime's quantiser writes them (QuantizeLinear and DequantizeLinear around float
// operators), against what it computes from them.

#include <cmath>

#include "cross/foreign_nodes.h"

namespace vitrail::foreign {
namespace {

std::string zero_point(const char* name, bool is_signed, int value) {
  return cat("initializer { name: '", name, "' data_type: ", is_signed ? 3 : 2, " int32_data: ", value,
             " } ");
}

// name.s, name.z: what bytes stand for.
std::string scale_of(const std::string& name, double scale, bool is_signed, int zero) {
  return floats((name + ".s").c_str(), {}, {scale}) + zero_point((name + ".z").c_str(), is_signed, zero);
}

std::string through_bytes(const std::string& x, const std::string& scale, const std::string& y) {
  const std::string point = cat(" ", scale, ".s ", scale, ".z");
  return node("QuantizeLinear", x + point, y + ".q") + node("DequantizeLinear", y + ".q" + point, y);
}

// [out, in, 3, 3] bytes; one scale.
std::string weight(const std::string& name, int64_t out, int64_t in, double scale) {
  std::string text = cat("initializer { name: '", name, ".w' data_type: 3 dims: ", out, " dims: ", in,
                         " dims: 3 dims: 3 int32_data: [");
  for (int64_t i = 0; i < out * in * 9; ++i)
    text += cat(i == 0 ? "" : ", ",
                std::lround(127 * std::sin(0.7 * static_cast<double>(i) + 0.3 * static_cast<double>(out))));
  return text + "] } " + scale_of(name + ".w", scale, true, 0) +
         node("DequantizeLinear", cat(name, ".w ", name, ".w.s ", name, ".w.z"), name + ".weight");
}

std::string convolution(const std::string& x, const std::string& name, int64_t out, int64_t in,
                        double scale) {
  return weight(name, out, in, scale) + node("Conv", cat(x, " ", name, ".weight"), name,
                                             "attribute { name: 'pads' type: INTS ints: [1, 1, 1, 1] } ");
}

// A residual block; "branch" says what the bytes before its sum can hold.
std::string block(bool is_signed, int zero, double branch_scale) {
  return scale_of("in", 0.02, is_signed, zero) + scale_of("branch", branch_scale, is_signed, zero) +
         scale_of("out", 0.03, is_signed, zero) + convolution("x", "first", 16, 4, 0.002) +
         through_bytes("first", "in", "map") + convolution("map", "second", 16, 16, 0.001) +
         through_bytes("second", "in", "middle") + convolution("middle", "after", 16, 16, 0.001) +
         through_bytes("after", "branch", "term") + node("Add", "map term", "sum") +
         through_bytes("sum", "out", "result") + convolution("result", "last", 4, 16, 0.001) +
         node("Identity", "last", "y");
}

// One rounding that falls the other way moves a byte by one: a share of what the result reaches.
constexpr double one_step = 0.015;

TEST(ForeignQuantized, SumsOfWhatBytesCutOff) {
  expect_like_onnx_runtime({{"signed, all of it held", block(true, 0, 0.03)},
                            {"signed, cut off", block(true, 0, 0.004)},
                            {"unsigned, cut off", block(false, 128, 0.004)}},
                           one_step);
}

TEST(ForeignQuantized, ZeroPoints) {
  std::vector<Case> cases;
  for (const int zero : {1, 100, 128, 200})
    cases.push_back({cat("unsigned around ", zero), block(false, zero, 0.03)});
  for (const int zero : {-128, -40, 17})
    cases.push_back({cat("signed around ", zero), block(true, zero, 0.03)});
  expect_like_onnx_runtime(cases, one_step);
}

}  // namespace
}  // namespace vitrail::foreign
