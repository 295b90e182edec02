#include "vitrail/train/operator_cases.h"

#include <numeric>

#include "vitrail/base/text.h"
#include "vitrail/graph/shape_inference.h"
#include "vitrail/train/convert.h"

namespace vitrail::train {

at::Tensor whole(const std::vector<int64_t>& values) {
  return at::tensor(values, at::kLong);
}

at::Tensor distinct(Random& random, const std::vector<int64_t>& sizes) {
  at::Tensor x = at::empty(sizes, at::kDouble);
  const int64_t n = x.numel();
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  for (int64_t i = n - 1; i > 0; --i)
    std::swap(order[static_cast<size_t>(i)], order[static_cast<size_t>(random.integer(0, i))]);
  for (int64_t i = 0; i < n; ++i)
    x.data_ptr<double>()[i] =
        (static_cast<double>(order[static_cast<size_t>(i)]) + 0.437) / static_cast<double>(n) * 4 - 2;
  return x;
}

OperatorCall OperatorCase::call() const {
  OperatorCall result{.inputs = inputs, .output = {}, .real = at::kDouble};
  const bool reads_output =
      std::holds_alternative<op::MaxPool>(op) || std::holds_alternative<op::MaxPoolIndices>(op) ||
      std::holds_alternative<op::AveragePool>(op) || std::holds_alternative<op::Resize>(op);
  if (!reads_output) return result;
  std::vector<Shape> shapes;
  for (const at::Tensor& input : inputs)
    shapes.push_back(input.defined() ? input.sizes().vec() : Shape{});
  if (inputs.size() < 3)
    result.output = op_results(op, shapes, std::vector<DataType>(shapes.size(), DataType::f32))[0].shape;
  return result;
}

namespace {

class Maker {
 public:
  at::Tensor x(const std::vector<int64_t>& sizes) { return distinct(random_, sizes); }
  at::Tensor positive(const std::vector<int64_t>& sizes) { return x(sizes).abs() + 0.3; }
  at::Tensor truth(const std::vector<int64_t>& sizes) { return x(sizes) > 0; }

  OperatorCase& add(const std::string& name, Op op, std::vector<at::Tensor> inputs) {
    cases.push_back({name, std::move(op), std::move(inputs), {}});
    return cases.back();
  }
  void without_derivative(const std::string& name, Op op, std::vector<at::Tensor> inputs) {
    add(name, std::move(op), std::move(inputs)).smooth = false;
  }

  std::vector<OperatorCase> cases;

