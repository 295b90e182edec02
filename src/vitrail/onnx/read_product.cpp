// Products of matrices.

#include <algorithm>
#include <map>
#include <string>

#include "vitrail/base/text.h"
#include "vitrail/onnx/node_import.h"

namespace vitrail::onnx_files {
namespace {

void read_mat_mul(NodeImport& node) {
  node.emit(op::MatMul{}, {node.weight(0), node.weight(1)});
}

Operand times(NodeImport& node, Operand x, double factor) {
  return factor == 1 ? x : node.add(op::Mul{}, {std::move(x), node.scalar(factor, node.type(x))});
}

// alpha A' B' + beta C; factors and transpositions of weights are computed at once.
void read_gemm(NodeImport& node) {
  const op::Transpose transpose{.permutation = {1, 0}};
  Operand a = node.operand(0), b = node.weight(1);
  if (node.flag("transA", false)) a = node.add(transpose, {a});
  if (node.flag("transB", false)) b = node.add(transpose, {b});
  b = times(node, b, node.real("alpha", 1));
  const double beta = node.real("beta", 1);
  if (!node.has(2) || beta == 0) return node.emit(op::MatMul{}, {a, b});
  const Operand c = times(node, node.weight(2), beta);
  node.emit(op::Add{}, {node.add(op::MatMul{}, {a, b}), c});
}

// "ab,bc->ac" as the letters of its two sides.
struct Equation {
  std::vector<std::string> inputs;
  std::string output;
};

// The equation with letters of its own for the dimensions that "..." stands for.
std::string spelled_out(NodeImport& node, std::string text) {
  std::string letters;  // that are free
  for (char c = 'a'; c <= 'z'; ++c)
    for (const char letter : {c, static_cast<char>(c - 'a' + 'A')})
      if (text.find(letter) == std::string::npos) letters += letter;
  std::string result, all;
  const size_t arrow = text.find("->");
  int input = 0;
  for (size_t at = 0; at < text.size();) {
    if (text.compare(at, 3, "...") != 0) {
      if (text[at] == ',') ++input;
      result += text[at++];
      continue;
    }
    at += 3;
    if (at > arrow) {
      result += all;
      continue;
    }
    const size_t comma = text.rfind(',', at - 1);
    const size_t first = comma == std::string::npos ? 0 : comma + 1;
    const size_t last = std::min({text.find(',', at), arrow, text.size()});
    const int64_t hidden = node.rank(node.operand(input)) - static_cast<int64_t>(last - first - 3);
    if (hidden < 0 || hidden > static_cast<int64_t>(letters.size()))
      node.refuse(cat("the equation '", text, "'"), "a letter for each dimension");
    // Counted from the last one: a shorter "..." has the letters of the longer one's end.
    std::string names(letters.rend() - hidden, letters.rend());
    if (names.size() > all.size()) all = names;
    result += names;
  }
  return result;
}

Equation equation_of(NodeImport& node) {
  std::string text = node.text("equation", "");
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  if (text.find("...") != std::string::npos) {
    if (text.find("->") == std::string::npos) throw Unsupported{cat("the equation '", text, "'")};
    text = spelled_out(node, text);
  }
  const size_t arrow = text.find("->");
  Equation equation{.inputs = {""}};
  std::map<char, int> uses;
  for (const char c : text.substr(0, arrow)) {
    if (c == ',') {
      equation.inputs.emplace_back();
    } else if (std::isalpha(static_cast<unsigned char>(c)) == 0) {
      throw Unsupported{cat("the equation '", text, "'")};
    } else {
      if (equation.inputs.back().find(c) != std::string::npos)
        throw Unsupported{cat("a diagonal, '", text, "'")};
      equation.inputs.back() += c;
      ++uses[c];
    }
  }
  if (arrow == std::string::npos) {  // letters that come once, in their order
    for (const auto& [letter, count] : uses)
      if (count == 1) equation.output += letter;
  } else {
    equation.output = text.substr(arrow + 2);
  }
  for (size_t i = 0; i < equation.output.size(); ++i)
    if (!uses.contains(equation.output[i]) ||
        equation.output.find(equation.output[i], i + 1) != std::string::npos)
      throw Unsupported{cat("the equation '", text, "'")};
  if (static_cast<int>(equation.inputs.size()) != node.count() || node.count() > 2)
    throw Unsupported{cat("the equation '", text, "' of ", node.count(), " tensors")};
  for (int i = 0; i < node.count(); ++i)
    if (node.rank(node.operand(i)) != static_cast<int64_t>(equation.inputs[static_cast<size_t>(i)].size()))
      node.refuse(cat("the equation '", text, "'"), "a letter for each dimension");
  return equation;
}

bool holds(const std::string& letters, char letter) {
  return letters.find(letter) != std::string::npos;
}

// x, whose dimensions are `from`, as `to`: letters that `to` lacks are summed, the others put in its order.
Operand arranged(NodeImport& node, Operand x, std::string from, const std::string& to) {
  op::Reduce sum{.function = op::Reduce::Function::sum, .axes = {}, .keep_dims = false};
  std::string kept;
  for (size_t i = 0; i < from.size(); ++i) {
    if (holds(to, from[i]))
      kept += from[i];
    else
      sum.axes.push_back(static_cast<int64_t>(i));
  }
  if (!sum.axes.empty()) x = node.add(sum, {x});
  std::vector<int64_t> permutation;
  std::string present;
  for (const char letter : to)
    if (holds(kept, letter)) {
      permutation.push_back(static_cast<int64_t>(kept.find(letter)));
      present += letter;
    }
  if (present != kept) x = node.add(op::Transpose{.permutation = permutation}, {x});
  std::vector<int64_t> missing;  // become dimensions of 1
  for (size_t i = 0; i < to.size(); ++i)
    if (!holds(present, to[i])) missing.push_back(static_cast<int64_t>(i));
  return missing.empty() ? x : node.add(op::Unsqueeze{.axes = missing}, {x});
}

// The sizes of x along the dimensions from `first` up to, not with, `last`.
Operand sizes_of(NodeImport& node, const Operand& x, size_t first, size_t last) {
  return node.add(op::ShapeOf{.start = static_cast<int64_t>(first), .end = static_cast<int64_t>(last)}, {x});
}

// [batch..., rows..., columns...] as [batch..., rows, columns].
Operand as_matrices(NodeImport& node, const Operand& x, size_t batch, size_t rows, size_t columns) {
  if (rows == 1 && columns == 1) return x;
  const auto group = [&](size_t first, size_t count) {
    const op::Reduce product{.function = op::Reduce::Function::prod, .axes = {0}, .keep_dims = true};
    return count == 0 ? node.numbers({1}) : node.add(product, {sizes_of(node, x, first, first + count)});
  };
  std::vector<Operand> sizes;
  if (batch > 0) sizes.push_back(sizes_of(node, x, 0, batch));
  sizes.push_back(group(batch, rows));
  sizes.push_back(group(batch + rows, columns));
  return node.add(op::Reshape{}, {x, node.add(op::Concat{.axis = 0}, sizes)});
}

void read_einsum(NodeImport& node) {
  const Equation equation = equation_of(node);
  const std::string &left = equation.inputs[0], &out = equation.output;
  if (node.count() == 1) {
    const Operand made = arranged(node, node.operand(0), left, out);
    return node.emit(op::Identity{}, {made});
  }
  const std::string& right = equation.inputs[1];
  std::string batch, rows, columns, summed;
  for (const char letter : left) {
    if (holds(right, letter))
      (holds(out, letter) ? batch : summed) += letter;
    else if (holds(out, letter))
      rows += letter;
  }
  for (const char letter : right)
    if (!holds(left, letter) && holds(out, letter)) columns += letter;
  const Operand a = arranged(node, node.operand(0), left, batch + rows + summed);
  const Operand b = arranged(node, node.operand(1), right, batch + summed + columns);
  Operand product =
      node.add(op::MatMul{}, {as_matrices(node, a, batch.size(), rows.size(), summed.size()),
                              as_matrices(node, b, batch.size(), summed.size(), columns.size())});
  if (rows.size() != 1 || columns.size() != 1) {
    std::vector<Operand> sizes;
    if (!batch.empty() || !rows.empty()) sizes.push_back(sizes_of(node, a, 0, batch.size() + rows.size()));
    const size_t first = batch.size() + summed.size();
    if (!columns.empty()) sizes.push_back(sizes_of(node, b, first, first + columns.size()));
    if (sizes.empty()) sizes.push_back(FileConstant{Tensor::empty(DataType::i64, {0}), "no_sizes"});
    product = node.add(op::Reshape{}, {product, node.add(op::Concat{.axis = 0}, sizes)});
  }
  node.emit(op::Identity{}, {arranged(node, product, batch + rows + columns, out)});
}

constexpr OperatorReader kReaders[] = {
    {"Einsum", "equation", 1, 2, read_einsum, "of one or two tensors, without diagonals"},
    {"Gemm", "alpha beta transA transB", 2, 3, read_gemm},
    {"MatMul", "", 2, 2, read_mat_mul},
};

}  // namespace

Readers product_readers() {
  return kReaders;
}

}  // namespace vitrail::onnx_files
