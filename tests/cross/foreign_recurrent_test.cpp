// LSTM, GRU and RNN of ONNX files in random settings, against ONNX Runtime.

#include <gmock/gmock.h>

#include "cross/foreign_export.h"
#include "vitrail/base/error.h"
#include "vitrail/base/random.h"

namespace vitrail::foreign {
namespace {

// A node whose inputs are separated by commas: they may be left out.
std::string recurrent(const std::string& type, const std::vector<std::string>& inputs,
                      const std::vector<std::string>& outputs, const std::string& attributes) {
  std::string text = cat("node { op_type: '", type, "' ");
  for (const std::string& name : inputs)
    text += cat("input: '", name, "' ");
  for (const std::string& name : outputs)
    text += cat("output: '", name, "' ");
  return text + attributes + "} ";
}

std::string numbers(const char* name, const std::vector<int64_t>& dims, Random& random, double size = 0.8) {
  std::vector<double> values(static_cast<size_t>(element_count(dims)));
  for (double& value : values)
    value = random.uniform(-size, size);
  return floats(name, dims, values);
}

std::string lengths(const std::vector<int64_t>& values) {
  return cat("initializer { name: 'lengths' data_type: 6 dims: ", values.size(), " int32_data: [",
             join(values), "] } ");
}

std::string words(const std::vector<std::string>& names) {
  std::string text = "attribute { name: 'activations' type: STRINGS ";
  for (const std::string& name : names)
    text += cat("strings: '", name, "' ");
  return text + "} ";
}

// x [1,4,6,8] as six steps of four samples of eight numbers; -1: of as many steps as there are.
std::string steps(int64_t count = 6) {
  return integers("sequence", {3}, {count, 4, 8}) + node("Reshape", "x sequence", "s");
}

struct Kind {
  const char* type;
  int64_t gates;
  std::vector<std::string> activations;
  size_t outputs;
};
const Kind kKinds[] = {
    {"RNN", 1, {"Tanh"}, 2}, {"GRU", 3, {"Sigmoid", "Tanh"}, 2}, {"LSTM", 4, {"Sigmoid", "Tanh", "Tanh"}, 3}};

std::string activations_of(const Kind& kind, int64_t directions, Random& random) {
  static const char* const kOthers[] = {"Relu", "LeakyRelu", "Softsign", "HardSigmoid", "Sigmoid", "Tanh"};
  std::vector<std::string> names;
  for (int64_t d = 0; d < directions; ++d)
    for (size_t i = 0; i < kind.activations.size(); ++i)
      names.emplace_back(kOthers[random.integer(0, 5)]);
  std::vector<double> alphas;
  for (size_t i = 0; i < names.size(); ++i)
    alphas.push_back(0.1 + 0.05 * static_cast<double>(i));
  return words(names) +
         cat("attribute { name: 'activation_alpha' type: FLOATS floats: [", join(alphas), "] } ");
}

Case random_case(const Kind& kind, uint64_t seed, int64_t count = 6) {
  constexpr int64_t kHidden = 5;
  Random random(seed);
  const char* const directions[] = {"forward", "reverse", "bidirectional"};
  const char* direction = directions[random.integer(0, 2)];
  const int64_t d = direction[0] == 'b' ? 2 : 1, gates = kind.gates * kHidden;
  std::string body =
      steps(count) + numbers("W", {d, gates, 8}, random) + numbers("R", {d, gates, kHidden}, random);
  std::vector<std::string> inputs{"s", "W", "R"};
  const auto further = [&](const char* name, const std::string& initializer) {
    const bool given = random.chance(0.6);
    inputs.emplace_back(given ? name : "");
    if (given) body += initializer;
  };
  further("B", numbers("B", {d, 2 * gates}, random));
  further("lengths", lengths({6, 3, 1, 5}));
  further("h", numbers("h", {d, 4, kHidden}, random));
  if (kind.gates == 4) {
    further("c", numbers("c", {d, 4, kHidden}, random));
    further("P", numbers("P", {d, 3 * kHidden}, random));
  }
  std::string attributes = whole("hidden_size", kHidden) + word("direction", direction);
  if (kind.gates == 3) attributes += whole("linear_before_reset", random.integer(0, 1));
  if (random.chance(0.4)) attributes += activations_of(kind, d, random);
  std::vector<std::string> outputs(kind.outputs);
  outputs[static_cast<size_t>(random.integer(0, static_cast<int64_t>(kind.outputs) - 1))] = "y";
  return {cat(kind.type, " ", seed), body + recurrent(kind.type, inputs, outputs, attributes)};
}

std::vector<Case> random_cases(uint64_t of_each, int64_t count = 6) {
  std::vector<Case> cases;
  for (const Kind& kind : kKinds)
    for (uint64_t seed = 0; seed < of_each; ++seed)
      cases.push_back(random_case(kind, seed, count));
  return cases;
}

TEST(ForeignRecurrent, RandomSettings) {
  expect_like_onnx_runtime(random_cases(30));
}

// Lengths that are known only when the network runs, and those that are too long to be unrolled.
TEST(ForeignRecurrent, AsLoops) {
  std::vector<Case> cases = random_cases(12, -1);
  Random random(5);
  cases.push_back(
      {"1100 steps",
       integers("long", {3}, {1100, 4, 8}) + steps(-1) +
           node("ReduceMean", "s", "one.step", "attribute { name: 'axes' type: INTS ints: [0] } ") +
           node("Expand", "one.step long", "many") + numbers("W", {2, 20, 8}, random) +
           numbers("R", {2, 20, 5}, random) +
           recurrent("LSTM", {"many", "W", "R"}, {"y"},
                     whole("hidden_size", 5) + word("direction", "bidirectional"))});
  expect_like_onnx_runtime(cases);
}

TEST(ForeignRecurrent, WrittenAgain) {
  expect_the_same_written_again(random_cases(4));
}

TEST(ForeignRecurrent, EveryActivation) {
  std::vector<Case> cases;
  for (const char* name : {"Relu", "Tanh", "Sigmoid", "Affine", "LeakyRelu", "ThresholdedRelu", "ScaledTanh",
                           "HardSigmoid", "Elu", "Softsign", "Softplus"}) {
    Random random(7);
    const std::string list = cat("attribute { name: 'activation_alpha' type: FLOATS floats: [0.4] } ",
                                 "attribute { name: 'activation_beta' type: FLOATS floats: [0.3] } ");
    cases.push_back(
        {name, steps() + numbers("W", {1, 5, 8}, random) + numbers("R", {1, 5, 5}, random) +
                   recurrent("RNN", {"s", "W", "R"}, {"y"}, whole("hidden_size", 5) + words({name}) + list)});
  }
  expect_like_onnx_runtime(cases);
}

TEST(ForeignRecurrent, ClippedAndCoupled) {
  std::vector<Case> cases;
  for (const Kind& kind : kKinds) {
    Random random(3);
    const int64_t gates = kind.gates * 5;
    const std::string weights =
        steps() + numbers("W", {1, gates, 8}, random, 3) + numbers("R", {1, gates, 5}, random, 3);
    const auto add = [&](const char* name, const std::string& attributes) {
      cases.push_back({cat(kind.type, name), weights + recurrent(kind.type, {"s", "W", "R"}, {"y"},
                                                                 whole("hidden_size", 5) + attributes)});
    };
    add(" clipped", real("clip", 0.7));
    if (kind.gates == 4) add(" coupled", whole("input_forget", 1));
  }
  expect_like_onnx_runtime(cases);
}

// ONNX Runtime has no batch_first; so our own results are compared, which are its for the other layout.
TEST(ForeignRecurrent, BatchFirstIsTheSameTurnedAround) {
  const Tensor x = random_tensor({1, 4, 6, 8}, 7, -1, 1);
  const auto perm = [](const char* order) {
    return cat("attribute { name: 'perm' type: INTS ints: [", order, "] } ");
  };
  for (const Kind& kind : kKinds) {
    Random random(11);
    const int64_t gates = kind.gates * 5;
    const std::string weights = steps() + numbers("W", {2, gates, 8}, random) +
                                numbers("R", {2, gates, 5}, random) + numbers("h", {2, 4, 5}, random) +
                                lengths({6, 3, 1, 5});
    const std::string turned =
        node("Transpose", "s", "s.t", perm("1, 0, 2")) + node("Transpose", "h", "h.t", perm("1, 0, 2"));
    const std::string settings = whole("hidden_size", 5) + word("direction", "bidirectional");
    for (size_t output = 0; output < kind.outputs; ++output) {
      std::vector<std::string> plain(kind.outputs), batch_first(kind.outputs);
      plain[output] = "y";
      batch_first[output] = "z";
      const std::string a = recurrent(kind.type, {"s", "W", "R", "", "lengths", "h"}, plain, settings);
      const std::string b = turned +
                            recurrent(kind.type, {"s.t", "W", "R", "", "lengths", "h.t"}, batch_first,
                                      settings + whole("layout", 1)) +
                            node("Transpose", "z", "y", perm(output == 0 ? "1, 2, 0, 3" : "1, 0, 2"));
      const auto result = [&](const std::string& body) {
        const Model model = onnx_from_bytes(file_of(weights + body, 16), kind.type);
        return Engine(model.graph, model.weights).run({x}).at(0);
      };
      EXPECT_LE(relative_difference(result(b), result(a)), 1e-6) << kind.type << " " << output;
    }
  }
}

TEST(ForeignRecurrent, MalformedOnesAreRefused) {
  Random random(1);
  const std::string weights = numbers("W", {1, 5, 8}, random) + numbers("R", {1, 5, 5}, random) +
                              numbers("short", {1, 4, 8}, random) + lengths({6, 3, 7, 5});
  const auto refused = [&](const std::vector<std::string>& inputs,
                           const std::string& attributes = "") -> std::string {
    try {
      onnx_from_bytes(file_of(steps() + weights + recurrent("RNN", inputs, {"y"}, attributes), 16), "rnn");
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  using testing::HasSubstr;
  EXPECT_EQ(refused({"s", "W", "R"}), "");
  EXPECT_THAT(refused({"s", "short", "R"}), HasSubstr("W of 1x4x8; 1x5x8 is needed"));
  EXPECT_THAT(refused({"s", "W", "R", "", "lengths"}), HasSubstr("a sequence of 7"));
  EXPECT_THAT(refused({"s", "W", "R"}, whole("hidden_size", 4)), HasSubstr("hidden_size 4"));
  EXPECT_THAT(refused({"s", "W", "R"}, words({"Swish"})), HasSubstr("the activation 'Swish'"));
  EXPECT_THAT(refused({"s", "W", "R"}, words({"Tanh", "Tanh"})), HasSubstr("2 activations"));
  EXPECT_THAT(refused({"s", "W", "R"}, word("direction", "up")), HasSubstr("direction 'up'"));
  EXPECT_THAT(refused({"x", "W", "R"}), HasSubstr("a sequence of ?x4x?x?"));
}

}  // namespace
}  // namespace vitrail::foreign
