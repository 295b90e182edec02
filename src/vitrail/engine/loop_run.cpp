#include "vitrail/engine/loop_run.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>
#include <optional>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/engine/open_sizes.h"
#include "vitrail/graph/evaluate.h"
#include "vitrail/graph/shape_inference.h"

namespace vitrail::engine_detail {
namespace {

EngineOptions with_limit(EngineOptions options) {
  if (options.memory_limit == 0) options.memory_limit = kMostLoopBytes;
  return options;
}

void expect_within(int64_t bytes, int64_t limit, const std::string& what) {
  if (bytes <= limit) return;
  throw Error(ErrorKind::limit, {.found = cat(what, " ", bytes, " bytes"),
                                 .allowed = cat("at most ", limit, " of a loop's results"),
                                 .next = "Raise the limit of memory, or use a smaller input"});
}

// One number in the shape that the body reads it in: a scalar, or a list of one.
template <class T>
Tensor number_of(const Graph& body, size_t input, T value) {
  Tensor tensor = Tensor::zeros(body.type(body.inputs()[input].value),
                                Shape(body.shape(body.inputs()[input].value).size(), 1));
  std::memcpy(tensor.raw(), &value, sizeof(value));
  return tensor;
}

bool is_true(const Tensor& condition) {
  if (condition.elements() != 1)
    throw Error(ErrorKind::shape, {.found = cat("a condition of ", to_string(condition.shape())),
                                   .allowed = "one boolean is needed"});
  return condition.raw()[0] != std::byte{0};
}

int64_t trips_of(const Tensor& trips) {
  if (!trips.defined()) return std::numeric_limits<int64_t>::max();
  if (trips.elements() != 1)
    throw Error(ErrorKind::shape, {.found = cat("a number of trips of ", to_string(trips.shape())),
                                   .allowed = "one number is needed"});
  return trips.data<int64_t>()[0];
}

// Whether the body's condition is true whatever it computes: a constant, or the condition that it was given.
bool never_stops(const Graph& body) {
  Value condition = body.outputs()[0].value;
  const Node* maker = body.producer_of(condition);
  for (; maker != nullptr && std::holds_alternative<op::Identity>(maker->op);
       maker = body.producer_of(condition))
    condition = maker->inputs[0];
  if (condition == body.inputs()[1].value) return true;
  const Tensor known = body.content(condition);
  return known.defined() && known.elements() == 1 && is_true(known);
}

[[noreturn]] void refuse_to_go_on(const std::string& found) {
  throw Error(ErrorKind::limit,
              {.found = found, .allowed = "a loop must end; its condition is true each time"});
}

// One behind the other along a new first dimension; of no trips, without elements.
Tensor stacked(const std::vector<Tensor>& trips, DataType type, Shape shape) {
  if (trips.empty())
    for (int64_t& size : shape)
      size = std::max<int64_t>(size, 0);
  else
    shape = trips[0].shape();
  shape.insert(shape.begin(), static_cast<int64_t>(trips.size()));
  Tensor all = Tensor::empty(type, shape);
  std::byte* to = all.raw();
  for (const Tensor& trip : trips) {
    std::memcpy(to, trip.raw(), static_cast<size_t>(trip.bytes()));
    to += trip.bytes();
  }
  return all;
}

}  // namespace

LoopRun::LoopRun(const op::Loop& loop, const EngineOptions& options)
    : loop_(loop), body_(body_of(loop)), options_(with_limit(options)) {
  if (sizes_depend_on_values(body_.graph))
    stages();
  else
    engine_ = std::make_unique<Engine>(body_.graph, Weights{}, options_);
}

StagedRun& LoopRun::stages() const {
  std::call_once(made_stages_, [&] {
    stages_ = std::make_unique<StagedRun>(body_.graph, Weights{}, options_, Haste::small_at_once);
  });
  return *stages_;
}

// Before a program makes results of these sizes; stages look for themselves.
void LoopRun::expect_room(const std::vector<Shape>& inputs) const {
  const Graph& body = body_.graph;
  std::map<std::string, Shape> shapes;
  for (size_t i = 0; i < inputs.size(); ++i)
    shapes[body.inputs()[i].name] = inputs[i];
  const ShapeTable table = infer_shapes(body, shapes);
  int64_t bytes = 0;
  for (const Output& output : body.outputs()) {
    const int64_t elements = element_count(table[output.value]);
    bytes = checked_add(bytes, checked_mul(elements, size_of(body.type(output.value)), output.name), "loop");
  }
  expect_within(bytes, options_.memory_limit, "a trip makes");
}

// What one run carries and collects.
class LoopRun::Run {
 public:
  Run(const LoopRun& loop, const std::vector<Tensor>& inputs)
      : loop_(loop),
        state_(inputs),
        carried_(loop.body_.appended.size()),
        collected_(loop.body_.graph.outputs().size() - 1) {
    const Graph& body = *loop.loop_.body;
    for (size_t i = 2; i < state_.size(); ++i)  // weights may be stored shorter than they are computed
      if (state_[i].type() != body.type(body.inputs()[i].value)) state_[i] = state_[i].to_f32();
  }

