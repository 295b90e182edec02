// Loops whose length is computed, against the same thing said in C++.

#include <cmath>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/engine/engine.h"
#include "vitrail/engine/loop_run.h"
#include "vitrail/engine/tensor_testing.h"

namespace vitrail::engine_test {
namespace {

using testing::HasSubstr;
using F = op::Binary::Function;

Tensor whole(int64_t value) {
  return Tensor::from<int64_t>({}, {value});
}
Tensor floats(Shape shape, const std::vector<float>& values) {
  return Tensor::from<float>(std::move(shape), values);
}
std::vector<float> values_of(const Tensor& tensor) {
  const auto values = tensor.data<float>();
  return {values.begin(), values.end()};
}

Value constant(Graph& graph, Tensor value) {
  return graph.add(op::Constant{std::move(value)}, {});
}

// A body with the two inputs that each has.
struct Body {
  std::shared_ptr<Graph> graph = std::make_shared<Graph>();
  Value trip = graph->input("trip", {}, DataType::i64);
  Value go_on = graph->input("go_on", {}, DataType::boolean);

  Value reads(const char* name, Shape shape, DataType type = DataType::f32) {
    return graph->input(name, std::move(shape), type);
  }
  Value add(Op op, std::vector<Value> inputs) { return graph->add(std::move(op), std::move(inputs)); }
  void ends(Value condition, const std::vector<Value>& made) {
    graph->output("condition", condition);
    for (size_t i = 0; i < made.size(); ++i)
      graph->output(cat("made ", i), made[i]);
  }
  op::Loop loop(int64_t carried, int64_t output = 0) const { return {graph, carried, output}; }
};

// x -> x * factor while the result is below the limit.
Body growing_number() {
  Body body;
  const Value x = body.reads("x", {}), factor = body.reads("factor", {}), limit = body.reads("limit", {});
  const Value next = body.add(op::Mul{}, {x, factor});
  body.ends(body.add(op::Binary{F::less}, {next, limit}), {next, next});
  return body;
}

TEST(Loop, RunsWhileItsConditionIsTrue) {
  const Body body = growing_number();
  Graph graph;
  const Value x = graph.input("x", {}), factor = graph.input("factor", {}), limit = graph.input("limit", {});
  const Value begin = graph.add(op::Binary{F::less}, {x, limit});
  graph.output("last", graph.add(body.loop(1, 0), {{}, begin, x, factor, limit}, "last"));
  graph.output("all", graph.add(body.loop(1, 1), {{}, begin, x, factor, limit}, "all"));
  const Engine engine(graph, {});
  for (const float start : {1.0f, 3.0f, 99.0f, 100.0f, 1e9f}) {
    std::vector<float> all;
    float last = start;
    while (last < 100)
      all.push_back(last *= 3);
    const std::vector<Tensor> made = engine.run({floats({}, {start}), floats({}, {3}), floats({}, {100})});
    EXPECT_EQ(made[0].data<float>()[0], last);
    EXPECT_EQ(values_of(made[1]), all) << "from " << start;
    EXPECT_EQ(made[1].shape(), (Shape{static_cast<int64_t>(all.size())}));
  }
  EXPECT_FALSE(engine.report({{}, {}, {}}).notes.empty());
}

TEST(Loop, ItsNodesAreComputedTogether) {
  const Body body = growing_number();
  Graph graph;
  const Value x = graph.input("x", {});
  const std::vector<Value> inputs{
      {}, {}, x, constant(graph, floats({}, {2})), constant(graph, floats({}, {9}))};
  graph.output("last", graph.add(body.loop(1, 0), inputs, "last"));
  graph.output("all", graph.add(body.loop(1, 1), inputs, "all"));
  int loops = 0;
  for (const StepReport& step : Engine(graph, {}).profile({floats({}, {1})}, 1).steps)
    loops += step.kind == "loop" ? 1 : 0;
  EXPECT_EQ(loops, 1);
}

TEST(Loop, MakesAsManyTripsAsAreComputed) {
  Body body;
  const Value sum = body.reads("sum", {2, -1}), image = body.reads("image", {2, -1});
  const Value number = body.add(op::Cast{DataType::f32}, {body.trip});
  const Value next = body.add(op::Add{}, {sum, body.add(op::Mul{}, {image, number})});
  body.ends(body.go_on, {next, body.add(op::Reduce{op::Reduce::Function::max, {1}, false}, {next})});
  Graph graph;
  const Value trips = graph.input("trips", {1}, DataType::i64), x = graph.input("x", {2, -1});
  const Value start = graph.add(op::Unary{op::Unary::Function::neg}, {x});
  const Value more = graph.add(op::Add{}, {trips, trips});
  graph.output("sum", graph.add(body.loop(1, 0), {more, {}, start, x}));
  graph.output("largest", graph.add(body.loop(1, 1), {more, {}, start, x}));
  const Engine engine(graph, {});
  for (const int64_t columns : {3, 5})
    for (const int64_t half : {0, 1, 4, -2}) {
      std::vector<float> values(static_cast<size_t>(2 * columns)), expected, largest;
      for (size_t i = 0; i < values.size(); ++i)
        values[i] = 0.5f * static_cast<float>(i) - 1;
      for (const float value : values)
        expected.push_back(-value);
      for (int64_t trip = 0; trip < 2 * half; ++trip) {
        for (size_t i = 0; i < values.size(); ++i)
          expected[i] += values[i] * static_cast<float>(trip);
        for (auto row = expected.begin(); row != expected.end(); row += columns)
          largest.push_back(*std::max_element(row, row + columns));
      }
      const std::vector<Tensor> made =
          engine.run({Tensor::from<int64_t>({1}, {half}), floats({2, columns}, values)});
      EXPECT_EQ(values_of(made[0]), expected) << columns << " columns, " << 2 * half << " trips";
      EXPECT_EQ(made[1].shape(), (Shape{std::max<int64_t>(2 * half, 0), 2}));
      EXPECT_EQ(values_of(made[1]), largest);
    }
}

// From nothing to one row for each trip: torchvision pastes its masks so.
TEST(Loop, WhatIsCarriedMayGrow) {
  Body body;
  const Value rows = body.reads("rows", {-1, 3}), table = body.reads("table", {-1, 3});
  const Value row = body.add(op::Gather{.axis = 0}, {table, body.trip});
  const Value next = body.add(op::Concat{.axis = 0}, {rows, body.add(op::Unsqueeze{.axes = {0}}, {row})});
  body.ends(body.go_on, {next});
  Graph graph;
  const Value trips = graph.input("trips", {}, DataType::i64), table_in = graph.input("table", {-1, 3});
  const Value nothing = constant(graph, Tensor::zeros(DataType::f32, {0, 3}));
  const Value grown = graph.add(body.loop(1), {trips, {}, nothing, table_in});
  graph.output("doubled", graph.add(op::Add{}, {grown, grown}));
  const Engine engine(graph, {});
  std::vector<float> values;
  for (int i = 0; i < 30; ++i)
    values.push_back(static_cast<float>(i * i));
  for (const int64_t count : {0, 1, 7, 10}) {
    const Tensor made = engine.run({whole(count), floats({10, 3}, values)})[0];
    ASSERT_EQ(made.shape(), (Shape{count, 3}));
    for (size_t i = 0; i < static_cast<size_t>(3 * count); ++i)
      EXPECT_EQ(made.data<float>()[i], 2 * values[i]);
  }
}

// Each number is the sum of those before it; both what there is in the end and what there was each time.
TEST(Loop, WhatGrowsMayBeRead) {
  Body body;
  const Value line = body.reads("line", {-1});
  const Value sum = body.add(op::Reduce{op::Reduce::Function::sum, {0}, true}, {line});
  body.ends(body.go_on, {body.add(op::Concat{.axis = 0}, {line, sum}), sum});
  Graph graph;
  const Value trips = graph.input("trips", {}, DataType::i64), start = graph.input("start", {-1});
  graph.output("line", graph.add(body.loop(1, 0), {trips, {}, start}));
  graph.output("sums", graph.add(body.loop(1, 1), {trips, {}, start}));
  const std::vector<Tensor> made = Engine(graph, {}).run({whole(5), floats({1}, {1})});
  EXPECT_THAT(values_of(made[0]), testing::ElementsAre(1, 1, 2, 4, 8, 16));
  EXPECT_THAT(values_of(made[1]), testing::ElementsAre(1, 2, 4, 8, 16));
}

// What is appended to is not copied each trip, unless the whole is asked for each time.
TEST(Loop, PiecesArePutTogetherAtTheEnd) {
  Body body;
  const Value line = body.reads("line", {-1, -1}), piece = body.reads("piece", {2, -1});
  const Value longer = body.add(op::Concat{.axis = -1}, {line, piece});
  body.ends(body.go_on, {longer});
  EXPECT_EQ(engine_detail::body_of(body.loop(1)).appended, (std::vector<std::optional<int64_t>>{-1}));
  EXPECT_EQ(engine_detail::body_of(body.loop(1)).graph.nodes().size(), 0u);
  body.graph->output("whole", longer);
  EXPECT_EQ(engine_detail::body_of(body.loop(1)).appended,
            (std::vector<std::optional<int64_t>>{std::nullopt}));
}

// Sizes within the body that follow from the trip's number; a loop within the loop.
TEST(Loop, BodiesMayHaveSizesThatDependOnValues) {
  Body inner;  // x + 1, as often as the outer trip's number says
  const Value x = inner.reads("x", {});
  inner.ends(inner.go_on, {inner.add(op::Add{}, {x, constant(*inner.graph, floats({}, {1}))})});
  Body body;
  const Value sum = body.reads("sum", {}), line = body.reads("line", {-1});
  const Value none = constant(*body.graph, Tensor::from<int64_t>({1}, {0}));
  const Value end = body.add(op::Unsqueeze{.axes = {0}}, {body.trip});
  const Value first = body.add(op::Slice{}, {line, none, end});
  const Value more = body.add(op::Reduce{op::Reduce::Function::sum, {0}, false}, {first});
  body.ends(body.go_on, {body.add(inner.loop(1), {body.trip, {}, body.add(op::Add{}, {sum, more})})});
  Graph graph;
  const Value line_in = graph.input("line", {-1});
  const Value zero = constant(graph, floats({}, {0}));
  const Value trips =
      graph.add(op::Gather{}, {graph.add(op::ShapeOf{}, {line_in}), constant(graph, whole(0))});
  graph.output("y", graph.add(body.loop(1), {trips, {}, zero, line_in}));
  const Engine engine(graph, {});
  for (const size_t length : {1u, 4u, 9u}) {
    std::vector<float> values;
    float expected = 0;
    for (size_t trip = 0; trip < length; ++trip) {
      for (const float value : values)
        expected += value;
      expected += static_cast<float>(trip);
      values.push_back(static_cast<float>(trip) - 2);
    }
    const Tensor made = engine.run({floats({static_cast<int64_t>(length)}, values)})[0];
    EXPECT_EQ(made.data<float>()[0], expected) << length;
  }
}

// A convolution of captured maps by constant weights, from many threads at once.
TEST(Loop, EqualsItsBodyCopied) {
  Case c(29200);
  const Tensor weight = random_tensor(c.random, {4, 4, 3, 3}), image = random_tensor(c.random, {1, 4, 9, 7});
  const auto filtered = [&](Graph& graph, Value x, Value added) {
    const Value sum = graph.add(op::Conv{.pads = {1, 1, 1, 1}}, {x, constant(graph, weight)});
    return graph.add(op::Unary{op::Unary::Function::tanh}, {graph.add(op::Add{}, {sum, added})});
  };
  Body body;
  const Value x = body.reads("x", {1, 4, -1, -1}), added = body.reads("added", {1, 4, -1, -1});
  body.ends(body.go_on, {filtered(*body.graph, x, added)});
  Graph graph, copied;
  const Value trips = graph.input("trips", {}, DataType::i64), start = graph.input("x", {1, 4, -1, -1});
  graph.output("y", graph.add(body.loop(1), {trips, {}, start, start}));
  const Value copied_start = copied.input("x", {1, 4, -1, -1});
  Value y = copied_start;
  for (int trip = 0; trip < 5; ++trip)
    y = filtered(copied, y, copied_start);
  copied.output("y", y);
  const Tensor expected = Engine(copied, {}, {.threads = 1}).run({image})[0];
  const Engine engine(graph, {}, {.threads = 1});
  std::vector<Tensor> made(4);
  std::vector<std::thread> threads;
  for (Tensor& result : made)
    threads.emplace_back([&] { result = engine.run({whole(5), image})[0]; });
  for (std::thread& thread : threads)
    thread.join();
  for (const Tensor& result : made) {
    ASSERT_EQ(result.shape(), expected.shape());
    for (size_t i = 0; i < static_cast<size_t>(expected.elements()); ++i)
      EXPECT_NEAR(result.data<float>()[i], expected.data<float>()[i], 1e-5);
  }
}

template <class Action>
std::string error_of(ErrorKind kind, const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "nothing was refused";
  return "";
}

TEST(Loop, MustEnd) {
  const Body body = growing_number();
  Graph graph;
  const Value x = graph.input("x", {}), trips = graph.input("trips", {}, DataType::i64);
  graph.output("y", graph.add(body.loop(1), {trips, {}, x, x, constant(graph, floats({}, {10}))}, "spin"));
  const Engine engine(graph, {}, {.threads = 1});
  const int64_t endless = int64_t{1} << 62;
  EXPECT_EQ(engine.run({floats({}, {2}), whole(endless)})[0].data<float>()[0], 16);
  const std::string error = error_of(ErrorKind::limit, [&] {
    engine.run({floats({}, {1}), whole(endless)});
  });
  EXPECT_THAT(error, HasSubstr("'spin' (Loop)"));
  EXPECT_THAT(error, HasSubstr("goes on after "));
}

// Its condition cannot become false: no trip is made.
TEST(Loop, ThatCannotEndIsRefusedAtOnce) {
  Body body;
  const Value x = body.reads("x", {});
  const Value go_on = body.add(op::Identity{}, {body.go_on});
  body.ends(go_on, {body.add(op::Add{}, {x, x})});
  Graph graph;
  const Value start = graph.input("x", {}), trips = graph.input("trips", {}, DataType::i64);
  graph.output("y", graph.add(body.loop(1), {trips, {}, start}, "spin"));
  const Engine engine(graph, {}, {.threads = 1});
  EXPECT_EQ(engine.run({floats({}, {1}), whole(3)})[0].data<float>()[0], 8);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(error_of(ErrorKind::limit,
                       [&] {
                         engine.run({floats({}, {1}), whole(int64_t{1} << 62)});
                       }),
              HasSubstr("'spin' (Loop)"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
}

TEST(Loop, IsBoundedInMemory) {
  Body body;  // twice as long each trip
  const Value x = body.reads("x", {-1});
  body.ends(body.go_on, {body.add(op::Concat{.axis = 0}, {x, x})});
  Graph graph;
  const Value trips = graph.input("trips", {}, DataType::i64), start = graph.input("x", {-1});
  graph.output("y", graph.add(body.loop(1), {trips, {}, start}, "swell"));
  const Engine engine(graph, {}, {.threads = 1, .memory_limit = 1 << 20});
  const Tensor one = floats({1}, {1});
  EXPECT_EQ(engine.run({whole(10), one})[0].elements(), 1024);
  EXPECT_THAT(error_of(ErrorKind::limit, [&] { engine.run({whole(60), one}); }), HasSubstr("'swell' (Loop)"));

  Body collecting;
  const Value row = collecting.reads("row", {-1});
  collecting.ends(collecting.go_on, {row, row});
  Graph second;
  const Value count = second.input("trips", {}, DataType::i64), line = second.input("x", {-1});
  second.output("y", second.add(collecting.loop(1, 1), {count, {}, line}, "pile"));
  const Engine piling(second, {}, {.threads = 1, .memory_limit = 1 << 20});
  const Tensor long_row = Tensor::zeros(DataType::f32, {1024});
  EXPECT_EQ(piling.run({whole(100), long_row})[0].shape(), (Shape{100, 1024}));
  EXPECT_THAT(error_of(ErrorKind::limit, [&] { piling.run({whole(1000), long_row}); }), HasSubstr("'pile'"));
}

TEST(Loop, CollectsOneSizeOnly) {
  Body body;
  const Value x = body.reads("x", {-1});
  const Value longer = body.add(op::Concat{.axis = 0}, {x, x});
  body.ends(body.go_on, {longer, longer});
  Graph graph;
  const Value trips = graph.input("trips", {}, DataType::i64), start = graph.input("x", {-1});
  graph.output("y", graph.add(body.loop(1, 1), {trips, {}, start}, "uneven"));
  EXPECT_THAT(error_of(ErrorKind::shape,
                       [&] {
                         Engine(graph, {}).run({whole(2), floats({1}, {1})});
                       }),
              HasSubstr("trip 1 collects 4"));
}

TEST(Loop, ABodyThatCannotRunIsRefusedAtOnce) {
  Body body;
  const Value x = body.reads("x", {1, 1, -1, -1}), weight = body.reads("weight", {1, 1, 3, 3});
  body.ends(body.go_on, {body.add(op::Conv{.pads = {1, 1, 1, 1}}, {x, weight})});
  Graph graph;
  const Value trips = graph.input("trips", {}, DataType::i64), start = graph.input("x", {1, 1, -1, -1});
  const Value filter = graph.input("filter", {1, 1, 3, 3});
  graph.output("y", graph.add(body.loop(1), {trips, {}, start, filter}, "round"));
  const std::string error = error_of(ErrorKind::unsupported, [&] { Engine(graph, {}); });
  EXPECT_THAT(error, HasSubstr("'round' (Loop)"));
  EXPECT_THAT(error, HasSubstr("weights must be constant"));
}

TEST(Loop, ABodyMustFitItsLoop) {
  const Body fits = growing_number();
  Graph graph;
  const Value x = graph.input("x", {}), list = graph.input("list", {4});
  const auto refused = [&](const op::Loop& loop, std::vector<Value> inputs) {
    return error_of(ErrorKind::shape, [&] { graph.add(loop, std::move(inputs)); });
  };
  EXPECT_THAT(refused(fits.loop(1), {{}, {}, x, x}), HasSubstr("4 inputs, and a body of 5"));
  EXPECT_THAT(refused(fits.loop(1), {{}, {}, list, x, x}), HasSubstr("input 2 is f32 4"));
  EXPECT_THAT(refused(fits.loop(1), {x, {}, x, x, x}), HasSubstr("the number of trips is f32"));
  EXPECT_THAT(refused(fits.loop(1, 2), {{}, {}, x, x, x}), HasSubstr("output 2"));
  EXPECT_THAT(refused({nullptr, 0, 0}, {{}, {}}), HasSubstr("no body"));
  Body grows;
  const Value line = grows.reads("line", {2});
  grows.ends(grows.go_on, {grows.add(op::Concat{.axis = 0}, {line, line})});
  EXPECT_THAT(refused(grows.loop(1), {{}, {}, graph.input("two", {2})}),
              HasSubstr("a size that changes is open"));
}

}  // namespace
}  // namespace vitrail::engine_test
