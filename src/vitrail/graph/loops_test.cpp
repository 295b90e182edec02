#include "vitrail/graph/loops.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/graph/cost.h"
#include "vitrail/graph/draw.h"
#include "vitrail/graph/shape_inference.h"

namespace vitrail {
namespace {

// As many rows of x as it has columns, which is not known to shape inference.
Graph with_a_loop() {
  auto body = std::make_shared<Graph>();
  const Value trip = body->input("trip", {}, DataType::i64);
  const Value go_on = body->input("go_on", {}, DataType::boolean);
  const Value x = body->input("x", {-1, -1});
  body->output("again", go_on);
  body->output("row", body->add(op::Gather{.axis = 0}, {x, trip}));
  Graph graph;
  const Value in = graph.input("x", {-1, 8});
  const Value columns = graph.add(op::ShapeOf{.start = 1, .end = 2}, {in});
  const Value rows = graph.add(op::Loop{.body = body, .carried = 0, .output = 0}, {columns, {}, in}, "rows");
  graph.output("y", graph.add(op::Relu{}, {rows}, "relu"));
  return graph;
}

TEST(Loops, HaveOpenSizes) {
  const Graph graph = with_a_loop();
  EXPECT_EQ(graph.shape(graph.outputs()[0].value), (Shape{-1, -1}));
  EXPECT_THROW(infer_shapes(graph, Shape{10, 8}), Error);
  EXPECT_EQ(infer_shapes(graph, Shape{10, 8}, OpenSizes::kept)[graph.outputs()[0].value], (Shape{-1, -1}));
  EXPECT_EQ(cost_of(graph, Shape{10, 8}).open_layers, 2);
  EXPECT_NE(graphviz(graph, Shape{10, 8}).find("Loop"), std::string::npos);
}

TEST(Loops, AreRefusedByName) {
  EXPECT_NO_THROW(refuse_loops(Graph(), "training"));
  try {
    refuse_loops(with_a_loop(), "training");
    ADD_FAILURE() << "not refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::unsupported);
    EXPECT_THAT(error.what(), testing::HasSubstr("training, node 'rows' (Loop)"));
  }
}

}  // namespace
}  // namespace vitrail
