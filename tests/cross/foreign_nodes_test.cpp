// Operators that are read as several of ours, and networks whose sizes depend on what they compute: small
// files as other tools write them, against ONNX Runtime.

#include "cross/foreign_nodes.h"

#include <cmath>

namespace vitrail::foreign {
namespace {

std::vector<Case> positions() {
  return {
      {"GatherND", node("GatherND", "x pairs", "y")},
      {"GatherNDOfABatch", node("GatherND", "x batched", "y", whole("batch_dims", 1)) +
                               integers("batched", {1, 2, 2}, {0, 1, 3, -1})},
      {"ScatterND", node("ScatterND", "x pairs ramp", "y")},
      {"ScatterElements", node("Slice", "x zero two last", "updates") + integers("last", {1}, {3}) +
                              node("ScatterElements", "x places updates", "y", whole("axis", 3))},
      {"OneHot", node("ArgMax", "x", "best", whole("axis", 1) + whole("keepdims", 0)) +
                     node("OneHot", "best scalar4 offon", "y", whole("axis", 1))},
      {"TriluUpper", node("Trilu", "x", "y", whole("upper", 1))},
      {"TriluLower", node("Trilu", "x scalar2", "y", whole("upper", 0))},
      {"Hardmax", node("Hardmax", "x", "y", whole("axis", 1))},
      {"NonZero", node("Greater", "x half", "large") + node("NonZero", "large", "y")},
  };
}

std::vector<Case> functions() {
  std::vector<Case> cases;
  for (const char* type : {"Atan", "Tan", "Sinh", "Cosh", "Asinh"})
    cases.push_back({type, node(type, "x", "y")});
  for (const char* type : {"Asin", "Acos", "Atanh"})
    cases.push_back({type, node("Tanh", "x", "t") + node(type, "t", "y")});
  cases.push_back({"Acosh", node("Cosh", "x", "t") + node("Acosh", "t", "y")});
  cases.push_back({"Shrink", node("Shrink", "x", "y",
                                  "attribute { name: 'lambd' type: FLOAT f: 0.3 } "
                                  "attribute { name: 'bias' type: FLOAT f: 0.1 } ")});
  cases.push_back(
      {"LpPool", node("LpPool", "x", "y",
                      "attribute { name: 'kernel_shape' type: INTS ints: [2, 3] } " + whole("p", 2))});
  cases.push_back(
      {"IsNaN", node("Sqrt", "x", "s") + node("IsNaN", "s", "n") + node("Where", "n half x", "y")});
  cases.push_back(
      {"EinsumOfTheRest",
       node("Einsum", "x x", "y", "attribute { name: 'equation' type: STRING s: '...hw,...kw->...hk' } ")});
  return cases;
}

// H and W of x less 1, halved: {2, 3} for 6x8.
std::string computed_amounts(const char* before, const char* after) {
  return node("Shape", "x", "s") + node("Slice", "s two four", "hw") + node("Sub", "hw one", "less") +
         node("Div", "less two", "amount") + integers("none", {2}, {0, 0}) +
         node("Concat", cat("none ", before, " none ", after), "pads", whole("axis", 0));
}

std::vector<Case> computed_sizes() {
  const auto mode = [](const char* name) {
    return cat("attribute { name: 'mode' type: STRING s: '", name, "' } ");
  };
  const std::string kernel =
      node("ReduceMean", "x", "mean", "attribute { name: 'axes' type: INTS ints: [2, 3] } ") +
      node("Reshape", "mean shape", "filter") + integers("shape", {4}, {1, 1, 2, 2});
  return {
      {"PadConstant", computed_amounts("amount", "less") + node("Pad", "x pads half", "y", mode("constant"))},
      {"PadEdge", computed_amounts("amount", "less") + node("Pad", "x pads", "y", mode("edge"))},
      {"PadReflect", computed_amounts("amount", "amount") + node("Pad", "x pads", "y", mode("reflect"))},
      {"ComputedFilter", kernel + node("Slice", "x zero one one", "map") +
                             node("Conv", "map filter", "y",
                                  "attribute { name: 'pads' type: INTS ints: [1, 0, 0, 1] } "
                                  "attribute { name: 'strides' type: INTS ints: [2, 1] } "
                                  "attribute { name: 'dilations' type: INTS ints: [1, 2] } ")},
      {"ComputedDepthwiseFilter",
       node("Slice", "x zero one one", "map") +
           node("ReduceMax", "map", "row", "attribute { name: 'axes' type: INTS ints: [2] } ") +
           node("Expand", "row four1", "rows") + integers("four1", {3}, {4, 1, 1}) +
           node("Slice", "rows zero two last", "few") + integers("last", {1}, {3}) +
           node("Reshape", "few kernel", "filter") + integers("kernel", {4}, {4, 1, 1, 2}) +
           node("Conv", "x filter bias", "y", whole("group", 4)) + floats("bias", {4}, {0.1, 0.2, 0.3, 0.4})},
  };
}

// Branches and bodies of loops as attributes.
std::string graph(const char* attribute, const std::string& nodes, const std::vector<const char*>& inputs,
                  const std::vector<const char*>& outputs) {
  std::string text = cat("attribute { name: '", attribute, "' type: GRAPH g { name: 'g' ", nodes);
  const char* types[] = {"7", "9"};
  for (size_t i = 0; i < inputs.size(); ++i)
    text += cat("input { name: '", inputs[i], "' type { tensor_type { elem_type: ", i < 2 ? types[i] : "1",
                i < 2 ? " shape { } " : " ", "} } } ");
  for (size_t i = 0; i < outputs.size(); ++i)
    text += cat("output { name: '", outputs[i],
                "' type { tensor_type { elem_type: ", !inputs.empty() && i == 0 ? "9 shape { } " : "1 ",
                "} } } ");
  return text + "} } ";
}

std::vector<Case> decisions() {
  const std::string mean = node("ReduceMean", "x", "mean", whole("keepdims", 0));
  const std::string boxes =
      node("Slice", "x zero one one", "map") + node("Reshape", "map fours", "raw") +
      integers("fours", {3}, {1, -1, 4}) + node("Sigmoid", "raw", "boxes") +
      node("ReduceMean", "boxes", "score", "attribute { name: 'axes' type: INTS ints: [2] } ") +
      node("Transpose", "score", "scores", "attribute { name: 'perm' type: INTS ints: [0, 2, 1] } ") +
      node("NonMaxSuppression", "boxes scores scalar4 third", "chosen") +
      node("Gather", "chosen column", "rows", whole("axis", 1)) + integers("column", {}, {2}) +
      node("Squeeze", "boxes zero", "flat");
  return {
      {"IfByAComputedCondition", mean + node("Less", "mean half", "small") +
                                     node("If", "small", "y",
                                          graph("then_branch", node("Relu", "x", "a"), {}, {"a"}) +
                                              graph("else_branch", node("Neg", "x", "b"), {}, {"b"}))},
      {"IfOfDifferentSizes", mean + node("Less", "mean half", "small") +
                                 node("If", "small", "chosen",
                                      graph("then_branch", node("Slice", "x zero two two", "a"), {}, {"a"}) +
                                          graph("else_branch", node("Neg", "x", "b"), {}, {"b"})) +
                                 node("Relu", "chosen", "y")},
      {"LoopOfThreeTrips",
       node("Loop", "trips yes x", "state y",
            graph("body",
                  node("Tanh", "st", "t") + node("Mul", "t t", "so") +
                      node("ReduceMax", "so", "scan", "attribute { name: 'axes' type: INTS ints: [3] } ") +
                      node("Identity", "c", "co"),
                  {"i", "c", "st"}, {"co", "so", "scan"})) +
           integers("trips", {}, {3}) + "initializer { name: 'yes' data_type: 9 int32_data: 1 } "},
      {"BoxesThatAreKept", boxes + node("Gather", "flat rows", "y", whole("axis", 0))},
      {"PixelsThatAreFound", node("Greater", "x half", "large") + node("NonZero", "large", "at") +
                                 node("Transpose", "at", "each") + node("GatherND", "x each", "v") +
                                 node("Exp", "v", "y")},
  };
}

// ONNX Runtime's own operators.
std::string own(const char* type, const std::string& inputs, const std::string& outputs,
                const std::string& attributes = "") {
  return node(type, inputs, outputs, "domain: 'com.microsoft' " + attributes);
}

std::vector<double> wave(int count) {
  std::vector<double> values;
  for (int i = 0; i < count; ++i)
    values.push_back(0.2 * std::sin(1.7 * i));
  return values;
}

// What its optimiser writes.
std::vector<Case> fused() {
  const std::string bias = floats("bias", {8}, wave(8)),
                    filter = floats("filter", {5, 4, 3, 3}, wave(180)) + floats("five", {5}, wave(5)),
                    rows = node("Reshape", "x shape", "rows") + integers("shape", {2}, {-1, 8}) +
                           floats("product", {3, 8}, wave(24)) + floats("three", {3}, wave(3));
  const std::string padded = "attribute { name: 'pads' type: INTS ints: [1, 1, 1, 1] } ";
  return {
      {"Gelu", own("Gelu", "x", "y")},
      {"BiasGelu", own("BiasGelu", "x bias", "y") + bias},
      {"FastGelu", own("FastGelu", "x bias", "y") + bias},
      {"QuickGelu", own("QuickGelu", "x", "y", real("alpha", 1.5))},
      {"FusedConv", own("FusedConv", "x filter five", "y", padded + word("activation", "Relu")) + filter},
      {"FusedConvWithLimits",
       own("FusedConv", "x filter five", "y",
           word("activation", "Clip") +
               "attribute { name: 'activation_params' type: FLOATS floats: [-0.1, 0.3] } ") +
           filter},
      {"FusedConvWithASum",
       node("Conv", "x filter", "z", padded) +
           own("FusedConv", "x filter five z", "y", padded + word("activation", "Relu")) + filter},
      {"FusedMatMul", own("FusedMatMul", "x x", "y", whole("transB", 1) + real("alpha", 0.5))},
      {"FusedGemm", rows + own("FusedGemm", "rows product three", "y",
                               whole("transB", 1) + real("alpha", 0.5) + real("beta", 2) +
                                   word("activation", "LeakyRelu") + real("activation_alpha", 0.3))},
      {"SkipLayerNormalization",
       node("Reshape", "x shape3", "part") + integers("shape3", {3}, {1, -1, 8}) + bias +
           floats("scale", {8}, wave(8)) +
           own("SkipLayerNormalization", "part part scale bias bias", "y", real("epsilon", 1e-5))},
  };
}

// What its quantiser writes: bytes from x to y. Of two steps that round, one may round the other way.
constexpr double quantum = 0.02;
std::vector<Case> quantized() {
  const std::string begin = floats("s", {}, {0.01}) + bytes("z", 100) + floats("so", {}, {quantum}) +
                            bytes("zo", 120) + node("QuantizeLinear", "x s z", "q"),
                    end = node("DequantizeLinear", "r so zo", "y");
  const std::string window = "attribute { name: 'kernel_shape' type: INTS ints: [2, 3] } ";
  const auto between = [&](const std::string& middle) { return begin + middle + end; };
  return {
      {"QLinearAdd", between(own("QLinearAdd", "q s z q s z so zo", "r"))},
      {"QLinearMul", between(own("QLinearMul", "q s z q s z so zo", "r"))},
      {"QLinearSigmoid", between(own("QLinearSigmoid", "q s z so zo", "r"))},
      {"QLinearLeakyRelu", between(own("QLinearLeakyRelu", "q s z so zo", "r", real("alpha", 0.2)))},
      {"QLinearConcat", between(own("QLinearConcat", "so zo q s z q s z", "r", whole("axis", 1)))},
      {"QLinearAveragePool", between(own("QLinearAveragePool", "q s z so zo", "r", window))},
      {"QLinearGlobalAveragePool", between(own("QLinearGlobalAveragePool", "q s z so zo", "r"))},
  };
}

TEST(ForeignNodes, FindAndPutByPosition) {
  expect_like_onnx_runtime(positions());
}
TEST(ForeignNodes, FunctionsOfOthers) {
  expect_like_onnx_runtime(functions());
}
TEST(ForeignNodes, AmountsAndFiltersThatAreComputed) {
  expect_like_onnx_runtime(computed_sizes());
}
TEST(ForeignNodes, ConditionsLoopsAndCounts) {
  expect_like_onnx_runtime(decisions());
}
TEST(ForeignNodes, WhatOnnxRuntimesOptimiserWrites) {
  expect_like_onnx_runtime(fused());
}
TEST(ForeignNodes, WhatOnnxRuntimesQuantiserWrites) {
  expect_like_onnx_runtime(quantized(), 1.5 * quantum);  // the values reach about 1
}

}  // namespace
}  // namespace vitrail::foreign
