#include "vitrail/onnx/depth_windows.h"

#include <algorithm>

#include "vitrail/base/text.h"
#include "vitrail/onnx/composing.h"

namespace vitrail::onnx_files {
namespace {

using Pairwise = op::Binary::Function;

constexpr int64_t kMostTaps = 1024;
constexpr int64_t kNowhere = int64_t{1} << 40;  // taps from a slice

// Arithmetic of sizes and places, i64; where all is known it is done at once.
struct Places {
  const Composing c;

  explicit Places(NodeImport& node) : c{node} {}
  Operand of(int64_t number) const { return c.node.numbers({number}); }
  Operand plus(const Operand& a, int64_t b) const { return b == 0 ? a : c.plus(a, of(b)); }
  Operand times(const Operand& a, int64_t b) const { return b == 1 ? a : c.times(a, of(b)); }
  Operand over(const Operand& a, int64_t b) const { return b == 1 ? a : c.divide(a, of(b)); }
  Operand rest(const Operand& a, const Operand& b) const { return c.binary(Pairwise::modulo, a, b); }
  Operand larger(const Operand& a, int64_t b) const { return c.binary(Pairwise::maximum, a, of(b)); }
  Operand smaller(const Operand& a, const Operand& b) const { return c.binary(Pairwise::minimum, a, b); }
};

std::optional<int64_t> known_number(const Operand& size) {
  const auto* constant = std::get_if<FileConstant>(&size);
  return constant == nullptr ? std::nullopt : std::optional(constant->tensor.data<int64_t>()[0]);
}

// Where each sample begins among slices, `depth` each: i64 [N,1]. Nothing for one sample.
std::optional<Operand> begins_of(const Places& p, const Operand& samples, const Operand& depth) {
  if (known_number(samples) == 1) return std::nullopt;
  return p.c.reshape(p.c.times(p.c.counting(samples), depth), {-1, 1});
}

// Places of one sample, i64 [n], as those in every sample that begins there, one after the other.
Operand in_each(const Places& p, const std::optional<Operand>& begins, const Operand& places) {
  return begins ? p.c.plus(*begins, places) : places;
}
Operand listed(const Places& p, const std::optional<Operand>& begins, const Operand& places) {
  return begins ? p.c.reshape(places, {-1}) : places;
}

// Slices by their places in each sample; places outside of the volume show zeros.
class SlicesByPlace {
 public:
  SlicesByPlace(NodeImport& node, const Slices& x)
      : places_(node), x_(x), begins_(begins_of(places_, x.samples, x.depth)) {}

  Operand at(const Operand& place) {
    const Composing& c = places_.c;
    const Operand inside =
        c.binary(Pairwise::logical_and, c.binary(Pairwise::greater_or_equal, place, places_.of(0)),
                 c.binary(Pairwise::less, place, x_.depth));
    if (is_all(place)) return x_.maps;
    const bool leaves = !is_true(inside);
    Operand from = in_each(places_, begins_, place);
    if (leaves) from = c.where(inside, from, places_.of(-1));
    return c.node.add(op::Gather{.axis = 0}, {leaves ? filled() : x_.maps, listed(places_, begins_, from)});
  }

 private:
  // Whether these are known to be the places of all slices.
  bool is_all(const Operand& place) const {
    const auto* known = std::get_if<FileConstant>(&place);
    const std::optional<int64_t> depth = known_number(x_.depth);
    if (known == nullptr || known->tensor.elements() != depth) return false;
    const auto values = known->tensor.data<int64_t>();
    for (size_t i = 0; i < values.size(); ++i)
      if (values[i] != static_cast<int64_t>(i)) return false;
    return true;
  }
  static bool is_true(const Operand& inside) {
    const auto* known = std::get_if<FileConstant>(&inside);
    if (known == nullptr) return false;
    const std::byte* values = known->tensor.raw();
    return std::all_of(values, values + known->tensor.bytes(),
                       [](std::byte one) { return one != std::byte{0}; });
  }

  // The slices and, behind them, one more.
  const Operand& filled() {
    if (filled_) return *filled_;
    const Composing& c = places_.c;
    const Tensor zero = Tensor::zeros(DataType::f32, {1});
    const Operand sizes = c.joined({places_.of(1), c.sizes(x_.maps, 1, 4)});
    const Operand zeros = c.node.add(op::ConstantOfShape{.value = zero}, {sizes});
    filled_ = c.node.add(op::Concat{.axis = 0}, {x_.maps, zeros});
    return *filled_;
  }

