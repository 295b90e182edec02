// Products of matrices.

#include <algorithm>
#include <bit>
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
  if (node.opset() >= 7 && node.attribute("broadcast") != nullptr)
    throw Unsupported{"the attribute 'broadcast' after operator set 6"};
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
  if (static_cast<int>(equation.inputs.size()) != node.count())
    node.refuse(cat("the equation '", text, "' of ", node.count(), " tensors"), "one for each");
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

// A tensor and the letters of its dimensions.
struct Lettered {
  Operand tensor;
  std::string letters;
};

// Two dimensions of one letter as their diagonal: every (size + 1)th of the line that both make together.
Lettered along_diagonal(NodeImport& node, const Lettered& x, size_t first, size_t second) {
  const Composing c{node};
  const Shape shape = node.shape(x.tensor);
  if (shape[first] >= 0 && shape[second] >= 0 && shape[first] != shape[second])
    node.refuse(cat("a diagonal of ", shape[first], "x", shape[second]), "equal sizes");
  op::Transpose to_the_end;
  Lettered made;
  for (size_t d = 0; d < shape.size(); ++d)
    if (d != first && d != second) {
      to_the_end.permutation.push_back(static_cast<int64_t>(d));
      made.letters += x.letters[d];
    }
  const auto rest = static_cast<int64_t>(made.letters.size());
  made.letters += x.letters[first];
  to_the_end.permutation.insert(to_the_end.permutation.end(),
                                {static_cast<int64_t>(first), static_cast<int64_t>(second)});
  const Operand moved = node.add(to_the_end, {x.tensor}), size = c.sizes(moved, rest, rest + 1);
  std::vector<Operand> sizes;
  if (rest > 0) sizes.push_back(c.sizes(moved, 0, rest));
  sizes.push_back(c.times(size, size));
  const Operand step = c.plus(size, node.numbers({1}));
  made.tensor = node.add(op::Gather{.axis = rest},
                         {c.reshape(moved, c.joined(sizes)), c.times(c.counting(size), step)});
  return made;
}

Lettered without_diagonals(NodeImport& node, Lettered x) {
  for (size_t d = 1; d < x.letters.size();) {
    const size_t first = x.letters.find(x.letters[d]);
    if (first == d) {
      ++d;
    } else {
      x = along_diagonal(node, x, first, d);
      d = 1;
    }
  }
  return x;
}

// Summed over the letters that both have and `out` has not.
Lettered product_of(NodeImport& node, const Lettered& x, const Lettered& y, const std::string& out) {
  const std::string &left = x.letters, &right = y.letters;
  std::string batch, rows, columns, summed;
  for (const char letter : left) {
    if (holds(right, letter))
      (holds(out, letter) ? batch : summed) += letter;
    else if (holds(out, letter))
      rows += letter;
  }
  for (const char letter : right)
    if (!holds(left, letter) && holds(out, letter)) columns += letter;
  const Operand a = arranged(node, x.tensor, left, batch + rows + summed);
  const Operand b = arranged(node, y.tensor, right, batch + summed + columns);
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
  return {product, batch + rows + columns};
}

// Tensors are multiplied from the left on; what neither the result nor a later one names is summed at once.
void read_einsum(NodeImport& node) {
  const Equation equation = equation_of(node);
  const std::string& out = equation.output;
  Lettered product = without_diagonals(node, {node.operand(0), equation.inputs[0]});
  for (int i = 1; i < node.count(); ++i) {
    const auto at = static_cast<size_t>(i);
    std::string wanted = out;
    for (size_t later = at + 1; later < equation.inputs.size(); ++later)
      wanted += equation.inputs[later];
    product =
        product_of(node, product, without_diagonals(node, {node.operand(i), equation.inputs[at]}), wanted);
  }
  node.emit(op::Identity{}, {arranged(node, product.tensor, product.letters, out)});
}

// The minor of the rows up to this one and of a set of columns: the sum, over the column that this row gives,
// of the minors of the rows above.
Operand minor_of(const Composing& c, size_t columns, const std::vector<Operand>& row,
                 const std::vector<Operand>& minors) {
  std::optional<Operand> sum;
  for (size_t column = 0; column < row.size(); ++column) {
    const size_t one = size_t{1} << column;
    if ((columns & one) == 0) continue;
    const Operand product = columns == one ? row[column] : c.times(row[column], minors[columns - one]);
    const bool is_negative = std::popcount(columns & ~(2 * one - 1)) % 2 == 1;  // by those behind it
    if (!sum)
      sum = is_negative ? c.unary(op::Unary::Function::neg, product) : product;
    else
      sum = is_negative ? c.minus(*sum, product) : c.plus(*sum, product);
  }
  return *sum;
}

void read_det(NodeImport& node) {
  constexpr int64_t kMostRows = 6;
  const Operand x = node.operand(0);
  const Shape shape = node.shape(x);
  const int64_t rank = node.rank(x);
  if (rank < 2 || shape.back() != shape[shape.size() - 2])
    node.refuse(cat("a tensor of ", to_string(shape)), "square matrices");
  const int64_t size = shape.back();
  if (size < 1 || size > kMostRows)
    throw Unsupported{cat("matrices of ", to_string({size, size}), "; up to ", kMostRows, " rows are read")};
  const auto at = [&](const Operand& of, int64_t i) {  // in dimension rank - 2, which then is gone
    return node.add(op::Gather{.axis = rank - 2}, {of, node.scalar(static_cast<double>(i), DataType::i64)});
  };
  std::vector<Operand> minors(size_t{1} << size);  // by set of columns
  for (int64_t r = 0; r < size; ++r) {
    std::vector<Operand> row;
    for (int64_t column = 0; column < size; ++column)
      row.push_back(at(at(x, r), column));
    for (size_t columns = 1; columns < minors.size(); ++columns)
      if (std::popcount(columns) == r + 1) minors[columns] = minor_of(Composing{node}, columns, row, minors);
  }
  node.define(minors.back());
}

constexpr OperatorReader kReaders[] = {
    {"Det", "", 1, 1, read_det, "of up to 6 rows"},
    {"Einsum", "equation", 1, kAnyNumber, read_einsum},
    {"Gemm", "alpha beta transA transB broadcast", 2, 3, read_gemm},
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
