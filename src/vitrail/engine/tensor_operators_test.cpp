// The operators over tensors of any rank against the naive interpreter, over random shapes, attributes, types
// and layouts, with one thread and with two.

#include <cstring>

#include <gtest/gtest.h>

#include "reference_interpreter.h"
#include "vitrail/base/error.h"
#include "vitrail/engine/engine.h"
#include "vitrail/engine/test_graphs.h"

namespace vitrail {
namespace {

using engine_test::Case;

constexpr double tolerance = 1e-4;

bool same_bytes(const Tensor& a, const Tensor& b) {
  return a.type() == b.type() && a.shape() == b.shape() &&
         std::memcmp(a.raw(), b.raw(), static_cast<size_t>(a.bytes())) == 0;
}

void expect_agreement(const Case& c) {
  SCOPED_TRACE(c.description);
  const std::vector<reference::Array> expected = reference::run(c.graph, c.weights, c.inputs);
  const std::vector<Tensor> one = Engine(c.graph, c.weights, {.threads = 1}).run(c.inputs);
  const std::vector<Tensor> two = Engine(c.graph, c.weights, {.threads = 2}).run(c.inputs);
  ASSERT_EQ(one.size(), expected.size());
  for (size_t i = 0; i < one.size(); ++i) {
    EXPECT_LE(reference::relative_difference(one[i], expected[i]), tolerance) << "output " << i;
    EXPECT_TRUE(same_bytes(one[i], two[i])) << "output " << i << " differs between one and two threads";
  }
}

// make(case) adds nodes and returns the value to compare; `count` random cases.
template <class Make>
void check(uint64_t first_seed, int count, const Make& make) {
  for (int i = 0; i < count && !testing::Test::HasFailure(); ++i) {
    Case c(first_seed + static_cast<uint64_t>(i));
    c.graph.output("y", make(c));
    expect_agreement(c);
  }
}

Shape random_shape(Case& c, int64_t least_rank, int64_t most_rank) {
  Shape shape;
  for (int64_t d = c.pick(least_rank, most_rank); d > 0; --d)
    shape.push_back(c.pick(1, 9));
  return shape;
}

int64_t rank_of(const Case& c, Value x) {
  return static_cast<int64_t>(c.graph.shape(x).size());
}

// A value of this shape: an input, or, for rank 4, sometimes the result of a convolution (channels-last).
Value any_layout(Case& c, const Shape& shape) {
  const Value x = c.input(shape);
  if (shape.size() != 4 || c.random.chance(0.5)) return x;
  c.description += ", convolved";
  return c.conv(x, shape[1], shape[1], 1);
}

// Sometimes something that reads channels-last maps: the layout of what it reads is then not the output's.
Value any_reader(Case& c, Value x) {
  if (rank_of(c, x) != 4 || c.random.chance(0.5)) return x;
  return c.graph.add(op::GlobalAveragePool{}, {x});
}

Value random_value(Case& c, int64_t least_rank = 1, int64_t most_rank = 5) {
  return any_layout(c, random_shape(c, least_rank, most_rank));
}

Value integers(Case& c, const std::vector<int64_t>& values) {
  return c.graph.add(op::Constant{Tensor::from<int64_t>({static_cast<int64_t>(values.size())}, values)}, {});
}

// A shape that broadcasts to `full`.
Shape broadcasting(Case& c, const Shape& full) {
  Shape shape(full.begin() + c.pick(0, static_cast<int64_t>(full.size())), full.end());
  for (int64_t& size : shape)
    if (c.random.chance(0.3)) size = 1;
  return shape;
}

int64_t any_axis(Case& c, Value x) {
  const int64_t rank = rank_of(c, x), axis = c.pick(-rank, rank - 1);
  c.description += cat(", axis ", axis);
  return axis;
}

TEST(TensorOperators, Unary) {
  using F = op::Unary::Function;
  for (int f = 0; f <= static_cast<int>(F::gelu_tanh); ++f) {
    const auto function = static_cast<F>(f);
    if (function == F::logical_not) continue;
    check(static_cast<uint64_t>(20000 + 10 * f), 3, [&](Case& c) {
      Value x = random_value(c);
      c.description += cat(", function ", f);
      const bool positive = function == F::log || function == F::sqrt || function == F::reciprocal;
      const double spread = function == F::exp ? 3 : 6;
      x = positive ? c.graph.add(op::Add{}, {c.graph.add(op::Unary{.function = F::abs}, {x}),
                                             c.parameter({1}, 0.1, 0.2)})
                   : c.graph.add(op::Mul{}, {x, c.parameter({1}, spread / 2, spread)});
      return any_reader(c, c.graph.add(op::Unary{function, c.random.uniform(0.2, 0.8), 1.1}, {x}));
    });
  }
}

TEST(TensorOperators, Binary) {
  using F = op::Binary::Function;
  for (int f = 0; f <= static_cast<int>(F::greater_or_equal); ++f) {
    const auto function = static_cast<F>(f);
    check(static_cast<uint64_t>(21000 + 20 * f), 10, [&](Case& c) {
      const Shape full = random_shape(c, 1, 5);
      Shape a = function == F::prelu || c.random.chance(0.6) ? full : broadcasting(c, full);
      Shape b = broadcasting(c, full);
      c.description += cat(", function ", f, " of ", to_string(a), " and ", to_string(b));
      Value x = any_layout(c, a);
      Value y = c.random.chance(0.3) && !b.empty() ? c.parameter(b) : any_layout(c, b);
      if (function != F::prelu && c.random.chance(0.5)) std::swap(x, y);
      const auto away_from_zero = [&](Value v) {
        return c.graph.add(op::Add{}, {c.graph.add(op::Unary{.function = op::Unary::Function::abs}, {v}),
                                       c.parameter({1}, 0.5, 0.6)});
      };
      if (function == F::power) x = away_from_zero(x);
      if (function == F::divide || function == F::modulo || function == F::remainder) y = away_from_zero(y);
      return c.graph.add(op::Binary{function}, {x, y});
    });
  }
}

TEST(TensorOperators, PowersByOneNumber) {
  for (const float exponent : {2.0f, 3.0f, 0.5f, 1.7f})
    check(21500, 4, [&](Case& c) {
      const Value x = c.graph.add(op::Unary{.function = op::Unary::Function::abs}, {random_value(c)});
      const Value two = c.graph.add(op::Constant{Tensor::from<float>({}, std::vector<float>{exponent})}, {});
      return c.graph.add(op::Binary{op::Binary::Function::power}, {x, two});
    });
}

TEST(TensorOperators, WhereAndComparisons) {
  check(22000, 30, [](Case& c) {
    const Shape full = random_shape(c, 1, 5);
    const Value x = any_layout(c, full), y = any_layout(c, broadcasting(c, full));
    const Value condition = c.graph.add(op::Binary{op::Binary::Function::less}, {x, y});
    const Value both = c.graph.add(
        op::Binary{op::Binary::Function::logical_and},
        {condition,
         c.graph.add(op::Unary{.function = op::Unary::Function::logical_not},
                     {c.graph.add(op::Binary{op::Binary::Function::less}, {x, c.parameter({1}, -1, 0)})})});
    return any_reader(c, c.graph.add(op::Where{}, {both, x, any_layout(c, broadcasting(c, full))}));
  });
}

TEST(TensorOperators, Cast) {
  const DataType types[] = {DataType::f32, DataType::i64, DataType::i32,
                            DataType::i8,  DataType::u8,  DataType::boolean};
  for (const DataType to : types)
    check(22100, 4, [&](Case& c) {
      const Value wide = c.graph.add(op::Mul{}, {random_value(c), c.parameter({1}, 20, 100)});
      const Value there = c.graph.add(op::Cast{to}, {wide});
      return c.random.chance(0.5) ? there : c.graph.add(op::Cast{DataType::f32}, {there});
    });
}

// Inputs of every type; arithmetic of integers.
TEST(TensorOperators, IntegersAreComputedWith) {
  for (const DataType type : {DataType::i64, DataType::i32, DataType::i8, DataType::u8}) {
    Case c(22200);
    const Shape shape = {2, 3, 4, 5};
    const Tensor values = Tensor::empty(type, shape);
    Tensor filled = values;
    for (int64_t i = 0; i < filled.bytes(); ++i)
      filled.raw()[i] = static_cast<std::byte>(i % size_of(type) == 0 ? c.pick(1, 5) : 0);
    c.inputs.push_back(filled);
    const Value x = c.graph.input("x", shape, type);
    const Value sum = c.graph.add(op::Add{}, {x, x});
    c.graph.output("mixed", c.graph.add(op::Binary{op::Binary::Function::maximum},
                                        {c.graph.add(op::Mul{}, {sum, x}), sum}));
    c.graph.output("moved", c.graph.add(op::Concat{-1}, {c.graph.add(op::Transpose{{0, 1, 3, 2}}, {x}),
                                                         c.graph.add(op::Transpose{{0, 1, 3, 2}}, {sum})}));
    c.graph.output("floats",
                   c.conv(c.graph.add(op::Cast{DataType::f32}, {x}), 3, 4, 3, {.pads = {1, 1, 1, 1}}));
    expect_agreement(c);
  }
}

TEST(TensorOperators, InputsOfTheWrongTypeAreRefused) {
  Case c(22300);
  const Value x = c.graph.input("ids", {4}, DataType::i64);
  c.graph.output("y", c.graph.add(op::Add{}, {x, x}));
  const Engine engine(c.graph, {});
  try {
    engine.run({Tensor::zeros(DataType::f32, {4})});
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("i64 is read"), std::string::npos) << error.what();
  }
}

TEST(TensorOperators, Transpose) {
  check(23000, 60, [](Case& c) {
    const Value x = random_value(c);
    std::vector<int64_t> permutation(static_cast<size_t>(rank_of(c, x)));
    for (size_t i = 0; i < permutation.size(); ++i)
      permutation[i] = static_cast<int64_t>(i);
    c.random.shuffle(permutation);
    if (c.random.chance(0.1)) permutation.clear();
    c.description += cat(", permutation ", join(permutation));
    return any_reader(c, c.graph.add(op::Transpose{permutation}, {x}));
  });
}

TEST(TensorOperators, TransposeOfLargeTensors) {
  check(23200, 8, [](Case& c) {
    const Shape shapes[] = {{300, 400}, {3, 130, 70}, {2, 31, 40, 50}, {2, 5, 6, 70, 8}};
    const Shape shape = shapes[c.pick(0, 3)];
    std::vector<int64_t> permutation(shape.size());
    for (size_t i = 0; i < permutation.size(); ++i)
      permutation[i] = static_cast<int64_t>(i);
    c.random.shuffle(permutation);
    return c.graph.add(op::Transpose{permutation}, {any_layout(c, shape)});
  });
}

// Tokens of a vision transformer: from a map to a sequence and back.
TEST(TensorOperators, MapsBecomeSequencesAndMapsAgain) {
  check(23300, 12, [](Case& c) {
    const int64_t n = c.pick(1, 2), channels = c.pick(1, 9), h = c.pick(1, 7), w = c.pick(1, 7);
    const Value x = any_layout(c, {n, channels, h, w});
    const Value flat = c.graph.add(op::Reshape{}, {x, integers(c, {0, channels, h * w})});
    const Value tokens = c.graph.add(op::Transpose{{0, 2, 1}}, {flat});
    const Value mixed = c.graph.add(op::MatMul{}, {tokens, c.parameter({channels, channels})});
    const Value back = c.graph.add(op::Transpose{{0, 2, 1}}, {c.graph.add(op::Add{}, {mixed, tokens})});
    const Value map = c.graph.add(op::Reshape{}, {back, integers(c, {n, channels, h, w})});
    const Value last = c.graph.add(op::Transpose{{0, 2, 3, 1}}, {c.graph.add(op::Add{}, {map, x})});
    const Value norm = c.graph.add(op::LayerNormalization{},
                                   {last, c.parameter({channels}, 0.5, 1.5), c.parameter({channels})});
    return c.conv(c.graph.add(op::Transpose{{0, 3, 1, 2}}, {norm}), channels, 3, 1);
  });
}

TEST(TensorOperators, ReshapeAndItsLike) {
  check(23400, 40, [](Case& c) {
    const Value x = any_layout(c, {2, c.pick(1, 5), c.pick(1, 5), 6});
    const Value relu = c.graph.add(op::Relu{}, {x});
    Value y;
    switch (c.pick(0, 4)) {
      case 0: y = c.graph.add(op::Reshape{}, {relu, integers(c, {3, -1, 2})}); break;
      case 1: y = c.graph.add(op::Reshape{}, {relu, integers(c, {0, -1, 3, 1})}); break;
      case 2: y = c.graph.add(op::Flatten{c.pick(0, 4)}, {relu}); break;
      case 3: y = c.graph.add(op::Unsqueeze{{0, c.pick(1, 3)}}, {relu}); break;
      default: y = c.graph.add(op::Squeeze{{2}}, {c.graph.add(op::Unsqueeze{{2}}, {relu})});
    }
    // In place where nothing else reads the input, a copy where something does.
    if (c.random.chance(0.5)) c.graph.output("also", c.graph.add(op::Relu{}, {relu}));
    return c.graph.add(op::Unary{.function = op::Unary::Function::tanh}, {y});
  });
}

TEST(TensorOperators, Slice) {
  check(24000, 60, [](Case& c) {
    const Value x = random_value(c);
    const Shape shape = c.inputs[0].shape();
    std::vector<int64_t> starts, ends, axes, steps;
    for (int64_t d = 0; d < rank_of(c, x); ++d) {
      if (c.random.chance(0.4)) continue;
      const int64_t size = shape[static_cast<size_t>(d)], first = c.pick(0, size - 1);
      const bool back = c.random.chance(0.3);
      axes.push_back(c.random.chance(0.5) ? d : d - rank_of(c, x));
      starts.push_back(c.random.chance(0.5) ? first : first - size);
      ends.push_back(back ? std::numeric_limits<int64_t>::min() : c.pick(first + 1, size + 5));
      steps.push_back(back ? -c.pick(1, 2) : c.pick(1, 3));
    }
    c.description +=
        cat(", starts ", join(starts), ", ends ", join(ends), ", axes ", join(axes), ", steps ", join(steps));
    return any_reader(c, c.graph.add(op::Slice{}, {x, integers(c, starts), integers(c, ends),
                                                   integers(c, axes), integers(c, steps)}));
  });
}

TEST(TensorOperators, ExpandAndTile) {
  check(24200, 40, [](Case& c) {
    const Shape full = random_shape(c, 1, 5);
    if (c.random.chance(0.5)) {
      const Value x = any_layout(c, broadcasting(c, full));
      return any_reader(c, c.graph.add(op::Expand{}, {x, integers(c, full)}));
    }
    std::vector<int64_t> repeats;
    for (size_t d = 0; d < full.size(); ++d)
      repeats.push_back(c.pick(1, 3));
    c.description += cat(", repeats ", join(repeats));
    return any_reader(c, c.graph.add(op::Tile{}, {any_layout(c, full), integers(c, repeats)}));
  });
}

TEST(TensorOperators, Gather) {
  check(24400, 40, [](Case& c) {
    const Value x = random_value(c);
    const int64_t axis = any_axis(c, x);
    const int64_t size = c.inputs[0].shape()[static_cast<size_t>(axis < 0 ? axis + rank_of(c, x) : axis)];
    const Shape shape = random_shape(c, 0, 2);
    const bool narrow = c.random.chance(0.3);
    Tensor indices = Tensor::empty(narrow ? DataType::i32 : DataType::i64, shape);
    for (int64_t i = 0; i < indices.elements(); ++i) {
      const int64_t index = c.pick(-size, size - 1);
      if (narrow)
        indices.data<int32_t>()[static_cast<size_t>(i)] = static_cast<int32_t>(index);
      else
        indices.data<int64_t>()[static_cast<size_t>(i)] = index;
    }
    if (c.random.chance(0.5))
      return c.graph.add(op::Gather{axis}, {x, c.graph.add(op::Constant{indices}, {})});
    c.inputs.push_back(indices);
    return c.graph.add(op::Gather{axis}, {x, c.graph.input("indices", shape, indices.type())});
  });
}

TEST(TensorOperators, IndicesOutOfRangeAreRefusedWhereTheyRun) {
  Case c(24500);
  const Value x = c.input({3, 4}), indices = c.graph.input("indices", {2}, DataType::i64);
  c.graph.output("y", c.graph.add(op::Gather{0}, {x, indices}, "the_gather"));
  const Engine engine(c.graph, {});
  for (const int64_t index : {int64_t{3}, int64_t{-4}, std::numeric_limits<int64_t>::min()})
    try {
      engine.run({c.inputs[0], Tensor::from<int64_t>({2}, {0, index})});
      FAIL() << "nothing was thrown";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("the_gather"), std::string::npos) << error.what();
    }
}