  const Places places_;
  const Slices& x_;
  const std::optional<Operand> begins_;
  std::optional<Operand> filled_;
};

void expect_few(int64_t count, const char* what) {
  if (count > kMostTaps) throw Unsupported{cat("volumes and a ", what, " of ", count, " along depth")};
}

struct Extent {
  Operand depth, before;  // of the result; padding
};

Extent extent_of(NodeImport& node, const Slices& x, const DepthWindow& window) {
  const Places p(node);
  const int64_t reach = (window.kernel - 1) * window.dilation + 1;
  if (window.auto_pad == AutoPad::same_upper || window.auto_pad == AutoPad::same_lower) {
    const Operand depth = p.over(p.plus(x.depth, window.stride - 1), window.stride);
    const Operand needed = p.plus(p.times(p.plus(depth, -1), window.stride), reach);
    const Operand padding = p.larger(p.c.minus(needed, x.depth), 0), half = p.over(padding, 2);
    return {depth, window.auto_pad == AutoPad::same_upper ? half : p.c.minus(padding, half)};
  }
  const bool padded = window.auto_pad == AutoPad::explicit_pads;
  const int64_t before = padded ? window.before : 0, after = padded ? window.after : 0;
  if (const std::optional<int64_t> known = known_number(x.depth); known && *known + before + after < reach)
    node.refuse(cat("depth ", *known, " padded by ", before, "+", after),
                cat("at least ", reach, " is needed for the window"));
  // Of a volume that turns out too small there is no result.
  return {p.over(p.plus(x.depth, before + after - reach + window.stride), window.stride), p.of(before)};
}

// Where the result's slices lie in phases of `length` slices for each sample.
std::optional<Operand> order_of(const Places& p, const Slices& x, const TransposedDepth& window,
                                const Operand& depth, const Operand& length) {
  if (window.stride == 1) return std::nullopt;
  const Operand full = p.plus(p.c.counting(depth), window.before);
  const Operand phase = p.rest(full, p.of(window.stride));
  const Operand step = p.plus(p.over(full, window.stride), -(window.before / window.stride));
  const std::optional<Operand> begins = begins_of(p, x.samples, length);
  const Operand phase_begin = p.c.times(phase, p.c.times(x.samples, length));
  return listed(p, begins, in_each(p, begins, p.c.plus(phase_begin, step)));
}

}  // namespace

DepthTaps seen_along_depth(NodeImport& node, const Slices& x, const DepthWindow& window) {
  expect_few(window.kernel, "kernel");
  if (window.kernel == 1 && window.stride == 1 && window.before + window.after == 0)
    return {{x.maps}, x.depth};
  const Places p(node);
  const Extent extent = extent_of(node, x, window);
  const Operand first = p.c.minus(p.times(p.c.counting(extent.depth), window.stride), extent.before);
  SlicesByPlace slices(node, x);
  DepthTaps taps{.maps = {}, .depth = extent.depth};
  for (int64_t k = 0; k < window.kernel; ++k)
    taps.maps.push_back(slices.at(p.plus(first, k * window.dilation)));
  return taps;
}

DepthPhases reached_along_depth(NodeImport& node, const Slices& x, const TransposedDepth& window) {
  expect_few(window.kernel, "kernel");
  expect_few(window.stride, "stride");
  const Places p(node);
  const int64_t stride = window.stride, reach = (window.kernel - 1) * window.dilation + 1;
  const int64_t first = window.before / stride;
  const Operand depth = p.plus(p.times(p.plus(x.depth, -1), stride),
                               reach + window.output_padding - window.before - window.after);
  if (const std::optional<int64_t> known = known_number(depth); known && *known < 1)
    node.refuse(cat("a depth of ", *known, " in the result"), "at least 1");
  const Operand length = p.plus(p.over(p.plus(depth, window.before - 1), stride), 1 - first);
  const Operand step = p.plus(p.c.counting(length), first);
  SlicesByPlace slices(node, x);
  // Windows side by side: each slice reaches every phase once.
  const bool is_tiling = window.before + window.after == 0 && reach + window.output_padding == stride;
  DepthPhases made{.phases = {}, .depth = depth, .order = order_of(p, x, window, depth, length)};
  for (int64_t number = 0; number < stride; ++number) {
    DepthPhase phase;
    for (int64_t k = 0; k < window.kernel; ++k)
      if (k * window.dilation % stride == number) {
        phase.taps.push_back(k);
        const int64_t back = (k * window.dilation - number) / stride;
        phase.maps.push_back(is_tiling ? x.maps : slices.at(p.plus(step, -back)));
      }
    if (phase.taps.empty()) {  // nothing reaches it: the bias alone
      phase.taps.push_back(0);
      phase.maps.push_back(slices.at(p.plus(step, -kNowhere)));
    }
    made.phases.push_back(std::move(phase));
  }
  return made;
}

}  // namespace vitrail::onnx_files
