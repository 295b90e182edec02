// Operators on bits, against ONNX Runtime.

#include "cross/foreign_nodes.h"

namespace vitrail::foreign {
namespace {

// Whole numbers from x, made to be of `type`, and the result back as floats.
std::vector<Case> bits() {
  std::vector<Case> cases;
  const auto cast = [](const std::string& x, const std::string& y, int to) {
    return node("Cast", x, y, whole("to", to));
  };
  const auto add = [&](const char* op, int type, double scale, double shift,
                       const std::string& attributes = "") {
    const bool one = std::string(op) == "BitwiseNot";
    cases.push_back(
        {cat(op, " of type ", type),
         floats("scale", {}, {scale}) + floats("shift", {}, {shift}) + node("Mul", "x scale", "scaled") +
             node("Add", "scaled shift", "a.f") + cast("a.f", "a", type) +
             node("Transpose", "a", "turned", "attribute { name: 'perm' type: INTS ints: [0, 1, 3, 2] } ") +
             node("Reshape", "turned like", "b") + integers("like", {4}, {1, 4, 6, 8}) +
             node(op, one ? "a" : "a b", "c", attributes) + cast("c", "y", 1),
         18});
  };
  constexpr int u8 = 2, i8 = 3, i32 = 6, i64 = 7;
  for (const char* op : {"BitwiseAnd", "BitwiseOr", "BitwiseXor", "BitwiseNot"}) {
    add(op, u8, 100, 120);
    add(op, i8, 120, 0);
    add(op, i32, 1e9, 0);
    add(op, i64, 9e18, 0);
  }
  for (const char* direction : {"LEFT", "RIGHT"})
    cases.push_back({cat("BitShift ", direction),
                     floats("scale", {}, {100}) + floats("shift", {}, {120}) + floats("few", {}, {4}) +
                         node("Mul", "x scale", "scaled") + node("Add", "scaled shift", "a.f") +
                         cast("a.f", "a", u8) + node("Mul", "x few", "n.f") + node("Add", "n.f few", "n.p") +
                         cast("n.p", "n", u8) + node("BitShift", "a n", "c", word("direction", direction)) +
                         cast("c", "y", 1)});
  return cases;
}

TEST(ForeignBits, OfWholeNumbers) {
  expect_like_onnx_runtime(bits(), 0);
}

}  // namespace
}  // namespace vitrail::foreign
