#pragma once
// One step of an LSTM, a GRU or an RNN as the graph's operators; internal to onnx/.
//
//   const CellStep cell(node, {.cell = Cell::lstm, .hidden = 64});
//   const State next = cell.next(direction, cell.gates(...), state);

#include <optional>
#include <vector>

#include "vitrail/onnx/composing.h"

namespace vitrail::onnx_files {

enum class Cell { rnn, gru, lstm };
inline int64_t gates_of(Cell cell) {
  return cell == Cell::lstm ? 4 : cell == Cell::gru ? 3 : 1;
}
/// Activation functions of one direction: f, g, h of ONNX's equations.
inline size_t activations_of(Cell cell) {
  return cell == Cell::lstm ? 3 : cell == Cell::gru ? 2 : 1;
}

struct ActivationKind;
struct Activation {
  const ActivationKind* kind;
  double alpha, beta;
};

/// Those of all directions, from the node's attributes.
std::vector<Activation> activations(const NodeImport& node, Cell cell, size_t directions);

/// One direction: W, R and B as a step computes with them, H numbers in the state.
struct Direction {
  Operand from_input;                   ///< [I, gates H]
  Operand from_state;                   ///< [H, gates H], of a GRU [H, 2 H]
  Operand from_reset_state;             ///< [H, H] of a GRU
  std::optional<Operand> bias;          ///< [gates H], added to what comes from the input
  std::optional<Operand> state_bias;    ///< [H] of a GRU that is linear before its reset
  std::vector<Operand> peepholes;       ///< i, o, f, each [H]; none where there are none
  std::vector<Activation> activations;  ///< f, g, h
};

struct State {
  std::optional<Operand> hidden, memory;  ///< [B, H]; none: zeros
};

struct CellSettings {
  Cell cell = Cell::rnn;
  int64_t hidden = 0;        ///< H
  double clip = 0;           ///< of what activations read; 0: none
  bool resets_last = false;  ///< of a GRU: linear_before_reset
  bool coupled = false;      ///< of an LSTM: input_forget
};

/// A constant that is one node of the graph, however often it is asked for.
Operand shared_number(const NodeImport& node, double value);

class CellStep {
 public:
  /// `node` says where operators go: into the graph, or into the body of a loop.
  CellStep(NodeImport& node, const CellSettings& settings) : node_(node), c_{node}, settings_(settings) {}

  /// Gates first .. last - 1 along the last dimension.
  Operand gates(const Operand& x, int64_t first, int64_t last) const;
  /// The state after a step; `input` is what comes from the input, [B, gates H].
  State next(const Direction& weights, const Operand& input, const State& state) const;
  /// What the step makes. With `lengths` ([B, 1]) only where step `at` (i64 [1]) lies before a sequence's
  /// end; beyond it that is 0, and the state stays.
  Operand advance(const Direction& weights, const Operand& input, const std::optional<Operand>& lengths,
                  const Operand& at, State& state) const;

 private:
  Operand number(double value) const { return shared_number(node_, value); }
  Operand activated(const Direction& weights, size_t function, const Operand& x) const;
  Operand with_state(const Operand& input, const std::optional<Operand>& hidden, const Operand& weight) const;
  State rnn(const Direction& weights, const Operand& input, const State& state) const;
  State gru(const Direction& weights, const Operand& input, const State& state) const;
  State lstm(const Direction& weights, const Operand& input, const State& state) const;

  NodeImport& node_;
  Composing c_;
  CellSettings settings_;
};

}  // namespace vitrail::onnx_files
