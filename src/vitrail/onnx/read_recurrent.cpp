// LSTM, GRU and RNN: over sequences of a known length as many copies of a step, over others a loop.

#include <algorithm>
#include <limits>
#include <memory>

#include "vitrail/base/text.h"
#include "vitrail/onnx/recurrent_cell.h"

namespace vitrail::onnx_files {
namespace {

constexpr int64_t kMostSteps = 1024;      // that are unrolled
constexpr int64_t kMostHidden = 1 << 20;  // numbers in a state

// A loop's body on its way: what it reads of the graph around it becomes its inputs.
class StepBody {
 public:
  explicit StepBody(NodeImport& node) : outer_(node) {
    inner_.source = node.state().source;
    inner_.proto = node.state().proto;
    inner_.most_constant_bytes = node.state().most_constant_bytes;
    inner_.has_parameters = false;
    scope_.opset = node.opset();
    trip_ = graph().input("trip", {}, DataType::i64);
    go_on_ = graph().input("go_on", {}, DataType::boolean);
  }

  Graph& graph() { return inner_.model.graph; }
  NodeImport reader() { return {inner_, scope_, outer_.proto()}; }
  Value trip() const { return trip_; }
  Value go_on() const { return go_on_; }
  /// In the order in which the body reads them after what is carried.
  const std::vector<Operand>& captured() const { return captured_; }

  Operand capture(const Operand& outside) {
    const auto* value = std::get_if<Value>(&outside);
    if (value == nullptr || !value->exists()) return outside;
    captured_.push_back(outside);
    return graph().input(cat("read ", captured_.size()), outer_.shape(outside), outer_.type(outside));
  }
  std::optional<Operand> capture(const std::optional<Operand>& outside) {
    return outside ? std::optional(capture(*outside)) : std::nullopt;
  }
  Direction capture(const Direction& outside) {
    Direction inside = outside;
    inside.from_state = capture(outside.from_state);
    inside.from_reset_state = capture(outside.from_reset_state);
    inside.state_bias = capture(outside.state_bias);
    for (Operand& peephole : inside.peepholes)
      peephole = capture(peephole);
    return inside;
  }

 private:
  NodeImport& outer_;
  ImportState inner_{};
  Scope scope_{};
  Value trip_, go_on_;
  std::vector<Operand> captured_;
};

class Recurrent {
 public:
  Recurrent(NodeImport& node, Cell cell)
      : node_(node), c_{node}, cell_(cell), gates_(gates_of(cell)), batch_first_(node.flag("layout", false)) {
    static constexpr EnumNames<int, 3> kDirections{{{0, "forward"}, {1, "reverse"}, {2, "bidirectional"}}};
    const int direction = node.choice(kDirections, "direction", 0);
    begins_reversed_ = direction == 1;
    directions_ = direction == 2 ? 2 : 1;
    settings_ = {.cell = cell,
                 .clip = node.real("clip", 0),
                 .resets_last = cell == Cell::gru && node.flag("linear_before_reset", false),
                 .coupled = cell == Cell::lstm && node.flag("input_forget", false)};
    if (settings_.clip < 0) node.refuse(cat("clip ", settings_.clip), "a threshold above 0");
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
      const bool reversed = begins_reversed_ || d == 1;
      const bool known = steps_ >= 0 && steps_ <= kMostSteps;
      const Operand made = known ? unroll(weights, state, reversed) : loop(weights, state, reversed);
      if (node_.wants(0)) sequences.push_back(made);
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
    settings_.hidden = hidden_;
    node_.expect_integer("hidden_size", hidden_);
    expect("R", state_weight, {directions_, gates_ * hidden_, hidden_});
    expect("W", node_.weight(1), {directions_, gates_ * hidden_, node_.shape(x_)[2]});
    if (node_.has(3)) expect("B", node_.weight(3), {directions_, 2 * gates_ * hidden_});
    steps_ = node_.shape(x_)[0];
    if (steps_ == 0) node_.refuse("a sequence of no steps", "at least one");
  }

  // Lengths that cut nothing off need no look.
  void read_lengths() {
    if (!node_.has(4)) return;
    const Operand lengths = c_.cast(node_.operand(4), DataType::i64);
    expect("sequence_lens", lengths, {node_.shape(x_)[1]});
    if (const auto* known = std::get_if<FileConstant>(&lengths)) {
      const auto values = known->tensor.data<int64_t>();
      for (const int64_t length : values)
        if (length < 0 || (steps_ >= 0 && length > steps_))
          node_.refuse(cat("a sequence of ", length), steps_ < 0 ? "0 or more" : cat("0..", steps_));
      if (std::all_of(values.begin(), values.end(), [&](int64_t length) { return length == steps_; })) return;
    }
    lengths_ = c_.reshape(lengths, {-1, 1});
  }

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
    if (!settings_.resets_last) {
      weights.bias = c_.plus(input, state);
      return;
    }
    const Operand sum = c_.plus(gates(input, 0, 2), gates(state, 0, 2));
    weights.bias = node_.add(op::Concat{.axis = 0}, {sum, gates(input, 2, 3)});
    weights.state_bias = gates(state, 2, 3);
  }

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