  /// Whether to go on.
  bool trip(int64_t number) {
    state_[0] = number_of(*loop_.loop_.body, 0, number);
    state_[1] = number_of(*loop_.loop_.body, 1, true);
    const std::vector<Tensor> made = run_body();
    int64_t bytes = collected_bytes_;
    for (size_t i = 0; i < collected_.size(); ++i) {
      const Tensor& found = made[1 + i];
      bytes = checked_add(bytes, found.bytes(), "loop");
      if (is_carried(i)) {
        state_[2 + i] = found;
        continue;
      }
      if (i >= carried_) expect_same_size(i, found, number);
      collected_[i].push_back(found);
      collected_bytes_ = checked_add(collected_bytes_, found.bytes(), "loop");
    }
    expect_within(bytes, loop_.options_.memory_limit, cat("after ", number + 1, " trips"));
    return is_true(made[0]);
  }

  std::vector<Tensor> results() const {
    std::vector<Tensor> results;
    for (size_t i = 0; i < collected_.size(); ++i) {
      const Graph& body = loop_.body_.graph;
      const Value value = body.outputs()[1 + i].value;
      results.push_back(is_carried(i)  ? state_[2 + i]
                        : i < carried_ ? appended(i)
                                       : stacked(collected_[i], body.type(value), body.shape(value)));
    }
    return results;
  }

 private:
  bool is_carried(size_t i) const { return i < carried_ && !loop_.body_.appended[i]; }

  void expect_same_size(size_t i, const Tensor& found, int64_t trip) const {
    if (collected_[i].empty() || collected_[i][0].shape() == found.shape()) return;
    throw Error(ErrorKind::shape,
                {.found = cat("trip ", trip, " collects ", to_string(found.shape())),
                 .allowed = cat(to_string(collected_[i][0].shape()), ", as the trips before")});
  }

  Tensor appended(size_t i) const {
    std::vector<Tensor> parts{state_[2 + i]};
    parts.insert(parts.end(), collected_[i].begin(), collected_[i].end());
    return evaluate(op::Concat{*loop_.body_.appended[i]}, parts, loop_.options_.memory_limit);
  }

  std::vector<Tensor> run_body() {
    std::vector<Tensor> inputs;
    std::vector<Shape> shapes;
    for (const size_t i : loop_.body_.reads) {
      inputs.push_back(state_[i]);
      shapes.push_back(state_[i].shape());
    }
    const bool empty =
        std::any_of(inputs.begin(), inputs.end(), [](const Tensor& input) { return input.elements() == 0; });
    if (!loop_.engine_ || empty) return loop_.stages().run(inputs);
    if (!compiled_) {
      loop_.expect_room(shapes);
      compiled_ = shapes;
    }
    return shapes == *compiled_ ? loop_.engine_->run(inputs) : loop_.stages().run(inputs);
  }

  const LoopRun& loop_;
  std::vector<Tensor> state_;  // the loop's inputs, as the trip reads them
  size_t carried_;
  std::vector<std::vector<Tensor>>
      collected_;  // by output but the condition: what is not carried, of each trip
  int64_t collected_bytes_ = 0;
  std::optional<std::vector<Shape>> compiled_;  // of the inputs of the trips that are one program
};

std::vector<Tensor> LoopRun::run(const std::vector<Tensor>& inputs) const {
  const int64_t trips = trips_of(inputs.at(0));
  bool go_on = !inputs.at(1).defined() || is_true(inputs[1]);
  const bool is_endless = trips > kMostTrips;  // unless its condition ends it
  if (is_endless && go_on && never_stops(*loop_.body))
    refuse_to_go_on(cat("it goes on after ", kMostTrips, " trips, whatever it computes"));
  using Clock = std::chrono::steady_clock;
  const Clock::time_point begin = Clock::now();
  Run run(*this, inputs);
  for (int64_t trip = 0; go_on && trip < trips; ++trip) {
    const bool is_late = is_endless && trip >= kManyTrips && Clock::now() - begin > kLongestLoop;
    if (trip == kMostTrips || is_late) refuse_to_go_on(cat("it goes on after ", trip, " trips"));
    go_on = run.trip(trip);
  }
  return run.results();
}

}  // namespace vitrail::engine_detail