TEST(TensorOperators, ConcatOfAnyRank) {
  check(24600, 30, [](Case& c) {
    Shape shape = random_shape(c, 1, 5);
    const auto axis = static_cast<size_t>(c.pick(0, static_cast<int64_t>(shape.size()) - 1));
    std::vector<Value> parts;
    for (int64_t i = c.pick(1, 4); i > 0; --i) {
      shape[axis] = c.pick(1, 5);
      parts.push_back(any_layout(c, shape));
    }
    c.description += cat(", axis ", axis);
    return any_reader(c, c.graph.add(op::Concat{static_cast<int64_t>(axis)}, parts));
  });
}

TEST(TensorOperators, Reduce) {
  for (int f = 0; f <= static_cast<int>(op::Reduce::Function::log_sum_exp); ++f)
    check(static_cast<uint64_t>(25000 + 20 * f), 12, [&](Case& c) {
      Value x = random_value(c);
      op::Reduce reduce{.function = static_cast<op::Reduce::Function>(f), .keep_dims = c.random.chance(0.5)};
      for (int64_t d = 0; d < rank_of(c, x); ++d)
        if (c.random.chance(0.5)) reduce.axes.push_back(c.random.chance(0.5) ? d : d - rank_of(c, x));
      c.description +=
          cat(", function ", f, ", axes ", join(reduce.axes), reduce.keep_dims ? ", dimensions kept" : "");
      if (reduce.function == op::Reduce::Function::log_sum)
        x = c.graph.add(op::Unary{.function = op::Unary::Function::abs}, {x});
      return c.graph.add(reduce, {x});
    });
}

