#include "vitrail/graph/inlined.h"

#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/graph/expressions.h"

namespace vitrail {
namespace {

/// y = x * weight, twice as large.
Graph scaled() {
  Graph graph;
  const Value x = graph.input("x", {-1, 3});
  const Value weight = graph.parameter({.name = "weight", .shape = {3}});
  const Expressions e(graph);
  graph.output("once", e.multiply(x, weight));
  graph.output("twice", e.multiply(e.multiply(x, weight), e.number(2)));
  return graph;
}

TEST(Inlined, GivesTheOutputsAndSharesParameters) {
  Graph whole;
  const Value image = whole.input("image", {5, 3});
  const std::vector<Value> first = inlined(whole, scaled(), {{"x", image}});
  const std::vector<Value> second = inlined(whole, scaled(), {{"x", first[1]}});
  ASSERT_EQ(second.size(), 2u);
  EXPECT_EQ(whole.shape(second[1]), (Shape{5, 3}));
  EXPECT_EQ(whole.parameters().size(), 1u);
  EXPECT_EQ(whole.inputs().size(), 1u);
  EXPECT_EQ(whole.nodes().size(), 2 * scaled().nodes().size());
}

TEST(Inlined, RefusesAnInputThatIsMissing) {
  Graph whole;
  EXPECT_THROW(inlined(whole, scaled(), {{"y", whole.input("y", {1, 3})}}), Error);
}

TEST(Expressions, HaveTheShapesOfWhatTheyCompute) {
  Graph graph;
  const Expressions e(graph);
  const Value x = graph.input("x", {7, 4});
  const Value column = e.reshape(e.part(x, 1, 2, 3), {-1});
  EXPECT_EQ(graph.shape(column), (Shape{7}));
  const Value large = e.greater(column, e.number(0));
  EXPECT_EQ(graph.type(large), DataType::boolean);
  EXPECT_EQ(graph.shape(e.count(large)), (Shape{1}));
  EXPECT_EQ(graph.type(e.rank(large)), DataType::i64);
  const Value some = e.top_indices(column, e.count(large));
  EXPECT_EQ(graph.shape(some), (Shape{-1}));  // as many as there are when it runs
  EXPECT_EQ(graph.shape(e.rows(x, some)), (Shape{-1, 4}));
}

}  // namespace
}  // namespace vitrail
