// LSTM, GRU and RNN over sequences of known length: as many copies of a step as there are positions.

#include <algorithm>
#include <cctype>
#include <optional>

#include "vitrail/base/text.h"
#include "vitrail/onnx/composing.h"

namespace vitrail::onnx_files {
namespace {

using Function = op::Unary::Function;

constexpr int64_t kMostSteps = 1024;

enum class Cell { rnn, gru, lstm };
int64_t gates_of(Cell cell) {
  return cell == Cell::lstm ? 4 : cell == Cell::gru ? 3 : 1;
}
size_t activations_of(Cell cell) {
  return cell == Cell::lstm ? 3 : cell == Cell::gru ? 2 : 1;
}

// What `activations` names, how many of the lists' numbers it takes, and what these are where they end.
struct ActivationKind {
  std::string_view name;
  int numbers;
  double alpha, beta;
  std::optional<Function> function;  // none: of its own
};
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

struct Activation {
  const ActivationKind* kind;
  double alpha, beta;
};

// One node of the graph, however often it is asked for.
Operand shared_number(const NodeImport& node, double value) {
  Operand made = node.scalar(value);
  std::get<FileConstant>(made).is_number = true;
  return made;
}

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
  throw Unsupported{cat("the activation '", name.substr(0, 100), "'")};
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

// One direction: W, R and B as a step computes with them.
struct Direction {
  Operand from_input;                   // [I, gates H]
  Operand from_state;                   // [H, gates H], of a GRU [H, 2 H]
  Operand from_reset_state;             // [H, H] of a GRU
  std::optional<Operand> bias;          // [gates H], added to what comes from the input
  std::optional<Operand> state_bias;    // [H] of a GRU that is linear before its reset
  std::vector<Operand> peepholes;       // i, o, f, each [H]; none where there are none
  std::vector<Activation> activations;  // f, g, h
};

struct State {
  std::optional<Operand> hidden, memory;  // [B, H]; none: zeros
};

class Unrolling {
 public:
  Unrolling(NodeImport& node, Cell cell)
      : node_(node), c_{node}, cell_(cell), gates_(gates_of(cell)), batch_first_(node.flag("layout", false)) {
    static constexpr EnumNames<int, 3> kDirections{{{0, "forward"}, {1, "reverse"}, {2, "bidirectional"}}};
    const int direction = node.choice(kDirections, "direction", 0);
    begins_reversed_ = direction == 1;
    directions_ = direction == 2 ? 2 : 1;
    clip_ = node.real("clip", 0);
    if (clip_ < 0) node.refuse(cat("clip ", clip_), "a threshold above 0");
    read_sizes();
    read_lengths();
  }

  void emit() {
    const std::vector<Activation> functions = activations(node_, cell_, static_cast<size_t>(directions_));
    const auto per = static_cast<std::ptrdiff_t>(activations_of(cell_));
    std::vector<Operand> sequences, hidden, memory;
    for (int64_t d = 0; d < directions_; ++d) {
      Direction weights = direction_of(d);
      weights.activations.assign(functions.begin() + d * per, functions.begin() + (d + 1) * per);
      State state{initial(5, d), cell_ == Cell::lstm ? initial(6, d) : std::nullopt};
      const std::vector<Operand> made = unroll(weights, state, begins_reversed_ || d == 1);
      if (node_.wants(0)) sequences.push_back(c_.reshape(joined(made, 0), {steps_, 1, -1, hidden_}));
      if (node_.wants(1)) hidden.push_back(first_dimension(*state.hidden));
      if (cell_ == Cell::lstm && node_.wants(2)) memory.push_back(first_dimension(*state.memory));
    }
    define(0, sequences, 1, {2, 0, 1, 3});
    define(1, hidden, 0, {1, 0, 2});
    if (cell_ == Cell::lstm) define(2, memory, 0, {1, 0, 2});
  }

 private:
  void expect(const char* what, const Operand& found, const Shape& wanted) const {
    const Shape shape = node_.shape(found);
    bool fits = shape.size() == wanted.size();
    for (size_t d = 0; fits && d < shape.size(); ++d)
      fits = wanted[d] < 0 || shape[d] < 0 || shape[d] == wanted[d];
    if (!fits) node_.refuse(cat(what, " of ", to_string(shape)), cat(to_string(wanted), " is needed"));
  }