TEST(TensorOperators, ReduceOfLargeMaps) {
  check(25500, 6, [](Case& c) {
    const Value x = any_layout(c, {2, c.pick(1, 130), 31, 37});
    const std::vector<int64_t> axes[] = {{2, 3}, {1}, {3}, {0, 2, 3}, {1, 2, 3}, {2}};
    const auto function = c.random.chance(0.5) ? op::Reduce::Function::mean : op::Reduce::Function::max;
    return c.graph.add(op::Reduce{function, axes[c.pick(0, 5)], c.random.chance(0.5)}, {x});
  });
}

TEST(TensorOperators, MatMul) {
  check(26000, 50, [](Case& c) {
    const int64_t m = c.pick(1, 20), k = c.pick(1, 20), n = c.pick(1, 20);
    const Shape batch = random_shape(c, 0, 3);
    Shape a = c.random.chance(0.6) ? batch : broadcasting(c, batch), b = broadcasting(c, batch);
    if (!a.empty() || c.random.chance(0.8)) a.push_back(m);
    a.push_back(k);
    b.push_back(k);
    if (b.size() > 1 || c.random.chance(0.8)) b.push_back(n);
    c.description += cat(", ", to_string(a), " times ", to_string(b));
    const Value x = any_layout(c, a), y = c.random.chance(0.5) ? c.parameter(b) : any_layout(c, b);
    return c.graph.add(op::MatMul{}, {x, y});
  });
}

