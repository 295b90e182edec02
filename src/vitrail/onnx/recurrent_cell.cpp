#include "vitrail/onnx/recurrent_cell.h"

#include <algorithm>
#include <cctype>

#include "vitrail/base/text.h"
#include "vitrail/onnx/checked_proto.h"

namespace vitrail::onnx_files {

// What `activations` names, how many of the lists' numbers it takes, and what these are where they end.
struct ActivationKind {
  std::string_view name;
  int numbers;
  double alpha, beta;
  std::optional<op::Unary::Function> function;  // none: of its own
};

namespace {

using Function = op::Unary::Function;

constexpr ActivationKind kActivations[] = {
    {"Sigmoid", 0, 0, 0, {}},
    {"Tanh", 0, 0, 0, Function::tanh},
    {"Relu", 0, 0, 0, {}},
    {"Affine", 2, 1, 0, {}},
    {"ScaledTanh", 2, 1, 1, {}},
    {"LeakyRelu", 1, 0.01, 0, Function::leaky_relu},
    {"ThresholdedRelu", 1, 1, 0, Function::thresholded_relu},
    {"HardSigmoid", 2, 0.2, 0.5, Function::hard_sigmoid},
    {"Elu", 1, 1, 0, Function::elu},
    {"Softsign", 0, 0, 0, Function::softsign},
    {"Softplus", 0, 0, 0, Function::softplus},
};

Operand applied(const Composing& c, const Activation& f, const Operand& x) {
  const auto scaled = [&](const Operand& of, double by) { return c.times(of, shared_number(c.node, by)); };
  if (f.kind->name == "Sigmoid") return c.node.add(op::Sigmoid{}, {x});
  if (f.kind->name == "Relu") return c.node.add(op::Relu{}, {x});
  if (f.kind->name == "Affine") return c.plus(scaled(x, f.alpha), shared_number(c.node, f.beta));
  if (f.kind->name == "ScaledTanh") return scaled(c.unary(Function::tanh, scaled(x, f.beta)), f.alpha);
  return c.node.add(op::Unary{.function = *f.kind->function, .alpha = f.alpha, .beta = f.beta}, {x});
}

bool is_name(std::string_view found, std::string_view name) {
  return std::equal(found.begin(), found.end(), name.begin(), name.end(),
                    [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
}

const ActivationKind& kind_of(const std::string& name) {
  for (const ActivationKind& kind : kActivations)
    if (is_name(name, kind.name)) return kind;
  throw Unsupported{cat("the activation '", printable(name), "'")};
}

std::vector<std::string> activation_names(const NodeImport& node, Cell cell, size_t directions) {
  std::vector<std::string> names;
  if (const onnx::AttributeProto* given = node.attribute("activations")) {
    names.assign(given->strings().begin(), given->strings().end());
    if (names.size() != directions * activations_of(cell))
      node.refuse(cat(names.size(), " activations"), cat(directions * activations_of(cell), " are needed"));
    return names;
  }
  for (size_t direction = 0; direction < directions; ++direction) {
    if (cell != Cell::rnn) names.emplace_back("Sigmoid");
    names.insert(names.end(), cell == Cell::lstm ? 2 : 1, "Tanh");
  }
  return names;
}

}  // namespace

// The lists of numbers go to those that take any, one after the other.
std::vector<Activation> activations(const NodeImport& node, Cell cell, size_t directions) {
  const std::vector<double> alphas = node.reals("activation_alpha"), betas = node.reals("activation_beta");
  size_t alpha = 0, beta = 0;
  std::vector<Activation> found;
  for (const std::string& name : activation_names(node, cell, directions)) {
    const ActivationKind& kind = kind_of(name);
    Activation made{&kind, kind.alpha, kind.beta};
    if (kind.numbers > 0 && alpha < alphas.size()) made.alpha = alphas[alpha++];
    if (kind.numbers > 1 && beta < betas.size()) made.beta = betas[beta++];
    found.push_back(made);
  }
  return found;
}

Operand shared_number(const NodeImport& node, double value) {
  Operand made = node.scalar(value);
  std::get<FileConstant>(made).is_number = true;
  return made;
}

Operand CellStep::gates(const Operand& x, int64_t first, int64_t last) const {
  if (first == 0 && node_.shape(x).back() == last * settings_.hidden) return x;
  return node_.add(op::Slice{},
                   {x, node_.numbers({first * settings_.hidden}), node_.numbers({last * settings_.hidden}),
                    node_.numbers({node_.rank(x) - 1})});
}

State CellStep::next(const Direction& weights, const Operand& input, const State& state) const {
  return settings_.cell == Cell::lstm  ? lstm(weights, input, state)
         : settings_.cell == Cell::gru ? gru(weights, input, state)
                                       : rnn(weights, input, state);
}

Operand CellStep::advance(const Direction& weights, const Operand& input,
                          const std::optional<Operand>& lengths, const Operand& at, State& state) const {
  const State after = next(weights, input, state);
  if (!lengths) {
    state = after;
    return *state.hidden;
  }
  const Operand here = c_.binary(op::Binary::Function::greater, *lengths, at);
  const Operand zero = number(0);
  const auto chosen = [&](const std::optional<Operand>& made, const std::optional<Operand>& before) {
    return made ? std::optional(c_.where(here, *made, before.value_or(zero))) : std::nullopt;
  };
  state = {chosen(after.hidden, state.hidden), chosen(after.memory, state.memory)};
  return c_.where(here, *after.hidden, zero);
}

Operand CellStep::activated(const Direction& weights, size_t function, const Operand& x) const {
  const Operand within =
      settings_.clip > 0 ? node_.add(op::Clip{.min = -settings_.clip, .max = settings_.clip}, {x}) : x;
  return applied(c_, weights.activations[function], within);
}

Operand CellStep::with_state(const Operand& input, const std::optional<Operand>& hidden,
                             const Operand& weight) const {
  return hidden ? c_.plus(input, node_.add(op::MatMul{}, {*hidden, weight})) : input;
}

State CellStep::rnn(const Direction& weights, const Operand& input, const State& state) const {
  return {activated(weights, 0, with_state(input, state.hidden, weights.from_state)), {}};
}

// H = (1 - z) g(...) + z H; gates z, r, h.
State CellStep::gru(const Direction& weights, const Operand& input, const State& state) const {
  const Operand zr = activated(weights, 0, with_state(gates(input, 0, 2), state.hidden, weights.from_state));
  const Operand z = gates(zr, 0, 1), r = gates(zr, 1, 2);
  Operand inner = gates(input, 2, 3);
  if (!settings_.resets_last) {
    if (state.hidden) inner = with_state(inner, c_.times(r, *state.hidden), weights.from_reset_state);
  } else {
    std::optional<Operand> past = weights.state_bias;
    if (state.hidden) {
      const Operand product = node_.add(op::MatMul{}, {*state.hidden, weights.from_reset_state});
      past = past ? c_.plus(product, *past) : product;
    }
    if (past) inner = c_.plus(inner, c_.times(r, *past));
  }
  const Operand fresh = c_.times(c_.minus(number(1), z), activated(weights, 1, inner));
  return {state.hidden ? c_.plus(fresh, c_.times(z, *state.hidden)) : fresh, {}};
}

// C = f C + i g(...), H = o h(C); gates i, o, f, c.
State CellStep::lstm(const Direction& weights, const Operand& input, const State& state) const {
  const Operand all = with_state(input, state.hidden, weights.from_state);
  const auto gate = [&](int64_t which, const std::optional<Operand>& memory) {
    Operand x = gates(all, which, which + 1);
    if (memory && !weights.peepholes.empty())
      x = c_.plus(x, c_.times(*memory, weights.peepholes[static_cast<size_t>(which)]));
    return activated(weights, 0, x);
  };
  const Operand i = gate(0, state.memory);
  Operand memory = c_.times(i, activated(weights, 1, gates(all, 3, 4)));
  if (state.memory) {
    const Operand forget = settings_.coupled ? c_.minus(number(1), i) : gate(2, state.memory);
    memory = c_.plus(memory, c_.times(forget, *state.memory));
  }
  const Operand shown = applied(c_, weights.activations[2], memory);
  return {c_.times(gate(1, memory), shown), memory};
}

}  // namespace vitrail::onnx_files
