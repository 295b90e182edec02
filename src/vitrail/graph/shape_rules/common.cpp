// What shape rules have in common.

#include <algorithm>

#include "vitrail/base/error.h"
#include "vitrail/base/text.h"
#include "vitrail/graph/shape_rules/rules.h"

namespace vitrail::shape_rules {

void fail(const std::string& found, const std::string& allowed) {
  throw Error(ErrorKind::shape, {.found = found, .allowed = allowed});
}

void expect_inputs(Inputs inputs, size_t least, size_t most) {
  if (inputs.size() < least || inputs.size() > most)
    fail(cat(inputs.size(), " inputs"),
         least == most ? cat(least, " are needed") : cat(least, " to ", most, " are needed"));
  for (size_t i = 0; i < least; ++i)
    if (!inputs[i].present) fail(cat("input ", i, " is left out"), "it is not optional");
}

void expect_rank4(const Shape& shape, const char* what) {
  if (shape.size() != 4) fail(cat(what, " is ", to_string(shape)), "it must be N x C x H x W");
}

bool is_float(DataType type) {
  return type == DataType::f32 || type == DataType::f16 || type == DataType::bf16 || type == DataType::f64;
}
bool is_integer(DataType type) {
  return !is_float(type) && type != DataType::boolean;
}

void expect_float(const OpInput& input, const char* what) {
  if (!is_float(input.type))
    fail(cat(what, " is ", name_of(input.type)), "floating-point numbers are needed");
}
void expect_number(const OpInput& input, const char* what) {
  if (input.type == DataType::boolean) fail(cat(what, " is boolean"), "numbers are needed");
}
void expect_same_type(const OpInput& a, const OpInput& b) {
  if (a.type != b.type)
    fail(cat("inputs of ", name_of(a.type), " and ", name_of(b.type)), "their types must be equal");
}

bool agree(const Shape& a, const Shape& b) {
  if (a.size() != b.size()) return false;
  for (size_t d = 0; d < a.size(); ++d)
    if (!agree(a[d], b[d])) return false;
  return true;
}

Shape broadcast(const Shape& a, const Shape& b) {
  const size_t rank = std::max(a.size(), b.size());
  Shape out(rank);
  for (size_t i = 0; i < rank; ++i) {
    const int64_t x = i + a.size() < rank ? 1 : a[i + a.size() - rank];
    const int64_t y = i + b.size() < rank ? 1 : b[i + b.size() - rank];
    if (x == 1 || y == 1)
      out[i] = x == 1 ? y : x;
    else if (agree(x, y))
      out[i] = std::max(x, y);  // a known size beats an unknown one
    else
      fail(cat(to_string(a), " and ", to_string(b)), "the sizes must be equal, or 1");
  }
  return out;
}

size_t resolved_axis(int64_t axis, size_t rank) {
  const auto r = static_cast<int64_t>(rank);
  if (axis < -r || axis >= r)
    fail(cat("axis ", axis, " of ", rank, " dimensions"), cat("-", rank, "..", r - 1));
  return static_cast<size_t>(axis < 0 ? axis + r : axis);
}

std::vector<size_t> resolved_axes(std::span<const int64_t> axes, size_t rank) {
  std::vector<size_t> resolved;
  for (const int64_t axis : axes)
    resolved.push_back(resolved_axis(axis, rank));
  std::sort(resolved.begin(), resolved.end());
  if (std::adjacent_find(resolved.begin(), resolved.end()) != resolved.end())
    fail(cat("axes ", join(axes)), "each may be named once");
  return resolved;
}

std::vector<Integer> integers(const OpInput& input, const char* what) {
  if (input.type != DataType::i64 && input.type != DataType::i32)
    fail(cat(what, " of ", name_of(input.type)), "i64 or i32 is needed");
  if (input.shape.size() > 1)
    fail(cat(what, " of shape ", to_string(input.shape)), "one dimension is needed");
  if (!is_known(input.shape))
    throw Error(ErrorKind::unsupported, {.found = cat("the number of ", what, " is not known"),
                                         .allowed = "the rank of every tensor must be known"});
  const int64_t count = element_count(input.shape);
  if (count > kMostContent) fail(cat(count, " ", what), cat("at most ", kMostContent, " are expected"));
  std::vector<Integer> entries(static_cast<size_t>(count));
  if (!input.content.defined()) return entries;
  for (size_t i = 0; i < entries.size(); ++i) {
    if (input.known.defined() && input.known.raw()[i] == std::byte{0}) continue;
    entries[i] = input.type == DataType::i64 ? input.content.data<int64_t>()[i]
                                             : int64_t{input.content.data<int32_t>()[i]};
  }
  return entries;
}

}  // namespace vitrail::shape_rules