TEST(TensorOperators, SoftmaxAndLogSoftmaxOnAnyAxis) {
  check(26200, 40, [](Case& c) {
    const Value x = c.graph.add(op::Mul{}, {random_value(c), c.parameter({1}, 1, 20)});
    const int64_t axis = any_axis(c, x);
    return any_reader(c, c.random.chance(0.5) ? c.graph.add(op::Softmax{axis}, {x})
                                              : c.graph.add(op::LogSoftmax{axis}, {x}));
  });
}

TEST(TensorOperators, LayerNormalization) {
  check(26400, 30, [](Case& c) {
    const Value x = random_value(c, 2);
    const int64_t axis = any_axis(c, x), first = axis < 0 ? axis + rank_of(c, x) : axis;
    const Shape shape(c.inputs[0].shape().begin() + first, c.inputs[0].shape().end());
    std::vector<Value> values = {x, c.parameter(shape, 0.5, 1.5)};
    if (c.random.chance(0.7)) values.push_back(c.parameter(shape));
    return c.graph.add(op::LayerNormalization{.axis = axis, .epsilon = 1e-3}, values);
  });
  check(26450, 2, [](Case& c) {
    return c.graph.add(op::LayerNormalization{}, {c.input({2, 197, 384}), c.parameter({384}, 0.5, 1.5)});
  });
}

