// Sums, products, norms and choices along axes.

#include "vitrail/engine/tensor_testing.h"

namespace vitrail::engine_test {
namespace {

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

}  // namespace
}  // namespace vitrail::engine_test
