// The values of the small tensors that shapes are computed with, followed from constants and known sizes.

#include <algorithm>
#include <cstring>

#include "vitrail/graph/evaluate.h"
#include "vitrail/graph/shape_rules/rules.h"

namespace vitrail {
namespace {

using Inputs = shape_rules::Inputs;

bool all_known(const OpInput& input) {
  return !input.present || (input.content.defined() && !input.known.defined());
}

Tensor filled(const Shape& shape, bool value) {
  Tensor mask = Tensor::empty(DataType::boolean, shape);
  std::memset(mask.raw(), value ? 1 : 0, static_cast<size_t>(mask.bytes()));
  return mask;
}

Tensor mask_of(const OpInput& input) {
  return input.known.defined() ? input.known : filled(input.content.shape(), true);
}

// Keeps `known` only where it says something: nothing is known, or everything.
void set_content(OpResult& result, Tensor content, Tensor known) {
  const std::byte* first = known.raw();
  const std::byte* last = first + known.elements();
  if (std::find(first, last, std::byte{1}) == last && first != last) return;
  if (std::find(first, last, std::byte{0}) != last) result.known = std::move(known);
  result.content = std::move(content);
}

void tell_sizes(const op::ShapeOf& op, const Shape& x, OpResult& result) {
  const auto [first, last] = shape_rules::shape_range(op, x.size());
  const Shape sizes(x.begin() + static_cast<std::ptrdiff_t>(first),
                    x.begin() + static_cast<std::ptrdiff_t>(last));
  Tensor content = Tensor::from<int64_t>(result.shape, sizes);
  Tensor known = filled(result.shape, true);
  for (size_t i = 0; i < sizes.size(); ++i)
    if (sizes[i] < 0) {
      known.raw()[i] = std::byte{0};
      content.data<int64_t>()[i] = 1;  // anything will do
    }
  set_content(result, std::move(content), std::move(known));
}

template <class... Ops>
bool is_any_of(const Op& op) {
  return (std::holds_alternative<Ops>(op) || ...);
}

// Elements of the first input (of every input, for Concat) that are put elsewhere: what is known moves along.
bool only_moves(const Op& op) {
  return is_any_of<op::Identity, op::Dropout, op::Reshape, op::Flatten, op::Squeeze, op::Unsqueeze,
                   op::Transpose, op::Expand, op::Tile, op::Slice, op::Gather, op::GatherElements>(op);
}

// Each element of the result comes from one element of each input. (What divides is left out: it may fail on
// what stands where nothing is known.)
bool is_elementwise(const Op& op) {
  using F = op::Binary::Function;
  if (const auto* binary = std::get_if<op::Binary>(&op))
    return binary->function != F::divide && binary->function != F::modulo &&
           binary->function != F::remainder && binary->function != F::power;
  return is_any_of<op::Add, op::Mul, op::Unary, op::Cast, op::Where, op::Relu, op::Clip>(op);
}

// Which elements of the result are known, undefined where that is not followed.
Tensor known_of_result(const Op& op, Inputs inputs, const std::vector<Tensor>& contents) {
  if (std::holds_alternative<op::Concat>(op)) {
    std::vector<Tensor> masks;
    for (const OpInput& input : inputs)
      masks.push_back(mask_of(input));
    return evaluate(op, masks, kMostContent);
  }
  if (only_moves(op) && std::all_of(inputs.begin() + 1, inputs.end(), all_known)) {
    std::vector<Tensor> masks = contents;
    masks[0] = mask_of(inputs[0]);
    return evaluate(std::holds_alternative<op::Dropout>(op) ? Op(op::Identity{}) : op, masks, kMostContent);
  }
  if (is_elementwise(op)) {
    Tensor mask = mask_of(inputs[0]);
    for (size_t i = 1; i < inputs.size(); ++i)
      mask = evaluate(op::Binary{op::Binary::Function::logical_and},
                      std::vector<Tensor>{mask, mask_of(inputs[i])}, kMostContent);
    return mask;
  }
  return {};
}

bool is_small(const Shape& shape) {
  if (!shape_rules::is_known(shape)) return false;
  int64_t elements = 1;
  for (const int64_t size : shape) {
    if (size > kMostContent) return false;
    elements = std::min(elements * size, kMostContent + 1);  // a later 0 still counts
  }
  return elements <= kMostContent;
}

bool can_be_followed(const Op& op, Inputs inputs, const OpResult& result) {
  if (!can_evaluate(op) || !can_evaluate_type(op, result.type)) return false;
  bool something = false;
  for (const OpInput& input : inputs) {
    if (input.present && (!is_small(input.shape) || !can_evaluate_type(op, input.type))) return false;
    something = something || input.content.defined();
  }
  return something && is_small(result.shape);
}

void follow_content(const Op& op, Inputs inputs, OpResult& result) {
  if (const auto* constant = std::get_if<op::Constant>(&op)) {
    if (constant->value.elements() <= kMostContent) result.content = constant->value;
    return;
  }
  if (const auto* sizes = std::get_if<op::ShapeOf>(&op)) {
    tell_sizes(*sizes, inputs[0].shape, result);
    return;
  }
  if (!can_be_followed(op, inputs, result)) return;
  // An input of which nothing is known may stand beside others: zeros, none of them known.
  std::vector<OpInput> completed(inputs.begin(), inputs.end());
  std::vector<Tensor> contents;
  for (OpInput& input : completed) {
    if (input.present && !input.content.defined()) {
      input.content = Tensor::zeros(input.type, input.shape);
      input.known = filled(input.shape, false);
    }
    contents.push_back(input.content);
  }
  if (std::all_of(completed.begin(), completed.end(), all_known)) {
    result.content = evaluate(op, contents, kMostContent);
    result.shape = result.content.shape();  // how many boxes are chosen is known now
    return;
  }
  Tensor known = known_of_result(op, completed, contents);
  if (known.defined()) set_content(result, evaluate(op, contents, kMostContent), std::move(known));
}

}  // namespace

OpResult shape_rules::shape_and_type(const Op& op, Inputs inputs) {
  return std::visit([&](const auto& typed_op) { return rule(typed_op, inputs); }, op);
}

std::vector<OpResult> op_results(const Op& op, std::span<const OpInput> inputs) {
  OpResult result = shape_rules::shape_and_type(op, inputs);
  follow_content(op, inputs, result);
  return {std::move(result)};
}

std::vector<OpResult> op_results(const Op& op, std::span<const Shape> inputs,
                                 std::span<const DataType> types) {
  std::vector<OpInput> known;
  for (size_t i = 0; i < inputs.size(); ++i)
    known.push_back({.shape = inputs[i], .type = types[i]});
  return op_results(op, known);
}

}  // namespace vitrail
