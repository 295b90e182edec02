#include "vitrail/onnx/own_functions.h"

#include <array>
#include <limits>
#include <string>
#include <vector>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/onnx/enum_names.h"
#include "vitrail/onnx/writer.h"

namespace vitrail::onnx_files {
namespace {

constexpr int64_t kMostBins = 256;
constexpr int64_t kToEnd = std::numeric_limits<int32_t>::max();

using Text = std::string;
using Ints = std::vector<int64_t>;

// A function's body under construction; values are called v0, v1, ...
class Body {
 public:
  Body(const Text& name, const std::vector<Text>& inputs, const std::vector<Text>& attributes) {
    function_.set_name(name);
    function_.set_domain(Text(kOwnDomain));
    for (const Text& input : inputs)
      function_.add_input(input);
    for (const Text& attribute : attributes)
      function_.add_attribute(attribute);
    function_.add_output("result");
    onnx::OperatorSetIdProto& opset = *function_.add_opset_import();
    opset.set_domain("");
    opset.set_version(kExportedOpset);
  }

  onnx::NodeProto& node(const Text& type, const std::vector<Text>& inputs) {
    onnx::NodeProto& added = *function_.add_node();
    added.set_op_type(type);
    for (const Text& input : inputs)
      added.add_input(input);
    added.add_output(cat("v", values_++));
    return added;
  }
  Text add(const Text& type, const std::vector<Text>& inputs) { return node(type, inputs).output(0); }
  Text ints(const Ints& values) {
    onnx::NodeProto& constant = node("Constant", {});
    set_ints(constant, "value_ints", values);
    return constant.output(0);
  }
  Text concat(const std::vector<Text>& inputs, int64_t axis) {
    onnx::NodeProto& joined = node("Concat", inputs);
    set_int(joined, "axis", axis);
    return joined.output(0);
  }
  Text shape(const Text& x, int64_t start, int64_t end) {
    onnx::NodeProto& found = node("Shape", {x});
    set_int(found, "start", start);
    set_int(found, "end", end);
    return found.output(0);
  }
  Text transpose(const Text& x, const Ints& permutation) {
    onnx::NodeProto& turned = node("Transpose", {x});
    set_ints(turned, "perm", permutation);
    return turned.output(0);
  }
  Text reshape(const Text& x, const Ints& sizes) { return add("Reshape", {x, ints(sizes)}); }
  Text slice(const Text& x, const Ints& starts, const Ints& ends, const Ints& axes) {
    return add("Slice", {x, ints(starts), ints(ends), ints(axes)});
  }
  Text pad(const Text& x, const Ints& pads) { return add("Pad", {x, ints(pads)}); }
  Text sum(const std::vector<Text>& terms) {
    Text total = terms.at(0);
    for (size_t i = 1; i < terms.size(); ++i)
      total = add("Add", {total, terms[i]});
    return total;
  }

  onnx::FunctionProto finish(const Text& result) {
    onnx::NodeProto& last = node("Identity", {result});
    last.set_output(0, "result");
    return function_;
  }

