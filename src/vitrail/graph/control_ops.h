#pragma once
// Operators that hold a graph of their own. What they make has sizes that depend on computed values, so that
// the engine runs them in stages (engine/staged.h); nothing trains or exports them.
//
//   while (x < 100) x *= 2:
//
//   auto body = std::make_shared<Graph>();
//   body->input("trip", {}, DataType::i64);
//   body->input("go_on", {}, DataType::boolean);
//   Value x = body->input("x", {});
//   Value doubled = body->add(op::Add{}, {x, x});
//   Value hundred = body->add(op::Constant{Tensor::from<float>({}, {100})}, {});
//   body->output("again", body->add(op::Binary{op::Binary::Function::less}, {doubled, hundred}));
//   body->output("doubled", doubled);
//   Value y = graph.add(op::Loop{.body = body, .carried = 1}, {{}, is_small, start});

#include <cstdint>
#include <memory>

namespace vitrail {

class Graph;

namespace op {

/// ONNX's Loop: runs `body` trip by trip, as long as its condition says so and there are trips left.
///
/// Inputs: the largest number of trips (i64 [], optional), whether to begin (boolean [], optional: yes), the
/// first values of what is `carried` from trip to trip, and the values that the body reads from outside.
/// The body's inputs: the trip's number from 0 (i64, one element), the condition (boolean, one element),
/// what is carried, and what is read from outside. Its outputs: whether to go on, what is carried on, and
/// what is collected. Its numbers are constants; it has no parameters.
///
/// A size that changes from trip to trip is open (-1) in the body's input. Results are what is carried in the
/// end, and what is collected: the trips' values one behind the other along a new first dimension. Like every
/// operator a Loop computes one of them; nodes that differ in nothing else are computed together.
struct Loop {
  std::shared_ptr<const Graph> body;
  int64_t carried = 0;  ///< how many values
  int64_t output = 0;   ///< below `carried` one of these, from there on what is collected
};

}  // namespace op
}  // namespace vitrail
