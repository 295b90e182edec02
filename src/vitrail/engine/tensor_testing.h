#pragma once
// Operators against the naive double-precision interpreter, over random shapes, attributes, types and
// layouts, with one thread and with two.

#include <cstring>

#include <gtest/gtest.h>

#include "reference_interpreter.h"
#include "vitrail/engine/engine.h"
#include "vitrail/engine/test_graphs.h"

namespace vitrail::engine_test {

inline bool same_bytes(const Tensor& a, const Tensor& b) {
  return a.type() == b.type() && a.shape() == b.shape() &&
         std::memcmp(a.raw(), b.raw(), static_cast<size_t>(a.bytes())) == 0;
}

inline void expect_agreement(const Case& c) {
  SCOPED_TRACE(c.description);
  const std::vector<reference::Array> expected = reference::run(c.graph, c.weights, c.inputs);
  const std::vector<Tensor> one = Engine(c.graph, c.weights, {.threads = 1}).run(c.inputs);
  const std::vector<Tensor> two = Engine(c.graph, c.weights, {.threads = 2}).run(c.inputs);
  ASSERT_EQ(one.size(), expected.size());
  for (size_t i = 0; i < one.size(); ++i) {
    EXPECT_LE(reference::relative_difference(one[i], expected[i]), 1e-4) << "output " << i;
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

inline Shape random_shape(Case& c, int64_t least_rank, int64_t most_rank) {
  Shape shape;
  for (int64_t d = c.pick(least_rank, most_rank); d > 0; --d)
    shape.push_back(c.pick(1, 9));
  return shape;
}

inline int64_t rank_of(const Case& c, Value x) {
  return static_cast<int64_t>(c.graph.shape(x).size());
}

// A value of this shape: an input, or, for rank 4, sometimes the result of a convolution (channels-last).
inline Value any_layout(Case& c, const Shape& shape) {
  const Value x = c.input(shape);
  if (shape.size() != 4 || c.random.chance(0.5)) return x;
  c.description += ", convolved";
  return c.conv(x, shape[1], shape[1], 1);
}

// Sometimes something that reads channels-last maps: the layout of what it reads is then not the output's.
inline Value any_reader(Case& c, Value x) {
  if (rank_of(c, x) != 4 || c.random.chance(0.5)) return x;
  return c.graph.add(op::GlobalAveragePool{}, {x});
}

inline Value random_value(Case& c, int64_t least_rank = 1, int64_t most_rank = 5) {
  return any_layout(c, random_shape(c, least_rank, most_rank));
}

inline Value integers(Case& c, const std::vector<int64_t>& values) {
  return c.graph.add(op::Constant{Tensor::from<int64_t>({static_cast<int64_t>(values.size())}, values)}, {});
}

// A shape that broadcasts to `full`.
inline Shape broadcasting(Case& c, const Shape& full) {
  Shape shape(full.begin() + c.pick(0, static_cast<int64_t>(full.size())), full.end());
  for (int64_t& size : shape)
    if (c.random.chance(0.3)) size = 1;
  return shape;
}

inline int64_t any_axis(Case& c, Value x) {
  const int64_t rank = rank_of(c, x), axis = c.pick(-rank, rank - 1);
  c.description += cat(", axis ", axis);
  return axis;
}

}  // namespace vitrail::engine_test