TEST(TensorOperators, InstanceNormalization) {
  check(26500, 20, [](Case& c) {
    const Value x = random_value(c, 3);
    const int64_t channels = c.inputs[0].shape()[1];
    return any_reader(c, c.graph.add(op::InstanceNormalization{1e-3},
                                     {x, c.parameter({channels}, 0.5, 1.5), c.parameter({channels})}));
  });
  check(26550, 2, [](Case& c) {
    return c.graph.add(op::InstanceNormalization{},
                       {any_layout(c, {2, 70, 40, 50}), c.parameter({70}, 0.5, 1.5), c.parameter({70})});
  });
}

TEST(TensorOperators, BatchNormalizationOfRowMajorMaps) {
  check(26600, 10, [](Case& c) {
    const int64_t channels = c.pick(1, 9);
    const Value x = c.input({2, channels, 12});
    const Value map = c.graph.add(op::Reshape{}, {x, integers(c, {2, channels, 3, 4})});
    return c.graph.add(op::Relu{}, {c.batch_norm(map, channels)});
  });
}

TEST(TensorOperators, ArgMaxOfAnyRank) {
  check(26700, 20, [](Case& c) {
    const Value x = random_value(c);
    return c.graph.add(op::ArgMax{any_axis(c, x), c.random.chance(0.5)}, {x});
  });
}

