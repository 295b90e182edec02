#include "vitrail/engine/loop_run.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "vitrail/base/checked.h"
#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/engine/open_sizes.h"
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

std::vector<Shape> shapes_of(const std::vector<Tensor>& tensors) {
  std::vector<Shape> shapes;
  for (const Tensor& tensor : tensors)
    shapes.push_back(tensor.shape());
  return shapes;
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
    : loop_(loop), body_(loop.body->for_inference()), options_(with_limit(options)) {
  if (sizes_depend_on_values(body_))
    stages();
  else
    engine_ = std::make_unique<Engine>(body_, Weights{}, options_);
}

StagedRun& LoopRun::stages() const {
  std::call_once(made_stages_, [&] {
    stages_ = std::make_unique<StagedRun>(body_, Weights{}, options_, Haste::small_at_once);
  });
  return *stages_;
}

// Before a program makes results of these sizes; stages look for themselves.
void LoopRun::expect_room(const std::vector<Shape>& inputs) const {
  std::map<std::string, Shape> shapes;
  for (size_t i = 0; i < inputs.size(); ++i)
    shapes[body_.inputs()[i].name] = inputs[i];
  const ShapeTable table = infer_shapes(body_, shapes);
  int64_t bytes = 0;
  for (const Output& output : body_.outputs())
    bytes = checked_add(
        bytes,
        checked_mul(element_count(table[output.value]), size_of(body_.type(output.value)), output.name),
        "loop");
  expect_within(bytes, options_.memory_limit, "a trip makes");
}

// What one run carries and collects.
class LoopRun::Run {
 public:
  Run(const LoopRun& loop, const std::vector<Tensor>& inputs)
      : loop_(loop), inputs_(inputs), carried_(static_cast<size_t>(loop.loop_.carried)) {
    collected_.resize(loop.body_.outputs().size() - 1 - carried_);
    for (size_t i = 2; i < inputs_.size(); ++i)  // weights may be stored shorter than they are computed
      if (inputs_[i].type() != loop.body_.type(loop.body_.inputs()[i].value))
        inputs_[i] = inputs_[i].to_f32();
  }

  /// Whether to go on.
  bool trip(int64_t number) {
    inputs_[0] = number_of(loop_.body_, 0, number);
    inputs_[1] = number_of(loop_.body_, 1, true);
    const std::vector<Tensor> made = run_body();
    int64_t bytes = collected_bytes_;
    for (size_t i = 0; i < carried_; ++i) {
      inputs_[2 + i] = made[1 + i];
      bytes = checked_add(bytes, made[1 + i].bytes(), "loop");
    }
    for (size_t i = 0; i < collected_.size(); ++i) {
      const Tensor& found = made[1 + carried_ + i];
      if (!collected_[i].empty() && collected_[i][0].shape() != found.shape())
        throw Error(ErrorKind::shape,
                    {.found = cat("trip ", number, " collects ", to_string(found.shape())),
                     .allowed = cat(to_string(collected_[i][0].shape()), ", as the trips before")});
      collected_[i].push_back(found);
      collected_bytes_ = checked_add(collected_bytes_, found.bytes(), "loop");
      bytes = checked_add(bytes, found.bytes(), "loop");
    }
    expect_within(bytes, loop_.options_.memory_limit, cat("after ", number + 1, " trips"));
    return is_true(made[0]);
  }

  std::vector<Tensor> results() const {
    std::vector<Tensor> results(inputs_.begin() + 2,
                                inputs_.begin() + 2 + static_cast<std::ptrdiff_t>(carried_));
    for (size_t i = 0; i < collected_.size(); ++i) {
      const Value value = loop_.body_.outputs()[1 + carried_ + i].value;
      results.push_back(stacked(collected_[i], loop_.body_.type(value), loop_.body_.shape(value)));
    }
    return results;
  }

 private:
  std::vector<Tensor> run_body() {
    const bool empty = std::any_of(inputs_.begin(), inputs_.end(),
                                   [](const Tensor& input) { return input.elements() == 0; });
    if (!loop_.engine_ || empty) return loop_.stages().run(inputs_);
    const std::vector<Shape> shapes = shapes_of(inputs_);
    if (compiled_.empty()) {
      loop_.expect_room(shapes);
      compiled_ = shapes;
    }
    return shapes == compiled_ ? loop_.engine_->run(inputs_) : loop_.stages().run(inputs_);
  }

  const LoopRun& loop_;
  std::vector<Tensor> inputs_;
  std::vector<Shape> compiled_;  // of the inputs of the trips that are one program
  size_t carried_;
  std::vector<std::vector<Tensor>> collected_;
  int64_t collected_bytes_ = 0;
};

std::vector<Tensor> LoopRun::run(const std::vector<Tensor>& inputs) const {
  const int64_t trips = trips_of(inputs.at(0));
  bool go_on = !inputs.at(1).defined() || is_true(inputs[1]);
  Run run(*this, inputs);
  for (int64_t trip = 0; go_on && trip < trips; ++trip) {
    if (trip == kMostTrips)
      throw Error(ErrorKind::limit, {.found = cat("it goes on after ", trip, " trips"),
                                     .allowed = "a loop must end; its condition is true each time"});
    go_on = run.trip(trip);
  }
  return run.results();
}

}  // namespace vitrail::engine_detail