  void read_sizes() {
    x_ = node_.operand(0);
    expect("a sequence", x_, {-1, -1, -1});
    if (batch_first_) x_ = node_.add(op::Transpose{.permutation = {1, 0, 2}}, {x_});
    const Operand state_weight = node_.weight(2);
    if (node_.rank(state_weight) != 3) expect("R", state_weight, {directions_, -1, -1});
    hidden_ = node_.shape(state_weight)[2];
    if (hidden_ < 1) throw Unsupported{"weights of open size"};
    if (hidden_ > kMostHidden) throw Unsupported{cat("a state of ", hidden_, " numbers")};
    node_.expect_integer("hidden_size", hidden_);
    expect("R", state_weight, {directions_, gates_ * hidden_, hidden_});
    expect("W", node_.weight(1), {directions_, gates_ * hidden_, node_.shape(x_)[2]});
    if (node_.has(3)) expect("B", node_.weight(3), {directions_, 2 * gates_ * hidden_});
    steps_ = node_.shape(x_)[0];
    if (steps_ == 0) node_.refuse("a sequence of no steps", "at least one");
    if (steps_ < 0)
      throw Unsupported{"a sequence of open length; it is unrolled, so that its size must be known"};
    if (steps_ > kMostSteps)
      throw Unsupported{cat("a sequence of ", steps_, " steps; up to ", kMostSteps, " are unrolled")};
  }

  // Lengths that cut nothing off need no look.
  void read_lengths() {
    if (!node_.has(4)) return;
    const Operand lengths = c_.cast(node_.operand(4), DataType::i64);
    expect("sequence_lens", lengths, {node_.shape(x_)[1]});
    if (const auto* known = std::get_if<FileConstant>(&lengths)) {
      const auto values = known->tensor.data<int64_t>();
      for (const int64_t length : values)
        if (length < 0 || length > steps_) node_.refuse(cat("a sequence of ", length), cat("0..", steps_));
      if (std::all_of(values.begin(), values.end(), [&](int64_t length) { return length == steps_; })) return;
    }
    lengths_ = c_.reshape(lengths, {-1, 1});
  }

  Operand number(double value) const { return shared_number(node_, value); }

  // Entry d of dimension 0, which then is gone.
  Operand entry(const Operand& x, int64_t d) const {
    return node_.add(op::Gather{.axis = 0}, {x, node_.scalar(static_cast<double>(d), DataType::i64)});
  }
  // Gates first .. last - 1 along the last dimension.
  Operand gates(const Operand& x, int64_t first, int64_t last) const {
    if (first == 0 && node_.shape(x).back() == last * hidden_) return x;
    return node_.add(op::Slice{}, {x, node_.numbers({first * hidden_}), node_.numbers({last * hidden_}),
                                   node_.numbers({node_.rank(x) - 1})});
  }

  Direction direction_of(int64_t d) const {
    const op::Transpose turned{.permutation = {1, 0}};
    Direction weights;
    weights.from_input = node_.add(turned, {entry(node_.weight(1), d)});
    const Operand from_state = node_.add(turned, {entry(node_.weight(2), d)});
    weights.from_state = gates(from_state, 0, cell_ == Cell::gru ? 2 : gates_);
    if (cell_ == Cell::gru) weights.from_reset_state = gates(from_state, 2, 3);
    if (node_.has(3)) add_bias(weights, entry(node_.weight(3), d));
    if (cell_ != Cell::lstm || !node_.has(7)) return weights;
    const Operand peepholes = node_.weight(7);
    expect("P", peepholes, {directions_, 3 * hidden_});
    for (int64_t gate = 0; gate < 3; ++gate)
      weights.peepholes.push_back(gates(entry(peepholes, d), gate, gate + 1));
    return weights;
  }

  // Both biases are added at once, but for what a GRU multiplies in between.
  void add_bias(Direction& weights, const Operand& both) const {
    const Operand input = gates(both, 0, gates_), state = gates(both, gates_, 2 * gates_);
    if (!resets_last()) {
      weights.bias = c_.plus(input, state);
      return;
    }
    const Operand sum = c_.plus(gates(input, 0, 2), gates(state, 0, 2));
    weights.bias = node_.add(op::Concat{.axis = 0}, {sum, gates(input, 2, 3)});
    weights.state_bias = gates(state, 2, 3);
  }

  bool resets_last() const { return cell_ == Cell::gru && node_.flag("linear_before_reset", false); }

  std::optional<Operand> initial(int input, int64_t d) const {
    if (!node_.has(input)) return std::nullopt;
    Operand all = node_.operand(input);
    if (batch_first_) expect("an initial state", all, {node_.shape(x_)[1], directions_, hidden_});
    if (batch_first_) all = node_.add(op::Transpose{.permutation = {1, 0, 2}}, {all});
    expect("an initial state", all, {directions_, node_.shape(x_)[1], hidden_});
    return entry(all, d);
  }

  Operand first_dimension(const Operand& x) const { return node_.add(op::Unsqueeze{.axes = {0}}, {x}); }

  Operand joined(const std::vector<Operand>& parts, int64_t axis) const {
    return parts.size() == 1 ? parts[0] : node_.add(op::Concat{.axis = axis}, parts);
  }

