// Products of matrices.

#include <algorithm>
#include <map>
#include <string>

#include "vitrail/base/text.h"
#include "vitrail/onnx/composing.h"
#include "vitrail/onnx/shared_attributes.h"

namespace vitrail::onnx_files {
namespace {

void read_mat_mul(NodeImport& node) {
  node.emit(op::MatMul{}, {node.weight(0), node.weight(1)});
}

void read_gemm(NodeImport& node) {
  const GemmParts parts = gemm_parts(node);
  if (!parts.c) return node.emit(op::MatMul{}, {parts.a, parts.b});
  node.emit(op::Add{}, {node.add(op::MatMul{}, {parts.a, parts.b}), *parts.c});
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

// [batch..., rows..., columns...] as [batch..., rows, columns].
Operand as_matrices(const Composing& c, const Operand& x, int64_t batch, int64_t rows, int64_t columns) {
  if (rows == 1 && columns == 1) return x;
  std::vector<Operand> sizes;
  if (batch > 0) sizes.push_back(c.sizes(x, 0, batch));
  sizes.push_back(c.extent(x, batch, batch + rows));
  sizes.push_back(c.extent(x, batch + rows, batch + rows + columns));
  return c.node.add(op::Reshape{}, {x, c.joined(sizes)});
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
  const Composing c{node};
  Operand product =
      node.add(op::MatMul{}, {as_matrices(c, a, std::ssize(batch), std::ssize(rows), std::ssize(summed)),
                              as_matrices(c, b, std::ssize(batch), std::ssize(summed), std::ssize(columns))});
  if (rows.size() != 1 || columns.size() != 1) {
    std::vector<Operand> sizes;
    if (!batch.empty() || !rows.empty()) sizes.push_back(c.sizes(a, 0, std::ssize(batch) + std::ssize(rows)));
    const int64_t first = std::ssize(batch) + std::ssize(summed);
    if (!columns.empty()) sizes.push_back(c.sizes(b, first, first + std::ssize(columns)));
    if (sizes.empty()) sizes.push_back(c.no_dimensions());
    product = node.add(op::Reshape{}, {product, c.joined(sizes)});
  }
  node.emit(op::Identity{}, {arranged(node, product, batch + rows + columns, out)});
}

constexpr OperatorReader kReaders[] = {
    {"Einsum", "equation", 1, 2, read_einsum, "of one or two tensors, without diagonals"},
    {"Gemm", "alpha beta transA transB", 2, 3, read_gemm},
    {"MatMul", "", 2, 2, read_mat_mul},
};

}  // namespace

GemmParts gemm_parts(NodeImport& node) {
  const op::Transpose transpose{.permutation = {1, 0}};
  const Composing c{node};
  GemmParts parts{node.operand(0), node.weight(1), {}};
  if (node.flag("transA", false)) parts.a = node.add(transpose, {parts.a});
  if (node.flag("transB", false)) parts.b = node.add(transpose, {parts.b});
  parts.b = c.scaled(parts.b, node.real("alpha", 1));
  const double beta = node.real("beta", 1);
  if (node.has(2) && beta != 0) parts.c = c.scaled(node.weight(2), beta);
  return parts;
}

Readers product_readers() {
  return kReaders;
}

}  // namespace vitrail::onnx_files
