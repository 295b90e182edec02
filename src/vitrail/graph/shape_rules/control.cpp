// Shapes of operators that hold a graph of their own.

#include "vitrail/base/text.h"
#include "vitrail/graph/graph.h"
#include "vitrail/graph/shape_rules/rules.h"

namespace vitrail::shape_rules {
namespace {

bool is_one_element(const Shape& shape) {
  return shape.empty() || (shape.size() == 1 && agree(shape[0], 1));
}

void expect_number_of(DataType type, const Shape& shape, DataType wanted, const char* what) {
  if (type != wanted || !is_one_element(shape))
    fail(cat(what, " is ", name_of(type), " ", to_string(shape)), cat("one ", name_of(wanted), " is needed"));
}

// What a body makes must fit what the next trip reads: sizes that are stated there hold for every trip.
void expect_carried_on(const Graph& body, size_t i) {
  const Value read = body.inputs()[2 + i].value, made = body.outputs()[1 + i].value;
  const Shape &before = body.shape(read), &after = body.shape(made);
  bool fits = before.size() == after.size() && body.type(read) == body.type(made);
  for (size_t d = 0; fits && d < before.size(); ++d)
    fits = before[d] < 0 || before[d] == after[d];
  if (!fits)
    fail(cat("the body reads ", name_of(body.type(read)), " ", to_string(before), " as '",
             body.inputs()[2 + i].name, "' and carries on ", name_of(body.type(made)), " ", to_string(after)),
         "they must be equal; a size that changes is open");
}

void expect_body(const op::Loop& op, Inputs in) {
  if (op.body == nullptr || op.carried < 0) fail("no body", "a graph is needed");
  const Graph& body = *op.body;
  const auto carried = static_cast<size_t>(op.carried);
  if (in.size() != body.inputs().size() || in.size() < 2 + carried || body.outputs().size() < 1 + carried ||
      !body.parameters().empty())
    fail(cat(in.size(), " inputs, and a body of ", body.inputs().size(), " inputs, ", body.outputs().size(),
             " outputs and ", body.parameters().size(), " parameters"),
         cat("as many inputs as the body has, of which ", carried, " are carried, and no parameters"));
  if (op.output < 0 || static_cast<size_t>(op.output) + 1 >= body.outputs().size())
    fail(cat("output ", op.output), cat("0..", body.outputs().size() - 2));
  const Value trip = body.inputs()[0].value, begins = body.inputs()[1].value, ends = body.outputs()[0].value;
  expect_number_of(body.type(trip), body.shape(trip), DataType::i64, "the number of the trip");
  expect_number_of(body.type(begins), body.shape(begins), DataType::boolean, "the condition");
  expect_number_of(body.type(ends), body.shape(ends), DataType::boolean, "the condition");
  for (size_t i = 0; i < carried; ++i)
    expect_carried_on(body, i);
}

}  // namespace

OpResult rule(const op::Loop& op, Inputs in) {
  expect_body(op, in);
  const Graph& body = *op.body;
  if (in[0].present) expect_number_of(in[0].type, in[0].shape, DataType::i64, "the number of trips");
  if (in[1].present) expect_number_of(in[1].type, in[1].shape, DataType::boolean, "the condition");
  for (size_t i = 2; i < in.size(); ++i) {
    const Input& input = body.inputs()[i];
    if (!in[i].present || in[i].type != body.type(input.value) ||
        !agree(in[i].shape, body.shape(input.value)))
      fail(cat("input ", i, " is ", name_of(in[i].type), " ", to_string(in[i].shape)),
           cat("the body reads ", name_of(body.type(input.value)), " ", to_string(body.shape(input.value)),
               " as '", input.name, "'"));
  }
  const auto output = static_cast<size_t>(op.output);
  if (op.output < op.carried) {
    const Value read = body.inputs()[2 + output].value;
    return typed(body.shape(read), body.type(read));
  }
  const Value collected = body.outputs()[1 + output].value;
  Shape shape = body.shape(collected);
  shape.insert(shape.begin(), -1);
  return typed(std::move(shape), body.type(collected));
}

}  // namespace vitrail::shape_rules