 private:
  Random random_{17};
};

void add_windows(Maker& m) {
  m.add("Conv", op::Conv{.strides = {2, 1}, .pads = {1, 0, 2, 1}, .group = 2},
        {m.x({2, 4, 5, 4}), m.x({2, 2, 3, 2}), m.x({2})});
  m.add("Conv dilated", op::Conv{.dilations = {2, 1}, .auto_pad = AutoPad::same_upper},
        {m.x({1, 2, 5, 4}), m.x({2, 2, 3, 2})});
  m.add("ConvTranspose", op::ConvTranspose{.strides = {2, 2}, .pads = {1, 0, 0, 1}, .output_padding = {1, 0}},
        {m.x({1, 2, 3, 3}), m.x({2, 3, 3, 2}), m.x({3})});
  m.add("BatchNormalization", op::BatchNormalization{},
        {m.x({2, 3, 3, 2}), m.x({3}), m.x({3}), m.x({3}), m.positive({3})})
      .constants = {3, 4};
  m.add("MaxPool", op::MaxPool{.kernel = {3, 2}, .pads = {1, 0, 1, 1}}, {m.x({1, 2, 6, 5})});
  m.add("MaxPool dilated",
        op::MaxPool{.kernel = {2, 2}, .strides = {1, 2}, .pads = {1, 1, 0, 0}, .dilations = {2, 3}},
        {m.x({1, 2, 5, 7})});
  m.add("AveragePool", op::AveragePool{.kernel = {3, 2}, .pads = {1, 0, 1, 1}, .count_include_pad = true},
        {m.x({1, 2, 6, 5})});
  m.add("GlobalAveragePool", op::GlobalAveragePool{}, {m.x({2, 2, 3, 4})});
  m.add("GlobalMaxPool", op::GlobalMaxPool{}, {m.x({2, 2, 3, 4})});
  m.without_derivative("MaxPoolIndices", op::MaxPoolIndices{.kernel = {3, 2}, .pads = {1, 0, 1, 1}},
                       {m.x({2, 2, 6, 5})});
  m.without_derivative("MaxPoolIndices uneven", op::MaxPoolIndices{.pads = {1, 0, 0, 1}, .ceil_mode = true},
                       {m.x({2, 2, 5, 7})});
  m.add("MaxUnpool", op::MaxUnpool{},
        {m.x({1, 2, 1, 2}), whole({1, 6, 15, 16}).view({1, 2, 1, 2}), at::zeros({1, 2, 3, 4}, at::kDouble)})
      .constants = {2};
  m.add("LRN", op::LRN{.size = 4, .alpha = 0.5, .beta = 0.6, .bias = 1.5}, {m.x({1, 6, 2, 3})});
  for (const auto mode : {op::DepthToSpace::Mode::dcr, op::DepthToSpace::Mode::crd})
    m.add("DepthToSpace", op::DepthToSpace{.block = 2, .mode = mode}, {m.x({2, 8, 2, 3})});
  m.add("SpaceToDepth", op::SpaceToDepth{.block = 2}, {m.x({2, 2, 4, 6})});
  m.add("Crop", op::Crop{.top = 1, .left = 2}, {m.x({1, 2, 4, 5}), at::zeros({1, 1, 3, 2}, at::kDouble)})
      .constants = {1};
  for (const auto mode : {op::PadMode::constant, op::PadMode::reflect, op::PadMode::edge})
    m.add("Pad", op::Pad{.pads = {1, -1, 2, 1}, .mode = mode, .value = 0.5}, {m.x({1, 2, 4, 5})});
}

void add_resizes(Maker& m) {
  for (const auto mode : {op::ResizeMode::nearest, op::ResizeMode::linear, op::ResizeMode::cubic})
    for (const auto coordinates : {op::CoordinateMode::half_pixel, op::CoordinateMode::asymmetric})
      m.add("Resize", op::Resize{.mode = mode, .coordinates = coordinates, .sizes = Pair{5, 7}},
            {m.x({1, 2, 3, 4})});
  for (const auto mode : {op::ResizeMode::linear, op::ResizeMode::cubic})
    m.add("Resize of wide kernels",
          op::Resize{.mode = mode, .sizes = Pair{2, 7}, .antialias = true, .exclude_outside = true},
          {m.x({1, 2, 5, 4})});
  m.add("Resize to a reference", op::Resize{}, {m.x({1, 2, 3, 4}), at::zeros({1, 1, 5, 6}, at::kDouble)})
      .constants = {1};
  m.add("Resize to computed sizes", op::Resize{}, {m.x({1, 2, 3, 4}), at::Tensor(), whole({5, 6})});
  m.add("Resize by computed scales", op::Resize{},
        {m.x({1, 2, 3, 4}), at::Tensor(), at::tensor({1.5, 2.0}, at::kFloat)});
}

void add_grids(Maker& m) {
  for (const auto mode : {op::ResizeMode::nearest, op::ResizeMode::linear, op::ResizeMode::cubic})
    for (const auto padding : {op::GridSample::Padding::zeros, op::GridSample::Padding::border,
                               op::GridSample::Padding::reflection})
      for (const bool corners : {false, true}) {
        OperatorCase& c =
            m.add("GridSample", op::GridSample{.mode = mode, .padding = padding, .align_corners = corners},
                  {m.x({2, 2, 4, 5}), m.x({2, 3, 4, 2})});
        if (mode == op::ResizeMode::nearest) c.constants = {1};
      }
}

void add_boxes(Maker& m) {
  const at::Tensor boxes =
      at::tensor({0.3, 0.2, 5.1, 4.7, -3.0, 1.0, 4.0, 9.0, 2.0, 2.0, 2.4, 2.3}, at::kDouble).view({3, 4});
  for (const auto mode : {op::RoiAlign::Mode::average, op::RoiAlign::Mode::maximum})
    for (const int64_t sampling : {0, 2})
      for (const bool aligned : {false, true})
        m.add("RoiAlign",
              op::RoiAlign{.mode = mode,
                           .height = 2,
                           .width = 3,
                           .sampling_ratio = sampling,
                           .spatial_scale = 0.9,
                           .aligned = aligned},
              {m.x({2, 2, 5, 6}), boxes, whole({1, 0, 1})})
            .constants = {1};
  const at::Tensor squares =
      at::tensor({0., 0., 1., 1., 0., 0.1, 1., 1.1, 0., 10., 1., 11.}, at::kFloat).view({1, 3, 4});
  m.without_derivative("NonMaxSuppression", op::NonMaxSuppression{},
                       {squares, at::tensor({0.9, 0.75, 0.6}, at::kFloat).view({1, 1, 3}), whole({3}),
                        at::tensor({0.5}, at::kFloat), at::tensor({0.0}, at::kFloat)});
}

void add_own(Maker& m) {
  for (const auto form : {op::DynamicDeconvolution::Form::exact, op::DynamicDeconvolution::Form::matrix}) {
    m.add("DynamicDeconvolution", op::DynamicDeconvolution{.stride = 1, .form = form},
          {m.x({2, 2, 3, 4}), m.x({2, 9, 3, 4})});
    m.add("DynamicDeconvolution odd", op::DynamicDeconvolution{.stride = 2, .form = form},
          {m.x({1, 2, 3, 2}), m.x({1, 9, 3, 2}), at::zeros({1, 1, 5, 4}, at::kDouble)})
        .constants = {2};
  }
  m.add("Encoding", op::Encoding{}, {m.x({2, 3, 2, 3}), m.x({4, 3}), m.x({4})});
  for (const bool maximum : {false, true})
    m.add("AdaptivePool", op::AdaptivePool{.bins = {2, 3}, .maximum = maximum}, {m.x({1, 2, 5, 4})});
}

void add_unary(Maker& m) {
  using F = op::Unary::Function;
  for (int f = 0; f <= static_cast<int>(F::gelu_tanh); ++f) {
    const auto function = static_cast<F>(f);
    if (function == F::logical_not) continue;
    op::Unary op{.function = function, .alpha = 0.3, .beta = 0.45};
    if (function == F::hard_swish) op = {function, 1.0 / 6, 0.5};
    const bool positive = function == F::log || function == F::sqrt || function == F::reciprocal;
    OperatorCase& c = m.add(cat("Unary ", f), op, {positive ? m.positive({3, 5}) : m.x({3, 5}) * 2});
    c.flat = function == F::floor || function == F::ceil || function == F::round || function == F::sign;
  }
  m.without_derivative("not", op::Unary{.function = F::logical_not}, {m.truth({2, 3})});
  m.without_derivative("abs of integers", op::Unary{}, {whole({-3, 0, 4})});
  m.add("Relu", op::Relu{}, {m.x({3, 5})});
  m.add("Clip", op::Clip{-0.5, 1}, {m.x({3, 5})});
  m.without_derivative("Clip of integers", op::Clip{-1, 1}, {whole({-3, 0, 4})});
  m.add("Sigmoid", op::Sigmoid{}, {m.x({3, 5})});
  m.add("Identity", op::Identity{}, {m.x({3, 5})});
  m.add("Dropout", op::Dropout{}, {m.x({3, 5})});
}

void add_binary(Maker& m) {
  using F = op::Binary::Function;
  m.add("Add", op::Add{}, {m.x({2, 1, 3}), m.x({4, 1})});
  m.add("Mul", op::Mul{}, {m.x({2, 1, 3}), m.x({4, 1})});
  for (const F f : {F::subtract, F::divide, F::minimum, F::maximum, F::prelu})
    m.add(cat("Binary ", static_cast<int>(f)), op::Binary{f}, {m.x({2, 4, 3}), m.x({4, 1})});
  m.add("power", op::Binary{F::power}, {m.positive({2, 3}), m.x({3})});
  m.add("power of a number", op::Binary{F::power}, {m.x({2, 3}), at::tensor(3.0, at::kDouble)}).constants = {
      1};
  for (const F f : {F::modulo, F::remainder})
    m.add("modulo", op::Binary{f}, {m.x({2, 3}) * 3, m.positive({3})}).constants = {1};
  for (const F f : {F::equal, F::less, F::less_or_equal, F::greater, F::greater_or_equal}) {
    m.without_derivative("comparison", op::Binary{f}, {m.x({2, 3}), m.x({3})});
    m.without_derivative("comparison of integers", op::Binary{f}, {whole({1, 2, 3}), whole({2})});
  }
  for (const F f : {F::logical_and, F::logical_or, F::logical_xor})
    m.without_derivative("logic", op::Binary{f}, {m.truth({3, 4}), m.truth({4})});
  for (const F f : {F::subtract, F::divide, F::power, F::minimum, F::maximum, F::modulo, F::remainder})
    m.without_derivative("integers", op::Binary{f}, {whole({-7, 7, 5}), whole({2})});
  m.add("Where", op::Where{}, {m.truth({2, 1, 3}), m.x({4, 3}), m.x({2, 4, 1})});
  m.add("Cast", op::Cast{DataType::f64}, {m.x({2, 3})});
  for (const DataType type : {DataType::i64, DataType::boolean})
    m.without_derivative("Cast", op::Cast{type}, {m.x({2, 3}) * 2});
  for (const at::ScalarType type : {at::kByte, at::kChar})
    m.without_derivative("QuantizeLinear", op::QuantizeLinear{},
                         {(m.x({2, 3, 4}) * 9).to(at::kFloat), (m.positive({3}) * 0.1).to(at::kFloat),
                          at::tensor({3, 100, 5}, type)});
  m.add("DequantizeLinear", op::DequantizeLinear{},
        {at::tensor({3, 100, 5, 9, 8, 7}, at::kByte).view({2, 3}), m.positive({3}),
         at::tensor({1, 2, 3}, at::kByte)});
}

void add_shapes(Maker& m) {
  m.add("Reshape", op::Reshape{}, {m.x({2, 3, 4}), whole({0, -1, 2})});
  m.add("Flatten", op::Flatten{.axis = -1}, {m.x({2, 3, 4})});
  m.add("Squeeze", op::Squeeze{{-1, 0}}, {m.x({1, 3, 1, 2, 1})});
  m.add("Squeeze all", op::Squeeze{}, {m.x({1, 3, 1})});
  m.add("Unsqueeze", op::Unsqueeze{{-1, 0, 2}}, {m.x({3, 2})});
  m.add("Transpose", op::Transpose{{2, 0, 1}}, {m.x({2, 3, 4})});
  m.add("Transpose reversed", op::Transpose{}, {m.x({2, 3, 4})});
  m.add("Expand", op::Expand{}, {m.x({3, 1}), whole({2, 1, 4})});
  m.add("Tile", op::Tile{}, {m.x({2, 3}), whole({3, 2})});
  m.add("Concat", op::Concat{.axis = -1}, {m.x({2, 3}), m.x({2, 1}), m.x({2, 2})});
  m.add("Slice", op::Slice{}, {m.x({5, 6}), whole({1}), whole({4})});
  m.add("Slice backwards", op::Slice{},
        {m.x({5, 6}), whole({-1, 100}), whole({INT64_MIN, 0}), whole({0, -1}), whole({-2, -3})});
  m.add("Slice beyond", op::Slice{}, {m.x({5, 6}), whole({1}), whole({INT64_MAX}), whole({-1}), whole({4})});
  m.add("Gather", op::Gather{.axis = 1}, {m.x({2, 4, 3}), whole({3, -1, 0, 3}).view({2, 2})});
  m.add("Gather one", op::Gather{}, {m.x({3, 2}), at::tensor(-2, at::kInt)});
  m.add("GatherElements", op::GatherElements{.axis = 1}, {m.x({2, 3}), whole({2, -3, 1, 1}).view({2, 2})});
  m.without_derivative("ShapeOf", op::ShapeOf{.start = -3, .end = -1}, {m.x({2, 3, 4, 5})});
  m.without_derivative("Range", op::Range{}, {at::tensor(10), at::tensor(3), at::tensor(-2)});
  m.without_derivative("ConstantOfShape",
                       op::ConstantOfShape{Tensor::from<int64_t>({1}, std::vector<int64_t>{7})},
                       {whole({2, 3})});
  m.without_derivative("Constant", op::Constant{Tensor::from<int64_t>({2}, std::vector<int64_t>{7, 8})}, {});
}

void add_reductions(Maker& m) {
  using F = op::Reduce::Function;
  for (int f = 0; f <= static_cast<int>(F::log_sum_exp); ++f)
    for (const bool keep : {false, true}) {
      const auto function = static_cast<F>(f);
      const bool positive = function == F::log_sum;
      m.add(cat("Reduce ", f), op::Reduce{function, {-1, 0}, keep},
            {positive ? m.positive({2, 3, 4}) : m.x({2, 3, 4})});
      m.add(cat("Reduce all ", f), op::Reduce{function, {}, keep},
            {positive ? m.positive({3, 2}) : m.x({3, 2})});
    }
  m.without_derivative("Reduce integers", op::Reduce{F::prod, {0}, false}, {whole({2, -3, 5})});
  for (const bool exclusive : {false, true})
    for (const bool reverse : {false, true})
      m.add("CumSum", op::CumSum{1, exclusive, reverse}, {m.x({2, 4})});
  for (const int64_t axis : {1, -1}) {
    m.add("Softmax", op::Softmax{axis}, {m.x({2, 3, 4})});
    m.add("LogSoftmax", op::LogSoftmax{axis}, {m.x({2, 3, 4})});
  }
  m.without_derivative("ArgMax", op::ArgMax{1, false}, {m.x({2, 3, 4})});
  m.without_derivative("ArgMax, equals", op::ArgMax{0, true}, {whole({1, 3, 3, 0}).to(at::kDouble)});
  for (const bool largest : {false, true}) {
    m.add("TopK", op::TopK{op::TopK::Part::values, 1, largest}, {m.x({2, 5}), whole({3})});
    m.without_derivative("TopK", op::TopK{op::TopK::Part::indices, 0, largest},
                         {whole({1, 3, 3, 0, 1, 0}).to(at::kDouble), whole({5})});
  }
}

void add_products(Maker& m) {
  m.add("MatMul", op::MatMul{}, {m.x({2, 1, 3, 4}), m.x({5, 4, 2})});
  m.add("MatMul row", op::MatMul{}, {m.x({4}), m.x({2, 4, 3})});
  m.add("LayerNormalization", op::LayerNormalization{.axis = -2}, {m.x({2, 3, 4}), m.x({3, 4}), m.x({3, 4})});
  m.add("LayerNormalization without bias", op::LayerNormalization{}, {m.x({2, 3, 4}), m.x({4})});
  m.add("InstanceNormalization", op::InstanceNormalization{}, {m.x({2, 3, 2, 4}), m.x({3}), m.x({3})});
}

}  // namespace

std::vector<OperatorCase> operator_cases() {
  Maker m;
  add_windows(m);
  add_resizes(m);
  add_grids(m);
  add_boxes(m);
  add_own(m);
  add_unary(m);
  add_binary(m);
  add_shapes(m);
  add_reductions(m);
  add_products(m);
  return m.cases;
}

}  // namespace vitrail::train