TEST(TensorOperators, PoolingOverSpace) {
  check(27000, 10, [](Case& c) { return c.graph.add(op::GlobalMaxPool{}, {random_value(c, 4, 4)}); });
  check(27100, 20, [](Case& c) {
    const op::AdaptivePool pool{.bins = c.pair(1, 5), .maximum = c.random.chance(0.5)};
    c.description += cat(", bins ", join(pool.bins), ", maximum ", pool.maximum);
    return c.graph.add(pool, {random_value(c, 4, 4)});
  });
}

TEST(TensorOperators, MaxPoolIndicesAndMaxUnpool) {
  check(27200, 20, [](Case& c) {
    const Value x = any_layout(c, {c.pick(1, 2), c.pick(1, 9), c.pick(3, 11), c.pick(3, 11)});
    op::MaxPoolIndices indices{.kernel = c.pair(1, 3), .strides = c.pair(1, 3)};
    for (size_t i = 0; i < 4; ++i)
      indices.pads[i] = c.pick(0, indices.kernel[i % 2] - 1);
    const op::MaxPool pool{.kernel = indices.kernel, .strides = indices.strides, .pads = indices.pads};
    const Value found = c.graph.add(indices, {x}), pooled = c.graph.add(pool, {x});
    c.graph.output("indices", found);
    return any_reader(c, c.graph.add(op::MaxUnpool{}, {pooled, found, x}));
  });
}

TEST(TensorOperators, LrnAndShuffles) {
  check(27300, 20, [](Case& c) {
    const Value x = c.graph.add(op::Mul{}, {random_value(c, 4, 4), c.parameter({1}, 3, 9)});
    const op::LRN lrn{.size = c.pick(1, 7), .alpha = 0.05, .beta = c.random.uniform(0.4, 1), .bias = 1.5};
    return any_reader(c, c.graph.add(lrn, {x}));
  });
  check(27400, 20, [](Case& c) {
    const int64_t block = c.pick(1, 3);
    const Value x = any_layout(c, {c.pick(1, 2), block * block * c.pick(1, 4), c.pick(1, 5), c.pick(1, 5)});
    const op::DepthToSpace deep{
        block, c.random.chance(0.5) ? op::DepthToSpace::Mode::dcr : op::DepthToSpace::Mode::crd};
    return any_reader(c, c.graph.add(deep, {x}));
  });
  check(27500, 20, [](Case& c) {
    const int64_t block = c.pick(1, 3);
    const Value x = any_layout(c, {c.pick(1, 2), c.pick(1, 4), block * c.pick(1, 5), block * c.pick(1, 5)});
    return any_reader(c, c.graph.add(op::SpaceToDepth{block}, {x}));
  });
}