  void define(int output, const std::vector<Operand>& directions, int64_t axis,
              const std::vector<int64_t>& with_batch_first) const {
    if (!node_.wants(output)) return;
    const Operand made = joined(directions, axis);
    node_.define(batch_first_ ? node_.add(op::Transpose{.permutation = with_batch_first}, {made}) : made,
                 output);
  }

  // What each step makes, [B, H]; `state` becomes the last one.
  std::vector<Operand> unroll(const Direction& weights, State& state, bool reversed) const {
    Operand from_input = node_.add(op::MatMul{}, {x_, weights.from_input});
    if (weights.bias) from_input = c_.plus(from_input, *weights.bias);
    std::vector<Operand> made(static_cast<size_t>(steps_));
    for (int64_t i = 0; i < steps_; ++i) {
      const int64_t at = reversed ? steps_ - 1 - i : i;
      made[static_cast<size_t>(at)] = step(weights, entry(from_input, at), at, state);
    }
    return made;
  }

  // What the step makes; beyond a sequence's own length that is 0, and the state stays.
  Operand step(const Direction& weights, const Operand& input, int64_t at, State& state) const {
    const State next = cell_ == Cell::lstm  ? lstm(weights, input, state)
                       : cell_ == Cell::gru ? gru(weights, input, state)
                                            : rnn(weights, input, state);
    if (!lengths_) {
      state = next;
      return *state.hidden;
    }
    const Operand here = c_.binary(op::Binary::Function::greater, *lengths_, node_.numbers({at}));
    const Operand zero = number(0);
    const auto chosen = [&](const std::optional<Operand>& after, const std::optional<Operand>& before) {
      return after ? std::optional(c_.where(here, *after, before.value_or(zero))) : std::nullopt;
    };
    state = {chosen(next.hidden, state.hidden), chosen(next.memory, state.memory)};
    return c_.where(here, *next.hidden, zero);
  }

  Operand activated(const Direction& weights, size_t function, const Operand& x) const {
    const Operand within = clip_ > 0 ? node_.add(op::Clip{.min = -clip_, .max = clip_}, {x}) : x;
    return applied(c_, weights.activations[function], within);
  }

  Operand with_state(const Operand& input, const std::optional<Operand>& hidden,
                     const Operand& weight) const {
    return hidden ? c_.plus(input, node_.add(op::MatMul{}, {*hidden, weight})) : input;
  }

  State rnn(const Direction& weights, const Operand& input, const State& state) const {
    return {activated(weights, 0, with_state(input, state.hidden, weights.from_state)), {}};
  }

  // H = (1 - z) g(...) + z H; gates z, r, h.
  State gru(const Direction& weights, const Operand& input, const State& state) const {
    const Operand zr =
        activated(weights, 0, with_state(gates(input, 0, 2), state.hidden, weights.from_state));
    const Operand z = gates(zr, 0, 1), r = gates(zr, 1, 2);
    Operand inner = gates(input, 2, 3);
    if (!resets_last()) {
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
  State lstm(const Direction& weights, const Operand& input, const State& state) const {
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
      const bool coupled = node_.flag("input_forget", false);
      const Operand forget = coupled ? c_.minus(number(1), i) : gate(2, state.memory);
      memory = c_.plus(memory, c_.times(forget, *state.memory));
    }
    const Operand shown = applied(c_, weights.activations[2], memory);
    return {c_.times(gate(1, memory), shown), memory};
  }

  static constexpr int64_t kMostHidden = 1 << 20;

  NodeImport& node_;
  Composing c_;
  Cell cell_;
  int64_t gates_;
  bool batch_first_, begins_reversed_ = false;
  int64_t directions_ = 1, hidden_ = 0, steps_ = 0;
  double clip_ = 0;                 // 0: none
  Operand x_;                       // [T, B, I]
  std::optional<Operand> lengths_;  // [B, 1]
};

template <Cell cell>
void read_recurrent(NodeImport& node) {
  Unrolling(node, cell).emit();
}

#define VITRAIL_RECURRENT \
  "activation_alpha activation_beta activations clip direction hidden_size layout output_sequence"
constexpr const char* kLimits = "sequences of a known length of up to 1024 steps, which are unrolled";

constexpr OperatorReader kReaders[] = {
    {"GRU", VITRAIL_RECURRENT " linear_before_reset", 3, 6, read_recurrent<Cell::gru>, kLimits},
    {"LSTM", VITRAIL_RECURRENT " input_forget", 3, 8, read_recurrent<Cell::lstm>, kLimits},
    {"RNN", VITRAIL_RECURRENT, 3, 6, read_recurrent<Cell::rnn>, kLimits},
};
#undef VITRAIL_RECURRENT

}  // namespace

Readers recurrent_readers() {
  return kReaders;
}

}  // namespace vitrail::onnx_files
