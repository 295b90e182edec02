// Operators that only move numbers.

#include "vitrail/base/error.h"
#include "vitrail/engine/tensor_testing.h"

namespace vitrail::engine_test {
namespace {

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
      steps.push_back(c.random.chance(0.1) ? std::numeric_limits<int64_t>::max() : c.pick(1, back ? 2 : 3));
      if (back) steps.back() = -steps.back();
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

}  // namespace
}  // namespace vitrail::engine_test