TEST(TensorOperators, TheRestRunsAsReferenceAndSaysSo) {
  Case c(28000);
  const Value x = any_layout(c, {2, 6, 5, 7});
  c.graph.output("cumulative", c.graph.add(op::CumSum{2}, {x}));
  c.graph.output("top", c.graph.add(op::TopK{op::TopK::Part::values, 1}, {x, integers(c, {3})}));
  const Value scale = c.parameter({6}, 0.01, 0.02);
  const Value zero = c.graph.add(op::Constant{Tensor::zeros(DataType::u8, {6})}, {});
  const Value quantized = c.graph.add(op::QuantizeLinear{1}, {x, scale, zero});
  c.graph.output("restored", c.graph.add(op::DequantizeLinear{1}, {quantized, scale, zero}));
  const Value boxes = c.parameter({3, 4}, 0, 5);
  const Value images = c.graph.add(op::Constant{Tensor::from<int64_t>({3}, {0, 1, 1})}, {});
  c.graph.output("crops", c.graph.add(op::RoiAlign{.height = 2, .width = 3}, {x, boxes, images}));
  expect_agreement(c);
  int64_t references = 0;
  for (const StepReport& step : Engine(c.graph, c.weights).report({{2, 6, 5, 7}}).steps)
    references += step.kernel == "reference";
  EXPECT_EQ(references, 5);
}

// Sizes that the graph computes are computed once, while it is compiled.
TEST(TensorOperators, ShapeArithmeticCostsNothing) {
  Case c(29000);
  const Value x = c.input({1, 6, 8, 10}), small = c.conv(x, 6, 4, 1);
  const Value sizes = c.graph.add(op::ShapeOf{}, {small});
  const auto size = [&](int64_t d) { return c.graph.add(op::Gather{0}, {sizes, integers(c, {d})}); };
  const Value target =
      c.graph.add(op::Concat{0}, {size(0), size(1), c.graph.add(op::Mul{}, {size(2), size(3)})});
  c.graph.output("y", c.graph.add(op::Reshape{}, {small, target}));
  expect_agreement(c);
  for (const StepReport& step : Engine(c.graph, c.weights).report({{1, 6, 8, 10}}).steps)
    EXPECT_TRUE(step.kind != "gather" && step.kind != "concat" && step.kernel != "reference") << step.kind;
}

class BoxChoice : public testing::Test {
 protected:
  BoxChoice() : c(29100) {
    boxes = c.graph.input("boxes", {1, 4, 4});
    scores = c.graph.input("scores", {1, 2, 4});
    const auto number = [&](float value) {
      return c.graph.add(op::Constant{Tensor::from<float>({1}, std::vector<float>{value})}, {});
    };
    chosen = c.graph.add(op::NonMaxSuppression{},
                         {boxes, scores, integers(c, {3}), number(0.5f), number(0.25f)}, "chooser");
  }
  Case c;
  Value boxes, scores, chosen;
};

TEST_F(BoxChoice, ComesOutWithAsManyRowsAsThereAre) {
  c.graph.output("chosen", chosen);
  // Boxes 0 and 1 overlap; 3 scores too little.
  const Tensor corners = Tensor::from<float>({1, 4, 4}, {0, 0, 1, 1, 0, 0, 1, 1.1f, 5, 5, 6, 6, 8, 8, 9, 9});
  const Tensor values = Tensor::from<float>({1, 2, 4}, {.9f, .8f, .7f, .1f, .1f, .6f, .1f, .1f});
  const Tensor found = Engine(c.graph, {}).run({corners, values})[0];
  ASSERT_EQ(found.shape(), (Shape{3, 3}));
  const std::vector<int64_t> expected = {0, 0, 0, 0, 0, 2, 0, 1, 1};
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), found.data<int64_t>().begin()));
}

TEST_F(BoxChoice, CannotBeReadByOtherNodes) {
  c.graph.output("classes", c.graph.add(op::Transpose{}, {chosen}, "reader"));
  try {
    const Engine engine(c.graph, {});
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unsupported);
    for (const char* part : {"'reader'", "'chooser'"})
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace vitrail