  Operand from_input(const Direction& weights) const {
    const Operand product = node_.add(op::MatMul{}, {x_, weights.from_input});
    return weights.bias ? c_.plus(product, *weights.bias) : product;
  }

  // [T, 1, B, H] where it is wanted; `state` becomes the last one.
  Operand unroll(const Direction& weights, State& state, bool reversed) const {
    const CellStep cell(node_, settings_);
    const Operand input = from_input(weights);
    std::vector<Operand> made(static_cast<size_t>(steps_));
    for (int64_t i = 0; i < steps_; ++i) {
      const int64_t at = reversed ? steps_ - 1 - i : i;
      made[static_cast<size_t>(at)] =
          cell.advance(weights, entry(input, at), lengths_, node_.numbers({at}), state);
    }
    return node_.wants(0) ? c_.reshape(joined(made, 0), {steps_, 1, -1, hidden_}) : made.back();
  }

  // The same of a length that is known when it runs.
  Operand loop(const Direction& weights, State& state, bool reversed) const {
    const Operand input = from_input(weights), count = c_.sizes(input, 0, 1);
    std::vector<Operand> begin{given_or_zeros(state.hidden)};
    if (cell_ == Cell::lstm) begin.push_back(given_or_zeros(state.memory));
    StepBody body(node_);
    State inside{carried(body, begin[0]), std::nullopt};
    if (cell_ == Cell::lstm) inside.memory = carried(body, begin[1]);
    const Operand read = body.capture(input);
    add_step(body, body.capture(weights), read, body.capture(lengths_), inside, reversed);
    std::vector<Operand> inputs{c_.reshape(count, c_.no_dimensions()), Value{}};
    inputs.insert(inputs.end(), begin.begin(), begin.end());
    inputs.insert(inputs.end(), body.captured().begin(), body.captured().end());
    const auto carried_count = static_cast<int64_t>(begin.size());
    const auto shared = std::make_shared<const Graph>(body.graph());
    const auto result = [&](int64_t output) {
      return node_.add(op::Loop{.body = shared, .carried = carried_count, .output = output}, inputs);
    };
    state.hidden = result(0);
    if (cell_ == Cell::lstm) state.memory = result(1);
    if (!node_.wants(0)) return *state.hidden;
    const Operand made = result(carried_count);
    const Operand back = node_.numbers({-1}), all = node_.numbers({std::numeric_limits<int64_t>::min()});
    const Operand in_order =
        reversed ? node_.add(op::Slice{}, {made, back, all, node_.numbers({0}), back}) : made;
    return node_.add(op::Unsqueeze{.axes = {1}}, {in_order});
  }

  Operand given_or_zeros(const std::optional<Operand>& state) const {
    if (state) return *state;
    return node_.add(op::Expand{},
                     {shared_number(node_, 0), c_.joined({c_.sizes(x_, 1, 2), node_.numbers({hidden_})})});
  }

  Operand carried(StepBody& body, const Operand& begin) const {
    return body.graph().input(cat("carried ", body.graph().inputs().size()), node_.shape(begin),
                              DataType::f32);
  }

  void add_step(StepBody& body, const Direction& weights, const Operand& input,
                const std::optional<Operand>& lengths, State state, bool reversed) const {
    NodeImport reader = body.reader();
    const Composing c{reader};
    const Operand trip = c.reshape(body.trip(), {1}), one = reader.numbers({1});
    const Operand at = reversed ? c.minus(c.minus(c.sizes(input, 0, 1), one), trip) : trip;
    const Operand now =
        reader.add(op::Squeeze{.axes = {0}}, {reader.add(op::Gather{.axis = 0}, {input, at})});
    const Operand made = CellStep(reader, settings_).advance(weights, now, lengths, at, state);
    body.graph().output("go_on", body.go_on());
    body.graph().output("hidden", reader.value_of(*state.hidden));
    if (state.memory) body.graph().output("memory", reader.value_of(*state.memory));
    body.graph().output("made", reader.value_of(made));
  }

  NodeImport& node_;
  Composing c_;
  Cell cell_;
  CellSettings settings_;
  int64_t gates_;
  bool batch_first_, begins_reversed_ = false;
  int64_t directions_ = 1, hidden_ = 0, steps_ = 0;  // steps: -1 where they are not known
  Operand x_;                                        // [T, B, I]
  std::optional<Operand> lengths_;                   // [B, 1]
};

template <Cell cell>
void read_recurrent(NodeImport& node) {
  Recurrent(node, cell).emit();
}

#define VITRAIL_RECURRENT \
  "activation_alpha activation_beta activations clip direction hidden_size layout output_sequence"
constexpr const char* kLimits =
    "sequences of up to 1024 steps that are known are unrolled; any other is run as a loop, but neither "
    "trained nor exported";

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