 private:
  onnx::FunctionProto function_;
  int values_ = 0;
};

// What one tap spreads: evidence times its votes, or in the matrix form the votes alone.
Text tap_of(Body& body, bool exact, const Text& evidence, const Text& votes, int64_t ty, int64_t tx) {
  const int64_t tap = (ty + 1) * 3 + tx + 1;
  const Text vote = body.slice(votes, {tap}, {tap + 1}, {1});
  return exact ? body.add("Mul", {evidence, vote}) : vote;
}

// Every tap moved by its offset within a border of one pixel, summed, without the border.
Text spread_by_one(Body& body, bool exact, const Text& evidence, const Text& votes) {
  std::vector<Text> moved;
  for (int64_t ty = -1; ty <= 1; ++ty)
    for (int64_t tx = -1; tx <= 1; ++tx)
      moved.push_back(body.pad(tap_of(body, exact, evidence, votes, ty, tx),
                               {0, 0, 1 + ty, 1 + tx, 0, 0, 1 - ty, 1 - tx}));
  return body.slice(body.sum(moved), {1, 1}, {-1, -1}, {2, 3});
}

// Four maps [N,C,h,w], of even and odd rows and columns, as one [N,C,2h,2w].
Text interleaved(Body& body, const std::array<Text, 4>& maps) {
  const auto beside = [&](const Text& a, const Text& b, int64_t axis) {
    const Text at = body.ints({axis});
    return body.concat({body.add("Unsqueeze", {a, at}), body.add("Unsqueeze", {b, at})}, axis);
  };
  const Text even = body.reshape(beside(maps[0], maps[1], 4), {0, 0, 0, -1});
  const Text odd = body.reshape(beside(maps[2], maps[3], 4), {0, 0, 0, -1});
  const Text sizes = body.concat({body.ints({0, 0, -1}), body.shape(even, 3, 4)}, 0);
  return body.add("Reshape", {beside(even, odd, 3), sizes});
}

// Row 2j + 1 gets tap +1 of row j and tap -1 of row j + 1; row 2j gets tap 0 of row j.
Text spread_by_two(Body& body, bool exact, const Text& evidence, const Text& votes) {
  const Ints border{0, 0, 0, 0, 0, 0, 1, 1};
  const Text wide_evidence = exact ? body.pad(evidence, border) : evidence,
             wide_votes = body.pad(votes, border);
  std::array<Text, 4> maps;
  for (const int64_t odd_row : {0, 1})
    for (const int64_t odd_column : {0, 1}) {
      std::vector<Text> taps;
      for (const int64_t ty : odd_row ? Ints{-1, 1} : Ints{0})
        for (const int64_t tx : odd_column ? Ints{-1, 1} : Ints{0}) {
          const Text tap = tap_of(body, exact, wide_evidence, wide_votes, ty, tx);
          taps.push_back(
              body.slice(tap, {ty < 0, tx < 0}, {ty < 0 ? kToEnd : -1, tx < 0 ? kToEnd : -1}, {2, 3}));
        }
      maps[static_cast<size_t>(2 * odd_row + odd_column)] = body.sum(taps);
    }
  return interleaved(body, maps);
}

// Means or maxima of `bins` parts along `axis`: part b of n covers floor(b s / n) to ceil((b + 1) s / n).
Text pooled_along(Body& body, const Text& x, int64_t axis, int64_t bins, bool maximum) {
  const Text size = body.shape(x, axis, axis + 1), count = body.ints({bins}), at = body.ints({axis});
  std::vector<Text> parts;
  for (int64_t bin = 0; bin < bins; ++bin) {
    const Text start = body.add("Div", {body.add("Mul", {size, body.ints({bin})}), count});
    const Text beyond =
        body.add("Add", {body.add("Mul", {size, body.ints({bin + 1})}), body.ints({bins - 1})});
    const Text end = body.add("Div", {beyond, count});
    onnx::NodeProto& reduced =
        body.node(maximum ? "ReduceMax" : "ReduceMean", {body.add("Slice", {x, start, end, at})});
    set_ints(reduced, "axes", Ints{axis});
    set_int(reduced, "keepdims", 1);
    parts.push_back(reduced.output(0));
  }
  return body.concat(parts, axis);
}

}  // namespace

onnx::FunctionProto deconvolution_function(const op::DynamicDeconvolution& op, bool has_reference) {
  const bool exact = op.form == op::DynamicDeconvolution::Form::exact;
  std::vector<Text> inputs{"evidence", "votes"};
  if (has_reference) inputs.push_back("reference");
  Body body(cat("DynamicDeconvolution_", onnx_name(kDeconvolutionForms, op.form), "_", op.stride,
                has_reference ? "_like" : ""),
            inputs, {"stride", "form"});
  Text result = op.stride == 1 ? spread_by_one(body, exact, "evidence", "votes")
                               : spread_by_two(body, exact, "evidence", "votes");
  if (!exact) {
    const Text evidence = op.stride == 1
                              ? Text("evidence")
                              : interleaved(body, {"evidence", "evidence", "evidence", "evidence"});
    result = body.add("Mul", {evidence, result});
  }
  if (has_reference && op.stride == 2)
    result = body.add("Slice", {result, body.ints({0, 0}), body.shape("reference", 2, 4), body.ints({2, 3})});
  return body.finish(result);
}

onnx::FunctionProto encoding_function() {
  Body body("Encoding", {"x", "codewords", "smoothing"}, {});
  const auto squares = [&](const Text& x, int64_t axis, bool keep) {
    onnx::NodeProto& summed = body.node("ReduceSumSquare", {x});
    set_ints(summed, "axes", Ints{axis});
    set_int(summed, "keepdims", keep ? 1 : 0);
    return summed.output(0);
  };
  const Text pixels = body.transpose(body.reshape("x", {0, 0, -1}), {0, 2, 1});  // [N, P, D]
  const Text products = body.add("MatMul", {pixels, body.transpose("codewords", {1, 0})});
  const Text twice = body.add("Add", {products, products});
  const Text distances =
      body.add("Add", {body.add("Sub", {squares(pixels, 2, true), twice}), squares("codewords", 1, false)});
  onnx::NodeProto& softmax = body.node("Softmax", {body.add("Mul", {distances, "smoothing"})});
  set_int(softmax, "axis", 2);
  const Text shares = body.transpose(softmax.output(0), {0, 2, 1});  // [N, K, P]
  const Text mass = body.add("ReduceSum", {shares, body.ints({2})});
  const Text taken = body.add("Mul", {mass, "codewords"});
  return body.finish(body.add("Sub", {body.add("MatMul", {shares, pixels}), taken}));
}

onnx::FunctionProto adaptive_pool_function(const op::AdaptivePool& pool) {
  if (pool.bins[0] > kMostBins || pool.bins[1] > kMostBins)  // each is a dozen nodes
    throw Error(ErrorKind::limit, {.where = "ONNX export, AdaptivePool",
                                   .found = cat(pool.bins[0], "x", pool.bins[1], " bins"),
                                   .allowed = cat("at most ", kMostBins, " in each direction")});
  Body body(cat("AdaptivePool_", pool.maximum ? "max_" : "mean_", pool.bins[0], "x", pool.bins[1]), {"x"},
            {"bins", "maximum"});
  const Text rows = pooled_along(body, "x", 2, pool.bins[0], pool.maximum);
  return body.finish(pooled_along(body, rows, 3, pool.bins[1], pool.maximum));
}

onnx::FunctionProto max_unpool_function() {
  Body body("MaxUnpool", {"x", "indices", "reference"}, {});
  const Text sizes = body.concat({body.shape("x", 0, 2), body.shape("reference", 2, 4)}, 0);
  const Text zeros = body.add("ConstantOfShape", {body.add("ReduceProd", {sizes})});
  const Text empty = body.add("CastLike", {zeros, "x"});
  onnx::NodeProto& scattered =
      body.node("ScatterElements", {empty, body.reshape("indices", {-1}), body.reshape("x", {-1})});
  set_int(scattered, "axis", 0);
  return body.finish(body.add("Reshape", {scattered.output(0), sizes}));
}

}  // namespace vitrail::onnx_files
