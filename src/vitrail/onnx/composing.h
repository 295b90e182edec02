#pragma once
// Short words for operators that are written as several of the graph's; internal to onnx/.
//
//   const Composing c{node};
//   const Operand x = node.operand(0);
//   node.define(c.divide(c.unary(F::sin, x), c.unary(F::cos, x)));   // Tan

#include "vitrail/onnx/node_import.h"

namespace vitrail::onnx_files {

struct Composing {
  using Function = op::Unary::Function;
  using Pairwise = op::Binary::Function;

  NodeImport& node;

  Operand unary(Function function, const Operand& x) const {
    return node.add(op::Unary{.function = function}, {x});
  }
  Operand binary(Pairwise function, const Operand& a, const Operand& b) const {
    return node.add(op::Binary{.function = function}, {a, b});
  }
  Operand plus(const Operand& a, const Operand& b) const { return node.add(op::Add{}, {a, b}); }
  Operand minus(const Operand& a, const Operand& b) const { return binary(Pairwise::subtract, a, b); }
  Operand times(const Operand& a, const Operand& b) const { return node.add(op::Mul{}, {a, b}); }
  Operand scaled(const Operand& x, double factor) const {
    return factor == 1 ? x : times(x, number(factor, x));
  }
  Operand divide(const Operand& a, const Operand& b) const { return binary(Pairwise::divide, a, b); }
  Operand where(const Operand& condition, const Operand& a, const Operand& b) const {
    return node.add(op::Where{}, {condition, a, b});
  }
  Operand cast(const Operand& x, DataType to) const {
    return node.type(x) == to ? x : node.add(op::Cast{.to = to}, {x});
  }
  /// A number of x's type.
  Operand number(double value, const Operand& x) const { return node.scalar(value, node.type(x)); }

  /// Sizes of x from dimension `first` up to, not with, `last`: i64 [last - first].
  Operand sizes(const Operand& x, int64_t first, int64_t last) const {
    return node.add(op::ShapeOf{.start = first, .end = last}, {x});
  }
  /// Their product, i64 [1]; 1 where there are none.
  Operand extent(const Operand& x, int64_t first, int64_t last) const {
    if (first == last) return node.numbers({1});
    const op::Reduce product{.function = op::Reduce::Function::prod, .axes = {0}, .keep_dims = true};
    return node.add(product, {sizes(x, first, last)});
  }
  /// 0, 1, 2 ... up to, not with, `count` (i64, one element).
  Operand counting(const Operand& count) const {
    const Operand limit = node.add(op::Reshape{}, {count, no_dimensions()});
    return node.add(op::Range{}, {node.scalar(0, DataType::i64), limit, node.scalar(1, DataType::i64)});
  }
  Operand reshape(const Operand& x, const Operand& sizes) const {
    return node.add(op::Reshape{.allow_zero = false}, {x, sizes});
  }
  Operand reshape(const Operand& x, const std::vector<int64_t>& sizes) const {
    return reshape(x, node.numbers(sizes));
  }
  /// Lists one after the other.
  Operand joined(const std::vector<Operand>& lists) const {
    return lists.size() == 1 ? lists[0] : node.add(op::Concat{.axis = 0}, lists);
  }
  /// The shape of a tensor without dimensions.
  Operand no_dimensions() const { return FileConstant{Tensor::empty(DataType::i64, {0}), "no_sizes"}; }
};

}  // namespace vitrail::onnx_files
